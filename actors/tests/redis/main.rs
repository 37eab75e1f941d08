//! Servers that are joined by Redis, and what becomes of them when it goes away.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests may fail loudly")]

mod fail_over;
mod faults;
mod load;
mod log;
mod proxy;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod refusals;
mod rounds;
mod routing;
mod shards;
mod shared_worker;
mod square;
#[cfg(feature = "redis-tls")]
mod tls;
