//! Redis is not there, goes away, comes back, or keeps silent.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_rt::time::timeout;
use actix_signalr_actors::{
    BackplaneError, SendError,
    backplane::{Backplane, Loss, RedisBackplane},
};
use bytes::Bytes;

use crate::{
    proxy::Proxy,
    redis_server::{RedisServer, free_port},
    square::{LIMIT, Server, until},
};

/// Two servers, and a client on each.
macro_rules! two_servers {
    ($builder:expr => $here:ident $there:ident $ann:ident $bob:ident) => {
        let ($here, $there) = (Server::with($builder), Server::with($builder));
        $here.linked().await;
        $there.linked().await;
        let ($ann, $bob) = ($here.connect("ann").await, $there.connect("bob").await);
    };
}

#[actix::test]
async fn a_server_starts_without_redis_serves_its_own_clients_and_joins_when_redis_comes() {
    let mut redis = RedisServer::start();
    redis.kill();
    let builder = || RedisBackplane::builder(&redis.url()).message_timeout(Duration::from_millis(50));
    let (here, there) = (Server::with(builder()), Server::with(builder()));
    let (ann, eve) = (here.connect("ann").await, here.connect("eve").await);
    let bob = there.connect("bob").await;
    assert_eq!(bob.invoke("Join", ("red",)).await, Ok(()), "it stands when Redis is there");

    let alone = here.context().clients().all().send("Heard", ("alone",)).await;
    assert!(matches!(alone, Err(SendError::Backplane(BackplaneError::Unreachable))), "{alone:?}");
    assert_eq!(here.counts().losses(Loss::Unsent), 1);
    for client in [&ann, &eve] {
        assert_eq!(client.receive::<String>("Heard").await, "alone");
    }

    redis.restart();
    here.linked().await;
    there.linked().await;
    assert_eq!(ann.invoke("SayTo", ("red", "welcome")).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "welcome");
}

#[actix::test]
async fn what_is_sent_while_redis_is_away_for_a_moment_arrives_once() {
    let mut redis = RedisServer::start();
    two_servers!(RedisBackplane::builder(&redis.url()).message_timeout(LIMIT) => here there ann bob);
    redis.kill();
    here.cut().await;
    let context = here.context();
    let all = context.clients().all();
    let sent = all.send("Heard", ("held",));
    let back = async {
        assert_eq!(ann.receive::<String>("Heard").await, "held", "clients of the same server need no Redis");
        redis.restart();
    };
    // The other server has to be there before the message is: it was first to hear that Redis is away, or will be.
    let (sent, ()) = futures::join!(sent, back);
    assert!(sent.is_ok(), "{sent:?}");
    there.linked().await;
    assert_eq!(ann.invoke("Say", ("afterwards",)).await, Ok(()));
    let heard: String = bob.receive("Heard").await;
    if heard == "held" {
        assert_eq!(bob.receive::<String>("Heard").await, "afterwards");
    } else {
        assert_eq!(heard, "afterwards", "the other server may have come back later than the message");
    }
    assert_eq!(here.lost(), 0);
}

#[actix::test]
async fn who_waits_until_all_is_out_waits_for_redis_to_be_back() {
    let mut redis = RedisServer::start();
    let here = RedisBackplane::builder(&redis.url()).message_timeout(LIMIT).build().unwrap();
    until("it is linked", || here.counts().is_connected()).await;
    redis.kill();
    until("it is not any more", || !here.counts().is_connected()).await;
    let sent = here.publish("c", Bytes::from_static(b"last"));
    let mut flushed = here.flushed();
    assert!(futures::poll!(&mut flushed).is_pending());
    redis.restart();
    flushed.await;
    assert_eq!(futures::FutureExt::now_or_never(sent), Some(Ok(0)));
}

#[actix::test]
async fn who_joins_and_leaves_while_redis_is_away_has_done_so_when_it_is_back() {
    let mut redis = RedisServer::start();
    two_servers!(RedisBackplane::builder(&redis.url()) => here there ann bob);
    assert_eq!(bob.invoke("Join", ("red",)).await, Ok(()));
    redis.kill();
    there.cut().await;
    assert_eq!(bob.invoke("Leave", ("red",)).await, Ok(()));
    assert_eq!(bob.invoke("Join", ("blue",)).await, Ok(()));
    let cid = there.connect("cid").await;
    redis.restart();
    here.linked().await;
    there.linked().await;

    assert_eq!(ann.invoke("SayTo", ("red", "to red")).await, Ok(()));
    assert_eq!(ann.invoke("SayTo", ("blue", "to blue")).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "to blue");
    assert_eq!(ann.invoke("Say", ("to all",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "to all");
    assert_eq!(cid.receive::<String>("Heard").await, "to all", "who came meanwhile is reached as well");
    let subscribers = redis.command(&["PUBSUB", "NUMSUB", "Town.Square:group:red", "Town.Square:group:blue"]);
    assert!(subscribers.contains(":0\r\n") && subscribers.ends_with(":1\r\n"), "{subscribers}");
}

#[actix::test]
async fn links_that_redis_cuts_are_made_anew() {
    let redis = RedisServer::start();
    two_servers!(RedisBackplane::builder(&redis.url()) => here there ann bob);
    redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until("both have noticed", || here.counts().outages() == 1 && there.counts().outages() == 1).await;
    here.linked().await;
    there.linked().await;
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
    assert_eq!(ann.receive::<String>("Heard").await, "hello");
}

#[actix::test]
async fn a_link_that_is_dead_without_anybody_having_said_so_is_found_and_replaced() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let builder = || {
        RedisBackplane::builder(&redis.url_by(proxy.port()))
            .probe_interval(Duration::from_millis(50))
            .response_timeout(Duration::from_millis(500))
    };
    two_servers!(builder() => here there ann bob);
    proxy.block();
    here.cut().await;
    there.cut().await;
    proxy.unblock();
    here.linked().await;
    there.linked().await;
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
}

#[actix::test]
async fn a_message_that_is_under_way_when_the_link_goes_dead_is_told_to_be_uncertain() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let here = Server::with(
        RedisBackplane::builder(&redis.url_by(proxy.port())).response_timeout(Duration::from_millis(300)),
    );
    here.linked().await;
    proxy.block();
    let sent = timeout(LIMIT, here.context().clients().all().send("Heard", ("hello",))).await;
    let sent = sent.expect("it ends");
    assert!(matches!(sent, Err(SendError::Backplane(BackplaneError::Unconfirmed))), "{sent:?}");
    assert_eq!(here.counts().losses(Loss::Unconfirmed), 1);
}

#[actix::test]
async fn a_slow_redis_is_waited_for() {
    let redis = RedisServer::start();
    two_servers!(RedisBackplane::builder(&redis.url()) => here there ann bob);
    redis.command(&["CLIENT", "PAUSE", "300", "ALL"]);
    assert_eq!(ann.invoke("Say", ("late",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "late");
    assert_eq!((here.lost(), here.counts().outages()), (0, 0));
}

#[actix::test]
async fn what_waits_has_a_bound_and_beyond_it_sending_fails_at_once() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let here = Server::with(RedisBackplane::builder(&url).maximum_pending(1500).message_timeout(LIMIT));
    let context = here.context();
    let text = "x".repeat(400);
    let waiting = context.clients().all();
    let waits = waiting.send("Heard", (&text,));
    futures::pin_mut!(waits);
    assert!(futures::poll!(&mut waits).is_pending());
    let full = context.clients().all().send("Heard", (&text,)).await;
    assert!(matches!(full, Err(SendError::Backplane(BackplaneError::Full))), "{full:?}");
    assert_eq!(here.counts().losses(Loss::Overflow), 1);
}

#[actix::test]
async fn who_connects_while_the_link_is_being_made_is_let_in() {
    let redis = RedisServer::start();
    for _ in 0..20 {
        let here = Server::start(&redis.url());
        let clients = futures::future::join_all((0..10).map(|_| here.connect("ann"))).await;
        here.linked().await;
        assert_eq!(clients[0].invoke("Say", ("hello",)).await, Ok(()));
        for client in &clients {
            assert_eq!(client.receive::<String>("Heard").await, "hello");
        }
    }
}

#[actix::test]
async fn a_link_that_breaks_as_soon_as_it_is_made_is_made_less_often() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let links = Arc::new(AtomicUsize::new(0));
    let made = links.clone();
    std::thread::spawn(move || {
        // Greets who comes, as it does twice, and hangs up.
        while let Ok((mut link, _)) = listener.accept() {
            made.fetch_add(1, Ordering::SeqCst);
            for _ in 0..2 {
                let _ = link.read(&mut [0; 1024]);
                let _ = link.write_all(b"+OK\r\n");
            }
        }
    });
    let began = Instant::now();
    let backplane = RedisBackplane::new(&url).unwrap();
    until("it has been made anew", || links.load(Ordering::SeqCst) > 5).await;
    assert!(began.elapsed() >= Duration::from_millis(20 + 40 + 80 + 160 + 250), "{:?}", began.elapsed());
    until("each has broken", || backplane.counts().outages() > 5).await;
}
