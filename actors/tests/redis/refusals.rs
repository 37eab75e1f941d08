//! Redis is there, and does not do what it is asked to.

use std::{sync::Arc, time::Duration};

use actix_signalr_actors::{
    BackplaneError, HubContext,
    backplane::{Backplane, Loss, RedisBackplane, RedisBackplaneBuilder},
    protocol::NamingPolicy,
    testing::TestNetwork,
};
use bytes::Bytes;

use crate::{
    log::Log,
    redis_server::{RedisServer, free_port},
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
    let log = Log::begin();
    let redis = RedisServer::start();
    let builder = as_guest(&redis).probe_interval(Duration::from_secs(3600));
    let backplane = builder.share_worker(true).build().unwrap();
    // The link lives on this thread.
    backplane.worker_started();
    until("it is linked", || backplane.counts().is_connected()).await;
    redis.command(&["ACL", "SETUSER", "guest", "-publish", "-subscribe"]);
    for _ in 0..10 {
        let refused = backplane.publish("c", Bytes::new()).await;
        assert!(matches!(refused, Err(BackplaneError::Refused(_))), "{refused:?}");
        backplane.subscribe("c", Arc::new(Nobody)).await;
    }
    assert_eq!(backplane.counts().losses(Loss::Refused), 10);
    assert_eq!(log.warnings_here(), 2);
}

#[actix::test]
async fn of_messages_that_find_no_room_the_log_has_one_line() {
    let log = Log::begin();
    let url = format!("redis://127.0.0.1:{}", free_port());
    let backplane = RedisBackplane::builder(&url).maximum_pending(1).build().unwrap();
    let _waits = backplane.publish("c", Bytes::new());
    for _ in 0..10 {
        assert_eq!(backplane.publish("c", Bytes::new()).await, Err(BackplaneError::Full));
    }
    assert_eq!((backplane.counts().losses(Loss::Overflow), log.warnings_here()), (10, 1));
}

#[actix::test]
async fn of_messages_that_cannot_be_read_the_log_has_one_line() {
    let log = Log::begin();
    // A carrier that hands on what is published on the thread of who publishes it.
    let network = TestNetwork::default();
    let (here, there) = (network.server(), network.server());
    let _hub = HubContext::<()>::without_server(here.clone(), "Town.Square", NamingPolicy::default());
    for _ in 0..3 {
        assert_eq!(there.publish("Town.Square:x:control", "no message".into()).await, Ok(1));
    }
    assert_eq!((here.counts().losses(Loss::Unreadable), log.warnings_here()), (3, 1));
}
