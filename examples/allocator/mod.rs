//! The allocator of the examples that are whole servers, which gives back what connections have had, once they are gone; that of
//! the system mostly keeps it. Left out by `cargo rustc --release --example contract --features redis -- --cfg system_allocator`.
//!
//! mimalloc gives free pages back while it is asked for others. When a wave of clients has gone and nobody is left, it is not
//! asked, and some megabytes stay. So each worker asks now and then for more than there can be: before mimalloc says no, it
//! gives back all that the thread does not use. Where `unsafe` is allowed, which in this repository it is not, `mi_collect(true)` of
//! the crate `libmimalloc-sys` does the same, and is the straight way.

#[cfg(not(system_allocator))]
use std::{hint::black_box, time::Duration};

#[cfg(not(system_allocator))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Has this worker give back what it does not need, for as long as it runs. Called by the application's factory.
#[cfg(not(system_allocator))]
pub(crate) fn give_back() {
    actix_web::rt::spawn(async {
        let mut time = actix_web::rt::time::interval(EVERY);
        loop {
            time.tick().await;
            // Refused, which is what it is for.
            let _ = black_box(Vec::<u8>::new().try_reserve_exact(TOO_MUCH));
        }
    });
}

#[cfg(system_allocator)]
pub(crate) fn give_back() {}

/// It takes the worker less than a millisecond with 10,000 connections.
#[cfg(not(system_allocator))]
const EVERY: Duration = Duration::from_secs(10);

/// As much as mimalloc would try to get, and no process can have.
#[cfg(not(system_allocator))]
const TOO_MUCH: usize = (1 << 48) - (1 << 30);
