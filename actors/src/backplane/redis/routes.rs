//! What is done with messages that come from Redis, by their channels.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use crate::backplane::Receiver;

/// Who wants which channel, and which messages are about to come back to us.
///
/// Redis hands a message to all who are subscribed, its publisher among them. Our own are passed over: the same bytes on the
/// same channel, the first ones to come. If another server has published just the same, it does not matter which of the two is
/// passed over. A server answers in order on one link, so what has not come back when a later message is answered never will.
#[derive(Default)]
pub(super) struct Routes {
    routes: HashMap<Arc<str>, Route>,
    echoes: HashMap<Arc<str>, VecDeque<Echo>>,
    /// How many, on each server.
    published: Vec<u64>,
}

struct Route {
    receiver: Arc<dyn Receiver>,
    /// Whether Redis is known to know.
    is_standing: bool,
}

struct Echo {
    server: usize,
    number: u64,
    payload: Bytes,
}

impl Routes {
    /// Wants a channel; says whether the subscription stands already.
    pub(super) fn add(&mut self, channel: Arc<str>, receiver: Arc<dyn Receiver>) -> bool {
        self.routes.entry(channel).or_insert(Route { receiver, is_standing: false }).is_standing
    }

    /// Wants a channel no more.
    pub(super) fn remove(&mut self, channel: &str) {
        self.routes.remove(channel);
    }

    /// All channels that are wanted.
    pub(super) fn wanted(&self) -> Vec<Arc<str>> {
        self.routes.keys().cloned().collect()
    }

    /// Whether a channel is wanted.
    pub(super) fn wants(&self, channel: &str) -> bool {
        self.routes.contains_key(channel)
    }

    /// Redis knows of a channel.
    pub(super) fn stands(&mut self, channel: &str) {
        if let Some(route) = self.routes.get_mut(channel) {
            route.is_standing = true;
        }
    }

    /// The link is broken: nothing stands, and nothing comes back.
    pub(super) fn down(&mut self) {
        self.routes.values_mut().for_each(|route| route.is_standing = false);
        self.echoes.clear();
    }

    /// A message is published on a channel of a server that we are subscribed to.
    pub(super) fn expect_echo(&mut self, server: usize, channel: Arc<str>, payload: Bytes) {
        if self.published.len() <= server {
            self.published.resize(server + 1, 0);
        }
        self.published[server] += 1;
        let echo = Echo { server, number: self.published[server], payload };
        self.echoes.entry(channel).or_default().push_back(echo);
    }

    /// The messages published so far are answered: all but the last of each server have come back if they ever do.
    pub(super) fn answered(&mut self) {
        let last = &self.published;
        self.echoes.retain(|_, echoes| {
            echoes.retain(|echo| echo.number >= last[echo.server]);
            !echoes.is_empty()
        });
    }

    /// Who is to have a message that has come; nobody, where it is our own.
    pub(super) fn receiver(&mut self, channel: &str, payload: &[u8]) -> Option<Arc<dyn Receiver>> {
        if let Some(echoes) = self.echoes.get_mut(channel)
            && echoes.pop_front_if(|echo| echo.payload == payload).is_some()
        {
            return None;
        }
        self.routes.get(channel).map(|route| route.receiver.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Receiver for Nobody {
        fn receive(&self, _: Bytes) {}
    }

    fn routes() -> Routes {
        let mut routes = Routes::default();
        assert!(!routes.add("c".into(), Arc::new(Nobody)));
        routes
    }

    #[test]
    fn what_we_have_published_is_passed_over_once() {
        let mut routes = routes();
        for payload in ["one", "two", "two"] {
            routes.expect_echo(0, "c".into(), payload.into());
        }
        assert!(routes.receiver("c", b"of another").is_some());
        assert!(routes.receiver("c", b"one").is_none());
        assert!(routes.receiver("c", b"two").is_none());
        assert!(routes.receiver("d", b"two").is_none(), "nobody wants it");
        assert!(routes.receiver("c", b"two").is_none());
        assert!(routes.receiver("c", b"two").is_some(), "another has published the same");
    }

    #[test]
    fn what_has_not_come_back_before_a_later_answer_never_will() {
        let mut routes = routes();
        routes.expect_echo(0, "c".into(), "lost".into());
        routes.expect_echo(0, "c".into(), "last".into());
        routes.answered();
        assert!(routes.receiver("c", b"lost").is_some());
        assert!(routes.receiver("c", b"last").is_none(), "it may come behind its answer");
        routes.expect_echo(1, "d".into(), "of another server".into());
        routes.expect_echo(0, "c".into(), "x".into());
        routes.answered();
        assert!(routes.receiver("d", b"of another server").is_none(), "it may come behind its answer, too");
        routes.down();
        assert!(routes.receiver("c", b"x").is_some());
    }

    #[test]
    fn a_subscription_stands_until_the_link_breaks() {
        let mut routes = routes();
        routes.stands("c");
        assert!(routes.add("c".into(), Arc::new(Nobody)));
        routes.down();
        assert!(!routes.add("c".into(), Arc::new(Nobody)));
        routes.remove("c");
        assert!(!routes.wants("c") && routes.wanted().is_empty());
    }
}
