//! Sessions that are kept on the server, where they can be revoked.

use std::{error::Error, fmt};

use actix_signalr_actors::CancellationToken;
use futures::future::LocalBoxFuture;

use crate::authentication::cookie::{CookieError, Ticket, random};

/// Where tickets are kept, so that cookies hold nothing but a key to them.
///
/// A session that is removed is over at the next request, however long its cookie would be valid, and a copy of the cookie
/// is worth nothing after a sign-out. [`InMemorySessionStore`](crate::InMemorySessionStore) is one for a single process.
///
/// The keys are made by [`CookieAuthentication`](crate::CookieAuthentication): no store has to find numbers that nobody can
/// guess. A store that fails lets nobody in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "implement `SessionStore`, or use `InMemorySessionStore`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps a new session. It is the last step of a sign-in: whoever does not wait for it to be ready has no cookie of the session,
    /// and if it is kept all the same, it is nobody's until it expires.
    fn store<'a>(
        &'a self,
        key: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<(), SessionStoreError>>;

    /// The session of a key; `None` if there is none, or none any more.
    fn retrieve<'a>(
        &'a self,
        key: &'a SessionKey,
    ) -> LocalBoxFuture<'a, Result<Option<SessionTicket>, SessionStoreError>>;

    /// Replaces a session that is there. Answers `false`, and keeps nothing, if there is none any more: a renewal must not
    /// bring back what was revoked meanwhile.
    fn renew<'a>(
        &'a self,
        key: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<bool, SessionStoreError>>;

    /// Forgets a session. That there is none is no error.
    fn remove<'a>(&'a self, key: &'a SessionKey) -> LocalBoxFuture<'a, Result<(), SessionStoreError>>;

    /// Cancelled when the session is removed. Connections to hubs that were made with it end then, within about a second,
    /// and their clients may come back, which takes a new sign-in. By default there is none, and open connections stay.
    fn revocation(&self, key: &SessionKey) -> Option<CancellationToken> {
        let _ = key;
        None
    }
}

/// The name of a session: 256 random bits. Its cookie is encrypted, so that a key alone signs nobody in; still it is not
/// shown in logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub(super) fn random() -> Result<Self, CookieError> {
        random().map(Self)
    }

    /// A key that was read from a cookie.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// What a store may use as its own key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

/// Why a store could not do what it was asked.
#[derive(Debug)]
pub struct SessionStoreError {
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl SessionStoreError {
    /// There is no room for another session.
    #[must_use]
    pub const fn full() -> Self {
        Self { source: None }
    }

    /// What the store is made of has failed. The error is logged: it must not show tickets or keys.
    pub fn other(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()) }
    }

    /// Whether there is no room.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.source.is_none()
    }
}

impl fmt::Display for SessionStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            None => f.write_str("the session store is full"),
            Some(source) => write!(f, "the session store has failed: {source}"),
        }
    }
}

impl Error for SessionStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What a store keeps of a session: who has signed in, and until when.
#[derive(Clone)]
pub struct SessionTicket(pub(super) Ticket);

impl SessionTicket {
    /// Reads what [`to_bytes`](Self::to_bytes) has written; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Ticket::from_bytes(bytes).map(Self)
    }

    /// As bytes, for stores that write. They are not encrypted, and whoever can change them can be anybody.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Who has signed in.
    #[must_use]
    pub fn principal(&self) -> &actix_signalr_actors::ClaimsPrincipal {
        &self.0.principal
    }

    /// When the session is over, if it is not renewed; a store may forget it then.
    #[must_use]
    pub const fn expires_at(&self) -> std::time::SystemTime {
        self.0.expires_at
    }
}

impl fmt::Debug for SessionTicket {
    /// Without the claims, which are nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTicket").field("expires_at", &self.0.expires_at).finish_non_exhaustive()
    }
}
