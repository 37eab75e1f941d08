//! What has come from other servers for one worker, and waits for its registry.
//!
//! Whoever puts something in never waits, as that would hold up what is for other workers; many messages cost the registry one
//! turn.

use std::{collections::VecDeque, sync::Arc};

use actix::{Message, Recipient};
use parking_lot::Mutex;

use crate::{
    ConnectionId,
    backplane::{BackplaneCounts, Loss},
    protocol::{GroupCommand, SerializedMessage},
    registry::{Control, Order, Question, Target, remote_orders::Receipt},
};

/// What other servers want of a worker.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message(Arc<Target>, SerializedMessage),
    Question(ConnectionId, Question),
    Group(GroupCommand),
    Control(Control),
    Order(Arc<Order>, Arc<Receipt>),
}

impl Incoming {
    /// About how many bytes it takes.
    fn len(&self) -> usize {
        let content = match self {
            Self::Message(_, message) => message.len(),
            Self::Question(_, question) => question.message.len(),
            Self::Group(command) => command.group.len() + command.server.len(),
            Self::Control(_) | Self::Order(..) => 0,
        };
        content + OVERHEAD
    }
}

/// There is something in the inbox.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct TakeIncoming;

/// A queue in front of one registry, bounded in bytes. What does not fit is lost, and counted.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    registry: Recipient<TakeIncoming>,
    counts: Arc<BackplaneCounts>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Incoming>,
    bytes: usize,
    /// Whether the registry has been told.
    is_announced: bool,
    /// Whether something has been lost since it was last empty, and said to be.
    is_overflowing: bool,
}

impl Inbox {
    pub(super) fn new(registry: Recipient<TakeIncoming>, counts: Arc<BackplaneCounts>) -> Self {
        Self { waiting: Mutex::default(), registry, counts }
    }

    /// Puts something in, behind all that was put in before.
    pub(super) fn put(&self, incoming: Incoming) {
        let mut waiting = self.waiting.lock();
        let length = incoming.len();
        // One alone may be longer.
        if waiting.bytes > 0 && waiting.bytes + length > MOST_BYTES {
            self.counts.lost(Loss::NotTaken);
            if !std::mem::replace(&mut waiting.is_overflowing, true) {
                tracing::warn!(
                    "a worker does not keep up with what comes from other servers; messages are lost"
                );
            }
            return;
        }
        waiting.bytes += length;
        waiting.queue.push_back(incoming);
        if !std::mem::replace(&mut waiting.is_announced, true) {
            drop(waiting);
            // One at a time, so the mailbox needs no bound for it.
            self.registry.do_send(TakeIncoming);
        }
    }

    /// Takes what is there, up to as much as fits into a turn; says whether there is more.
    pub(super) fn take(&self) -> (VecDeque<Incoming>, bool) {
        let mut waiting = self.waiting.lock();
        let rest = waiting.queue.len().min(MOST_IN_A_TURN);
        let rest = waiting.queue.split_off(rest);
        let taken = std::mem::replace(&mut waiting.queue, rest);
        waiting.bytes -= taken.iter().map(Incoming::len).sum::<usize>();
        waiting.is_announced = !waiting.queue.is_empty();
        waiting.is_overflowing &= waiting.is_announced;
        (taken, waiting.is_announced)
    }
}

/// What a worker may be behind, in bytes: more than Redis holds for a subscriber that does not read for long.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// So that a wave of messages does not hold a thread for too long.
const MOST_IN_A_TURN: usize = 256;

/// What an entry takes beside its content.
const OVERHEAD: usize = 128;
