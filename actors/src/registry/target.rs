//! Whom a message is for, and what a connection is handed.

use std::sync::Arc;

use actix::Message;
use futures::channel::oneshot;

use crate::{
    ConnectionId,
    protocol::SerializedMessage,
    registry::{Command, Question},
};

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

impl Target {
    /// Whether it is a list of names.
    pub(crate) const fn is_list(&self) -> bool {
        matches!(self, Self::Connections(_) | Self::Users(_) | Self::Groups(_))
    }

    /// A list of names as targets of one name each, as it is taken where there are other servers: who is named twice is meant
    /// twice.
    pub(crate) fn one_by_one(self) -> Vec<Self> {
        match self {
            Self::Connections(ids) => ids.into_iter().map(Self::Connection).collect(),
            Self::Users(ids) => ids.into_iter().filter(|id| !id.is_empty()).map(Self::User).collect(),
            Self::Groups(names) => {
                names.into_iter().filter(|name| !name.is_empty()).map(Self::Group).collect()
            }
            one => vec![one],
        }
    }
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
    /// It is to do something, if it is meant.
    Order(Command),
    /// Somebody adds it to a guarded group; it says whether it may be.
    Join(Arc<str>, oneshot::Sender<bool>),
    /// The server ends; the client may come back when there is one again.
    Shutdown,
}

impl Deliver {
    /// Whether it is counted in no backlog, and holds messages up all the same that come behind it.
    pub(crate) const fn is_order(&self) -> bool {
        !matches!(self, Self::Message(_) | Self::Question(_))
    }
}
