//! What the table of connections says, by itself.

use std::time::SystemTime;

use actix_signalr_actors::{ClaimsIdentity, claim_types};

use super::*;

const WEB_SOCKETS: TransportKind = TransportKind::WebSockets;

pub(super) fn user(name: &str) -> Credentials {
    let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, name);
    Credentials::new(Arc::new(identity.into()), true, None, None, SystemTime::now())
}

fn connections() -> Arc<Connections> {
    let pending = Arc::new(PendingConnections::new(10, 10));
    Arc::new(Connections::new(&HttpConnectionOptions::default(), pending, Arc::default()))
}

fn open(
    connections: &Arc<Connections>,
    token: &str,
    transport: TransportKind,
    name: &str,
    now: Instant,
) -> Result<(ConnectionId, Arc<Lease>), ConnectError> {
    match connections.open(token, transport, true, &user(name), now)? {
        Opening::First(id, lease, _) => Ok((id, lease)),
        _ => panic!("every transport is the first here"),
    }
}

#[test]
fn a_token_opens_its_connection_once_and_for_its_user() {
    let (connections, now) = (connections(), Instant::now());
    let (id, token) = connections.negotiate(user("ann"), None, true, false, now).unwrap();
    assert_ne!(id.as_str(), token.expose());
    let by_web_socket = |token: &str, name: &str| open(&connections, token, WEB_SOCKETS, name, now);

    assert_eq!(by_web_socket(&id, "ann").unwrap_err(), ConnectError::UnknownId, "the id is no token");
    assert_eq!(by_web_socket(token.expose(), "bob").unwrap_err(), ConnectError::UserChanged);
    let (opened, lease) = by_web_socket(token.expose(), "ann").unwrap();
    assert_eq!(opened, id);
    assert_eq!(by_web_socket(token.expose(), "ann").unwrap_err(), ConnectError::AlreadyConnected);
    let other = open(&connections, token.expose(), TransportKind::LongPolling, "ann", now);
    assert_eq!(other.unwrap_err(), ConnectError::TransportChanged);
    drop(lease);
    assert_eq!(by_web_socket(token.expose(), "ann").unwrap_err(), ConnectError::UnknownId);
}

#[test]
fn what_nobody_could_do_is_refused_before_it_is_asked_who_wants_it() {
    use ConnectError::{AlreadyConnected, CannotDelete, NotConnected, SendOnWebSocket, UserChanged};
    let (connections, now) = (connections(), Instant::now());
    let negotiate = || connections.negotiate(user("ann"), None, true, false, now).unwrap().1;
    let refusals = |token: &ConnectionToken, name: &str| {
        let (token, user) = (token.expose(), user(name));
        let send = connections.door_to_send(token, &user, now).unwrap_err();
        (send, connections.door_to_end(token, &user, now).unwrap_err())
    };
    let token = negotiate();
    assert_eq!(refusals(&token, "bob"), (NotConnected, CannotDelete));
    for (transport, again, refused) in [
        (WEB_SOCKETS, AlreadyConnected, (SendOnWebSocket, CannotDelete)),
        (TransportKind::ServerSentEvents, AlreadyConnected, (UserChanged, CannotDelete)),
        (TransportKind::LongPolling, UserChanged, (UserChanged, UserChanged)),
    ] {
        let token = negotiate();
        let _lease = open(&connections, token.expose(), transport, "ann", now).unwrap();
        assert_eq!(refusals(&token, "bob"), refused, "{transport:?}");
        let another = open(&connections, token.expose(), transport, "bob", now);
        assert_eq!(another.unwrap_err(), again, "{transport:?}");
    }
}

#[test]
fn a_token_of_one_route_is_unknown_on_another() {
    let now = Instant::now();
    let (_, token) = connections().negotiate(user("ann"), None, true, false, now).unwrap();
    let elsewhere = open(&connections(), token.expose(), WEB_SOCKETS, "ann", now);
    assert_eq!(elsewhere.unwrap_err(), ConnectError::UnknownId);
}

#[test]
fn what_is_never_opened_is_forgotten_and_what_is_open_stays() {
    let (connections, now) = (connections(), Instant::now());
    let (_, never) = connections.negotiate(user("ann"), None, true, false, now).unwrap();
    let (_, opened) = connections.negotiate(user("ann"), None, false, false, now).unwrap();
    let _lease = open(&connections, opened.expose(), WEB_SOCKETS, "ann", now).unwrap();
    let later = now + Duration::from_secs(16);
    let again = |token: &ConnectionToken| open(&connections, token.expose(), WEB_SOCKETS, "ann", later);
    assert_eq!(again(&never).unwrap_err(), ConnectError::UnknownId);
    assert_eq!(again(&opened).unwrap_err(), ConnectError::AlreadyConnected);
}

#[test]
fn the_number_of_waiting_connections_is_bounded() {
    let (connections, now) = (connections(), Instant::now());
    let negotiate = |now| connections.negotiate(user("ann"), None, false, false, now);
    let tokens: Vec<_> = (0..10).map(|_| negotiate(now).unwrap().1).collect();
    assert_eq!(negotiate(now).unwrap_err(), ConnectError::TooManyConnections);
    let lease = open(&connections, tokens[0].expose(), WEB_SOCKETS, "ann", now);
    assert!(negotiate(now).is_ok(), "one that is open waits no more");
    assert_eq!(negotiate(now).unwrap_err(), ConnectError::TooManyConnections);
    assert!(negotiate(now + Duration::from_secs(16)).is_ok());
    drop(lease);
}
