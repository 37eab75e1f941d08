//! Requests as odd clients and proxies send them.

use std::io::Read;

use actix_signalr::{HubCallerContext, HubError, HubFilter, HubResult, NextHook, TransportKind};

use crate::{
    client::{Client, negotiate},
    http::{self, Head, connect, read_chunk, read_head, read_response, request},
    server::{Server, Setup},
    web_socket::UPGRADE,
};

const EVENTS: &str = "Accept: text/event-stream\r\n";

/// A request in so many words, and the head of its answer with all that comes until the connection is over.
fn ask_and_read_to_end(server: &Server, request: &str, until: &[u8]) -> (Head, Vec<u8>) {
    let mut socket = connect(server.address);
    std::io::Write::write_all(socket.get_mut(), request.as_bytes()).unwrap();
    let head = read_head(&mut socket).unwrap();
    let mut body = vec![0; until.len()];
    socket.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn verbs_are_compared_without_case() {
    let server = Server::start(Setup::default());
    let ask = |verb, target: &str| request(server.address, verb, target, "", b"");
    assert_eq!(ask("post", "/hub/negotiate").0.status, 200);
    assert_eq!(ask("Post", "/hub").1, "Connection ID required");
    assert_eq!(ask("get", "/hub").1, "Connection ID required");
    assert_eq!(ask("delete", "/hub").1, "Connection ID required");
    assert_eq!(ask("gets", "/hub").0.status, 405);
}

#[test]
fn connect_is_a_way_to_get() {
    let server = Server::start(Setup::default());
    let mut socket = connect(server.address);
    http::write_request(&mut socket, "CONNECT", "/hub", "", b"").unwrap();
    let (head, text) = read_response(&mut socket).unwrap();
    assert_eq!((head.status, text.as_slice()), (400, &b"Connection ID required"[..]));
    assert_eq!(head.header("cache-control"), Some("no-cache, no-store"));
}

#[test]
fn a_stream_of_events_is_not_in_chunks_where_nobody_could_read_them() {
    let server = Server::start(Setup::default());
    for (version, more) in [("1.0", ""), ("1.0", "Connection: keep-alive\r\n"), ("1.1", UPGRADE)] {
        let token = negotiate(server.address, "");
        let asked = format!("GET /hub?id={token} HTTP/{version}\r\nHost: localhost\r\n{EVENTS}{more}\r\n");
        let (head, begin) = ask_and_read_to_end(&server, &asked, b":\r\n");
        assert_eq!((head.status, begin.as_slice()), (200, &b":\r\n"[..]), "{version} {more}");
        assert_eq!(head.header("transfer-encoding"), None, "{version} {more}");
    }
}

#[test]
fn a_refusal_is_not_in_chunks_where_nobody_could_read_them() {
    let server = Server::start(Setup::default());
    let asked = "GET /hub?id=x HTTP/1.0\r\n\r\n";
    let (head, text) = ask_and_read_to_end(&server, asked, b"No Connection with that ID");
    assert_eq!(text, b"No Connection with that ID");
    assert_eq!((head.status, head.header("transfer-encoding")), (404, None));
    let mut socket = connect(server.address);
    http::write_request(&mut socket, "GET", "/hub?id=x", "", b"").unwrap();
    assert_eq!(read_head(&mut socket).unwrap().header("transfer-encoding"), Some("chunked"));
    assert_eq!(read_chunk(&mut socket).unwrap().unwrap(), b"No Connection with that ID");
}

#[test]
fn an_id_given_twice_is_known_only_if_one_of_them_is_empty() {
    let server = Server::start(Setup::default());
    let token = negotiate(server.address, "");
    let status = |query: &str| request(server.address, "GET", &format!("/hub?{query}"), "", b"").0.status;
    assert_eq!(status(&format!("id={token}&id={token}")), 404);
    assert_eq!(status("id=&id="), 404);
    assert_eq!(status(&format!("id={token}x")), 404);
    assert_eq!(status("id="), 400);
    assert_eq!(status(&format!("ID=&id={token}")), 200);
}

#[test]
fn what_is_sent_before_there_is_a_transport_is_refused() {
    let server = Server::start(Setup::default());
    let token = negotiate(server.address, "");
    let (head, text) = request(server.address, "POST", &format!("/hub?id={token}"), "", b"{}\x1e");
    assert_eq!((head.status, &*text, head.header("content-type")), (400, "", None));
    // It has changed nothing.
    Client::connect_with(server.address, TransportKind::LongPolling, &token);
}

struct Refusing;

impl HubFilter for Refusing {
    async fn on_connected(&self, _: HubCallerContext, _: NextHook<'_>) -> HubResult {
        Err(HubError::new("not today"))
    }
}

/// A client that gets them apart sends a ping in between, and takes its answer for the reason.
#[test]
fn the_answer_to_a_handshake_and_a_refusal_are_one_event() {
    let server = Server::start(Setup { with: |builder| builder.filter(Refusing), ..Setup::default() });
    let target = format!("/hub?id={}", negotiate(server.address, ""));
    let mut events = connect(server.address);
    http::write_request(&mut events, "GET", &target, EVENTS, b"").unwrap();
    assert_eq!(read_head(&mut events).unwrap().status, 200);
    assert_eq!(read_chunk(&mut events).unwrap().unwrap(), b":\r\n");
    request(server.address, "POST", &target, "", b"{\"protocol\":\"json\",\"version\":1}\x1e");
    let event = String::from_utf8(read_chunk(&mut events).unwrap().unwrap()).unwrap();
    assert!(event.starts_with("data: {}\x1e{\"type\":7,\"error\":"), "{event}");
    assert_eq!(read_chunk(&mut events).unwrap(), None);
}
