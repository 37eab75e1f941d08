//! What lies between a server and a client in memory.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Poll, Waker},
};

use actix::Addr;
use parking_lot::Mutex;

use crate::{
    connection::{ConnectionActor, Drained},
    protocol::RECORD_SEPARATOR,
    testing::record::Record,
    transport::Flow,
};

/// The records on their way to one client, and its end of the transport.
///
/// Like a network it takes a number of bytes that nobody has read; beyond them bytes stay in the connection's
/// backlog, which is bounded.
#[derive(Debug)]
pub(super) struct Pipe {
    flow: Flow,
    /// Bytes it takes although the client has not read them.
    buffer: usize,
    state: Mutex<State>,
}

/// What both ends look at.
#[derive(Debug, Default)]
pub(super) struct State {
    records: VecDeque<Record>,
    unread: usize,
    /// Of the bytes unread, those that are still in the backlog.
    held: usize,
    connection: Option<Addr<ConnectionActor>>,
    /// The server's end of the transport has gone.
    pub(super) has_ended: bool,
    /// The hub has been told that the connection is over, or was never told of it.
    pub(super) is_over: bool,
    wakers: Vec<Waker>,
}

impl Pipe {
    pub(super) fn new(flow: Flow, buffer: usize) -> Self {
        Self { flow, buffer, state: Mutex::default() }
    }

    /// Says which connection is at the other end.
    pub(super) fn serve(&self, connection: Addr<ConnectionActor>) {
        self.state.lock().connection = Some(connection);
    }

    /// Takes records from the server.
    pub(super) fn write(&self, records: &[u8]) {
        self.change(|state| {
            for record in records.split_inclusive(|byte| *byte == RECORD_SEPARATOR) {
                let record = record.strip_suffix(&[RECORD_SEPARATOR]).unwrap_or(record);
                state.records.push_back(Record::read(record));
            }
            state.unread += records.len();
            state.held += records.len();
        });
    }

    /// The server's end has gone.
    pub(super) fn end(&self) {
        self.change(|state| state.has_ended = true);
    }

    /// The connection is over, with all that belongs to it.
    pub(super) fn over(&self) {
        self.change(|state| (state.is_over, state.connection) = (true, None));
    }

    /// Somebody who waited may go on.
    pub(super) fn wake(&self) {
        self.change(|_| {});
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock())
    }

    /// Waits until `take` finds what it looks for.
    pub(super) async fn take<T>(&self, mut take: impl FnMut(&mut State) -> Option<T>) -> T {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            match take(&mut state) {
                Some(found) => {
                    self.settle(&mut state);
                    Poll::Ready(found)
                }
                None => {
                    if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.wakers.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.state.lock();
            change(&mut state);
            self.settle(&mut state);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Takes off the backlog what the buffer has room for.
    fn settle(&self, state: &mut State) {
        let held = state.held.min(state.unread.saturating_sub(self.buffer));
        let taken = state.held - held;
        state.held = held;
        if taken > 0
            && self.flow.outbound.remove(taken)
            && let Some(connection) = &state.connection
        {
            connection.do_send(Drained);
        }
    }
}

impl State {
    /// Takes the first record of a kind out of those that came.
    pub(super) fn first(&mut self, is_wanted: impl Fn(&Record) -> bool) -> Option<Record> {
        let at = self.records.iter().position(is_wanted)?;
        let record = self.records.remove(at)?;
        self.unread = self.unread.saturating_sub(record.len());
        Some(record)
    }

    /// The records nobody has taken.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }
}
