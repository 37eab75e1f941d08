//! The way of answers back from a hub: to the transport, and to the connection what it has to know of them.

use actix::Recipient;
use bytestring::ByteString;
use parking_lot::Mutex;

use crate::{
    authorization::{Completed, Turns},
    transport::{Backlog, Outlet},
};

/// The way back of one connection.
///
/// An answer needs nothing of its connection but a place among what goes to the client, so it goes into the transport's
/// [`Outlet`] at once. What is over with it the connection hears when it reads the next time, and in a message only where
/// something waits for that. So a call on an idle connection costs three hops from actor to actor instead of five.
#[derive(Debug)]
pub(crate) struct ReplyPath {
    completed: Recipient<Completed>,
    /// The bytes on their way to the client: answers are counted when they are made.
    outbound: Backlog,
    /// `None` where what goes out has to pass by the connection.
    outlet: Option<Outlet>,
    unheard: Mutex<Unheard>,
}

/// What has become of calls, and the connection has not heard.
#[derive(Debug, Default)]
pub(crate) struct Unheard {
    pub(crate) turns: Turns,
    /// How many of the batches that went down have been looked at.
    pub(crate) batches: usize,
    /// Calls that could be cancelled, and are over.
    pub(crate) ended: Vec<ByteString>,
    /// Nothing waits for any of it.
    can_wait: bool,
}

impl ReplyPath {
    pub(crate) fn new(completed: Recipient<Completed>, outbound: Backlog, outlet: Option<Outlet>) -> Self {
        Self { completed, outbound, outlet, unheard: Mutex::default() }
    }

    /// The bytes on their way to the client.
    pub(crate) const fn outbound(&self) -> &Backlog {
        &self.outbound
    }

    /// Sends answers back, which it counts.
    pub(crate) fn send(&self, completed: Completed) {
        if let Some(completed) = self.pass_by(completed) {
            self.outbound.add(completed.records.len());
            self.completed.do_send(completed);
        }
    }

    /// Sends them past the connection, or gives them back.
    fn pass_by(&self, completed: Completed) -> Option<Completed> {
        let Some(outlet) = &self.outlet else { return Some(completed) };
        let mut unheard = self.unheard.lock();
        // Calls that come back are to be made again.
        let can_wait = unheard.can_wait && completed.returned.is_empty();
        if !can_wait || !outlet.try_answer(&completed.records, &self.outbound) {
            return Some(completed);
        }
        unheard.turns.add(completed.turns);
        unheard.batches += usize::from(completed.is_first);
        unheard.ended.extend(completed.ended);
        None
    }

    /// What the connection has not heard yet. From here on it gets messages, until it says that it [can wait](Self::can_wait).
    pub(crate) fn hear(&self) -> Unheard {
        // Where all goes by the connection, there is nothing.
        if self.outlet.is_some() { std::mem::take(&mut *self.unheard.lock()) } else { Unheard::default() }
    }

    /// Nothing of the connection waits for calls.
    pub(crate) fn can_wait(&self) {
        if self.outlet.is_some() {
            self.unheard.lock().can_wait = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use actix::prelude::{Actor, Handler};
    use bytes::Bytes;
    use futures::{StreamExt, channel::mpsc, task::noop_waker};

    use super::*;
    use crate::authorization::Step;

    /// A connection that does nothing with what it hears.
    struct Inbox(mpsc::UnboundedSender<Completed>);

    impl Actor for Inbox {
        type Context = actix::Context<Self>;
    }

    impl Handler<Completed> for Inbox {
        type Result = ();

        fn handle(&mut self, completed: Completed, _: &mut Self::Context) {
            self.0.unbounded_send(completed).unwrap();
        }
    }

    struct Way {
        path: ReplyPath,
        outlet: Outlet,
        outbound: Backlog,
        inbox: mpsc::UnboundedReceiver<Completed>,
    }

    impl Way {
        fn new() -> Self {
            let (sender, inbox) = mpsc::unbounded();
            let (outlet, outbound) = (Outlet::default(), Backlog::new(0));
            let completed = Inbox(sender).start().recipient();
            let path = ReplyPath::new(completed, outbound.clone(), Some(outlet.clone()));
            Self { path, outlet, outbound, inbox }
        }

        /// What the connection is sent, and takes off.
        async fn heard(&mut self) -> Completed {
            let completed = self.inbox.next().await.unwrap();
            let _ = self.outbound.remove(completed.records.len());
            completed
        }

        fn taken(&self) -> Vec<u8> {
            let waiting = self.outlet.take(&Context::from_waker(&noop_waker()));
            let _ = self.outbound.remove(waiting.counted());
            waiting.iter().flat_map(|outgoing| outgoing.records().to_vec()).collect()
        }
    }

    fn answer(records: &'static [u8]) -> Completed {
        Completed {
            records: Bytes::from_static(records),
            turns: Turns { freed: 1, ..Turns::default() },
            is_first: true,
            ended: vec!["id".into()],
            returned: Vec::new(),
        }
    }

    #[actix::test]
    async fn answers_pass_by_a_connection_that_can_wait() {
        let mut way = Way::new();
        way.path.send(answer(b"a"));
        assert_eq!(way.heard().await.records, b"a"[..], "it has not said that it can");
        way.path.can_wait();
        way.path.send(answer(b"b"));
        way.path.send(answer(b""));
        way.path.send(answer(b"c"));
        assert_eq!(way.outbound.len(), 2);
        assert_eq!(way.taken(), b"bc");
        let unheard = way.path.hear();
        assert_eq!((unheard.turns.freed, unheard.batches, unheard.ended.len()), (3, 3, 3));
        way.path.send(answer(b"d"));
        assert_eq!(way.heard().await.records, b"d"[..], "it listens again");
        assert_eq!(way.path.hear().batches, 0);
    }

    #[actix::test]
    async fn answers_go_by_the_connection_where_something_else_does() {
        let mut way = Way::new();
        way.path.can_wait();
        way.outbound.add(1);
        way.path.send(answer(b"a"));
        assert_eq!(way.heard().await.records, b"a"[..], "a message for the client is on its way to it");
        let _ = way.outbound.remove(1);
        way.path.send(Completed { returned: vec![Step::Refreshed], ..answer(b"b") });
        assert_eq!(way.heard().await.returned.len(), 1);
        way.outlet.seal();
        way.path.send(answer(b"c"));
        assert_eq!(way.heard().await.records, b"c"[..]);
        assert!(way.taken().is_empty());
    }
}
