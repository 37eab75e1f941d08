//! Every clock of a connection, set short.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix_signalr::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket, ClaimsIdentity,
    HttpConnectionOptions, HubOptions, TransportKind, claim_types,
};
use futures::future::LocalBoxFuture;

use crate::{
    client::{ALL, Client, PING},
    http::{read_response, request, write_request},
    server::{Server, Setup},
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_does_not_shake_hands_in_time_is_told_so() {
    let hub = HubOptions::default().handshake_timeout(SECOND);
    let server = Server::start(Setup { hub, ..Setup::default() });
    for transport in ALL {
        let mut client = Client::open(server.address, transport, "");
        assert_eq!(
            client.receive().as_deref(),
            Some(r#"{"error":"Handshake was canceled."}"#),
            "{transport:?}"
        );
        assert_eq!(client.receive(), None, "{transport:?}");
    }
}

#[test]
fn a_client_is_pinged_but_where_it_polls() {
    let hub = HubOptions::default().keep_alive_interval(SECOND);
    let route = HttpConnectionOptions::default().poll_timeout(3 * SECOND);
    let server = Server::start(Setup { hub, route, ..Setup::default() });
    for transport in [TransportKind::WebSockets, TransportKind::ServerSentEvents] {
        let mut client = Client::connect(server.address, transport);
        for _ in 0..2 {
            assert_eq!(client.receive_any().as_deref(), Some(PING), "{transport:?}");
        }
    }
    let mut polling = Client::connect(server.address, TransportKind::LongPolling);
    assert_eq!(polling.poll(), Some(Vec::new()), "nothing has come while it waited");
}

#[test]
fn a_client_that_stops_pinging_is_given_up_and_may_come_back() {
    let hub = HubOptions::default().client_timeout_interval(SECOND);
    let server = Server::start(Setup { hub, ..Setup::default() });
    for transport in ALL {
        let mut client = Client::connect(server.address, transport);
        client.send(PING);
        let closed = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
        assert_eq!(client.receive().as_deref(), Some(closed), "{transport:?}");
        assert_eq!(client.receive(), None, "{transport:?}");
        assert!(server.end().is_some_and(|error| error.contains("ClientTimeoutInterval")), "{transport:?}");
    }
}

#[test]
fn a_poll_without_anything_to_say_is_answered_with_nothing() {
    let route = HttpConnectionOptions::default().poll_timeout(SECOND);
    let server = Server::start(Setup { route, ..Setup::default() });
    let mut client = Client::connect(server.address, TransportKind::LongPolling);
    for _ in 0..2 {
        write_request(&mut client.socket, "GET", &client.target, "", b"").unwrap();
        let (head, body) = read_response(&mut client.socket).unwrap();
        assert_eq!((head.status, head.header("content-type"), &*body), (200, Some("text/plain"), &b""[..]));
    }
    client.invoke(1, "Echo", "x");
    assert_eq!(client.receive().as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"x"}"#));
}

#[test]
fn a_connection_that_is_not_polled_any_more_is_over() {
    let route = HttpConnectionOptions::default().disconnect_timeout(SECOND);
    let server = Server::start(Setup { route, ..Setup::default() });
    let client = Client::connect(server.address, TransportKind::LongPolling);
    assert_eq!(server.end(), None);
    let (head, text) = request(server.address, "GET", &client.target, "", b"");
    assert_eq!((head.status, &*text), (404, "No Connection with that ID"));
}

#[test]
fn the_end_of_a_web_socket_does_not_wait_for_its_client_for_ever() {
    let route = HttpConnectionOptions::default().close_timeout(SECOND);
    let server = Server::start(Setup { route, ..Setup::default() });
    let mut client = Client::open(server.address, TransportKind::WebSockets, "");
    client.send(r#"{"protocol":"none","version":1}"#);
    assert!(client.receive().is_some_and(|refused| refused.contains("error")));
    assert_eq!(client.receive(), None, "the server has sent its close frame");
    let closed = Instant::now();
    assert!(client.read_to_end().1.is_ok());
    assert!(closed.elapsed() >= SECOND / 2, "it waited for the client's close frame");
}

#[test]
fn a_connection_whose_credentials_expire_ends_and_may_be_made_again() {
    let route = HttpConnectionOptions::default().close_on_authentication_expiration(true);
    let with = |builder: actix_signalr::SignalRBuilder| builder.authentication(Expiring);
    let server = Server::start(Setup { route, with, ..Setup::default() });
    for transport in ALL {
        let expires_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + SECOND;
        let headers = format!("X-Expires: {}\r\n", expires_at.as_millis());
        let mut client = Client::open(server.address, transport, &headers);
        client.send(r#"{"protocol":"json","version":1}"#);
        assert_eq!(client.receive().as_deref(), Some("{}"), "{transport:?}");
        assert_eq!(client.receive().as_deref(), Some(r#"{"type":7,"allowReconnect":true}"#), "{transport:?}");
        assert_eq!(client.receive(), None, "{transport:?}");
        assert_eq!(server.end(), None, "{transport:?}");
    }
}

/// Takes the word of a header for when credentials expire.
#[derive(Debug)]
struct Expiring;

impl AuthenticationScheme for Expiring {
    fn name(&self) -> &str {
        "Expiring"
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        let header = request.http().headers().get("x-expires").unwrap().to_str().unwrap();
        let expires_at = UNIX_EPOCH + Duration::from_millis(header.parse().unwrap());
        let ann = ClaimsIdentity::new("Expiring").claim(claim_types::NAME_IDENTIFIER, "ann");
        let ticket = AuthenticationTicket::new(Arc::new(ann.into()), self.name()).with_expires_at(expires_at);
        Box::pin(async { AuthenticateResult::Success(ticket) })
    }
}
