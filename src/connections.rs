//! The connections of one route by their tokens, shared by all workers.
//!
//! A token is worth something on the route that gave it, to the user it was given to, and nowhere else. The lock is taken
//! when a connection is negotiated, opened and over, and by requests of the transports that are made of requests; never
//! for a message on a WebSocket.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    ClaimsPrincipal, ConnectionId, ConnectionToken,
    metrics::{ActiveConnection, ConnectionRefusal, Metrics},
    transport::TransportKind,
};
use parking_lot::Mutex;

use crate::{authentication::same_user, error::ConnectError, transports::RequestDoor};

/// The connections of one route.
#[derive(Debug)]
pub(crate) struct Connections {
    table: Mutex<Table>,
    timeout: Duration,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Table {
    by_token: HashMap<ConnectionToken, Entry>,
    /// Negotiated ones in the order in which they were, to find those that were never opened.
    waiting: VecDeque<(Instant, ConnectionToken)>,
}

#[derive(Debug)]
struct Entry {
    id: ConnectionId,
    user: Arc<ClaimsPrincipal>,
    transport: Option<TransportKind>,
    /// Where requests of an open connection go.
    door: Option<RequestDoor>,
}

/// What a request for a transport finds.
#[derive(Debug)]
pub(crate) enum Opening {
    /// The connection begins.
    First(ConnectionId, Arc<Lease>),
    /// Another poll of a connection that is polled.
    Again(RequestDoor),
}

/// A place in the table, held by the connection and by its transport; when both are over it is given back.
#[derive(Debug)]
pub(crate) struct Lease {
    connections: Weak<Connections>,
    id: ConnectionId,
    token: ConnectionToken,
    active: ActiveConnection,
}

impl Connections {
    /// A negotiated connection is kept for `timeout` until it is opened.
    pub(crate) fn new(timeout: Duration, metrics: Arc<Metrics>) -> Self {
        Self { table: Mutex::default(), timeout, metrics }
    }

    /// A connection for a user, to be opened by whoever has its token. Without `is_secret` the token is the id.
    pub(crate) fn negotiate(
        &self,
        user: Arc<ClaimsPrincipal>,
        is_secret: bool,
        now: Instant,
    ) -> Result<(ConnectionId, ConnectionToken), ConnectError> {
        self.count_refusal(self.add(user, is_secret, now))
    }

    fn add(
        &self,
        user: Arc<ClaimsPrincipal>,
        is_secret: bool,
        now: Instant,
    ) -> Result<(ConnectionId, ConnectionToken), ConnectError> {
        let id = ConnectionId::random();
        let token = if is_secret { ConnectionToken::random() } else { ConnectionToken::same_as(&id) };
        let mut table = self.table.lock();
        table.expire(now, self.timeout);
        if table.waiting.len() >= MAXIMUM_WAITING {
            return Err(ConnectError::TooManyConnections);
        }
        table.waiting.push_back((now, token.clone()));
        table.by_token.insert(token.clone(), Entry { id: id.clone(), user, transport: None, door: None });
        drop(table);
        Ok((id, token))
    }

    /// Opens a negotiated connection by its first transport, or finds the one that is polled. The checks and their order
    /// are those of section 2 of the transports.
    pub(crate) fn open(
        self: &Arc<Self>,
        token: &str,
        transport: TransportKind,
        is_supported: bool,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> Result<Opening, ConnectError> {
        self.count_refusal(self.find(token, transport, is_supported, user, now))
    }

    fn find(
        self: &Arc<Self>,
        token: &str,
        transport: TransportKind,
        is_supported: bool,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> Result<Opening, ConnectError> {
        let mut table = self.table.lock();
        let (token, entry) = table.find(token, now, self.timeout)?;
        if !is_supported {
            return Err(ConnectError::TransportNotSupported(transport.name()));
        }
        match entry.transport {
            None => {}
            Some(before) if before != transport => return Err(ConnectError::TransportChanged),
            Some(TransportKind::LongPolling) => {
                entry.check_user(user)?;
                return entry.door.clone().map(Opening::Again).ok_or(ConnectError::AlreadyConnected);
            }
            Some(_) => return Err(ConnectError::AlreadyConnected),
        }
        entry.check_user(user)?;
        entry.transport = Some(transport);
        let id = entry.id.clone();
        drop(table);
        Ok(Opening::First(id.clone(), self.lease(id, token, transport)))
    }

    /// Makes and opens a connection that was not negotiated; its token is its id.
    pub(crate) fn open_new(
        self: &Arc<Self>,
        transport: TransportKind,
        user: Arc<ClaimsPrincipal>,
    ) -> (ConnectionId, Arc<Lease>) {
        let id = ConnectionId::random();
        let token = ConnectionToken::same_as(&id);
        let entry = Entry { id: id.clone(), user, transport: Some(transport), door: None };
        self.table.lock().by_token.insert(token.clone(), entry);
        (id.clone(), self.lease(id, token, transport))
    }

    /// The connection has its transport, and counts from here on.
    fn lease(
        self: &Arc<Self>,
        id: ConnectionId,
        token: ConnectionToken,
        transport: TransportKind,
    ) -> Arc<Lease> {
        tracing::debug!(connection_id = &*id, transport = transport.name(), "connection opened");
        let active = self.metrics.connected(transport);
        Arc::new(Lease { connections: Arc::downgrade(self), id, token, active })
    }

    /// Counts what is refused of connections there are; that there is none is no refusal.
    fn count_refusal<T>(&self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        let reason = match &result {
            Err(ConnectError::TooManyConnections) => ConnectionRefusal::TooMany,
            Err(ConnectError::TransportNotSupported(_)) => ConnectionRefusal::TransportNotSupported,
            Err(ConnectError::TransportChanged) => ConnectionRefusal::TransportChanged,
            Err(ConnectError::AlreadyConnected) => ConnectionRefusal::AlreadyConnected,
            Err(ConnectError::UserChanged) => ConnectionRefusal::UserChanged,
            _ => return result,
        };
        tracing::debug!(?reason, "connection refused");
        self.metrics.refused(reason);
        result
    }

    /// Says where requests of an open connection go.
    pub(crate) fn attach(&self, token: &str, door: RequestDoor) {
        if let Some(entry) = self.table.lock().by_token.get_mut(token) {
            entry.door = Some(door);
        }
    }

    /// Where a request of an open connection goes, and which transport it has.
    pub(crate) fn door(
        &self,
        token: &str,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> Result<(Option<TransportKind>, Option<RequestDoor>), ConnectError> {
        let mut table = self.table.lock();
        let (_, entry) = table.find(token, now, self.timeout)?;
        entry.check_user(user)?;
        Ok((entry.transport, entry.door.clone()))
    }
}

impl Connections {
    /// Where the request goes that ends a connection; only one that is polled is ended so.
    pub(crate) fn door_to_end(
        &self,
        token: &str,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> Result<RequestDoor, ConnectError> {
        let mut table = self.table.lock();
        let (_, entry) = table.find(token, now, self.timeout)?;
        // Whose it is does not matter where nobody may end it so.
        if entry.transport.is_some_and(|transport| transport != TransportKind::LongPolling) {
            return Err(ConnectError::CannotDelete);
        }
        entry.check_user(user)?;
        entry.door.clone().ok_or(ConnectError::CannotDelete)
    }
}

impl Entry {
    /// The user of negotiation is bound to the connection.
    fn check_user(&self, user: &ClaimsPrincipal) -> Result<(), ConnectError> {
        if same_user(&self.user, user) { Ok(()) } else { Err(ConnectError::UserChanged) }
    }
}

impl Table {
    fn find(
        &mut self,
        token: &str,
        now: Instant,
        timeout: Duration,
    ) -> Result<(ConnectionToken, &mut Entry), ConnectError> {
        self.expire(now, timeout);
        let (token, _) = self.by_token.get_key_value(token).ok_or(ConnectError::UnknownId)?;
        let token = token.clone();
        let entry = self.by_token.get_mut(&token).ok_or(ConnectError::UnknownId)?;
        Ok((token, entry))
    }

    /// Forgets what was negotiated and never opened.
    fn expire(&mut self, now: Instant, timeout: Duration) {
        while let Some((since, token)) = self.waiting.front() {
            if now.duration_since(*since) <= timeout {
                break;
            }
            if self.by_token.get(token).is_some_and(|entry| entry.transport.is_none()) {
                self.by_token.remove(token);
            }
            self.waiting.pop_front();
        }
    }
}

impl Lease {
    /// The token of the connection.
    pub(crate) fn token(&self) -> ConnectionToken {
        self.token.clone()
    }

    /// The transport has not come back in time.
    pub(crate) fn time_out(&self) {
        self.active.time_out();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        tracing::debug!(connection_id = &*self.id, "connection over");
        if let Some(connections) = self.connections.upgrade() {
            let mut table = connections.table.lock();
            table.by_token.remove(&self.token);
            if table.by_token.len() * 4 < table.by_token.capacity() {
                let wanted = table.by_token.len() * 2;
                table.by_token.shrink_to(wanted);
            }
        }
    }
}

/// So that nobody fills the memory with connections that are never opened. Opened ones count too until their time is
/// over, as the queue keeps them; 15 s of them at this rate is more than a machine negotiates.
const MAXIMUM_WAITING: usize = 65_536;

#[cfg(test)]
mod tests {
    use actix_signalr_actors::{ClaimsIdentity, claim_types};

    use super::*;

    const WEB_SOCKETS: TransportKind = TransportKind::WebSockets;

    fn user(name: &str) -> Arc<ClaimsPrincipal> {
        Arc::new(ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, name).into())
    }

    fn connections() -> Arc<Connections> {
        Arc::new(Connections::new(Duration::from_secs(15), Arc::default()))
    }

    fn open(
        connections: &Arc<Connections>,
        token: &str,
        transport: TransportKind,
        name: &str,
        now: Instant,
    ) -> Result<(ConnectionId, Arc<Lease>), ConnectError> {
        match connections.open(token, transport, true, &user(name), now)? {
            Opening::First(id, lease) => Ok((id, lease)),
            Opening::Again(_) => panic!("nothing is polled here"),
        }
    }

    #[test]
    fn a_token_opens_its_connection_once_and_for_its_user() {
        let (connections, now) = (connections(), Instant::now());
        let (id, token) = connections.negotiate(user("ann"), true, now).unwrap();
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
    fn a_token_of_one_route_is_unknown_on_another() {
        let now = Instant::now();
        let (_, token) = connections().negotiate(user("ann"), true, now).unwrap();
        let elsewhere = open(&connections(), token.expose(), WEB_SOCKETS, "ann", now);
        assert_eq!(elsewhere.unwrap_err(), ConnectError::UnknownId);
    }

    #[test]
    fn what_is_never_opened_is_forgotten_and_what_is_open_stays() {
        let (connections, now) = (connections(), Instant::now());
        let (_, never) = connections.negotiate(user("ann"), true, now).unwrap();
        let (_, opened) = connections.negotiate(user("ann"), false, now).unwrap();
        let _lease = open(&connections, opened.expose(), WEB_SOCKETS, "ann", now).unwrap();
        let later = now + Duration::from_secs(16);
        let again = |token: &ConnectionToken| open(&connections, token.expose(), WEB_SOCKETS, "ann", later);
        assert_eq!(again(&never).unwrap_err(), ConnectError::UnknownId);
        assert_eq!(again(&opened).unwrap_err(), ConnectError::AlreadyConnected);
    }

    #[test]
    fn the_number_of_waiting_connections_is_bounded() {
        let (connections, now) = (connections(), Instant::now());
        for _ in 0..MAXIMUM_WAITING {
            connections.negotiate(user("ann"), false, now).unwrap();
        }
        let refused = connections.negotiate(user("ann"), false, now);
        assert_eq!(refused.unwrap_err(), ConnectError::TooManyConnections);
        assert!(connections.negotiate(user("ann"), false, now + Duration::from_secs(16)).is_ok());
    }
}
