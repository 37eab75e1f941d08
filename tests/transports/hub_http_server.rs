//! `HubHttpServer`: what becomes of requests that ask for an upgrade, whether they are granted it or not.

use std::{
    convert::Infallible,
    future::pending,
    io::{BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use actix_signalr::HubHttpServer;
use actix_web::{
    App, HttpRequest, HttpResponse,
    body::{BodyStream, MessageBody},
    dev::{Extensions, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Logger,
    web::{self, Bytes},
};
use futures::{StreamExt, stream};
use socket2::SockRef;
use tokio::sync::Semaphore;

use crate::{
    http::{connect, read_head, read_response, write_request},
    server::PATIENCE,
    web_socket::UPGRADE,
};

/// A server of an application; it ends with the test.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    ended: Receiver<()>,
}

impl Running {
    fn start<T, B>(app: impl Fn() -> App<T> + Clone + Send + 'static) -> Self
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let ((started, start), (end, ended)) = (channel(), channel());
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HubHttpServer::new(app)
                    .workers(1)
                    // As many as a test has at once.
                    .max_connections(3)
                    // Longer than a test waits: what holds up the end is found.
                    .keep_alive(Duration::from_secs(60))
                    .shutdown_timeout(60)
                    .disable_signals()
                    .on_connect(|_, data| {
                        data.insert(Greeted);
                    })
                    .bind("127.0.0.1:0")
                    .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                started.send((address, server.handle())).unwrap();
                server.await.unwrap();
                let _ = end.send(());
            });
        });
        let (address, handle) = start.recv_timeout(PATIENCE).unwrap();
        Self { address, handle, ended }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Put into the data of each connection.
struct Greeted;

/// Grants every upgrade, and sends back what comes.
async fn echo(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    assert!(request.conn_data::<Greeted>().is_some());
    assert!(request.peer_addr().is_some());
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    response.upgrade("websocket").body(BodyStream::new(payload))
}

fn ask(address: SocketAddr, path: &str, behind: &[u8]) -> BufReader<TcpStream> {
    let mut socket = connect(address);
    write_request(&mut socket, "GET", path, UPGRADE, behind).unwrap();
    socket
}

fn expect(socket: &mut BufReader<TcpStream>, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    socket.read_exact(&mut read).unwrap();
    assert_eq!(read, bytes);
}

fn expect_end(mut socket: BufReader<TcpStream>) {
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
}

#[test]
fn an_upgraded_socket_carries_bytes_both_ways_with_those_that_came_early() {
    // Bodies are of another kind behind it.
    let server = Running::start(|| App::new().wrap(Logger::default()).route("/", web::get().to(echo)));
    let mut socket = ask(server.address, "/", b"early");
    let head = read_head(&mut socket).unwrap();
    assert_eq!((head.status, head.header("connection")), (101, Some("upgrade")));
    assert_eq!(head.header("transfer-encoding"), None);
    expect(&mut socket, b"early");
    for length in [1, 1000, 100_000] {
        let bytes = vec![b'x'; length];
        let mut writing = socket.get_ref().try_clone().unwrap();
        let sent = bytes.clone();
        let written = thread::spawn(move || writing.write_all(&sent));
        expect(&mut socket, &bytes);
        written.join().unwrap().unwrap();
    }
    socket.get_ref().shutdown(Shutdown::Write).unwrap();
    expect_end(socket);
}

#[test]
fn a_plain_request_may_go_before_on_the_same_connection() {
    let server = Running::start(|| {
        App::new().route("/", web::get().to(echo)).route("/plain", web::get().to(async || "plain"))
    });
    for is_pipelined in [false, true] {
        let mut socket = connect(server.address);
        write_request(&mut socket, "GET", "/plain", "", b"").unwrap();
        if is_pipelined {
            write_request(&mut socket, "GET", "/", UPGRADE, b"early").unwrap();
        }
        assert_eq!(read_response(&mut socket).unwrap().1, b"plain");
        if !is_pipelined {
            write_request(&mut socket, "GET", "/", UPGRADE, b"early").unwrap();
        }
        assert_eq!(read_head(&mut socket).unwrap().status, 101);
        expect(&mut socket, b"early");
    }
}

#[test]
fn an_upgrade_that_is_not_granted_is_answered_and_the_connection_closed() {
    let server = Running::start(|| {
        let parts = async || {
            let parts = ["one", "two"].map(|part| Ok::<_, Infallible>(Bytes::from(part)));
            HttpResponse::Ok().streaming(stream::iter(parts))
        };
        App::new()
            .route("/parts", web::get().to(parts))
            .route("/text", web::get().to(async || "text"))
            .route("/none", web::get().to(HttpResponse::NoContent))
            .route("/failed", web::get().to(async || Err::<&str, _>(actix_web::error::ErrorBadRequest("no"))))
    });
    let cases = [
        ("/parts", 200, "onetwo"),
        ("/text", 200, "text"),
        ("/none", 204, ""),
        ("/failed", 400, "no"),
        ("/nowhere", 404, ""),
    ];
    for (path, status, text) in cases {
        // What is behind such a request is nobody's.
        let mut socket = ask(server.address, path, b"GET /text HTTP/1.1\r\nHost: here\r\n\r\n");
        let head = read_head(&mut socket).unwrap();
        assert_eq!((head.status, head.header("connection")), (status, Some("close")), "{path}");
        assert_eq!(head.header("transfer-encoding"), None, "{path}");
        let mut body = String::new();
        socket.read_to_string(&mut body).unwrap();
        assert_eq!(body, text, "{path}");
    }
}

/// Says when it is dropped.
struct Told(Sender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn that_a_client_has_gone_is_noticed_while_nothing_is_sent_to_it() {
    let (sender, told) = channel();
    let server = Running::start(move || {
        let (granted, refused) = (sender.clone(), sender.clone());
        App::new()
            .route(
                "/granted",
                web::get().to(move |payload: web::Payload| {
                    let told = Told(granted.clone());
                    // Is read, and answers nothing.
                    let silent = payload.filter_map(move |_| {
                        let _kept = &told;
                        async { None::<Result<Bytes, Infallible>> }
                    });
                    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
                    let response = response.upgrade("websocket").body(BodyStream::new(silent));
                    async { response }
                }),
            )
            .route(
                "/refused",
                web::get().to(move || {
                    let told = Told(refused.clone());
                    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"x"))]);
                    let body = first.chain(stream::pending()).map(move |part| {
                        let _kept = &told;
                        part
                    });
                    async { HttpResponse::Ok().streaming(body) }
                }),
            )
    });
    for path in ["/granted", "/refused"] {
        let mut socket = ask(server.address, path, b"early");
        read_head(&mut socket).unwrap();
        if path == "/refused" {
            expect(&mut socket, b"x");
        }
        assert!(told.try_recv().is_err(), "{path}");
        socket.get_mut().write_all(b"late").unwrap();
        drop(socket);
        told.recv_timeout(PATIENCE).expect("the response is dropped");
    }
}

#[test]
fn a_client_that_goes_before_it_is_answered_is_not_waited_for() {
    let ((called, call), (sender, told)) = (channel(), channel());
    let server = Running::start(move || {
        let (called, sender) = (called.clone(), sender.clone());
        // Reads as many pieces as it is told to, and never answers.
        let wait = move |pieces: web::Path<usize>, mut payload: web::Payload| {
            let (called, told) = (called.clone(), Told(sender.clone()));
            async move {
                let _kept = told;
                called.send(()).unwrap();
                for _ in 0..*pieces {
                    assert_eq!(payload.next().await.unwrap().unwrap(), "early");
                    called.send(()).unwrap();
                }
                pending::<HttpResponse>().await
            }
        };
        App::new().route("/{pieces}", web::get().to(wait))
    });
    type Leave = fn(BufReader<TcpStream>) -> Option<BufReader<TcpStream>>;
    let ways: [(&str, Leave); 3] = [
        ("closed", |_| None),
        ("half closed", |socket| {
            socket.get_ref().shutdown(Shutdown::Write).unwrap();
            Some(socket)
        }),
        ("reset", |socket| {
            SockRef::from(socket.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
            None
        }),
    ];
    let mut half_closed = Vec::new();
    for (way, leave) in ways {
        for pieces in [0, 1] {
            // Those that are not over would keep it out.
            let mut socket = ask(server.address, &format!("/{pieces}"), b"");
            call.recv_timeout(PATIENCE).expect(way);
            // Elsewhere who has sent what nobody reads is not seen to go.
            if pieces > 0 || cfg!(any(target_os = "linux", target_os = "android")) {
                socket.get_mut().write_all(b"early").unwrap();
            }
            if pieces > 0 {
                call.recv_timeout(PATIENCE).expect(way);
            }
            assert!(told.try_recv().is_err(), "{way}");
            half_closed.extend(leave(socket));
            told.recv_timeout(PATIENCE).expect(way);
        }
    }
}

#[test]
fn what_comes_before_the_answer_waits_for_who_reads_it() {
    let (called, call) = channel();
    let answers = Arc::new(Semaphore::new(0));
    let waited_for = answers.clone();
    let server = Running::start(move || {
        let (called, answers) = (called.clone(), waited_for.clone());
        let wait = move |request: HttpRequest, payload: web::Payload| {
            let answers = answers.clone();
            called.send(()).unwrap();
            async move {
                answers.acquire().await.unwrap().forget();
                echo(request, payload).await
            }
        };
        App::new().route("/", web::get().to(wait))
    });
    let mut socket = ask(server.address, "/", b"early");
    call.recv_timeout(PATIENCE).unwrap();
    socket.get_mut().write_all(b"and more").unwrap();
    answers.add_permits(1);
    assert_eq!(read_head(&mut socket).unwrap().status, 101);
    expect(&mut socket, b"earlyand more");
    socket.get_mut().write_all(b"late").unwrap();
    expect(&mut socket, b"late");
}

#[test]
fn a_body_that_fails_ends_its_connection_and_no_other() {
    let server = Running::start(|| {
        let broken = async || {
            let parts = [Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("broken"))];
            let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
            response.upgrade("websocket").body(BodyStream::new(stream::iter(parts)))
        };
        App::new().route("/", web::get().to(echo)).route("/broken", web::get().to(broken))
    });
    let mut other = ask(server.address, "/", b"");
    assert_eq!(read_head(&mut other).unwrap().status, 101);
    let mut socket = ask(server.address, "/broken", b"");
    assert_eq!(read_head(&mut socket).unwrap().status, 101);
    expect(&mut socket, b"x");
    expect_end(socket);
    other.get_mut().write_all(b"still").unwrap();
    expect(&mut other, b"still");
}

#[test]
fn a_server_that_ends_waits_for_answers_and_upgraded_sockets_and_for_no_next_request() {
    let gate = Arc::new(Semaphore::new(0));
    let (called, calls) = channel();
    let opened = gate.clone();
    let server = Running::start(move || {
        let (called, opened) = (called.clone(), opened.clone());
        let slow = move || {
            let (called, opened) = (called.clone(), opened.clone());
            async move {
                called.send(()).unwrap();
                opened.acquire().await.unwrap().forget();
                "slow"
            }
        };
        App::new()
            .route("/", web::get().to(echo))
            .route("/plain", web::get().to(async || "plain"))
            .route("/slow", web::get().to(slow))
    });
    let [mut idle, mut busy] = [(); 2].map(|()| connect(server.address));
    for socket in [&mut idle, &mut busy] {
        write_request(socket, "GET", "/plain", "", b"").unwrap();
        assert_eq!(read_response(socket).unwrap().1, b"plain");
    }
    let mut upgraded = ask(server.address, "/", b"");
    assert_eq!(read_head(&mut upgraded).unwrap().status, 101);
    write_request(&mut busy, "GET", "/slow", "", b"").unwrap();
    write_request(&mut busy, "GET", "/slow", "", b"").unwrap();
    calls.recv_timeout(PATIENCE).unwrap();

    drop(server.handle.stop(true));
    expect_end(idle);
    gate.add_permits(2);
    let (head, body) = read_response(&mut busy).unwrap();
    assert_eq!((&body[..], head.header("connection")), (&b"slow"[..], Some("close")));
    expect_end(busy);
    upgraded.get_mut().write_all(b"still").unwrap();
    expect(&mut upgraded, b"still");
    assert!(server.ended.try_recv().is_err());
    drop(upgraded);
    server.ended.recv_timeout(PATIENCE).expect("nobody holds up the end");
    assert!(calls.try_recv().is_err(), "what is behind the answer is not begun");
}

#[test]
fn an_address_that_cannot_be_had_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = HubHttpServer::new(App::new).on_connect(|_, _: &mut Extensions| {});
    assert!(server.bind(address).is_err());
    assert!(HubHttpServer::new(App::new).bind(&[][..] as &[SocketAddr]).is_err());
}
