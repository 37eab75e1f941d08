//! Which user a connection belongs to.

use crate::{ClaimsPrincipal, claim_types};

/// Picks the user id of a connection from its principal, once, when the connection is made.
///
/// The value must be unique among all users: a message for one goes to every connection with his
/// id. `None` is nobody, and is reached by no user id. Names and mail addresses that users can
/// choose for themselves are no good choice.
///
/// ```
/// use actix_signalr_actors::{ClaimsPrincipal, UserIdProvider, claim_types};
///
/// struct EmailUserIdProvider;
///
/// impl UserIdProvider for EmailUserIdProvider {
///     fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
///         user.find_first(claim_types::EMAIL).map(str::to_owned)
///     }
/// }
/// ```
pub trait UserIdProvider: Send + Sync + 'static {
    /// The user id, or nobody's.
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String>;
}

impl<F> UserIdProvider for F
where
    F: Fn(&ClaimsPrincipal) -> Option<String> + Send + Sync + 'static,
{
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        self(user)
    }
}

/// The value of the first claim of type [`claim_types::NAME_IDENTIFIER`]; for a token that is its `sub`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultUserIdProvider;

impl UserIdProvider for DefaultUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.find_first(claim_types::NAME_IDENTIFIER).map(str::to_owned)
    }
}

/// The name of the primary identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameUserIdProvider;

impl UserIdProvider for NameUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.name().map(str::to_owned)
    }
}
