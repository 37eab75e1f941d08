//! Which workers of this process want to hear of what.

use std::{collections::HashMap, sync::Arc};

use crate::{ConnectionId, give_back::GiveBack};

/// What servers with somebody there listen to. Names are compared with case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Connection(ConnectionId),
    User(Arc<str>),
    Group(Arc<str>),
}

/// The workers that have somebody for each topic, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Interests {
    topics: HashMap<Topic, Vec<usize>>,
    /// How many connections each worker has.
    connections: HashMap<usize, usize>,
}

impl Interests {
    /// A worker has somebody for a topic.
    pub(super) fn add(&mut self, topic: Topic, worker: usize) {
        let is_connection = matches!(topic, Topic::Connection(_));
        let workers = self.topics.entry(topic).or_default();
        if !workers.contains(&worker) {
            workers.push(worker);
            if is_connection {
                *self.connections.entry(worker).or_default() += 1;
            }
        }
    }

    /// A worker has nobody for a topic any more; says whether no worker has.
    pub(super) fn remove(&mut self, topic: &Topic, worker: usize) -> bool {
        let Some(workers) = self.topics.get_mut(topic) else { return false };
        let before = workers.len();
        workers.retain(|interested| *interested != worker);
        if workers.len() < before
            && matches!(topic, Topic::Connection(_))
            && let Some(connections) = self.connections.get_mut(&worker)
        {
            *connections -= 1;
        }
        let is_last = workers.is_empty();
        if is_last {
            self.topics.remove(topic);
            // A wave of connections must not keep its memory for good.
            self.topics.give_back();
        }
        is_last
    }

    /// A worker has nobody any more; says for which topics no worker has.
    pub(super) fn remove_worker(&mut self, worker: usize) -> Vec<Topic> {
        let topics: Vec<Topic> = self.topics.keys().cloned().collect();
        let left = topics.into_iter().filter(|topic| self.remove(topic, worker)).collect();
        self.connections.remove(&worker);
        left
    }

    /// Whether a worker has any connection.
    pub(super) fn has_connections(&self, worker: usize) -> bool {
        self.connections.get(&worker).is_some_and(|connections| *connections > 0)
    }

    /// The workers that have somebody for a topic.
    pub(super) fn workers(&self, topic: &Topic) -> &[usize] {
        self.topics.get(topic).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_worker_ends_an_interest() {
        let (red, ann) = (Topic::Group("red".into()), Topic::User("ann".into()));
        let mut interests = Interests::default();
        for (topic, worker) in [(&red, 1), (&red, 2), (&red, 2), (&ann, 2)] {
            interests.add(topic.clone(), worker);
        }
        assert_eq!((interests.workers(&red), interests.workers(&ann)), (&[1, 2][..], &[2][..]));
        assert!(!interests.remove(&red, 1));
        assert!(!interests.remove(&red, 1), "it had gone");
        assert!(interests.remove(&red, 2));
        assert!(!interests.remove(&red, 2), "it is nobody's");
        assert_eq!(interests.remove_worker(2), [ann]);
        assert!(interests.topics.is_empty());
    }

    #[test]
    fn a_worker_has_connections_until_the_last_has_gone() {
        let connection = |id: &str| Topic::Connection(id.into());
        let mut interests = Interests::default();
        interests.add(Topic::Group("red".into()), 1);
        assert!(!interests.has_connections(1));
        for id in ["a", "b", "b"] {
            interests.add(connection(id), 1);
        }
        for id in ["a", "a", "c"] {
            interests.remove(&connection(id), 1);
        }
        assert!(interests.has_connections(1) && !interests.has_connections(2));
        interests.remove(&connection("b"), 1);
        assert!(!interests.has_connections(1));
    }
}
