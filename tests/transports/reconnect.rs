//! Connections that outlive their sockets.

use std::{
    io::Write,
    sync::{Condvar, Mutex},
    thread,
};

use actix_signalr::{ClaimsPrincipal, HttpConnectionOptions, SignalRBuilder, TransportKind};
use serde_json::Value;

use crate::{
    client::{Client, negotiate, negotiate_stateful},
    cutting_proxy::CuttingProxy,
    http::{connect, read_head, read_response, request, write_request},
    resumable_client::ResumableClient,
    server::{Event, Server, Setup},
    web_socket::{TEXT, UPGRADE, frame},
};

const CLIENTS: u64 = 8;
const CALLS: usize = 600;

fn start(workers: usize) -> Server {
    let route = HttpConnectionOptions::default().allow_stateful_reconnects(true);
    Server::start(Setup { route, workers, ..Setup::default() })
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_through_a_network_that_is_cut_all_the_time() {
    let server = start(4);
    let address = server.address;
    let talks: Vec<_> = (0..CLIENTS)
        .map(|seed| {
            thread::spawn(move || {
                let proxy = CuttingProxy::start(address, seed, 1000);
                let mut client = ResumableClient::connect(address, proxy.address);
                client.talk("Push", CALLS, 2);
                (client.heard, proxy.cuts())
            })
        })
        .collect();
    let mut cuts = 0;
    for talk in talks {
        let (heard, of_this_client) = talk.join().unwrap();
        let of = |kind: i64| heard.iter().filter(move |message| message["type"] == kind);
        let numbers = || (0..CALLS).map(|call| call.to_string());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert!(of(3).map(|message| text(&message["result"])).eq(numbers()), "answers");
        assert!(of(1).map(|message| text(&message["arguments"][0])).eq(numbers()), "messages");
        cuts += of_this_client;
    }
    assert!(cuts > 2000, "only {cuts} cuts");
    for _ in 0..CLIENTS {
        assert_eq!(server.event(), Event::Connected, "each of them has had one connection");
    }
}

#[test]
fn only_who_may_resume_a_connection_does() {
    let server = start(2);
    let upgrade = |token: &str| {
        let (head, text) = request(server.address, "GET", &format!("/hub?id={token}"), UPGRADE, b"");
        (head.status, text)
    };
    let token = negotiate_stateful(server.address);
    let by_events = "Accept: text/event-stream\r\n";
    let socket = ResumableClient::connect(server.address, server.address);
    let (head, text) = request(server.address, "GET", socket.target(), by_events, b"");
    assert_eq!((head.status, &*text), (400, "Cannot change transports mid-connection"));
    assert_eq!(upgrade("nobody"), (404, "No Connection with that ID".to_owned()));

    // Nothing was agreed on: the second socket is refused, and the first goes on.
    let mut client = Client::connect(server.address, TransportKind::WebSockets);
    let (head, text) = request(server.address, "GET", &client.target, UPGRADE, b"");
    assert_eq!((head.status, &*text), (409, ""));
    client.invoke(1, "Echo", "still here");
    assert!(client.receive().unwrap().contains("still here"));

    // Agreed on in negotiation, and not in the handshake.
    assert_ne!(token, negotiate(server.address, ""));
    let mut client = Client::connect_with(server.address, TransportKind::WebSockets, &token);
    let (head, _) = request(server.address, "GET", &client.target, UPGRADE, b"");
    assert_eq!(head.status, 409);
    client.invoke(1, "Echo", "still here");
    assert!(client.receive().unwrap().contains("still here"));
}

#[test]
fn a_server_that_ends_does_not_wait_for_clients_that_are_away() {
    let server = start(2);
    let client = ResumableClient::connect(server.address, server.address);
    assert_eq!(server.event(), Event::Connected);
    drop(client);
    actix_web::rt::System::new().block_on(server.signalr.shut_down());
    assert_eq!(server.end(), None);
}

/// How far the handshake of a connection is: begun, and let go on.
static HANDSHAKE: (Mutex<(bool, bool)>, Condvar) = (Mutex::new((false, false)), Condvar::new());

/// Takes as long over a handshake as the test wants.
fn slow_handshakes(builder: SignalRBuilder) -> SignalRBuilder {
    builder.user_id_provider(|_: &ClaimsPrincipal| {
        let (state, changed) = &HANDSHAKE;
        let mut state = state.lock().unwrap();
        state.0 = true;
        changed.notify_all();
        drop(changed.wait_while(state, |(_, may_go_on)| !*may_go_on).unwrap());
        None
    })
}

#[test]
fn a_socket_that_comes_while_its_connection_stops_taking_any_is_told_to_go() {
    let route = HttpConnectionOptions::default().allow_stateful_reconnects(true);
    // Connections go to the two workers in turn.
    let server = Server::start(Setup { route, workers: 2, with: slow_handshakes, ..Setup::default() });
    let target = format!("/hub?id={}", negotiate_stateful(server.address));
    let mut first = connect(server.address);
    write_request(&mut first, "GET", &target, UPGRADE, b"").unwrap();
    assert_eq!(read_head(&mut first).unwrap().status, 101);
    // In this version nothing can be resumed. The handshake keeps the second worker busy until it may go on.
    first.get_mut().write_all(&frame(TEXT, b"{\"protocol\":\"json\",\"version\":1}\x1e")).unwrap();
    let (state, changed) = &HANDSHAKE;
    drop(changed.wait_while(state.lock().unwrap(), |(has_begun, _)| !*has_begun).unwrap());

    // The first worker finds that the connection takes other sockets still, and hands it one.
    let mut second = connect(server.address);
    write_request(&mut second, "GET", &target, UPGRADE, b"").unwrap();
    let _to_the_second_worker = connect(server.address);
    let mut later = connect(server.address);
    for _ in 0..2 {
        // The first worker answers, so it has worked off what came before.
        write_request(&mut later, "GET", "/hub", "", b"").unwrap();
        assert_eq!(read_response(&mut later).unwrap().0.status, 400);
    }
    state.lock().unwrap().1 = true;
    changed.notify_all();
    let head = read_head(&mut second).unwrap();
    assert_eq!((head.status, head.header("content-type")), (204, Some("text/plain")));
    // By now it takes none.
    assert_eq!(request(server.address, "GET", &target, UPGRADE, b"").0.status, 409);
}
