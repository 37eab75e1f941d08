//! Whom a message is for, and what a connection is handed.

use std::sync::Arc;

use actix::Message;

use crate::{ConnectionId, protocol::SerializedMessage, registry::Question};

/// Whom a message is for. Names are compared with case.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Every connection of the hub.
    All,
    /// Every connection but these.
    AllExcept(Vec<ConnectionId>),
    /// One connection.
    Connection(ConnectionId),
    /// These connections, each once.
    Connections(Vec<ConnectionId>),
    /// The members of a group.
    Group(Arc<str>),
    /// The members of each group: who is in two of them gets it twice.
    Groups(Vec<Arc<str>>),
    /// The members of a group but these.
    GroupExcept(Arc<str>, Vec<ConnectionId>),
    /// All connections of a user.
    User(Arc<str>),
    /// All connections of these users.
    Users(Vec<Arc<str>>),
}

/// What a connection is handed by its registry.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum Deliver {
    /// A message, already counted in the connection's backlog.
    Message(SerializedMessage),
    /// A question, counted in the same way.
    Question(Question),
    /// The client is too slow: a message did not fit into the backlog any more.
    Overflow,
    /// A hub asks for the end of the connection.
    Abort,
    /// The server ends; the client may come back when there is one again.
    Shutdown,
}
