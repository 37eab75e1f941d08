//! The connections of one route by their tokens, shared by all workers.
//!
//! A token is worth something on the route that gave it, to the user it was given to, and nowhere else. The lock is taken
//! when a connection is negotiated, opened and over; never for a message.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use actix_signalr_actors::{ClaimsPrincipal, ConnectionId, ConnectionToken, transport::TransportKind};
use parking_lot::Mutex;

use crate::{authentication::same_user, error::ConnectError};

/// The connections of one route.
#[derive(Debug)]
pub(crate) struct Connections {
    table: Mutex<Table>,
    timeout: Duration,
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
}

/// A place in the table for as long as a connection lasts; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Lease {
    connections: Weak<Connections>,
    token: ConnectionToken,
}

impl Connections {
    /// A negotiated connection is kept for `timeout` until it is opened.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { table: Mutex::default(), timeout }
    }

    /// A connection for a user, to be opened by whoever has its token. Without `is_secret` the token is the id.
    pub(crate) fn negotiate(
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
        table.by_token.insert(token.clone(), Entry { id: id.clone(), user, transport: None });
        drop(table);
        Ok((id, token))
    }

    /// Opens a negotiated connection by its first transport.
    pub(crate) fn open(
        self: &Arc<Self>,
        token: &str,
        transport: TransportKind,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> Result<(ConnectionId, Lease), ConnectError> {
        let mut table = self.table.lock();
        table.expire(now, self.timeout);
        let (token, entry) = table.find(token).ok_or(ConnectError::UnknownId)?;
        match entry.transport {
            None => {}
            Some(before) if before == transport => return Err(ConnectError::AlreadyConnected),
            Some(_) => return Err(ConnectError::TransportChanged),
        }
        if !same_user(&entry.user, user) {
            return Err(ConnectError::UserChanged);
        }
        entry.transport = Some(transport);
        Ok((entry.id.clone(), Lease { connections: Arc::downgrade(self), token }))
    }

    /// Makes and opens a connection that was not negotiated; its token is its id.
    pub(crate) fn open_new(
        self: &Arc<Self>,
        transport: TransportKind,
        user: Arc<ClaimsPrincipal>,
    ) -> (ConnectionId, Lease) {
        let id = ConnectionId::random();
        let token = ConnectionToken::same_as(&id);
        let entry = Entry { id: id.clone(), user, transport: Some(transport) };
        self.table.lock().by_token.insert(token.clone(), entry);
        (id, Lease { connections: Arc::downgrade(self), token })
    }
}

impl Table {
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

    fn find(&mut self, token: &str) -> Option<(ConnectionToken, &mut Entry)> {
        let token = self.by_token.get_key_value(token)?.0.clone();
        let entry = self.by_token.get_mut(&token)?;
        Some((token, entry))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
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
        Arc::new(Connections::new(Duration::from_secs(15)))
    }

    #[test]
    fn a_token_opens_its_connection_once_and_for_its_user() {
        let (connections, now) = (connections(), Instant::now());
        let (id, token) = connections.negotiate(user("ann"), true, now).unwrap();
        assert_ne!(id.as_str(), token.expose());
        let open = |token: &str, name: &str| connections.open(token, WEB_SOCKETS, &user(name), now);

        assert_eq!(open(&id, "ann").unwrap_err(), ConnectError::UnknownId, "the id is no token");
        assert_eq!(open(token.expose(), "bob").unwrap_err(), ConnectError::UserChanged);
        let (opened, lease) = open(token.expose(), "ann").unwrap();
        assert_eq!(opened, id);
        assert_eq!(open(token.expose(), "ann").unwrap_err(), ConnectError::AlreadyConnected);
        let other = connections.open(token.expose(), TransportKind::InProcess, &user("ann"), now);
        assert_eq!(other.unwrap_err(), ConnectError::TransportChanged);
        drop(lease);
        assert_eq!(open(token.expose(), "ann").unwrap_err(), ConnectError::UnknownId);
    }

    #[test]
    fn a_token_of_one_route_is_unknown_on_another() {
        let now = Instant::now();
        let (_, token) = connections().negotiate(user("ann"), true, now).unwrap();
        let elsewhere = connections().open(token.expose(), WEB_SOCKETS, &user("ann"), now);
        assert_eq!(elsewhere.unwrap_err(), ConnectError::UnknownId);
    }

    #[test]
    fn what_is_never_opened_is_forgotten_and_what_is_open_stays() {
        let (connections, now) = (connections(), Instant::now());
        let (_, never) = connections.negotiate(user("ann"), true, now).unwrap();
        let (_, opened) = connections.negotiate(user("ann"), false, now).unwrap();
        let _lease = connections.open(opened.expose(), WEB_SOCKETS, &user("ann"), now).unwrap();
        let later = now + Duration::from_secs(16);
        let open =
            |token: &ConnectionToken| connections.open(token.expose(), WEB_SOCKETS, &user("ann"), later);
        assert_eq!(open(&never).unwrap_err(), ConnectError::UnknownId);
        assert_eq!(open(&opened).unwrap_err(), ConnectError::AlreadyConnected);
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
