//! How often a policy has held, and how often it has not.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::{Counters, STRIPES};

/// The decisions of one policy. Its name is one of those the program has.
#[derive(Debug)]
pub(crate) struct DecisionCounter {
    policy: String,
    stripes: [Stripe; STRIPES],
}

/// What one worker counts; apart from those of others by more than a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    allowed: AtomicU64,
    denied: AtomicU64,
}

impl DecisionCounter {
    pub(crate) fn new(policy: String) -> Self {
        Self { policy, stripes: Default::default() }
    }

    /// Counts a decision of the worker that counts by `worker`; none is no worker's.
    pub(crate) fn count(&self, worker: Option<&Counters>, allowed: bool) {
        let stripe = &self.stripes[worker.map_or(0, Counters::stripe) % STRIPES];
        let count = if allowed { &stripe.allowed } else { &stripe.denied };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// The policy's name.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    pub(super) fn value(&self, allowed: bool) -> u64 {
        let count =
            |stripe: &Stripe| if allowed { &stripe.allowed } else { &stripe.denied }.load(Ordering::Relaxed);
        self.stripes.iter().map(count).fold(0, u64::wrapping_add)
    }
}
