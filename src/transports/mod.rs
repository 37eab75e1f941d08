//! The ways bytes travel between a client and its hub connection.

pub(crate) mod web_sockets;
