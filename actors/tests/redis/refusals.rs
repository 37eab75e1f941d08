//! Redis is there, and does not do what it is asked to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_signalr_actors::{
    BackplaneError,
    backplane::{Backplane, Loss, RedisBackplane, RedisBackplaneBuilder},
};
use bytes::Bytes;
use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

use crate::{
    redis_server::RedisServer,
    square::{Nobody, Server, until},
};

/// As a user whose rights change.
fn as_guest(redis: &RedisServer) -> RedisBackplaneBuilder {
    redis.command(&["ACL", "SETUSER", "guest", "on", "nopass", "&*", "+@all"]);
    RedisBackplane::builder(&redis.url().replace("redis://", "redis://guest:any@"))
        .probe_interval(Duration::from_millis(20))
}

fn has_subscribers(redis: &RedisServer, channel: &str, count: usize) -> bool {
    redis.command(&["PUBSUB", "NUMSUB", channel]).ends_with(&format!(":{count}\r\n"))
}

#[actix::test]
async fn a_channel_that_redis_refuses_for_a_while_is_subscribed_to_afterwards() {
    let redis = RedisServer::start();
    let here = Server::with(as_guest(&redis));
    here.linked().await;
    let ann = here.connect("ann").await;
    redis.command(&["ACL", "SETUSER", "guest", "-subscribe"]);
    assert_eq!(ann.invoke("Join", ("red",)).await, Ok(()));
    let bob = here.connect("bob").await;
    assert!(has_subscribers(&redis, "Town.Square:user:bob", 0));

    redis.command(&["ACL", "SETUSER", "guest", "+subscribe"]);
    let of_bob = format!("Town.Square:connection:{}", bob.connection_id());
    for channel in ["Town.Square:group:red", "Town.Square:user:bob", &of_bob] {
        until("it is subscribed to", || has_subscribers(&redis, channel, 1)).await;
    }
    assert_eq!(here.counts().outages(), 0);
}

#[actix::test]
async fn a_channel_that_redis_does_not_end_for_a_while_is_ended_afterwards() {
    let redis = RedisServer::start();
    let here = Server::with(as_guest(&redis));
    here.linked().await;
    let ann = here.connect("ann").await;
    assert_eq!(ann.invoke("Join", ("red",)).await, Ok(()));
    redis.command(&["ACL", "SETUSER", "guest", "-unsubscribe"]);
    assert_eq!(ann.invoke("Leave", ("red",)).await, Ok(()));
    assert!(has_subscribers(&redis, "Town.Square:group:red", 1));

    redis.command(&["ACL", "SETUSER", "guest", "+unsubscribe"]);
    until("it is ended", || has_subscribers(&redis, "Town.Square:group:red", 0)).await;
    assert_eq!(here.counts().outages(), 0);
}

#[actix::test]
async fn of_all_that_redis_refuses_the_log_has_one_line_of_each_kind() {
    let warnings = Warnings::default();
    // The link lives on this thread.
    let _logging = tracing::subscriber::set_default(warnings.clone());
    let redis = RedisServer::start();
    let builder = as_guest(&redis).probe_interval(Duration::from_secs(3600));
    let backplane = builder.share_worker(true).build().unwrap();
    backplane.worker_started();
    until("it is linked", || backplane.counts().is_connected()).await;
    redis.command(&["ACL", "SETUSER", "guest", "-publish", "-subscribe"]);
    for _ in 0..10 {
        let refused = backplane.publish("c", Bytes::new()).await;
        assert!(matches!(refused, Err(BackplaneError::Refused(_))), "{refused:?}");
        backplane.subscribe("c", Arc::new(Nobody)).await;
    }
    assert_eq!(backplane.counts().losses(Loss::Refused), 10);
    assert_eq!(warnings.0.load(Ordering::SeqCst), 2);
}

/// Counts lines of the log that warn of something.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
