//! Records that wait to be written.

use bytes::Bytes;

use crate::protocol::{HubProtocol, SerializedMessage};

/// Whole records to be written.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Those of one connection.
    Own(Bytes),
    /// A message that others may be given too, in one of its forms.
    Shared(SerializedMessage, HubProtocol),
}

impl Outgoing {
    /// The records.
    #[must_use]
    pub fn records(&self) -> &[u8] {
        match self {
            Self::Own(records) => records,
            Self::Shared(message, protocol) => message.encoded(*protocol).map_or(&[], |records| records),
        }
    }
}

/// Records in the order in which they are to be written.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Apart from the others, so that one costs no allocation, and nothing is kept once they are gone.
    first: Option<Outgoing>,
    others: Vec<Outgoing>,
    counted: usize,
}

impl Waiting {
    /// Adds records behind those that are there.
    pub fn push(&mut self, outgoing: Outgoing) {
        self.counted += outgoing.records().len();
        match self.first {
            None => self.first = Some(outgoing),
            Some(_) => self.others.push(outgoing),
        }
    }

    /// Adds what has waited elsewhere.
    pub fn append(&mut self, others: Self) {
        if self.is_empty() {
            *self = others;
            return;
        }
        for outgoing in others.first.into_iter().chain(others.others) {
            self.push(outgoing);
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The bytes of all of them: what is to be taken off the backlog when they are written.
    #[must_use]
    pub const fn counted(&self) -> usize {
        self.counted
    }

    /// What waits, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Outgoing> {
        self.first.iter().chain(&self.others)
    }

    /// What waits, where it is one thing.
    #[must_use]
    pub fn only(&self) -> Option<&Outgoing> {
        self.first.as_ref().filter(|_| self.others.is_empty())
    }
}
