//! The link to one Redis server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use redis::{
    Client, ConnectionInfo, Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

use crate::backplane::redis::{Shared, outbox::Publication};

/// A link to one server.
pub(super) struct Node {
    connection: MultiplexedConnection,
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
        let (receiving, left, breaking) = (shared.clone(), leaving.clone(), is_broken.clone());
        let take = move |push| receive(&receiving, push, &left, &breaking);
        let config = shared.options.connection().set_push_sender(take);
        let connection = Client::open(server)?.get_multiplexed_async_connection_with_config(&config).await?;
        let words = if shared.options.topology.is_sharded() { &SHARD_WORDS } else { &WORDS };
        let mut node = Self { connection, words, leaving, kind: Kind::default() };
        node.greet().await?;
        Ok(node)
    }

    /// Finds out whether it is there, and what it is.
    pub(super) async fn greet(&mut self) -> RedisResult<()> {
        let answer: Value = redis::cmd("HELLO").arg(3).query_async(&mut self.connection).await?;
        self.kind = Kind::read(&answer);
        Ok(())
    }

    /// Subscribes to channels; answers what it says to each.
    pub(super) async fn subscribe(&mut self, channels: &[Arc<str>]) -> RedisResult<Vec<Value>> {
        self.send(self.words.subscribe, channels).await
    }

    /// Ends subscriptions.
    pub(super) async fn unsubscribe(&mut self, channels: &[Arc<str>]) -> RedisResult<()> {
        self.leaving.fetch_add(channels.len(), Ordering::AcqRel);
        self.send(self.words.unsubscribe, channels).await.map(drop)
    }

    async fn send(&mut self, word: &str, channels: &[Arc<str>]) -> RedisResult<Vec<Value>> {
        let mut answers = Vec::with_capacity(channels.len());
        for channels in channels.chunks(MOST_AT_ONCE) {
            let mut commands = Pipeline::with_capacity(channels.len());
            for channel in channels {
                commands.cmd(word).arg(&**channel);
            }
            answers.extend(self.connection.req_packed_commands(&commands, 0, channels.len()).await?);
        }
        Ok(answers)
    }

    /// Publishes messages in their order; answers what it says to each.
    pub(super) async fn publish(&mut self, publications: &[Publication]) -> RedisResult<Vec<Value>> {
        let mut commands = Pipeline::with_capacity(publications.len());
        for Publication { channel, payload, .. } in publications {
            commands.cmd(self.words.publish).arg(&**channel).arg(&payload[..]);
        }
        self.connection.req_packed_commands(&commands, 0, publications.len()).await
    }

    /// How many are subscribed here to each of some channels.
    pub(super) async fn subscribers(&mut self, channels: &[Arc<str>]) -> RedisResult<Vec<usize>> {
        let mut counts = Vec::with_capacity(channels.len());
        for channels in channels.chunks(MOST_AT_ONCE) {
            let mut command = redis::cmd("PUBSUB");
            command.arg(self.words.count);
            for channel in channels {
                command.arg(&**channel);
            }
            let subscribers: Vec<(String, usize)> = command.query_async(&mut self.connection).await?;
            counts.extend(subscribers.into_iter().map(|(_, subscribers)| subscribers));
        }
        Ok(counts)
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

/// Takes what a server sends by itself. Called on the thread of the link; never waits.
fn receive(
    shared: &Shared,
    push: PushInfo,
    leaving: &AtomicUsize,
    is_broken: &AtomicBool,
) -> Result<(), RedisError> {
    let is_gone = match push.kind {
        PushKind::Message | PushKind::SMessage => {
            let mut data = push.data.into_iter();
            if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
                (data.next(), data.next())
            {
                shared.receive(&channel, payload);
            }
            false
        }
        PushKind::Unsubscribe | PushKind::SUnsubscribe => {
            // Where channels have moved to another server, nobody else says so.
            leaving.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_err()
        }
        PushKind::Disconnection => true,
        _ => false,
    };
    if is_gone {
        is_broken.store(true, Ordering::Release);
        shared.wake.notify_one();
    }
    Ok(())
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
