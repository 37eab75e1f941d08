//! Two servers of Redis, one the replica of the other, and Sentinels that decide which is the master.

use std::{cell::Cell, time::Duration};

use actix_rt::time::{sleep, timeout};
use actix_signalr_actors::backplane::{Loss, RedisBackplane, RedisBackplaneBuilder};

use crate::{
    redis_server::{RedisServer, free_port},
    square::{LIMIT, Server, until},
};

/// A master, its replica, and who watches over them.
struct Watched {
    master: RedisServer,
    replica: RedisServer,
    sentinel: RedisServer,
}

impl Watched {
    async fn start() -> Self {
        let master = RedisServer::start();
        let of_master = master.port().to_string();
        let replica = RedisServer::start_with(
            free_port(),
            &["--save", "", "--appendonly", "no", "--replicaof", "127.0.0.1", &of_master],
        );
        until("the replica follows", || replica.command(&["ROLE"]).contains("connected")).await;
        let sentinel = RedisServer::sentinel("town", &master);
        let knows_both =
            || sentinel.command(&["SENTINEL", "REPLICAS", "town"]).contains(&replica.port().to_string());
        until("the Sentinel knows both", knows_both).await;
        Self { master, replica, sentinel }
    }

    /// One of the Sentinels it names is never there.
    fn backplane(&self) -> RedisBackplaneBuilder {
        let nobody = format!("redis://127.0.0.1:{}", free_port());
        RedisBackplane::builder("redis://town")
            .sentinels([nobody, self.sentinel.url()])
            .probe_interval(Duration::from_millis(50))
            .response_timeout(Duration::from_secs(1))
    }
}

#[actix::test]
async fn when_the_master_dies_servers_go_to_the_one_that_takes_its_place_and_losses_are_told() {
    let mut watched = Watched::start().await;
    let message_timeout = Duration::from_millis(100);
    let (here, there) = (
        Server::with(watched.backplane().message_timeout(message_timeout)),
        Server::with(watched.backplane().message_timeout(message_timeout)),
    );
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(ann.invoke("Say", ("before",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "before");
    assert_eq!(ann.receive::<String>("Heard").await, "before");

    let is_over = Cell::new(false);
    let (sent, failed) = (Cell::new(0_u64), Cell::new(0_u64));
    let context = here.context();
    let sending = async {
        while !is_over.get() {
            let outcome = context.clients().client(bob.connection_id()).send("Heard", ("load",)).await;
            let count = if outcome.is_ok() { &sent } else { &failed };
            count.set(count.get() + 1);
            sleep(Duration::from_millis(1)).await;
        }
    };
    let fault = async {
        until("messages pass", || sent.get() > 20).await;
        watched.master.kill();
        here.cut().await;
        until("the replica is master", || watched.replica.command(&["ROLE"]).contains("master")).await;
        here.linked().await;
        there.linked().await;
        let passed = sent.get();
        until("messages pass again", || sent.get() > passed + 20).await;
        is_over.set(true);
    };
    assert!(timeout(LIMIT, async { futures::join!(sending, fault) }).await.is_ok(), "nobody hangs");

    assert_eq!(here.lost(), failed.get(), "what is counted is what was told");
    assert!(here.counts().losses(Loss::Unsent) > 0);
    assert!(here.counts().outages() >= 1);
    assert_eq!(ann.invoke("Say", ("after",)).await, Ok(()), "the connections are still there");
    let mut received = 0;
    while bob.receive::<String>("Heard").await != "after" {
        received += 1;
    }
    assert!(received <= sent.get() + here.counts().losses(Loss::Unconfirmed), "nothing comes twice");
    assert_eq!(ann.receive::<String>("Heard").await, "after");
}

#[actix::test]
async fn a_master_that_is_made_a_replica_is_left() {
    let watched = Watched::start().await;
    let (here, there) = (Server::with(watched.backplane()), Server::with(watched.backplane()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);

    // It may have decided a moment ago, and does not at once do so again.
    until("the Sentinel does it", || {
        watched.sentinel.command(&["SENTINEL", "FAILOVER", "town"]).starts_with('+')
    })
    .await;
    until("the replica is master", || watched.replica.command(&["ROLE"]).contains("master")).await;
    let all = || watched.replica.command(&["PUBSUB", "NUMSUB", "Town.Square:all"]);
    until("both are there", || all().ends_with(":2\r\n")).await;
    here.linked().await;
    there.linked().await;
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
    assert_eq!(ann.receive::<String>("Heard").await, "hello");
}

#[actix::test]
async fn a_master_that_does_not_know_that_it_has_been_replaced_is_left() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let sentinel = RedisServer::sentinel("town", &old);
    let backplane = RedisBackplane::builder("redis://town")
        .sentinels([sentinel.url()])
        .probe_interval(Duration::from_millis(50));
    let here = Server::with(backplane);
    here.linked().await;
    let ann = here.connect("ann").await;

    let port = new.port().to_string();
    assert_eq!(sentinel.command(&["SENTINEL", "REMOVE", "town"]), "+OK\r\n");
    assert_eq!(sentinel.command(&["SENTINEL", "MONITOR", "town", "127.0.0.1", &port, "1"]), "+OK\r\n");
    until("the link is to the new one", || {
        new.command(&["PUBSUB", "NUMSUB", "Town.Square:all"]).ends_with(":1\r\n")
    })
    .await;
    here.linked().await;
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(ann.receive::<String>("Heard").await, "hello");
}
