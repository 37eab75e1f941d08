//! Connections: one actor each, from the first byte to the last.

mod actor;
mod ahead;
mod begin_and_end;
mod bind;
mod end;
mod handshake;
mod hub_runtime;
mod input;
mod invocations;
mod keep_alive;
mod message_buffer;
mod orders;
mod owed_hooks;
mod reading;
mod receive_counter;
mod reconnect;
mod refresh;
mod stateful;
mod streams;
mod taking;

pub use crate::connection::{
    actor::{ConnectionActor, Drained, Expires},
    hub_runtime::{HubRuntime, HubServer, NewConnection, ServerRevocations},
    reconnect::Reconnect,
    refresh::{Examine, Refresh, Standing},
    stateful::{ReconnectPlace, ReconnectTerms, StatefulReconnect},
};
