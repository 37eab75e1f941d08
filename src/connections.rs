//! The connections of one route by their tokens, shared by all workers.
//!
//! A token is worth something on the route that gave it, to the user it was given to, and nowhere else. The lock is taken
//! when a connection is negotiated, opened and over, and by requests of the transports that are made of requests; never
//! for a message on a WebSocket.

mod refresh;
#[cfg(test)]
mod tests;
mod waiting;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use actix::Addr;
use actix_rt::time::Instant as Deadline;
use actix_signalr_actors::{
    ConnectionActor, ConnectionId, ConnectionToken, GiveBack, ReconnectPlace,
    metrics::{ActiveConnection, ConnectionRefusal, Metrics},
    transport::{Attachment, TransportKind},
};
use parking_lot::Mutex;

pub(crate) use crate::connections::refresh::Known;
use crate::{
    connections::waiting::Waiting,
    credentials::{Credentials, InForce},
    error::ConnectError,
    options::HttpConnectionOptions,
    pending::{PendingConnections, Place},
    revocation::Watched,
    transports::RequestDoor,
};

/// The connections of one route.
#[derive(Debug)]
pub(crate) struct Connections {
    table: Mutex<Table>,
    timeout: Duration,
    pending: Arc<PendingConnections>,
    /// Whether credentials can be refreshed here.
    can_refresh: bool,
    /// Whether connections end with their credentials.
    can_expire: bool,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Table {
    /// Boxed, as the table has up to twice as many places as connections.
    by_token: HashMap<ConnectionToken, Box<Entry>>,
    waiting: Waiting,
}

#[derive(Debug)]
struct Entry {
    id: ConnectionId,
    in_force: InForce,
    /// Without a secret, whoever knows the id could speak for the client.
    is_secret: bool,
    transport: Option<TransportKind>,
    /// The actor of an open connection, where credentials can be refreshed.
    connection: Option<Addr<ConnectionActor>>,
    /// Where requests of an open connection go.
    door: Option<RequestDoor>,
    /// Among those that wait to be opened.
    place: Option<Place>,
    /// Credentials that have been refreshed and can be revoked.
    watched: Option<Watched>,
    /// Client and server have agreed that it may be resumed.
    is_stateful: bool,
    /// Where a transport goes that takes the place of another, as long as one may.
    reconnect: Option<ReconnectDoor>,
}

/// The way of a transport to a connection that has one, or had one.
#[derive(Clone, Debug)]
pub(crate) struct ReconnectDoor {
    pub(crate) connection: Addr<ConnectionActor>,
    /// The transport that is to be.
    pub(crate) by: Attachment,
}

/// What a request for a transport finds.
#[derive(Debug)]
pub(crate) enum Opening {
    /// The connection begins, with these credentials.
    First(ConnectionId, Arc<Lease>, Credentials),
    /// Another poll of a connection that is polled.
    Again(RequestDoor),
    /// Another WebSocket of a connection that may be resumed.
    Reconnect(ReconnectDoor, Option<Deadline>),
    /// The same, with credentials that may take the place of those in force.
    Resuming(Known),
    /// Another poll, with credentials that may take the place of those in force.
    Fresher(RequestDoor, Known),
}

/// A place in the table, held by the connection and by its transport; when both are over it is given back.
#[derive(Debug)]
pub(crate) struct Lease {
    connections: Weak<Connections>,
    id: ConnectionId,
    token: ConnectionToken,
    is_stateful: bool,
    active: ActiveConnection,
}

impl Connections {
    /// A negotiated connection is kept for the route's `disconnect_timeout` until it is opened.
    pub(crate) fn new(
        options: &HttpConnectionOptions,
        pending: Arc<PendingConnections>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            table: Mutex::default(),
            timeout: options.disconnect_timeout,
            pending,
            can_refresh: options.enable_authentication_refresh,
            can_expire: options.close_on_authentication_expiration,
            metrics,
        }
    }

    /// A connection for a user, to be opened by whoever has its token. Without `is_secret` the token is the id; with
    /// `is_stateful` client and server have agreed that it may be resumed.
    pub(crate) fn negotiate(
        &self,
        credentials: Credentials,
        address: Option<SocketAddr>,
        is_secret: bool,
        is_stateful: bool,
        now: Instant,
    ) -> Result<(ConnectionId, ConnectionToken), ConnectError> {
        self.count_refusal(self.add(credentials, address, is_secret, is_stateful, now))
    }

    fn add(
        &self,
        credentials: Credentials,
        address: Option<SocketAddr>,
        is_secret: bool,
        is_stateful: bool,
        now: Instant,
    ) -> Result<(ConnectionId, ConnectionToken), ConnectError> {
        let id = ConnectionId::random();
        let token = if is_secret { ConnectionToken::random() } else { ConnectionToken::same_as(&id) };
        let mut table = self.table.lock();
        table.expire(now, self.timeout);
        let place = Some(self.pending.take(&credentials.user, address)?);
        table.waiting.add(token.clone(), now);
        let entry = Entry::new(id.clone(), credentials, is_secret, None);
        table.by_token.insert(token.clone(), Box::new(Entry { place, is_stateful, ..entry }));
        drop(table);
        Ok((id, token))
    }

    /// Opens a negotiated connection by its first transport, or finds the one that is polled or resumed. The checks and their order
    /// are those of section 2 of the transports.
    pub(crate) fn open(
        self: &Arc<Self>,
        token: &str,
        transport: TransportKind,
        is_supported: bool,
        shown: &Credentials,
        now: Instant,
    ) -> Result<Opening, ConnectError> {
        self.count_refusal(self.find(token, transport, is_supported, shown, now))
    }

    fn find(
        self: &Arc<Self>,
        token: &str,
        transport: TransportKind,
        is_supported: bool,
        shown: &Credentials,
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
            Some(TransportKind::LongPolling) => return self.poll(entry, shown),
            Some(_) if entry.reconnect.is_some() => return self.resume(entry, shown),
            // What was agreed on for another transport is told to its user alone.
            Some(TransportKind::ServerSentEvents) if entry.is_stateful => {
                entry.check_user(shown)?;
                return Err(ConnectError::AlreadyConnected);
            }
            Some(_) => return Err(ConnectError::AlreadyConnected),
        }
        entry.check_user(shown)?;
        entry.transport = Some(transport);
        entry.place = None;
        entry.in_force.connect(shown, transport);
        let (id, is_stateful) = (entry.id.clone(), entry.is_stateful);
        let credentials = entry.in_force.credentials.clone();
        table.one_is_opened();
        drop(table);
        Ok(Opening::First(id.clone(), self.lease(id, token, transport, is_stateful), credentials))
    }

    /// Makes and opens a connection that was not negotiated; its token is its id.
    pub(crate) fn open_new(
        self: &Arc<Self>,
        transport: TransportKind,
        credentials: Credentials,
    ) -> (ConnectionId, Arc<Lease>) {
        let id = ConnectionId::random();
        let token = ConnectionToken::same_as(&id);
        let entry = Entry::new(id.clone(), credentials, false, Some(transport));
        self.table.lock().by_token.insert(token.clone(), Box::new(entry));
        (id.clone(), self.lease(id, token, transport, false))
    }

    /// The connection has its transport, and counts from here on.
    fn lease(
        self: &Arc<Self>,
        id: ConnectionId,
        token: ConnectionToken,
        transport: TransportKind,
        is_stateful: bool,
    ) -> Arc<Lease> {
        tracing::debug!(connection_id = &*id, transport = transport.name(), "connection opened");
        let active = self.metrics.connected(transport);
        Arc::new(Lease { connections: Arc::downgrade(self), id, token, is_stateful, active })
    }

    /// Counts what is refused of connections there are; that there is none is no refusal.
    pub(crate) fn count_refusal<T>(&self, result: Result<T, ConnectError>) -> Result<T, ConnectError> {
        let reason = match &result {
            Err(ConnectError::TooManyConnections) => ConnectionRefusal::TooMany,
            Err(ConnectError::TooManyOfClient) => ConnectionRefusal::TooManyOfClient,
            Err(ConnectError::OriginNotAllowed) => ConnectionRefusal::OriginNotAllowed,
            Err(ConnectError::TransportNotSupported(_)) => ConnectionRefusal::TransportNotSupported,
            Err(ConnectError::TransportChanged) => ConnectionRefusal::TransportChanged,
            Err(ConnectError::AlreadyConnected) => ConnectionRefusal::AlreadyConnected,
            Err(ConnectError::UserChanged | ConnectError::RefreshRequired) => ConnectionRefusal::UserChanged,
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

    /// Where what a request brings goes.
    pub(crate) fn door_to_send(
        &self,
        token: &str,
        shown: &Credentials,
        now: Instant,
    ) -> Result<RequestDoor, ConnectError> {
        let mut table = self.table.lock();
        let (_, entry) = table.find(token, now, self.timeout)?;
        // Whose it is does not matter where nobody may send so.
        match entry.transport {
            None => return Err(ConnectError::NotConnected),
            Some(TransportKind::WebSockets) => return Err(ConnectError::SendOnWebSocket),
            Some(_) => entry.check_user(shown)?,
        }
        entry.door.clone().ok_or(ConnectError::NotConnected)
    }

    /// Where the request goes that ends a connection; only one that is polled is ended so.
    pub(crate) fn door_to_end(
        &self,
        token: &str,
        shown: &Credentials,
        now: Instant,
    ) -> Result<RequestDoor, ConnectError> {
        let mut table = self.table.lock();
        let (_, entry) = table.find(token, now, self.timeout)?;
        // Here neither.
        if entry.transport != Some(TransportKind::LongPolling) {
            return Err(ConnectError::CannotDelete);
        }
        entry.check_user(shown)?;
        entry.door.clone().ok_or(ConnectError::CannotDelete)
    }
}

impl Entry {
    fn new(
        id: ConnectionId,
        credentials: Credentials,
        is_secret: bool,
        transport: Option<TransportKind>,
    ) -> Self {
        Self {
            id,
            in_force: InForce::new(credentials),
            is_secret,
            transport,
            connection: None,
            door: None,
            place: None,
            watched: None,
            is_stateful: false,
            reconnect: None,
        }
    }

    /// Whether it has never been opened.
    const fn waits(&self) -> bool {
        self.transport.is_none()
    }

    /// The user of negotiation is bound to the connection.
    fn check_user(&self, shown: &Credentials) -> Result<(), ConnectError> {
        if self.in_force.is_same_user(shown) { Ok(()) } else { Err(ConnectError::UserChanged) }
    }

    /// The transport that takes the place of the one before.
    fn next_transport(&mut self) -> Option<ReconnectDoor> {
        let door = self.reconnect.as_mut()?;
        door.by = door.by.next();
        Some(door.clone())
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
        let Self { by_token, waiting } = self;
        waiting.expire(now, timeout, |token| {
            let waits = by_token.get(token).is_some_and(|entry| entry.waits());
            if waits {
                by_token.remove(token);
            }
            waits
        });
    }

    fn one_is_opened(&mut self) {
        let Self { by_token, waiting } = self;
        waiting.one_is_opened(|token| by_token.get(token).is_some_and(|entry| entry.waits()));
    }
}

impl Lease {
    /// The token of the connection.
    pub(crate) fn token(&self) -> ConnectionToken {
        self.token.clone()
    }

    /// Whether client and server have agreed that the connection may be resumed.
    pub(crate) const fn is_stateful(&self) -> bool {
        self.is_stateful
    }

    /// Says where another transport goes, from here on until it is [closed](ReconnectPlace::close).
    pub(crate) fn offer_reconnect(&self, connection: Addr<ConnectionActor>) {
        self.set_reconnect(Some(ReconnectDoor { connection, by: Attachment::default() }));
    }

    fn set_reconnect(&self, door: Option<ReconnectDoor>) {
        if let Some(connections) = self.connections.upgrade()
            && let Some(entry) = connections.table.lock().by_token.get_mut(&self.token)
        {
            entry.reconnect = door;
        }
    }

    /// The transport has not come back in time.
    pub(crate) fn time_out(&self) {
        self.active.time_out();
    }
}

impl ReconnectPlace for Lease {
    fn close(&self) {
        self.set_reconnect(None);
    }

    fn time_out(&self) {
        Self::time_out(self);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        tracing::debug!(connection_id = &*self.id, "connection over");
        if let Some(connections) = self.connections.upgrade() {
            let mut table = connections.table.lock();
            table.by_token.remove(&self.token);
            table.by_token.give_back();
        }
    }
}
