//! Who somebody is, and what he can get at with it: the scheme for cookies, and the attacks on connections and on queries of
//! the specification of authentication, 13.2 (rows Q) and 13.3 (rows C).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod connections;
mod cookie_events;
mod cookies;
mod expiry;
mod one_time_tickets;
mod origins;
#[path = "../observe/polling.rs"]
mod polling;
mod queries;
mod revocations;
mod server;
mod sessions;
mod subprotocols;
