//! A connection that counts as active.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{metrics::Metrics, transport::TransportKind};

/// Counts a connection for as long as it is held, and its duration when it is dropped.
#[derive(Debug)]
#[must_use = "the connection counts as over when this is dropped"]
pub struct ActiveConnection {
    metrics: Arc<Metrics>,
    transport: TransportKind,
    since: Instant,
    has_timed_out: AtomicBool,
}

impl ActiveConnection {
    pub(super) fn begin(metrics: Arc<Metrics>, transport: TransportKind) -> Self {
        metrics.begin(transport);
        Self { metrics, transport, since: Instant::now(), has_timed_out: AtomicBool::new(false) }
    }

    /// It ends since its transport has not come back in time.
    pub fn time_out(&self) {
        self.has_timed_out.store(true, Ordering::Relaxed);
    }
}

impl Drop for ActiveConnection {
    fn drop(&mut self) {
        let has_timed_out = self.has_timed_out.load(Ordering::Relaxed);
        self.metrics.end(self.transport, has_timed_out, self.since.elapsed());
    }
}
