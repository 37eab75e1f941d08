//! The link to one Redis server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use redis::{ConnectionInfo, PushInfo, PushKind, RedisError, RedisResult, Value, from_redis_value};

use crate::backplane::redis::{Shared, outbox::Publication, socket::Listener, wire::Wire};

/// A link to one server.
pub(super) struct Node {
    wire: Wire,
    words: &'static Words,
    /// How many channels it is about to say that we have left. One it says beyond that, it has turned us out of.
    leaving: Arc<AtomicUsize>,
    /// What it says of itself.
    pub(super) kind: Kind,
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) is_replica: bool,
    pub(super) is_of_cluster: bool,
}

/// The commands for channels, and those for channels of shards.
struct Words {
    publish: &'static str,
    subscribe: &'static str,
    unsubscribe: &'static str,
    count: &'static str,
}

const WORDS: Words =
    Words { publish: "PUBLISH", subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE", count: "NUMSUB" };

const SHARD_WORDS: Words =
    Words { publish: "SPUBLISH", subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE", count: "SHARDNUMSUB" };

impl Node {
    /// Connects to a server. What it sends by itself is handed on; that it is gone is noted in `is_broken`.
    pub(super) async fn connect(
        shared: &Arc<Shared>,
        server: ConnectionInfo,
        is_broken: &Arc<AtomicBool>,
    ) -> RedisResult<Self> {
        let leaving = Arc::new(AtomicUsize::new(0));
        let ear = Ear { shared: shared.clone(), leaving: leaving.clone(), is_broken: is_broken.clone() };
        let wire = Wire::connect(&shared.options, server, ear).await?;
        let words = if shared.options.topology.is_sharded() { &SHARD_WORDS } else { &WORDS };
        let mut node = Self { wire, words, leaving, kind: Kind::default() };
        node.greet().await?;
        Ok(node)
    }

    /// Finds out whether it is there, and what it is.
    pub(super) async fn greet(&mut self) -> RedisResult<()> {
        let hello: [&[u8]; 2] = [b"HELLO", b"3"];
        for answer in self.wire.ask([hello].into_iter()).await? {
            self.kind = Kind::read(&answer.extract_error()?);
        }
        Ok(())
    }

    /// Subscribes to channels; answers what it says to each.
    pub(super) async fn subscribe(&mut self, channels: &[Arc<str>]) -> RedisResult<Vec<Value>> {
        self.send(self.words.subscribe, channels).await
    }

    /// Ends subscriptions; answers what it says to each.
    pub(super) async fn unsubscribe(&mut self, channels: &[Arc<str>]) -> RedisResult<Vec<Value>> {
        self.leaving.fetch_add(channels.len(), Ordering::AcqRel);
        let answers = self.send(self.words.unsubscribe, channels).await?;
        let refused = answers.iter().filter(|answer| matches!(answer, Value::ServerError(_))).count();
        let stay = |leaving: usize| Some(leaving.saturating_sub(refused));
        let _ = self.leaving.fetch_update(Ordering::AcqRel, Ordering::Acquire, stay);
        Ok(answers)
    }

    async fn send(&mut self, word: &str, channels: &[Arc<str>]) -> RedisResult<Vec<Value>> {
        let mut answers = Vec::with_capacity(channels.len());
        for channels in channels.chunks(MOST_AT_ONCE) {
            let commands = channels.iter().map(|channel| [word.as_bytes(), channel.as_bytes()]);
            answers.extend(self.wire.ask(commands).await?);
        }
        Ok(answers)
    }

    /// Publishes messages in their order; answers what it says to each.
    pub(super) async fn publish(&mut self, publications: &[Publication]) -> RedisResult<Vec<Value>> {
        let word = self.words.publish.as_bytes();
        let commands = publications
            .iter()
            .map(|Publication { channel, payload, .. }| [word, channel.as_bytes(), &payload[..]]);
        self.wire.ask(commands).await
    }

    /// How many are subscribed here to each of some channels.
    pub(super) async fn subscribers(&mut self, channels: &[Arc<str>]) -> RedisResult<Vec<usize>> {
        let mut counts = Vec::with_capacity(channels.len());
        for channels in channels.chunks(MOST_AT_ONCE) {
            let words = [b"PUBSUB", self.words.count.as_bytes()].into_iter();
            let command: Vec<&[u8]> =
                words.chain(channels.iter().map(|channel| channel.as_bytes())).collect();
            for answer in self.wire.ask([command].into_iter()).await? {
                let subscribers: Vec<(String, usize)> = from_redis_value(answer.extract_error()?)?;
                counts.extend(subscribers.into_iter().map(|(_, subscribers)| subscribers));
            }
        }
        Ok(counts)
    }

    /// Waits until the link is over, if it is one that does not say so by itself.
    pub(super) async fn listen(&mut self) -> RedisError {
        self.wire.listen().await
    }
}

impl Kind {
    /// Reads an answer to `HELLO`.
    fn read(answer: &Value) -> Self {
        let Value::Map(entries) = answer else { return Self::default() };
        let says = |name: &str, text: &str| {
            entries.iter().any(|(key, value)| is_text(key, name) && is_text(value, text))
        };
        Self { is_replica: says("role", "replica"), is_of_cluster: says("mode", "cluster") }
    }
}

fn is_text(value: &Value, text: &str) -> bool {
    match value {
        Value::BulkString(bytes) => bytes == text.as_bytes(),
        Value::SimpleString(string) => string == text,
        _ => false,
    }
}

/// Takes what a server says by itself. On the thread of the link; never waits.
pub(super) struct Ear {
    shared: Arc<Shared>,
    leaving: Arc<AtomicUsize>,
    is_broken: Arc<AtomicBool>,
}

impl Ear {
    /// Takes it as the crate reads it.
    pub(super) fn hear(&self, push: &PushInfo) {
        let is_gone = match push.kind {
            PushKind::Message | PushKind::SMessage => {
                if let [Value::BulkString(channel), Value::BulkString(payload), ..] = &push.data[..] {
                    self.shared.receive(channel, payload);
                }
                false
            }
            PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                // Where channels have moved to another server, nobody else says so.
                let left = |left: usize| left.checked_sub(1);
                self.leaving.fetch_update(Ordering::AcqRel, Ordering::Acquire, left).is_err()
            }
            PushKind::Disconnection => true,
            _ => false,
        };
        if is_gone {
            self.is_broken.store(true, Ordering::Release);
            self.shared.wake.notify_one();
        }
    }
}

impl Listener for Ear {
    fn message(&self, channel: &[u8], payload: &[u8]) {
        self.shared.receive(channel, payload);
    }

    fn pushed(&self, push: Value) -> Option<Value> {
        let Value::Push { kind, data } = push else { return None };
        let push = PushInfo { kind, data };
        self.hear(&push);
        let is_answer = matches!(push.kind, PushKind::Subscribe | PushKind::Unsubscribe);
        is_answer.then_some(Value::Push { kind: push.kind, data: push.data })
    }
}

/// Channels named at once.
const MOST_AT_ONCE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_what_it_is() {
        let text = |text: &str| Value::BulkString(text.into());
        let answer = |mode, role| {
            Value::Map(vec![
                (text("proto"), Value::Int(3)),
                (text("mode"), text(mode)),
                (text("role"), text(role)),
            ])
        };
        assert_eq!(Kind::read(&answer("standalone", "master")), Kind::default());
        let of_cluster = Kind { is_of_cluster: true, is_replica: false };
        assert_eq!(Kind::read(&answer("cluster", "master")), of_cluster);
        assert!(Kind::read(&answer("standalone", "replica")).is_replica);
        assert_eq!(Kind::read(&Value::Okay), Kind::default());
    }
}
