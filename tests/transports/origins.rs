//! WebSockets of pages from elsewhere, and the subprotocols they offer.

use actix_signalr::HttpConnectionOptions;

use crate::{
    http::{Head, connect, read_head, write_request},
    server::{Server, Setup},
    web_socket::UPGRADE,
};

fn upgrade(server: &Server, headers: &str) -> Head {
    let mut socket = connect(server.address);
    write_request(&mut socket, "GET", "/hub", &format!("{UPGRADE}{headers}"), b"").unwrap();
    read_head(&mut socket).unwrap()
}

#[test]
fn only_pages_of_the_named_origins_open_web_sockets() {
    let route = HttpConnectionOptions::default().allowed_origins(["https://app.example.com"]);
    let server = Server::start(Setup { route, ..Setup::default() });
    assert_eq!(upgrade(&server, "Origin: https://app.example.com\r\n").status, 101);
    assert_eq!(upgrade(&server, "").status, 101, "no page");
    for origin in ["https://evil.example", "http://app.example.com", "null"] {
        let head = upgrade(&server, &format!("Origin: {origin}\r\n"));
        assert_eq!((head.status, head.header("content-length")), (403, Some("0")), "{origin}");
    }
    assert_eq!(server.count("signalr.server.connections.refused", "origin_not_allowed"), 3);
}

#[test]
fn pages_of_all_origins_open_web_sockets_where_none_is_named() {
    let server = Server::start(Setup::default());
    assert_eq!(upgrade(&server, "Origin: https://anywhere.example\r\n").status, 101);
}

#[test]
fn a_subprotocol_is_agreed_on_only_where_one_is_selected() {
    let offers = "Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Protocol: three\r\n";
    let server = Server::start(Setup::default());
    assert_eq!(upgrade(&server, offers).header("sec-websocket-protocol"), None);

    let select =
        |offered: &[&str]| offered.iter().find(|one| one.starts_with('t')).map(|one| (*one).to_owned());
    let route = HttpConnectionOptions::default().sub_protocol_selector(select);
    let server = Server::start(Setup { route, ..Setup::default() });
    assert_eq!(upgrade(&server, offers).header("sec-websocket-protocol"), Some("two"));
    assert_eq!(upgrade(&server, "").header("sec-websocket-protocol"), None);
}
