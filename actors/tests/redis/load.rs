//! Redis is killed and started again while much is sent.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use actix_rt::time::{sleep, timeout};
use actix_signalr_actors::backplane::{Loss, RedisBackplane};

use crate::{
    redis_server::RedisServer,
    square::{LIMIT, Server},
};

/// Senders at once.
const SENDERS: usize = 8;

/// How soon all goes on when Redis answers again. The link is tried four times as often.
const RECOVERY: Duration = Duration::from_secs(1);

/// How often Redis is killed.
const ROUNDS: usize = 3;

#[actix::test]
async fn redis_may_be_killed_under_load_and_what_is_lost_is_what_is_told() {
    kill_redis_under_load(false).await;
}

#[actix::test]
async fn so_it_may_where_the_link_lives_with_a_worker() {
    kill_redis_under_load(true).await;
}

async fn kill_redis_under_load(shares_worker: bool) {
    let mut redis = RedisServer::start();
    let builder = || {
        let timeout = Duration::from_millis(100);
        RedisBackplane::builder(&redis.url()).message_timeout(timeout).share_worker(shares_worker)
    };
    let (here, there) = (Server::with(builder()), Server::with(builder()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);

    let is_over = Cell::new(false);
    let (sent, failed) = (Cell::new(0_u64), Cell::new(0_u64));
    let context = here.context();
    let senders = futures::future::join_all((0..SENDERS).map(|_| async {
        while !is_over.get() {
            // To one who is elsewhere, so that only what passes Redis counts.
            let outcome = context.clients().client(bob.connection_id()).send("Heard", ("load",)).await;
            let count = if outcome.is_ok() { &sent } else { &failed };
            count.set(count.get() + 1);
            actix_rt::task::yield_now().await;
        }
    }));
    let mut quickest = LIMIT;
    let faults = async {
        for round in 0..ROUNDS {
            let before = sent.get();
            progress("messages pass", || sent.get() >= before + 500).await;
            let failed_before = failed.get();
            redis.kill();
            progress("messages are lost", || failed.get() > failed_before + SENDERS as u64).await;
            redis.restart();
            let (answered, passed) = (Instant::now(), sent.get());
            progress("messages pass again", || sent.get() > passed).await;
            let passes = answered.elapsed();
            there.linked().await;
            println!(
                "round {round}: messages pass {passes:?} after Redis has answered, and are heard of after {:?}",
                answered.elapsed()
            );
            quickest = quickest.min(answered.elapsed());
        }
        is_over.set(true);
    };
    let ended = timeout(LIMIT * 3, async { futures::join!(senders, faults) }).await;
    assert!(ended.is_ok(), "nobody hangs");
    // Of the rounds one will do: a machine that stands still for a moment says nothing of the link.
    assert!(quickest < RECOVERY, "{quickest:?}");

    assert_eq!(here.lost(), failed.get(), "what is counted is what was told");
    assert!(here.counts().losses(Loss::Unsent) > 0);
    assert_eq!(here.counts().outages(), ROUNDS as u64);
    // Both connections are still there, and reached.
    here.linked().await;
    there.linked().await;
    assert_eq!(ann.invoke("Say", ("last",)).await, Ok(()));
    let mut received = 0;
    while bob.receive::<String>("Heard").await != "last" {
        received += 1;
    }
    assert_eq!(ann.receive::<String>("Heard").await, "last");
    // What was told to be uncertain may have come. What was told to have passed may not, as Redis and the other server's link
    // went down with it.
    assert!(received <= sent.get() + here.counts().losses(Loss::Unconfirmed), "nothing comes twice");
    println!("{} passed, {received} received, {} failed", sent.get(), failed.get());
}

async fn progress(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(timeout(LIMIT, waiting).await.is_ok(), "{what}");
}
