//! Connections that are negotiated and not opened.

use std::time::Duration;

use actix_signalr::HttpConnectionOptions;

use crate::{
    client::negotiate,
    http::{Head, request},
    server::{Server, Setup},
};

const REFUSED: &str = "signalr.server.connections.refused";

fn ask(server: &Server) -> (Head, String) {
    request(server.address, "POST", "/hub/negotiate?negotiateVersion=1", "", b"")
}

#[test]
fn a_client_that_negotiates_and_opens_nothing_is_refused_after_some_and_may_open_those() {
    let with = |builder: actix_signalr::SignalRBuilder| builder.maximum_pending_connections_per_client(3);
    let server = Server::start(Setup { with, ..Setup::default() });
    let tokens: Vec<_> = (0..3).map(|_| negotiate(server.address, "")).collect();
    let (head, text) = ask(&server);
    assert_eq!(
        (head.status, &*text),
        (429, "This client has negotiated too many connections and not opened them.")
    );
    assert_eq!(head.header("content-type"), Some("text/plain"));
    assert_eq!(server.count(REFUSED, "too_many_of_client"), 1);
    let (head, _) = request(server.address, "GET", &format!("/hub?id={}", tokens[0]), "", b"");
    assert_eq!(head.status, 200);
    assert_eq!(ask(&server).0.status, 200, "what is open counts no more");
    assert_eq!(ask(&server).0.status, 429);
}

#[test]
fn a_server_refuses_what_is_too_much_for_it() {
    let with = |builder: actix_signalr::SignalRBuilder| builder.maximum_pending_connections(3);
    let server = Server::start(Setup { with, ..Setup::default() });
    for _ in 0..3 {
        negotiate(server.address, "");
    }
    let (head, text) = ask(&server);
    assert_eq!((head.status, &*text), (503, "Too many connections have been negotiated and not opened."));
    assert_eq!(server.count(REFUSED, "too_many"), 1);
}

#[test]
fn what_nobody_opens_is_forgotten_and_makes_room() {
    let route = HttpConnectionOptions::default().disconnect_timeout(Duration::from_millis(200));
    let with = |builder: actix_signalr::SignalRBuilder| builder.maximum_pending_connections(1);
    let server = Server::start(Setup { route, with, ..Setup::default() });
    let token = negotiate(server.address, "");
    let began = std::time::Instant::now();
    while ask(&server).0.status == 503 {
        assert!(began.elapsed() < crate::server::PATIENCE);
        std::thread::yield_now();
    }
    let (head, text) = request(server.address, "GET", &format!("/hub?id={token}"), "", b"");
    assert_eq!((head.status, &*text), (404, "No Connection with that ID"));
}
