//! Negotiated connections that wait to be opened, and how those that never are get forgotten.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{ConnectionToken, GiveBack};

use crate::connections::Connections;

/// Those that wait, and some that have been opened meanwhile.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order in which they were negotiated.
    queue: VecDeque<(Instant, ConnectionToken)>,
    /// Of these, as many as have been opened.
    opened: usize,
    is_swept: bool,
}

impl Waiting {
    pub(super) fn add(&mut self, token: ConnectionToken, now: Instant) {
        self.queue.push_back((now, token));
    }

    /// Lets go of those whose time is over; `forget` says of each whether it has been waiting.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        timeout: Duration,
        mut forget: impl FnMut(&ConnectionToken) -> bool,
    ) {
        while let Some((since, token)) = self.queue.front() {
            if now.duration_since(*since) <= timeout {
                break;
            }
            if !forget(token) {
                self.opened = self.opened.saturating_sub(1);
            }
            self.queue.pop_front();
        }
    }

    /// One of those that wait does so no more. When most of the queue is of that kind, it is cleared of them, so that it is no
    /// longer than there are places.
    pub(super) fn one_is_opened(&mut self, waits: impl Fn(&ConnectionToken) -> bool) {
        self.opened += 1;
        if self.opened > SHORT_QUEUE && self.opened * 2 > self.queue.len() {
            self.queue.retain(|(_, token)| waits(token));
            self.queue.give_back();
            self.opened = 0;
        }
    }
}

impl Connections {
    /// Whether somebody has to [sweep](Self::sweep): there are some to be forgotten in the end, and nobody does yet.
    pub(crate) fn must_be_swept(&self) -> bool {
        let waiting = &mut self.table.lock().waiting;
        let nobody = !waiting.is_swept && !waiting.queue.is_empty();
        waiting.is_swept |= nobody;
        nobody
    }

    /// Forgets what was negotiated and never opened, also where no request comes any more that would see to it. Ends when there
    /// is none left.
    pub(crate) async fn sweep(self: Arc<Self>) {
        loop {
            actix_rt::time::sleep(self.timeout.max(SHORTEST_SWEEP)).await;
            let mut table = self.table.lock();
            table.expire(Instant::now(), self.timeout);
            table.by_token.give_back();
            let waiting = &mut table.waiting;
            waiting.queue.give_back();
            if waiting.queue.is_empty() {
                waiting.is_swept = false;
                return;
            }
        }
    }
}

/// A queue that is not worth clearing.
const SHORT_QUEUE: usize = 1024;

/// Nobody needs the memory sooner.
const SHORTEST_SWEEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{options::HttpConnectionOptions, pending::PendingConnections};

    #[test]
    fn what_has_been_opened_does_not_fill_the_queue() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for _ in 0..10 * SHORT_QUEUE {
            waiting.add(ConnectionToken::random(), now);
            waiting.one_is_opened(|_| false);
        }
        assert!(waiting.queue.len() <= 2 * SHORT_QUEUE, "{}", waiting.queue.len());
    }

    #[test]
    fn who_has_waited_too_long_is_let_go_in_turn() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let second = Duration::from_secs(1);
        let tokens: Vec<_> = (0..3).map(|_| ConnectionToken::random()).collect();
        for (seconds, token) in (0..).zip(&tokens) {
            waiting.add(token.clone(), now + second * seconds);
        }
        let mut forgotten = Vec::new();
        let mut expire = |now| {
            waiting.expire(now, second, |token| {
                forgotten.push(token.clone());
                true
            });
        };
        expire(now + second);
        expire(now + second * 3 - Duration::from_millis(1));
        assert_eq!(forgotten, tokens[..2], "the last is in time");
    }

    #[actix_web::test]
    async fn what_is_never_opened_is_swept_away_though_nobody_comes() {
        let pending = Arc::new(PendingConnections::new(10, 10));
        let options = HttpConnectionOptions::default().disconnect_timeout(Duration::from_millis(1));
        let connections = Arc::new(Connections::new(&options, pending, Arc::default()));
        let credentials = crate::connections::tests::user("ann");
        connections.negotiate(credentials, None, true, false, Instant::now()).unwrap();
        assert!(connections.must_be_swept());
        assert!(!connections.must_be_swept(), "somebody does");
        connections.clone().sweep().await;
        assert!(connections.table.lock().by_token.is_empty());
        assert!(!connections.must_be_swept(), "there is nothing");
    }
}
