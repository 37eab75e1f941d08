//! What a server shows of itself: spans, log lines and counts; and what it must not show.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod capture;
mod counts;
#[cfg(feature = "metrics")]
mod exposition;
mod polling;
mod secrets;
mod spans;
