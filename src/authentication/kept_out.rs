//! Who is kept out by a revocation, whatever his credentials say.

use std::{fmt, sync::Arc};

use actix_signalr_actors::{ClaimsPrincipal, ServerRevocations, UserIdProvider};

/// The revocations of a server, and what makes user ids of principals.
#[derive(Clone)]
pub(crate) struct KeptOut {
    revocations: ServerRevocations,
    user_ids: Arc<dyn UserIdProvider>,
}

impl KeptOut {
    pub(crate) const fn by(revocations: ServerRevocations, user_ids: Arc<dyn UserIdProvider>) -> Self {
        Self { revocations, user_ids }
    }

    /// Whether somebody is.
    pub(super) fn holds(&self, user: &ClaimsPrincipal) -> bool {
        self.revocations.keep_out(&*self.user_ids, user)
    }
}

impl fmt::Debug for KeptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptOut").finish_non_exhaustive()
    }
}
