//! Connections: one actor each, from the first byte to the last.

mod actor;
mod begin_and_end;
mod bind;
mod end;
mod handshake;
mod hub_runtime;
mod input;
mod invocations;
mod keep_alive;
mod reading;
mod streams;

pub use crate::connection::{
    actor::{ConnectionActor, Drained, Expires},
    hub_runtime::{HubRuntime, HubServer, NewConnection},
};
