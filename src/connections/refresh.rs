//! Credentials of a connection that are replaced: what they are compared with, and when they take effect.

use std::sync::Arc;

use actix::Addr;
use actix_rt::time::Instant as Deadline;
use actix_signalr_actors::{ConnectionActor, ConnectionId, Expires, Refresh};

use crate::{
    connections::{Connections, Entry, Opening},
    credentials::{Credentials, InForce, Shown},
    error::{ConnectError, RefreshError},
    revocation::Revocation,
    transports::RequestDoor,
};

/// What is known of a connection when others are asked about new credentials.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: ConnectionId,
    pub(crate) in_force: InForce,
    /// Its actor; none, while nobody has connected.
    pub(crate) connection: Option<Addr<ConnectionActor>>,
}

impl Connections {
    /// Which connection a request to refresh is about.
    pub(crate) fn known(&self, token: &str, now: std::time::Instant) -> Result<Known, RefreshError> {
        let mut table = self.table.lock();
        let (_, entry) =
            table.find(token, now, self.timeout).map_err(|_| RefreshError::ConnectionNotFound)?;
        if !entry.is_secret {
            return Err(RefreshError::UnsupportedNegotiateVersion);
        }
        Ok(entry.known())
    }

    /// Puts credentials in force that a request to refresh has brought, unless those in force expire later, or there is
    /// nothing left that they could be in force for.
    pub(crate) fn publish(&self, token: &str, shown: &Credentials) {
        self.replace(token, InForce::refreshed(shown.clone()), |in_force| {
            !shown.expire_before(&in_force.credentials)
        });
    }

    /// Puts credentials in force that a poll or another socket has brought, unless they are not fresher any more.
    pub(crate) fn publish_fresher(&self, token: &str, shown: &Credentials) {
        self.replace(token, InForce::new(shown.clone()), |in_force| {
            in_force.compare(shown) == Shown::Fresher
        });
    }

    /// The order in which they take effect here is that in which the connection hears of them.
    fn replace(&self, token: &str, new: InForce, are_wanted: impl FnOnce(&InForce) -> bool) {
        let mut table = self.table.lock();
        let entry = table.by_token.get_mut(token).filter(|entry| are_wanted(&entry.in_force));
        let Some(entry) = entry else { return };
        entry.in_force = new;
        if let Some(connection) = entry.connection.clone() {
            self.refresh(entry, &connection);
        }
    }

    /// The connection has begun with these credentials; if they have been replaced since, it is told so.
    pub(crate) fn begun(&self, token: &str, connection: &Addr<ConnectionActor>, with: &Credentials) {
        if !self.can_refresh {
            return;
        }
        if let Some(entry) = self.table.lock().by_token.get_mut(token) {
            if !Arc::ptr_eq(&entry.in_force.credentials.user, &with.user) {
                self.refresh(entry, connection);
            }
            entry.connection = Some(connection.clone());
        }
    }

    /// Another poll. Where credentials cannot be refreshed it moves the deadline in either direction; where they can, it may
    /// bring fresher ones, and older ones change nothing.
    pub(super) fn poll(&self, entry: &mut Entry, shown: &Credentials) -> Result<Opening, ConnectError> {
        let door = |entry: &Entry| entry.door.clone().ok_or(ConnectError::AlreadyConnected);
        match entry.in_force.compare(shown) {
            Shown::Fresher if self.can_refresh => {
                if !entry.in_force.is_same_user(shown) {
                    return Err(ConnectError::RefreshRequired);
                }
                return Ok(Opening::Fresher(door(entry)?, entry.known()));
            }
            // Another user whose credentials end no sooner may ask for them to be put in force.
            Shown::Older
                if self.can_refresh
                    && !entry.in_force.is_same_user(shown)
                    && !shown.expire_before(&entry.in_force.credentials) =>
            {
                return Err(ConnectError::RefreshRequired);
            }
            Shown::Older if self.can_refresh => entry.check_user(shown)?,
            Shown::Unchanged | Shown::Fresher | Shown::Older => {
                entry.check_user(shown)?;
                self.move_deadline(entry, shown);
            }
        }
        door(entry).map(Opening::Again)
    }

    /// Another socket of a connection that may be resumed. To the hub it may be the same user though it looks like another one,
    /// so that is not decided here for fresher credentials.
    pub(super) fn resume(&self, entry: &mut Entry, shown: &Credentials) -> Result<Opening, ConnectError> {
        match entry.in_force.compare(shown) {
            Shown::Fresher if self.can_refresh => return Ok(Opening::Resuming(entry.known())),
            Shown::Older if self.can_refresh => entry.check_user(shown)?,
            Shown::Unchanged | Shown::Fresher | Shown::Older => {
                entry.check_user(shown)?;
                entry.in_force.credentials = shown.clone();
            }
        }
        self.attach_next(entry)
    }

    /// Another socket whose credentials are in force by now.
    pub(crate) fn resume_refreshed(&self, token: &str) -> Result<Opening, ConnectError> {
        let mut table = self.table.lock();
        let entry = table.by_token.get_mut(token).ok_or(ConnectError::Gone)?;
        self.attach_next(entry)
    }

    fn attach_next(&self, entry: &mut Entry) -> Result<Opening, ConnectError> {
        let deadline = self.deadline(&entry.in_force.credentials);
        let door = entry.next_transport().ok_or(ConnectError::AlreadyConnected)?;
        Ok(Opening::Reconnect(door, deadline))
    }

    fn move_deadline(&self, entry: &mut Entry, shown: &Credentials) {
        let is_moved = shown.are_revoked() || entry.in_force.credentials.expires_at() != shown.expires_at();
        if let Some(RequestDoor { connection, .. }) = entry.door.as_ref().filter(|_| is_moved) {
            entry.in_force.credentials = shown.clone();
            connection.do_send(Expires(self.deadline(shown)));
        }
    }

    /// Forgets a connection that is being ended.
    pub(crate) fn forget(&self, token: &str) {
        self.table.lock().by_token.remove(token);
    }

    /// When a connection is to end that has these credentials.
    pub(crate) fn deadline(&self, credentials: &Credentials) -> Option<Deadline> {
        if credentials.are_revoked() {
            return Some(Deadline::now());
        }
        credentials.deadline().filter(|_| self.can_expire)
    }

    /// Tells the connection of credentials that have come into force, and that they are revoked, should they be. Those it was
    /// made with are watched all the same.
    fn refresh(&self, entry: &mut Entry, connection: &Addr<ConnectionActor>) {
        let credentials = &entry.in_force.credentials;
        let expires_at = self.deadline(credentials);
        connection.do_send(Refresh { user: credentials.user.clone(), expires_at });
        entry.watched = Revocation::by(credentials.revocations()).map(|revocation| {
            let watched = revocation.kept_by_connection();
            revocation.watch(connection.clone());
            watched
        });
    }
}

impl Entry {
    fn known(&self) -> Known {
        Known { id: self.id.clone(), in_force: self.in_force.clone(), connection: self.connection.clone() }
    }
}
