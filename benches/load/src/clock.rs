//! One monotonic clock for the whole process, in nanoseconds since its first use.

use std::{sync::OnceLock, time::Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// A time that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// Nanoseconds since the first call. They fit into 48 bits for three days, which is what a payload has room for.
pub(crate) fn now() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Seconds as nanoseconds.
pub(crate) fn seconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Nanoseconds as seconds.
pub(crate) fn in_seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
