//! What waits for a transport that takes it by itself, instead of getting a message for each of its records.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    protocol::{HubProtocol, SerializedMessage},
    transport::{Backlog, Outgoing, Waiting},
};

/// The records that a connection, and the registry of its worker, have for a transport on the same worker. Cloning it makes
/// another hand on the same queue.
///
/// It is to a transport what a mailbox is, for records alone. Each hop through a mailbox costs 0.5 to 0.7 us, and a message
/// to many needs two for each of them: by the connection to the transport. Its bound is the backlog, in which its bytes are
/// counted.
#[derive(Clone, Default)]
pub struct Outlet(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// Whether something waits, for who would find nothing.
    has_some: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// What is on its way to the connection without being counted, and has to be there before another message is added past
    /// the connection.
    held: usize,
    /// Only its connection may add something.
    is_sealed: bool,
    waker: Option<Waker>,
}

impl Outlet {
    /// Takes all that waits; the task is woken when there is more.
    #[must_use]
    pub fn take(&self, cx: &Context<'_>) -> Waiting {
        let mut state = self.0.state.lock();
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.0.has_some.store(false, Ordering::Release);
        mem::take(&mut state.waiting)
    }

    /// Whether something waits. Who finds nothing and has [taken](Self::take) before is woken when there is.
    #[must_use]
    pub fn has_some(&self) -> bool {
        self.0.has_some.load(Ordering::Acquire)
    }

    /// Adds records, which the connection has counted.
    pub(crate) fn push(&self, records: Bytes) {
        self.0.put(&mut self.0.state.lock(), Outgoing::Own(records));
    }

    /// Adds a message for many, and counts it. Says whether it did: not behind the last record of the connection, not where
    /// something else is on its way to the connection that has to come first, and not beyond the maximum.
    #[must_use]
    pub(crate) fn try_push(
        &self,
        message: &SerializedMessage,
        protocol: HubProtocol,
        backlog: &Backlog,
        maximum: usize,
    ) -> bool {
        let mut state = self.0.state.lock();
        let before = backlog.len();
        let is_next = state.is_next(before);
        let fits = before == 0 || before.saturating_add(message.len()) <= maximum;
        if !is_next || !fits {
            return false;
        }
        if let Some(records) = message.encoded(protocol) {
            backlog.add(records.len());
            self.0.put(&mut state, Outgoing::Shared(message.clone(), protocol));
        }
        true
    }

    /// Adds answers to calls, and counts them. Says whether it did: only where a message for many could be added.
    #[must_use]
    pub(crate) fn try_answer(&self, records: &Bytes, backlog: &Backlog) -> bool {
        if records.is_empty() {
            return true;
        }
        let mut state = self.0.state.lock();
        let is_next = state.is_next(backlog.len());
        if is_next {
            backlog.add(records.len());
            self.0.put(&mut state, Outgoing::Own(records.clone()));
        }
        is_next
    }

    /// Something is sent to the connection that messages must not overtake.
    pub(crate) fn hold(&self) {
        self.0.state.lock().held += 1;
    }

    /// The connection has it.
    pub(crate) fn release(&self) {
        let mut state = self.0.state.lock();
        state.held = state.held.saturating_sub(1);
    }

    /// From here on only the connection adds something.
    pub(crate) fn seal(&self) {
        self.0.state.lock().is_sealed = true;
    }
}

impl State {
    /// Whether nothing is on its way to the connection that comes first, where so many bytes are counted.
    const fn is_next(&self, counted: usize) -> bool {
        // What is counted and not here is a question, or has gone by the connection, and it is about to get it.
        !self.is_sealed && self.held == 0 && counted == self.waiting.counted()
    }
}

impl Queue {
    fn put(&self, state: &mut State, outgoing: Outgoing) {
        let is_first = state.waiting.is_empty();
        state.waiting.push(outgoing);
        if is_first {
            self.has_some.store(true, Ordering::Release);
            // Who has been woken takes the others, too.
            if let Some(waker) = &state.waker {
                waker.wake_by_ref();
            }
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("counted", &self.0.state.lock().waiting.counted())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker;

    use super::*;
    use crate::protocol::ProtocolSet;

    fn message(text: &str) -> SerializedMessage {
        SerializedMessage::invocation("T", &(text,), ProtocolSet::ALL).unwrap()
    }

    fn taken(outlet: &Outlet, backlog: &Backlog) -> Vec<u8> {
        let waiting = outlet.take(&Context::from_waker(&noop_waker()));
        let _ = backlog.remove(waiting.counted());
        waiting.iter().flat_map(|outgoing| outgoing.records().to_vec()).collect()
    }

    #[test]
    fn messages_stand_behind_what_the_connection_has_written_and_are_counted_in_their_own_form() {
        let (outlet, backlog, message) = (Outlet::default(), Backlog::new(0), message("x"));
        backlog.add(3);
        outlet.push(Bytes::from_static(b"own"));
        assert!(outlet.try_push(&message, HubProtocol::MessagePack, &backlog, 1000));
        let encoded = message.encoded(HubProtocol::MessagePack).unwrap();
        assert_eq!(backlog.len(), 3 + encoded.len());
        assert_eq!(taken(&outlet, &backlog), [b"own", &**encoded].concat());
        assert!(backlog.is_empty());
    }

    #[test]
    fn nothing_overtakes_what_is_on_its_way_to_the_connection() {
        let (outlet, backlog, message) = (Outlet::default(), Backlog::new(0), message("x"));
        let push = || outlet.try_push(&message, HubProtocol::Json, &backlog, 1000);
        backlog.add(5);
        assert!(!push(), "an answer has been counted");
        outlet.push(Bytes::from_static(b"answe"));
        assert!(push());
        outlet.hold();
        assert!(!push());
        outlet.release();
        assert!(push());
        outlet.seal();
        assert!(!push());
        assert_eq!(taken(&outlet, &backlog).len(), 5 + 2 * message.len());
    }

    #[test]
    fn what_does_not_fit_is_not_added() {
        let (outlet, backlog, message) = (Outlet::default(), Backlog::new(0), message("long enough"));
        assert!(outlet.try_push(&message, HubProtocol::Json, &backlog, 1), "nothing else is on its way");
        assert!(!outlet.try_push(&message, HubProtocol::Json, &backlog, 2 * message.len() - 1));
        assert!(outlet.try_push(&message, HubProtocol::Json, &backlog, 2 * message.len()));
    }
}
