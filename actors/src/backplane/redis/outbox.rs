//! What waits for the link to Redis.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures::channel::oneshot;
use tokio::time::Instant;

use crate::BackplaneError;

/// A message to be published.
pub(super) struct Publication {
    pub(super) channel: Arc<str>,
    pub(super) payload: Bytes,
    /// When it is of no use any more.
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<usize, BackplaneError>>,
    /// Whether it has gone out on a channel that we are subscribed to.
    pub(super) comes_back: bool,
}

impl Publication {
    pub(super) const fn new(
        channel: Arc<str>,
        payload: Bytes,
        deadline: Instant,
        reply: oneshot::Sender<Result<usize, BackplaneError>>,
    ) -> Self {
        Self { channel, payload, deadline, reply, comes_back: false }
    }

    /// About how many bytes it takes.
    fn len(&self) -> usize {
        self.channel.len() + self.payload.len() + OVERHEAD
    }
}

/// What waits: messages, in their order and bounded in bytes; and channels whose subscription may have to change.
pub(super) struct Outbox {
    publications: VecDeque<Publication>,
    bytes: usize,
    maximum: usize,
    changed: Vec<Arc<str>>,
    /// Who waits for the changes.
    changing: Vec<oneshot::Sender<()>>,
    /// Who waits until all is out.
    flushing: Vec<oneshot::Sender<()>>,
    /// Who waits until a channel has no subscriber any more.
    watching: Vec<(Arc<str>, oneshot::Sender<()>)>,
    is_up: bool,
    is_closed: bool,
    /// Whether something has been refused since nothing waited last, and said to be.
    is_overflowing: bool,
}

/// What the link does at once.
pub(super) struct Round {
    pub(super) publications: Vec<Publication>,
    pub(super) changed: Vec<Arc<str>>,
    /// Answered by being dropped, when the round is over.
    pub(super) changing: Vec<oneshot::Sender<()>>,
    pub(super) flushing: Vec<oneshot::Sender<()>>,
}

impl Round {
    pub(super) fn is_empty(&self) -> bool {
        self.publications.is_empty()
            && self.changed.is_empty()
            && self.changing.is_empty()
            && self.flushing.is_empty()
    }
}

impl Outbox {
    pub(super) const fn new(maximum: usize) -> Self {
        Self {
            publications: VecDeque::new(),
            bytes: 0,
            maximum,
            changed: Vec::new(),
            changing: Vec::new(),
            flushing: Vec::new(),
            watching: Vec::new(),
            is_up: false,
            is_closed: false,
            is_overflowing: false,
        }
    }

    /// Says whether there was room; where nothing waits, there is for anything.
    pub(super) fn publish(&mut self, publication: Publication) -> bool {
        let length = publication.len();
        let has_room = (self.bytes == 0 || self.bytes + length <= self.maximum) && !self.is_closed;
        if has_room {
            self.is_overflowing &= self.bytes > 0;
            self.bytes += length;
            self.publications.push_back(publication);
        }
        has_room
    }

    /// There was no room; says whether that is the first time since nothing waited.
    pub(super) const fn overflows(&mut self) -> bool {
        !std::mem::replace(&mut self.is_overflowing, true)
    }

    /// The subscription to a channel may have to change. Nothing to wait for while the link is down: all that is wanted then
    /// is subscribed to when it is up.
    pub(super) fn change(&mut self, channel: Arc<str>) -> Option<oneshot::Receiver<()>> {
        if !self.is_up {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.changed.push(channel);
        self.changing.push(sender);
        Some(receiver)
    }

    pub(super) fn watch(&mut self, channel: Arc<str>, watching: oneshot::Sender<()>) {
        self.watching.push((channel, watching));
    }

    pub(super) fn flush(&mut self, flushing: oneshot::Sender<()>) {
        // Dropped, and thereby answered, where nothing is on its way.
        if self.is_up || !self.publications.is_empty() {
            self.flushing.push(flushing);
        }
    }

    /// Takes what is there, up to as much as one round is good for. Who waits for all to be out waits for the round that takes
    /// the rest.
    pub(super) fn take(&mut self) -> Round {
        let mut publications = Vec::with_capacity(self.publications.len().min(MOST_IN_A_ROUND));
        let mut bytes = 0;
        while publications.len() < MOST_IN_A_ROUND
            && bytes < MOST_BYTES_IN_A_ROUND
            && let Some(publication) = self.publications.pop_front()
        {
            bytes += publication.len();
            publications.push(publication);
        }
        self.bytes -= bytes;
        let flushing = match self.publications.is_empty() {
            true => std::mem::take(&mut self.flushing),
            false => Vec::new(),
        };
        Round {
            publications,
            changed: std::mem::take(&mut self.changed),
            changing: std::mem::take(&mut self.changing),
            flushing,
        }
    }

    /// Puts messages in front that were taken and have not gone out.
    pub(super) fn put_back(&mut self, publications: Vec<Publication>) {
        for publication in publications.into_iter().rev() {
            self.bytes += publication.len();
            self.publications.push_front(publication);
        }
    }

    /// Takes the messages that are of no use any more; they are those in front.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<Publication> {
        let mut expired = Vec::new();
        while let Some(publication) =
            self.publications.pop_front_if(|publication| publication.deadline <= now)
        {
            self.bytes -= publication.len();
            expired.push(publication);
        }
        if self.publications.is_empty() && !self.is_up {
            self.flushing.clear();
        }
        expired
    }

    /// Takes all messages that wait.
    pub(super) fn take_all(&mut self) -> VecDeque<Publication> {
        self.bytes = 0;
        self.flushing.clear();
        std::mem::take(&mut self.publications)
    }

    /// The channels somebody waits for to be abandoned.
    pub(super) fn watched(&mut self) -> Vec<Arc<str>> {
        self.watching.retain(|(_, watching)| !watching.is_canceled());
        let mut channels: Vec<_> = self.watching.iter().map(|(channel, _)| channel.clone()).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// A channel has no subscriber any more.
    pub(super) fn abandon(&mut self, channel: &str) {
        for (_, watching) in self.watching.extract_if(.., |(watched, _)| **watched == *channel) {
            // He may wait no more.
            let _ = watching.send(());
        }
    }

    /// All that is wanted is subscribed to, but for what has changed since.
    pub(super) const fn up(&mut self) {
        self.is_up = true;
    }

    /// The link is broken. Nobody waits for it: what is wanted is subscribed to when it is there again. But who waits for messages
    /// to be out does so until they are, or are given up.
    pub(super) fn down(&mut self) {
        self.is_up = false;
        self.changed.clear();
        self.changing.clear();
        if self.publications.is_empty() {
            self.flushing.clear();
        }
    }

    /// Nobody will want anything any more.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }
}

/// Few enough to be answered well within the time Redis has for an answer.
const MOST_IN_A_ROUND: usize = 1024;

/// The same in bytes.
const MOST_BYTES_IN_A_ROUND: usize = 1024 * 1024;

/// What an entry takes beside its content.
const OVERHEAD: usize = 96;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Reply = oneshot::Receiver<Result<usize, BackplaneError>>;

    fn publication(length: usize, deadline: Instant) -> (Publication, Reply) {
        let (reply, answer) = oneshot::channel();
        let payload = vec![0; length].into();
        (Publication::new("c".into(), payload, deadline, reply), answer)
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_taken_makes_room() {
        let later = Instant::now() + Duration::from_secs(5);
        let mut outbox = Outbox::new(1000);
        assert!(outbox.publish(publication(700, later).0));
        for is_first in [true, false] {
            assert!(!outbox.publish(publication(700, later).0));
            assert_eq!(outbox.overflows(), is_first);
        }
        assert_eq!(outbox.take().publications.len(), 1);
        assert!(outbox.publish(publication(7000, later).0), "one alone may be longer");
        assert!(outbox.overflows(), "it is another time");
        assert!(outbox.take_expired(later - Duration::from_secs(1)).is_empty());
        assert_eq!(outbox.take_expired(later).len(), 1);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn a_round_has_an_end_and_who_waits_for_all_waits_for_the_last() {
        let later = Instant::now() + Duration::from_secs(5);
        let mut outbox = Outbox::new(usize::MAX);
        outbox.up();
        for _ in 0..=MOST_IN_A_ROUND {
            assert!(outbox.publish(publication(1, later).0));
        }
        let (sender, mut flushed) = oneshot::channel();
        outbox.flush(sender);
        drop(outbox.take());
        assert_eq!(flushed.try_recv(), Ok(None));
        let round = outbox.take();
        assert_eq!(round.publications.len(), 1);
        drop(round);
        assert!(flushed.try_recv().is_err(), "answered");
        assert!(outbox.take().is_empty());
    }

    #[test]
    fn nobody_waits_for_a_link_that_is_down() {
        let mut outbox = Outbox::new(1000);
        assert!(outbox.change("c".into()).is_none());
        outbox.up();
        let mut changed = outbox.change("c".into()).unwrap();
        assert_eq!(changed.try_recv(), Ok(None));
        outbox.down();
        assert!(changed.try_recv().is_err(), "answered");
        let (sender, mut flushed) = oneshot::channel();
        outbox.flush(sender);
        assert!(flushed.try_recv().is_err(), "answered");
    }

    #[test]
    fn who_waits_for_messages_to_be_out_does_so_while_the_link_is_down_until_they_are_given_up() {
        let (soon, mut outbox) = (Instant::now(), Outbox::new(1000));
        for links_before in [false, true] {
            if links_before {
                outbox.up();
            }
            assert!(outbox.publish(publication(1, soon).0));
            let (sender, mut flushed) = oneshot::channel();
            outbox.flush(sender);
            outbox.down();
            assert_eq!(flushed.try_recv(), Ok(None));
            assert_eq!(outbox.take_expired(soon).len(), 1);
            assert!(flushed.try_recv().is_err(), "answered");
        }
    }

    #[test]
    fn who_waits_for_a_channel_to_be_abandoned_is_told() {
        let mut outbox = Outbox::new(1000);
        let (first, mut abandoned) = oneshot::channel();
        outbox.watch("c".into(), first);
        drop({
            let (second, gave_up) = oneshot::channel();
            outbox.watch("d".into(), second);
            gave_up
        });
        assert_eq!(outbox.watched(), ["c".into()] as [Arc<str>; 1]);
        outbox.abandon("d");
        assert_eq!(abandoned.try_recv(), Ok(None));
        outbox.abandon("c");
        assert_eq!(abandoned.try_recv(), Ok(Some(())));
    }
}
