//! Which user a connection belongs to.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use crate::{ClaimsPrincipal, claim_types};

/// Picks the user id of a connection from its principal: once, at the handshake. It stays the same to the end of the
/// connection, whatever becomes of the principal.
///
/// The value must be unique among all users: a message for one goes to every connection with his id, and ids are compared
/// byte by byte. What users can choose for themselves - a name, a mail address that nobody has verified - is no id: whoever
/// claims somebody else's reads his messages. `None`, and an empty one, is nobody, and is reached by no user id.
///
/// Ready ones are [`DefaultUserIdProvider`], [`NameUserIdProvider`], [`EmailUserIdProvider`] and [`ClaimUserIdProvider`]; a
/// function or a closure is one, too.
///
/// ```
/// use actix_signalr_actors::{ClaimsPrincipal, UserIdProvider, claim_types};
///
/// /// People of several organizations, each of which gives its own numbers.
/// struct TenantUserIdProvider;
///
/// impl UserIdProvider for TenantUserIdProvider {
///     fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
///         let (tenant, number) = (user.find_first("tenant")?, user.find_first(claim_types::NAME_IDENTIFIER)?);
///         Some(format!("{tenant}/{number}"))
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

/// What a provider says of a principal. It is the application's code: one that panics says nothing of anybody.
///
/// # Errors
/// That it has panicked.
pub(crate) fn provided_user_id(
    provider: &dyn UserIdProvider,
    user: &ClaimsPrincipal,
) -> Result<Option<String>, ProviderPanicked> {
    let provided = std::panic::catch_unwind(AssertUnwindSafe(|| provider.user_id(user)));
    match provided {
        // An empty id is nobody's.
        Ok(id) => Ok(id.filter(|id| !id.is_empty())),
        Err(_) => Err(ProviderPanicked),
    }
}

/// A provider of user ids has panicked.
#[derive(Debug)]
pub(crate) struct ProviderPanicked;

/// The value of the first claim of type [`claim_types::NAME_IDENTIFIER`]; for a token that is its `sub`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultUserIdProvider;

impl UserIdProvider for DefaultUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.find_first(claim_types::NAME_IDENTIFIER).map(str::to_owned)
    }
}

/// The name of the primary identity; for a Windows user `DOMAIN\name` or `name@REALM`, as Windows users have no name
/// identifier.
///
/// Only where nobody chooses his name by himself and no two sources of identities have the same names.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameUserIdProvider;

impl UserIdProvider for NameUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.name().map(str::to_owned)
    }
}

/// The value of the first claim of type [`claim_types::EMAIL`]; for a token that is its `email`.
///
/// Only where whoever issues the claim has verified the address and gives it to one user alone. Upper and lower case are
/// different ids: let the issuer write addresses in one way.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmailUserIdProvider;

impl UserIdProvider for EmailUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.find_first(claim_types::EMAIL).map(str::to_owned)
    }
}

/// The value of the first claim of a type, such as [`claim_types::SID`] or a token's `oid`.
///
/// Only for claims whose values are unique among all users. A role is not.
///
/// ```
/// use actix_signalr_actors::{ClaimUserIdProvider, ClaimsIdentity, UserIdProvider};
///
/// let provider = ClaimUserIdProvider::new("employee");
/// let user = ClaimsIdentity::new("Badge").claim("employee", "4711");
/// assert_eq!(provider.user_id(&user.into()).as_deref(), Some("4711"));
/// ```
#[derive(Clone, Debug)]
pub struct ClaimUserIdProvider {
    kind: Cow<'static, str>,
}

impl ClaimUserIdProvider {
    /// The claim of this type, compared without case.
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: kind.into() }
    }
}

impl UserIdProvider for ClaimUserIdProvider {
    fn user_id(&self, user: &ClaimsPrincipal) -> Option<String> {
        user.find_first(&self.kind).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClaimsIdentity;

    #[test]
    fn each_provider_reads_its_claim_and_no_other() {
        let ann: ClaimsPrincipal = ClaimsIdentity::new("Test")
            .claim(claim_types::NAME_IDENTIFIER, "1")
            .claim(claim_types::NAME, "ann")
            .claim(claim_types::EMAIL, "ann@example.com")
            .claim(claim_types::EMAIL, "second@example.com")
            .claim("Badge", "4711")
            .into();
        let providers: [(&dyn UserIdProvider, &str); 5] = [
            (&DefaultUserIdProvider, "1"),
            (&NameUserIdProvider, "ann"),
            (&EmailUserIdProvider, "ann@example.com"),
            (&ClaimUserIdProvider::new("badge"), "4711"),
            (&|user: &ClaimsPrincipal| user.name().map(str::to_uppercase), "ANN"),
        ];
        for (provider, id) in providers {
            assert_eq!(provider.user_id(&ann).as_deref(), Some(id));
            assert_eq!(provider.user_id(&ClaimsPrincipal::anonymous()), None);
        }
    }
}
