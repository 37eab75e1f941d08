//! What is done with messages that come from Redis, by their channels.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use crate::{backplane::Receiver, give_back::GiveBack};

/// Who wants which channel, what Redis knows of that, and which messages are about to come back to us.
///
/// Redis hands a message to all who are subscribed, its publisher among them. Our own are passed over: the same bytes on the
/// same channel, the first ones to come. If another server has published just the same, it does not matter which of the two is
/// passed over. A server answers in order on one link, so what has not come back when a later message is answered never will.
#[derive(Default)]
pub(super) struct Routes {
    routes: HashMap<Arc<str>, Route>,
    /// By the numbers of the servers.
    servers: Vec<Own>,
}

/// How many of our messages come back from a server.
#[derive(Clone, Copy, Default)]
struct Own {
    published: u64,
    answered: u64,
}

/// A channel that somebody wants, or that Redis takes to be wanted.
#[derive(Default)]
struct Route {
    receiver: Option<Arc<dyn Receiver>>,
    subscription: Subscription,
    echoes: VecDeque<Echo>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Subscription {
    #[default]
    None,
    /// Redis is being asked for it.
    Asked,
    Stands,
    /// It is about to be ended.
    Ends,
}

struct Echo {
    server: usize,
    number: u64,
    payload: Bytes,
}

/// What Redis is to be told of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Subscribe,
    Unsubscribe,
}

impl Routes {
    /// Wants a channel; says whether the subscription stands already.
    pub(super) fn add(&mut self, channel: Arc<str>, receiver: Arc<dyn Receiver>) -> bool {
        let route = self.routes.entry(channel).or_default();
        route.receiver.get_or_insert(receiver);
        route.subscription == Subscription::Stands
    }

    /// Wants a channel no more.
    pub(super) fn remove(&mut self, channel: &str) {
        if let Some(route) = self.routes.get_mut(channel) {
            route.receiver = None;
            self.forget_unwanted(channel);
        }
    }

    /// All channels that are wanted, none of which is subscribed to: all are to be now.
    pub(super) fn begin_all(&mut self) -> Vec<Arc<str>> {
        self.routes.values_mut().for_each(|route| route.subscription = Subscription::Asked);
        self.routes.keys().cloned().collect()
    }

    /// What is to be done about a channel that may have changed. Said once: from then on it is taken to be under way.
    pub(super) fn begin(&mut self, channel: &str) -> Option<Change> {
        let route = self.routes.get_mut(channel)?;
        match (&route.receiver, route.subscription) {
            (Some(_), Subscription::None) => {
                route.subscription = Subscription::Asked;
                Some(Change::Subscribe)
            }
            (None, Subscription::Stands) => {
                route.subscription = Subscription::Ends;
                Some(Change::Unsubscribe)
            }
            _ => None,
        }
    }

    /// Channels with which it is not as it is wanted, and nothing is under way: Redis has refused them, or has not been asked yet.
    pub(super) fn unsettled(&self) -> Vec<Arc<str>> {
        let is_unsettled = |route: &Route| match route.subscription {
            Subscription::None => route.receiver.is_some(),
            Subscription::Stands => route.receiver.is_none(),
            Subscription::Asked | Subscription::Ends => false,
        };
        let unsettled = self.routes.iter().filter(|(_, route)| is_unsettled(route));
        unsettled.map(|(channel, _)| channel.clone()).collect()
    }

    /// Redis knows of a channel.
    pub(super) fn subscribed(&mut self, channel: &str) {
        if let Some(route) = self.routes.get_mut(channel) {
            route.subscription = Subscription::Stands;
        }
    }

    /// Redis knows of a channel no more, or does not let us have it.
    pub(super) fn unsubscribed(&mut self, channel: &str) {
        if let Some(route) = self.routes.get_mut(channel) {
            route.subscription = Subscription::None;
            self.forget_unwanted(channel);
        }
    }

    /// Whether Redis counts us among those who are subscribed to a channel.
    pub(super) fn is_subscribed(&self, channel: &str) -> bool {
        self.routes.get(channel).is_some_and(Route::comes_back)
    }

    /// Gives up a channel that neither we want nor Redis knows of.
    fn forget_unwanted(&mut self, channel: &str) {
        let is_over = |route: &Route| route.receiver.is_none() && route.subscription == Subscription::None;
        if self.routes.get(channel).is_some_and(is_over) {
            self.routes.remove(channel);
            self.routes.give_back();
        }
    }

    /// The link is broken: nothing is subscribed to, and nothing comes back.
    pub(super) fn down(&mut self) {
        self.servers.clear();
        self.routes.retain(|_, route| {
            route.subscription = Subscription::None;
            route.echoes = VecDeque::new();
            route.receiver.is_some()
        });
        self.routes.give_back();
    }

    /// A message is about to be published on a channel of a server; says whether it comes back.
    pub(super) fn publish(&mut self, server: usize, channel: &str, payload: &Bytes) -> bool {
        let route = self.routes.get_mut(channel).filter(|route| route.comes_back());
        let Some(route) = route else { return false };
        if self.servers.len() <= server {
            self.servers.resize(server + 1, Own::default());
        }
        self.servers[server].published += 1;
        route.forget_lost(&self.servers);
        let number = self.servers[server].published;
        route.echoes.push_back(Echo { server, number, payload: payload.clone() });
        true
    }

    /// The messages published so far are answered: all but the last of each server have come back if they ever do.
    pub(super) fn answered(&mut self) {
        self.servers.iter_mut().for_each(|own| own.answered = own.published);
    }

    /// Who is to have a message that has come; nobody, where it is our own.
    pub(super) fn receiver(&mut self, channel: &str, payload: &[u8]) -> Option<Arc<dyn Receiver>> {
        let route = self.routes.get_mut(channel)?;
        if route.is_own(payload, &self.servers) { None } else { route.receiver.clone() }
    }
}

impl Route {
    /// Whether Redis hands us what we publish.
    const fn comes_back(&self) -> bool {
        matches!(self.subscription, Subscription::Stands | Subscription::Ends)
    }

    /// Whether a message that has come is one of ours.
    fn is_own(&mut self, payload: &[u8], servers: &[Own]) -> bool {
        self.forget_lost(servers);
        let is_own = self.echoes.pop_front_if(|echo| echo.payload == payload).is_some();
        if self.echoes.capacity() > FEW {
            self.echoes.give_back();
        }
        is_own
    }

    /// Gives up what has not come back and never will.
    fn forget_lost(&mut self, servers: &[Own]) {
        while self.echoes.pop_front_if(|echo| echo.number < servers[echo.server].answered).is_some() {}
    }
}

/// Room for so many of our messages is kept with a channel.
const FEW: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Receiver for Nobody {
        fn receive(&self, _: Bytes) {}
    }

    /// Subscribed to some channels.
    fn routes(channels: &[&str]) -> Routes {
        let mut routes = Routes::default();
        for channel in channels {
            assert!(!routes.add((*channel).into(), Arc::new(Nobody)));
            assert_eq!(routes.begin(channel), Some(Change::Subscribe));
            routes.subscribed(channel);
        }
        routes
    }

    fn publish(routes: &mut Routes, server: usize, channel: &str, payload: &'static str) {
        assert!(routes.publish(server, channel, &payload.into()));
    }

    #[test]
    fn what_we_have_published_is_passed_over_once() {
        let mut routes = routes(&["c"]);
        for payload in ["one", "two", "two"] {
            publish(&mut routes, 0, "c", payload);
        }
        assert!(!routes.publish(0, "d", &"two".into()), "nobody wants it");
        assert!(routes.receiver("c", b"of another").is_some());
        assert!(routes.receiver("c", b"one").is_none());
        assert!(routes.receiver("c", b"two").is_none());
        assert!(routes.receiver("d", b"two").is_none(), "nobody wants it");
        assert!(routes.receiver("c", b"two").is_none());
        assert!(routes.receiver("c", b"two").is_some(), "another has published the same");
    }

    #[test]
    fn what_has_not_come_back_before_a_later_answer_never_will() {
        let mut routes = routes(&["c", "d"]);
        publish(&mut routes, 0, "c", "lost");
        publish(&mut routes, 0, "c", "last");
        routes.answered();
        assert!(routes.receiver("c", b"lost").is_some());
        assert!(routes.receiver("c", b"last").is_none(), "it may come behind its answer");
        publish(&mut routes, 1, "d", "of another server");
        publish(&mut routes, 0, "c", "x");
        routes.answered();
        assert!(routes.receiver("d", b"of another server").is_none(), "it may come behind its answer, too");
        routes.down();
        assert!(routes.receiver("c", b"x").is_some());
    }

    #[test]
    fn what_has_come_back_or_never_will_is_not_kept() {
        let mut routes = routes(&["c"]);
        for _ in 0..100 {
            publish(&mut routes, 0, "c", "comes back");
        }
        for _ in 0..100 {
            assert!(routes.receiver("c", b"comes back").is_none());
        }
        assert!(routes.routes["c"].echoes.capacity() <= FEW, "the room is given back");
        for _ in 0..100 {
            publish(&mut routes, 0, "c", "lost");
            routes.answered();
        }
        assert_eq!(routes.routes["c"].echoes.len(), 2, "of which the last may still come");
    }

    #[test]
    fn a_subscription_stands_until_the_link_breaks() {
        let mut routes = routes(&["c"]);
        assert!(routes.add("c".into(), Arc::new(Nobody)));
        routes.down();
        assert!(!routes.add("c".into(), Arc::new(Nobody)));
        assert_eq!(routes.begin_all(), ["c".into()] as [Arc<str>; 1]);
        assert!(!routes.publish(0, "c", &"too early".into()));
        routes.subscribed("c");
        assert!(routes.add("c".into(), Arc::new(Nobody)));
        routes.remove("c");
        routes.down();
        assert!(routes.begin_all().is_empty());
    }

    #[test]
    fn what_changes_twice_is_changed_once() {
        let mut routes = routes(&["c"]);
        routes.remove("c");
        assert!(routes.add("c".into(), Arc::new(Nobody)), "it has not been ended");
        assert_eq!(routes.begin("c"), None);
        routes.remove("c");
        assert_eq!(routes.begin("c"), Some(Change::Unsubscribe));
        assert_eq!(routes.begin("c"), None);
        publish(&mut routes, 0, "c", "goes out before the end");
        assert!(!routes.add("c".into(), Arc::new(Nobody)), "it is about to be ended");
        assert!(routes.receiver("c", b"goes out before the end").is_none());
        routes.unsubscribed("c");
        assert_eq!(routes.begin("c"), Some(Change::Subscribe));
        assert_eq!(routes.begin("c"), None);
        routes.remove("c");
        routes.subscribed("c");
        assert_eq!(routes.begin("c"), Some(Change::Unsubscribe), "who wanted it has gone meanwhile");
        routes.unsubscribed("c");
        assert!(routes.routes.is_empty());
    }

    #[test]
    fn what_redis_refuses_does_not_come_back_and_may_be_tried_again() {
        let mut routes = Routes::default();
        routes.add("c".into(), Arc::new(Nobody));
        routes.begin("c");
        routes.unsubscribed("c");
        assert!(!routes.publish(0, "c", &"out".into()));
        assert!(!routes.add("c".into(), Arc::new(Nobody)));
        assert_eq!(routes.unsettled(), ["c".into()] as [Arc<str>; 1]);
        assert_eq!(routes.begin("c"), Some(Change::Subscribe));
        assert!(routes.unsettled().is_empty(), "it is being asked for");
        routes.subscribed("c");
        assert!(routes.unsettled().is_empty(), "it is as it is wanted");
        routes.remove("c");
        assert_eq!(routes.unsettled(), ["c".into()] as [Arc<str>; 1]);
        assert_eq!(routes.begin("c"), Some(Change::Unsubscribe));
        assert!(routes.unsettled().is_empty(), "it is about to be ended");
        routes.unsubscribed("c");
        routes.add("d".into(), Arc::new(Nobody));
        routes.begin("d");
        routes.unsubscribed("d");
        routes.remove("d");
        assert!(routes.routes.is_empty());
    }
}
