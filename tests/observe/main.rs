//! What a server shows of itself: spans, log lines and counts; and what it must not show.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod audit;
mod capture;
mod counts;
mod credentials;
#[cfg(feature = "metrics")]
mod exposition;
mod polling;
mod secrets;
mod spans;
mod startup;
