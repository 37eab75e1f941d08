//! The link lives on the thread of a worker, and outlives it.

use std::sync::Arc;

use actix_rt::time::timeout;
use actix_signalr_actors::{
    BackplaneError, HubContext, SendError,
    backplane::{Backplane, Loss, RedisBackplane},
    protocol::NamingPolicy,
};

use crate::{
    proxy::Proxy,
    redis_server::RedisServer,
    square::{LIMIT, Server, until},
};

#[actix::test]
async fn servers_hear_each_other_and_do_so_again_when_redis_is_back() {
    let mut redis = RedisServer::start();
    let here = Server::with(RedisBackplane::builder(&redis.url()).share_worker(true));
    let there = Server::start(&redis.url());
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(bob.invoke("Join", ("red",)).await, Ok(()));
    for text in ["before", "after"] {
        here.linked().await;
        there.linked().await;
        assert_eq!(ann.invoke("SayTo", ("red", text)).await, Ok(()));
        assert_eq!(bob.receive::<String>("Heard").await, text);
        assert_eq!(bob.invoke("Say", (text,)).await, Ok(()));
        assert_eq!(ann.receive::<String>("Heard").await, text);
        assert_eq!(bob.receive::<String>("Heard").await, text);
        redis.kill();
        here.cut().await;
        there.cut().await;
        redis.restart();
    }
    assert_eq!(here.lost(), 0);
}

#[actix::test]
async fn when_the_worker_ends_the_link_goes_on_for_others() {
    let redis = RedisServer::start();
    let backplane = RedisBackplane::builder(&redis.url()).share_worker(true).build().unwrap();
    let backplane = Arc::new(backplane);
    let first = Server::on(backplane.clone(), "Town.Market");
    first.linked().await;
    let (here, there) = (Server::on(backplane, "Town.Square"), Server::start(&redis.url()));
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(ann.invoke("Join", ("red",)).await, Ok(()));
    drop(first);
    until("the link is made anew", || here.counts().outages() == 1).await;
    here.linked().await;
    assert_eq!(ann.invoke("Say", ("of ann",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "of ann");
    assert_eq!(ann.receive::<String>("Heard").await, "of ann");
    assert_eq!(bob.invoke("SayTo", ("red", "of bob")).await, Ok(()));
    assert_eq!(ann.receive::<String>("Heard").await, "of bob");
}

#[actix::test]
async fn what_is_under_way_when_the_worker_ends_is_told_to_be_uncertain() {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port());
    let builder = RedisBackplane::builder(&redis.url_by(proxy.port())).share_worker(true);
    // Nothing else is said meanwhile, and nothing but the end of the worker ends it.
    let backplane = Arc::new(builder.probe_interval(LIMIT * 2).response_timeout(LIMIT * 2).build().unwrap());
    let first = Server::on(backplane.clone(), "Town.Market");
    first.linked().await;
    let here = Server::on(backplane.clone(), "Town.Square");
    let ann = here.connect("ann").await;
    proxy.block();
    let context = here.context();
    let all = context.clients().all();
    let sent = all.send("Heard", ("hello",));
    let ending = async {
        assert_eq!(ann.receive::<String>("Heard").await, "hello");
        until("it has gone out", || proxy.has_swallowed()).await;
        drop(first);
    };
    let (sent, ()) = futures::join!(timeout(LIMIT, sent), ending);
    let sent = sent.expect("it ends");
    assert!(matches!(sent, Err(SendError::Backplane(BackplaneError::Unconfirmed))), "{sent:?}");
    assert_eq!(backplane.counts().losses(Loss::Unconfirmed), 1);
}

#[actix::test]
async fn who_only_sends_needs_no_worker() {
    let redis = RedisServer::start();
    let there = Server::start(&redis.url());
    there.linked().await;
    let bob = there.connect("bob").await;
    let backplane = RedisBackplane::builder(&redis.url()).share_worker(true).build().unwrap();
    let square =
        HubContext::<()>::without_server(Arc::new(backplane), "Town.Square", NamingPolicy::default());
    let sent = timeout(LIMIT, async {
        square.groups().add(bob.connection_id(), "red").await?;
        square.clients().group("red").send("Heard", ("hello",)).await
    });
    assert!(matches!(sent.await, Ok(Ok(()))));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
}
