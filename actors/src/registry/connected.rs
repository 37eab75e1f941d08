//! The connections of one worker, shared by its registry and by who sends to them on the worker's thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread::{self, ThreadId},
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    metrics::Counters,
    protocol::SerializedMessage,
    registry::{Client, Index, Target},
};

/// Whom the worker has, and the way of messages to them past the registry's mailbox.
///
/// Calls that one read has brought run one after another. If each message to many took a turn of the registry, all receivers
/// would have written it before the next call sends the next; as it is put into their outlets at once, they write what
/// these calls have sent as one frame: with four messages to a thousand, a thousand writes instead of four thousand.
#[derive(Debug)]
pub(crate) struct Connected {
    /// Never waited for: only this thread takes it.
    index: Mutex<Index<Client>>,
    thread: ThreadId,
    counters: Arc<Counters>,
    queue: Arc<AtomicUsize>,
    /// What has been sent past the mailbox since there was a turn, in bytes, and the most that may be.
    in_turn: AtomicUsize,
    most_in_turn: AtomicUsize,
    /// The call that runs has answers in front of it that have not been sent.
    has_unsent: AtomicBool,
    /// They are to be sent before it goes on.
    is_behind: AtomicBool,
}

impl Connected {
    /// Nobody yet, on this thread.
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self {
            index: Mutex::default(),
            thread: thread::current().id(),
            counters,
            queue: Arc::default(),
            in_turn: AtomicUsize::new(0),
            most_in_turn: AtomicUsize::new(BYTES_IN_A_TURN),
            has_unsent: AtomicBool::new(false),
            is_behind: AtomicBool::new(false),
        }
    }

    /// The connections, for the registry of the worker.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index<Client>> {
        self.index.lock()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is about to be put into the registry's mailbox, and nothing may overtake.
    pub(crate) fn place(&self) -> Place {
        self.queue.fetch_add(1, Ordering::SeqCst);
        Place(self.queue.clone())
    }

    /// A connection comes whose client may be so far behind.
    pub(crate) fn allow_for(&self, maximum_backlog: usize) {
        self.most_in_turn.fetch_min(maximum_backlog / TURNS_OF_A_BACKLOG, Ordering::Relaxed);
    }

    /// Hands a message to everyone a target means; says how many connections there were.
    pub(crate) fn publish(&self, target: &Target, message: &SerializedMessage) -> usize {
        let (mut reached, mut delivered) = (0, 0);
        self.index.lock().select(target, |client| {
            delivered += usize::from(client.deliver(message));
            reached += 1;
        });
        self.counters.delivered(delivered);
        reached
    }

    /// The same without a turn of the registry. `None` where there has to be one: on other threads, behind what waits for the
    /// registry, and where so much has been sent that the receivers are to write it first.
    pub(crate) fn publish_at_once(&self, target: &Target, message: &SerializedMessage) -> Option<usize> {
        if thread::current().id() != self.thread || self.queue.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let in_turn = self.in_turn.load(Ordering::Relaxed) + message.len().max(LEAST_OF_A_MESSAGE);
        if in_turn > self.most_in_turn.load(Ordering::Relaxed) {
            return None;
        }
        self.in_turn.store(in_turn, Ordering::Relaxed);
        Some(self.publish(target, message))
    }

    /// Runs the code of a call, in front of which there may be answers that have not been sent.
    pub(crate) fn run<T>(&self, has_unsent: bool, code: impl FnOnce() -> T) -> T {
        self.has_unsent.store(has_unsent, Ordering::Relaxed);
        let result = code();
        self.has_unsent.store(false, Ordering::Relaxed);
        result
    }

    /// Whether the call that has just run is to be polled again when its answers have been sent.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.swap(false, Ordering::Relaxed)
    }

    /// Ready when all answers have been sent that come before what is sent next.
    pub(crate) fn poll_sent(&self, cx: &Context<'_>) -> Poll<()> {
        if thread::current().id() != self.thread || !self.has_unsent.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        self.is_behind.store(true, Ordering::Relaxed);
        // For what polls only those that have been woken.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// There is a turn: receivers have written, or are about to write, what was sent before.
    pub(crate) fn turn(&self) {
        self.in_turn.store(0, Ordering::Relaxed);
    }
}

/// A place in the mailbox of a registry, kept until what has it is handled or dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Then the receivers have a turn, so that who sends on and on neither holds the worker up nor fills their backlogs.
const BYTES_IN_A_TURN: usize = 64 * 1024;

/// What a message counts at least: 64 messages in a turn.
const LEAST_OF_A_MESSAGE: usize = 1024;

/// How many turns of messages fit into the smallest backlog of a client.
const TURNS_OF_A_BACKLOG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ProtocolSet;

    fn message(length: usize) -> SerializedMessage {
        SerializedMessage::invocation("T", &("x".repeat(length),), ProtocolSet::ALL).unwrap()
    }

    fn nobody() -> Connected {
        Connected::new(Arc::default())
    }

    #[test]
    fn what_waits_for_the_registry_is_not_overtaken() {
        let (connected, message) = (nobody(), message(1));
        let publish = || connected.publish_at_once(&Target::All, &message);
        assert_eq!(publish(), Some(0));
        let places = (connected.place(), connected.place());
        assert_eq!(publish(), None);
        drop(places.0);
        assert_eq!(publish(), None);
        drop(places.1);
        assert_eq!(publish(), Some(0));
    }

    #[test]
    fn a_turn_takes_so_many_messages_and_bytes() {
        let connected = nobody();
        let publish = |length| connected.publish_at_once(&Target::All, &message(length)).is_some();
        assert_eq!((0..1000).take_while(|_| publish(1)).count(), 64);
        assert!(!publish(1));
        connected.turn();
        assert!(!publish(BYTES_IN_A_TURN), "it would be more than a turn takes");
        assert!(publish(BYTES_IN_A_TURN - 1000));
        assert!(!publish(1000));
        connected.turn();
        connected.allow_for(16 * 2048);
        connected.allow_for(1024 * 1024);
        assert_eq!((0..1000).take_while(|_| publish(1)).count(), 2, "the smallest backlog counts");
    }

    #[test]
    fn other_threads_go_by_the_mailbox() {
        let connected = nobody();
        let elsewhere = || connected.publish_at_once(&Target::All, &message(1));
        assert_eq!(thread::scope(|scope| scope.spawn(elsewhere).join().unwrap()), None);
    }
}
