//! Negotiated connections that wait to be opened, and how those that never are get forgotten.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{ConnectionToken, GiveBack};

use crate::{connections::Connections, sweeper::Sweeper};

/// Those that wait, and some that have been opened meanwhile.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// In the order in which they were negotiated.
    queue: VecDeque<(Instant, ConnectionToken)>,
    /// Of these, as many as have been opened.
    opened: usize,
    /// What forgets them in the end.
    sweeper: Sweeper,
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
    /// Has this worker forget what was negotiated and is never opened, unless another does.
    pub(crate) fn keep_swept(self: &Arc<Self>) {
        let waiting = &mut self.table.lock().waiting;
        if !waiting.queue.is_empty() {
            waiting.sweeper.start(self, Self::sweep);
        }
    }

    /// Forgets those whose time is over; says when to look again, where some are left.
    fn sweep(&self, now: Instant) -> Option<Duration> {
        let mut table = self.table.lock();
        table.expire(now, self.timeout);
        table.by_token.give_back();
        let waiting = &mut table.waiting;
        waiting.queue.give_back();
        if waiting.queue.is_empty() {
            waiting.sweeper.ends();
            return None;
        }
        Some(self.timeout.max(SHORTEST_SWEEP))
    }
}

/// A queue that is not worth clearing.
const SHORT_QUEUE: usize = 1024;

/// Nobody needs the memory sooner.
const SHORTEST_SWEEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use actix_rt::task::yield_now;

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
        let timeout = Duration::from_secs(15);
        let options = HttpConnectionOptions::default().disconnect_timeout(timeout);
        let connections = Arc::new(Connections::new(&options, pending, Arc::default()));
        let waiting = || connections.table.lock().by_token.len();
        let negotiate = |at| {
            let credentials = crate::connections::tests::user("ann");
            connections.negotiate(credentials, None, true, false, at).unwrap();
            connections.keep_swept();
        };
        let now = Instant::now();
        negotiate(now);
        assert_eq!(connections.sweep(now + timeout), Some(timeout), "it is in time");
        assert_eq!(waiting(), 1);
        assert_eq!(connections.sweep(now + timeout * 2), None);
        assert_eq!(waiting(), 0);
        negotiate(now.checked_sub(timeout * 2).unwrap());
        yield_now().await;
        assert_eq!(waiting(), 0, "the worker has seen to it");
    }
}
