//! The soft limits of both directions: they hold up, they resume, and what is larger passes all the same.

use std::{io::Write, thread, time::Duration};

use actix_signalr::{HttpConnectionOptions, TransportKind};

use crate::{
    client::{ALL, Client},
    http::{connect, read_response, request, write_request},
    server::{By, Server, Setup},
    web_socket::{TEXT, frame},
};

/// Longer than the limit of the client's direction.
const LENGTH: usize = 8000;

/// Requests are served alike by both, so tests about them alone need but one.
fn start() -> Server {
    start_by(By::HubHttpServer)
}

fn start_by(by: By) -> Server {
    let route =
        HttpConnectionOptions::default().application_max_buffer_size(4096).transport_max_buffer_size(4096);
    Server::start(Setup { by, route, ..Setup::default() })
}

/// A call that waits for the gate.
fn waiting(id: usize) -> String {
    let text = "x".repeat(LENGTH);
    format!(r#"{{"type":1,"invocationId":"{id}","target":"Wait","arguments":["{text}"]}}"#) + "\x1e"
}

fn expect_answers(client: &mut Client, count: usize) {
    for id in 0..count {
        let answer = format!(r#"{{"type":3,"invocationId":"{id}","result":{LENGTH}}}"#);
        assert_eq!(client.receive().as_deref(), Some(&*answer));
    }
}

#[test]
fn a_web_socket_is_not_read_while_its_hub_is_busy() {
    for by in By::ALL {
        let server = start_by(by);
        let mut client = Client::connect(server.address, TransportKind::WebSockets);
        client.socket.get_ref().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let (mut sent, mut rest) = (0, Vec::new());
        while rest.is_empty() {
            assert!(sent * LENGTH < 64_000_000, "{by:?} reads on and on");
            let mut call = frame(TEXT, waiting(sent).as_bytes());
            sent += 1;
            while let Ok(written @ 1..) = client.socket.get_mut().write(&call) {
                call.drain(..written);
            }
            rest = call;
        }
        server.open_gate(sent);
        let mut writing = client.socket.get_ref().try_clone().unwrap();
        writing.set_write_timeout(None).unwrap();
        let finished = thread::spawn(move || writing.write_all(&rest));
        expect_answers(&mut client, sent);
        finished.join().unwrap().unwrap();
    }
}

#[test]
fn a_request_waits_while_the_hub_is_busy() {
    for transport in [TransportKind::ServerSentEvents, TransportKind::LongPolling] {
        let server = start();
        let mut client = Client::connect(server.address, transport);
        client.send(waiting(0).trim_end_matches('\x1e'));
        server.wait_for_calls(1);
        let body: String = (1..8).map(waiting).collect();
        let mut post = connect(server.address);
        write_request(&mut post, "POST", &client.target, "", body.as_bytes()).unwrap();
        post.get_ref().set_nonblocking(true).unwrap();
        assert!(read_response(&mut post).is_err(), "not all of it has been taken");
        post.get_ref().set_nonblocking(false).unwrap();
        server.open_gate(8);
        assert_eq!(read_response(&mut post).unwrap().0.status, 200);
        expect_answers(&mut client, 8);
    }
}

#[test]
fn a_request_that_waits_is_let_go_with_its_connection() {
    for transport in [TransportKind::ServerSentEvents, TransportKind::LongPolling] {
        let server = start();
        let mut client = Client::connect(server.address, transport);
        client.send(waiting(0).trim_end_matches('\x1e'));
        server.wait_for_calls(1);
        let body: String = (1..8).map(waiting).collect();
        let mut post = connect(server.address);
        write_request(&mut post, "POST", &client.target, "", body.as_bytes()).unwrap();
        for _ in 0..2 {
            // The worker answers, so it has worked off what came before.
            assert_eq!(request(server.address, "GET", "/hub", "", b"").0.status, 400);
        }
        if transport == TransportKind::LongPolling {
            assert_eq!(request(server.address, "DELETE", &client.target, "", b"").0.status, 202);
        } else {
            drop(client);
        }
        let (head, text) = read_response(&mut post).unwrap();
        assert_eq!((head.status, text.as_slice()), (404, &b""[..]), "{transport:?}");
    }
}

#[test]
fn what_is_sent_while_the_last_words_of_a_connection_are_to_be_fetched_is_for_nobody_and_no_error() {
    let server = start();
    let mut client = Client::connect(server.address, TransportKind::LongPolling);
    client.send("this is no record");
    assert!(server.end().is_some());
    for _ in 0..3 {
        client.invoke(1, "Echo", "x");
    }
    assert!(client.receive().unwrap().starts_with(r#"{"type":7,"error":"#));
    assert_eq!(client.receive(), None);
    assert_eq!(request(server.address, "POST", &client.target, "", b"x").0.status, 404);
}

#[test]
fn no_more_calls_are_started_for_a_client_that_does_not_take_the_answers() {
    const CALLS: usize = 40;
    const LARGE: usize = 500_000;
    for by in By::ALL {
        for transport in ALL {
            let server = start_by(by);
            let mut client = Client::connect(server.address, transport);
            for id in 0..CALLS {
                client.invoke(id, "Large", LARGE);
            }
            server.wait_for_calls(1);
            let first = client.receive().unwrap();
            assert!(first.len() > LARGE && first.contains(r#""invocationId":"0""#), "{transport:?}");
            // What the system holds for both ends is far less than all of them.
            let started = server.calls();
            assert!(started < CALLS * 3 / 4, "{by:?}, {transport:?}: {started} have been started");
            for id in 1..CALLS {
                assert!(
                    client.receive().unwrap().contains(&format!(r#""invocationId":"{id}""#)),
                    "{transport:?}"
                );
            }
        }
    }
}
