//! Somebody to connect as.

use crate::{ClaimsIdentity, ClaimsPrincipal, claim_types};

/// Somebody authenticated, whose name and whose user id is `name`.
///
/// ```
/// use actix_signalr_actors::testing::user;
///
/// assert_eq!(user("ann").name(), Some("ann"));
/// assert!(user("ann").is_authenticated());
/// ```
#[must_use]
pub fn user(name: &str) -> ClaimsPrincipal {
    let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME, name);
    identity.claim(claim_types::NAME_IDENTIFIER, name).into()
}

/// Somebody of whom nothing is known.
///
/// ```
/// use actix_signalr_actors::testing::anonymous;
///
/// assert!(!anonymous().is_authenticated());
/// ```
#[must_use]
pub const fn anonymous() -> ClaimsPrincipal {
    ClaimsPrincipal::anonymous()
}
