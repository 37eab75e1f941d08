//! What the actors of one worker count by, and how their spans find their parents.

use std::sync::Arc;

use crate::{
    SetTraceParent,
    metrics::{Counters, Metrics},
};

/// For the calls of one hub on one worker. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    pub(crate) counters: Arc<Counters>,
    pub(crate) set_parent: Option<SetTraceParent>,
}

impl Telemetry {
    pub(crate) fn new(metrics: &Metrics, set_parent: Option<SetTraceParent>) -> Self {
        Self { counters: metrics.counters(), set_parent }
    }
}

/// Logs that the application's own code has failed. What it says to its client may repeat what the client has sent, so that
/// stays out; any other failure is one the operator will want to know of.
macro_rules! log_failure {
    ($err:expr, $message:literal, $($fields:tt)+) => {
        match $err.log_text() {
            Some(error) => tracing::warn!($($fields)+, error.type = $err.name(), error = %error, $message),
            None => tracing::debug!($($fields)+, error.type = $err.name(), $message),
        }
    };
}

pub(crate) use log_failure;
