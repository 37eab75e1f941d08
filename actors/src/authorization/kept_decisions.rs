//! Decisions that are kept for a connection.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{ClaimsPrincipal, authorization::Policy};

/// Which policies the principal of a connection is known to meet: those that depend on nothing else. Denials are not kept, so
/// that every one of them says why.
///
/// They are of one principal. Once it is replaced by another value, nothing is known of it. There are at most as many as the
/// hub has policies.
#[derive(Debug, Default)]
pub(crate) struct KeptDecisions {
    kept: Mutex<Kept>,
    /// Every call is to be decided anew.
    keeps_none: bool,
}

#[derive(Debug, Default)]
struct Kept {
    user: Option<Arc<ClaimsPrincipal>>,
    allowed: Vec<Arc<Policy>>,
}

impl KeptDecisions {
    /// Keeps decisions, or none.
    pub(crate) fn new(keeps: bool) -> Self {
        Self { keeps_none: !keeps, ..Self::default() }
    }

    /// Whether the user is known to meet the policy.
    pub(crate) fn is_allowed(&self, policy: &Arc<Policy>, user: &Arc<ClaimsPrincipal>) -> bool {
        let kept = self.kept.lock();
        let is_same_user = kept.user.as_ref().is_some_and(|known| Arc::ptr_eq(known, user));
        is_same_user && kept.allowed.iter().any(|known| Arc::ptr_eq(known, policy))
    }

    /// The user meets the policy, which depends on nothing else.
    pub(super) fn keep(&self, policy: &Arc<Policy>, user: &Arc<ClaimsPrincipal>) {
        if self.keeps_none {
            return;
        }
        let mut kept = self.kept.lock();
        if !kept.user.as_ref().is_some_and(|known| Arc::ptr_eq(known, user)) {
            *kept = Kept { user: Some(user.clone()), allowed: Vec::new() };
        }
        if !kept.allowed.iter().any(|known| Arc::ptr_eq(known, policy)) {
            kept.allowed.push(policy.clone());
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.kept.lock() = Kept::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_of_one_principal_and_one_policy() {
        let (kept, ann) = (KeptDecisions::default(), Arc::<ClaimsPrincipal>::default());
        let [policy, other] = [Policy::new(), Policy::new()].map(Arc::new);
        assert!(!kept.is_allowed(&policy, &ann));
        kept.keep(&policy, &ann);
        assert!(kept.is_allowed(&policy, &ann));
        assert!(!kept.is_allowed(&other, &ann));
        let refreshed = Arc::new((*ann).clone());
        assert!(!kept.is_allowed(&policy, &refreshed), "even one of equal claims");
        kept.keep(&other, &refreshed);
        kept.clear();
        assert!(!kept.is_allowed(&other, &refreshed));
        assert!(!kept.is_allowed(&policy, &ann), "what was known of the one before is forgotten");
    }
}
