//! How a registry reaches one connection.

use actix::Recipient;

use crate::{
    protocol::{HubProtocol, SerializedMessage},
    registry::{Deliver, Question},
    transport::{Backlog, Outlet},
};

/// How a connection is reached, and how much may be on its way to it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) deliver: Recipient<Deliver>,
    pub(crate) backlog: Backlog,
    /// Bytes; beyond it the client is too slow.
    pub(crate) maximum_backlog: usize,
    /// What the client speaks.
    pub(crate) protocol: HubProtocol,
    /// The way to its transport past the connection, for messages that need nothing of the connection.
    pub(crate) outlet: Option<Outlet>,
}

impl Client {
    /// Says whether the message is delivered, or the client too slow. The bound of this link is the backlog, in bytes and over
    /// all of its queues; so the mailbox needs none.
    pub(super) fn deliver(&self, message: &SerializedMessage) -> bool {
        if let Some(outlet) = &self.outlet
            && outlet.try_push(message, self.protocol, &self.backlog, self.maximum_backlog)
        {
            return true;
        }
        let fits = self.backlog.try_add(message.len(), self.maximum_backlog);
        if fits {
            self.deliver.do_send(Deliver::Message(message.clone()));
        } else {
            self.tell(Deliver::Overflow);
        }
        fits
    }

    pub(super) fn ask(&self, question: Question) -> bool {
        let fits = self.backlog.try_add(question.message.len(), self.maximum_backlog);
        if fits {
            self.deliver.do_send(Deliver::Question(question));
        } else {
            self.tell(Deliver::Overflow);
        }
        fits
    }

    /// Tells the connection something that is not counted, and that messages must not overtake.
    pub(super) fn tell(&self, deliver: Deliver) {
        if let Some(outlet) = &self.outlet {
            outlet.hold();
        }
        self.deliver.do_send(deliver);
    }
}
