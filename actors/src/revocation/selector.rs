//! Which connections are meant.

use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc};

use crate::{ClaimsPrincipal, ConnectionId};

/// Which connections are meant: one, those of a user, those whose principal has a claim or is one that a function knows.
///
/// ```
/// use actix_signalr_actors::ConnectionSelector;
///
/// let token = ConnectionSelector::claim("jti", "6f1c");
/// let tenant = ConnectionSelector::claim("tenant", "contoso");
/// let interns = ConnectionSelector::matching(|user| user.is_in_role("Intern"));
/// ```
#[derive(Clone)]
pub struct ConnectionSelector(pub(crate) Which);

#[derive(Clone)]
pub(crate) enum Which {
    All,
    Connection(ConnectionId),
    User(Arc<str>),
    Claim(Arc<str>, Arc<str>),
    Matching(Arc<Predicate>),
}

pub(crate) type Predicate = dyn Fn(&ClaimsPrincipal) -> bool + Send + Sync;

impl ConnectionSelector {
    /// All connections.
    #[must_use]
    pub const fn all() -> Self {
        Self(Which::All)
    }

    /// The connection of this public id.
    pub fn connection(id: impl AsRef<str>) -> Self {
        Self(Which::Connection(ConnectionId::from(id.as_ref())))
    }

    /// All connections of a user, by the user id that the [`UserIdProvider`](crate::UserIdProvider) gave. An empty one is
    /// nobody's.
    pub fn user(user_id: impl AsRef<str>) -> Self {
        Self(Which::User(user_id.as_ref().into()))
    }

    /// All connections whose principal has a claim: `jti` is one token, `sid` one session, others are what they are. The type
    /// is compared without case, the value with it.
    pub fn claim(claim_type: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self(Which::Claim(claim_type.as_ref().into(), value.as_ref().into()))
    }

    /// All connections whose principal a function says yes to. It is asked of every connection, and of every new one while
    /// a revocation lasts; a panic is a yes. Known to this process alone: it does not reach other servers.
    pub fn matching(is_meant: impl Fn(&ClaimsPrincipal) -> bool + Send + Sync + 'static) -> Self {
        Self(Which::Matching(Arc::new(is_meant)))
    }

    /// Whether a connection is meant.
    pub(crate) fn means(&self, id: &str, user_id: Option<&str>, user: &ClaimsPrincipal) -> bool {
        match &self.0 {
            Which::All => true,
            Which::Connection(meant) => &**meant == id,
            Which::User(meant) => !meant.is_empty() && user_id == Some(&**meant),
            Which::Claim(claim_type, value) => user.has_claim(claim_type, value),
            Which::Matching(is_meant) => asks(&**is_meant, user),
        }
    }
}

/// What a function of the application says; that it panics counts as a yes, since it is asked whether to take something away.
pub(super) fn asks(is_meant: &Predicate, user: &ClaimsPrincipal) -> bool {
    let answer = std::panic::catch_unwind(AssertUnwindSafe(|| is_meant(user)));
    answer.unwrap_or_else(|panic: Box<dyn Any + Send>| {
        drop(panic);
        tracing::error!("a function that selects connections panicked");
        true
    })
}

impl fmt::Debug for ConnectionSelector {
    /// Without values: a claim may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = match &self.0 {
            Which::All => "all",
            Which::Connection(_) => "a connection",
            Which::User(_) => "a user",
            Which::Claim(..) => "a claim",
            Which::Matching(_) => "a function",
        };
        f.debug_tuple("ConnectionSelector").field(&which).finish()
    }
}
