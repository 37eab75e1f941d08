//! The WebSocket transport.

pub(crate) mod decoder;
pub(crate) mod frame;
pub(crate) mod upgrade;
mod utf8;
