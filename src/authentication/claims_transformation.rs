//! What an application adds to everybody who is known.

use std::{fmt, sync::Arc};

use actix_signalr_actors::ClaimsPrincipal;

use crate::authentication::AuthenticationTicket;

/// Somebody whom a scheme has authenticated, for [`SignalRBuilder::claims_transformation`](crate::SignalRBuilder::claims_transformation).
pub struct ClaimsTransformation {
    scheme: String,
    principal: Arc<ClaimsPrincipal>,
}

impl ClaimsTransformation {
    pub(super) fn new(ticket: &AuthenticationTicket) -> Self {
        Self { scheme: ticket.scheme().to_owned(), principal: ticket.principal().clone() }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        &self.principal
    }

    /// Lets him be somebody else: himself with more claims, say.
    pub fn set_principal(&mut self, principal: impl Into<ClaimsPrincipal>) {
        self.principal = Arc::new(principal.into());
    }

    pub(super) fn into_principal(self) -> Arc<ClaimsPrincipal> {
        self.principal
    }
}

impl fmt::Debug for ClaimsTransformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsTransformation").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}
