//! What a backplane counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Messages that did not pass a backplane, and how often it was out of reach. Counts only go up.
#[derive(Debug, Default)]
pub struct BackplaneCounts {
    lost: [AtomicU64; Loss::ALL.len()],
    outages: AtomicU64,
    is_connected: AtomicBool,
}

impl BackplaneCounts {
    /// A message is lost.
    pub fn lost(&self, loss: Loss) {
        self.lost[loss as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The other servers can be reached.
    pub fn connected(&self) {
        self.is_connected.store(true, Ordering::Relaxed);
    }

    /// The other servers cannot be reached any more.
    pub fn disconnected(&self) {
        if self.is_connected.swap(false, Ordering::Relaxed) {
            self.outages.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many messages are lost in one way.
    #[must_use]
    pub fn losses(&self, loss: Loss) -> u64 {
        self.lost[loss as usize].load(Ordering::Relaxed)
    }

    /// How often the other servers have become unreachable.
    #[must_use]
    pub fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Whether the other servers can be reached now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

/// How a message is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// It was not sent: the other servers were out of reach for too long.
    Unsent,
    /// It was not sent: too much waited already.
    Overflow,
    /// It was sent, and the link broke before anybody said that it has arrived. It may have.
    Unconfirmed,
    /// It was refused by the carrier.
    Refused,
    /// It came, and a worker was so far behind that it was not taken.
    NotTaken,
    /// It came, and could not be read.
    Unreadable,
}

impl Loss {
    pub(crate) const ALL: [Self; 6] =
        [Self::Unsent, Self::Overflow, Self::Unconfirmed, Self::Refused, Self::NotTaken, Self::Unreadable];

    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Overflow => "overflow",
            Self::Unconfirmed => "unconfirmed",
            Self::Refused => "refused",
            Self::NotTaken => "not_taken",
            Self::Unreadable => "unreadable",
        }
    }
}
