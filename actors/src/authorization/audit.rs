//! What is recorded of decisions: a structured event for each, and counts by policy.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    ClaimsPrincipal, HubCallerContext,
    authorization::{Decision, Policy},
    claim_types,
    metrics::Counters,
};

/// Records the decisions of one hub on one worker. Nothing in it is an argument, a token or a claim but the one that says
/// who somebody is.
pub(crate) struct Audit {
    /// The hub's type.
    hub: &'static str,
    /// Of how many allowed ones one is recorded; 0 is none.
    allowed_every: u32,
    allowed: AtomicU32,
    counters: Option<Arc<Counters>>,
}

/// What a decision was about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) connection_id: Option<&'a str>,
    /// The method as the hub declares it, or what else was asked for, in parentheses.
    pub(crate) method: &'a str,
}

impl<'a> Subject<'a> {
    /// A call.
    pub(crate) fn call(ctx: &'a HubCallerContext, method: &'a str) -> Self {
        let user = ctx.user_id().or_else(|| subject(ctx.user()));
        Self { user, connection_id: Some(ctx.connection_id()), method }
    }

    /// Somebody who is not known by a user id.
    pub(crate) fn of(user: &'a ClaimsPrincipal, method: &'a str) -> Self {
        Self { user: subject(user), connection_id: None, method }
    }
}

/// Who somebody is, as his token says it.
fn subject(user: &ClaimsPrincipal) -> Option<&str> {
    user.find_first(claim_types::NAME_IDENTIFIER).or_else(|| user.find_first("sub"))
}

impl Audit {
    pub(crate) fn new(hub: &'static str, allowed_every: u32, counters: Option<Arc<Counters>>) -> Self {
        Self { hub, allowed_every, allowed: AtomicU32::new(0), counters }
    }

    /// Records a decision.
    pub(crate) fn record(&self, policy: &Policy, decision: &Decision, subject: Subject<'_>) {
        let Decision::Denied(failure) = decision else { return self.allowed(policy, subject) };
        self.count(policy, false);
        let Subject { user, connection_id, method } = subject;
        tracing::info!(
            target: TARGET,
            decision = "denied",
            policy = policy.name(),
            failed = failure.failed_requirements().join(", "),
            user,
            hub = self.hub,
            method,
            connection_id,
            "authorization"
        );
    }

    /// Records that a policy holds.
    pub(crate) fn allowed(&self, policy: &Policy, Subject { user, connection_id, method }: Subject<'_>) {
        self.count(policy, true);
        if self.is_sampled() {
            tracing::debug!(
                target: TARGET,
                decision = "allowed",
                policy = policy.name(),
                user,
                hub = self.hub,
                method,
                connection_id,
                "authorization"
            );
        }
    }

    fn count(&self, policy: &Policy, allowed: bool) {
        if let Some(decisions) = policy.decisions() {
            decisions.count(self.counters.as_deref(), allowed);
        }
    }

    fn is_sampled(&self) -> bool {
        match self.allowed_every {
            0 => false,
            1 => true,
            every => self.allowed.fetch_add(1, Ordering::Relaxed).is_multiple_of(every),
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("hub", &self.hub).finish_non_exhaustive()
    }
}

/// What a log keeps or drops them by.
const TARGET: &str = "actix_signalr::audit";
