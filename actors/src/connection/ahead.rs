//! Messages that have been read before their turn.

use std::collections::VecDeque;

use crate::{ProtocolError, protocol::HubMessage};

/// What a client has sent behind something that waits, parsed: a connection that may be resumed reads on, since the
/// acknowledgement that would let it go on may stand there. Bounded like the bytes it has come from.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    messages: VecDeque<(Result<HubMessage, ProtocolError>, usize)>,
    /// Something could not be read, so nothing behind it can.
    is_broken: bool,
    taken: usize,
}

impl Ahead {
    /// Adds a message, or why there is none, with the number of bytes it is counted with.
    pub(super) fn push(&mut self, message: Result<HubMessage, ProtocolError>, bytes: usize) {
        self.is_broken = message.is_err();
        self.messages.push_back((message, bytes));
    }

    /// Whether nothing more can be read.
    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The first of them.
    ///
    /// # Errors
    /// Where it could not be read.
    pub(super) fn pop(&mut self) -> Result<Option<HubMessage>, ProtocolError> {
        let Some((message, bytes)) = self.messages.pop_front() else { return Ok(None) };
        self.taken += bytes;
        message.map(Some)
    }

    /// The bytes of what has been taken out since the last time this was asked.
    pub(super) const fn take_taken(&mut self) -> usize {
        std::mem::replace(&mut self.taken, 0)
    }

    /// Drops all of them, and says how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        self.is_broken = false;
        let dropped: usize = self.messages.drain(..).map(|(_, bytes)| bytes).sum();
        dropped + self.take_taken()
    }
}
