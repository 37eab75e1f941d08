//! Which servers are one, and who is asked.

use std::{sync::Arc, time::Duration};

use actix_rt::time::timeout;
use actix_signalr_actors::{
    BackplaneError, HubContext, SendError,
    backplane::{Backplane, RedisBackplane},
    protocol::NamingPolicy,
};
use bytes::Bytes;

use crate::{
    redis_server::RedisServer,
    square::{LIMIT, Nobody, Server, until},
};

#[actix::test]
async fn servers_are_one_where_their_prefix_and_the_name_of_the_hub_are_the_same() {
    let redis = RedisServer::start();
    let prefixed = || RedisBackplane::builder(&redis.url()).channel_prefix("P");
    let here = Server::with(prefixed());
    let [there, elsewhere, other] =
        [Server::with(prefixed()), Server::start(&redis.url()), Server::named(prefixed(), "Town.Market")];
    for server in [&here, &there, &elsewhere, &other] {
        server.linked().await;
    }
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    let (cid, dan) = (elsewhere.connect("cid").await, other.connect("dan").await);

    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(ann.receive::<String>("Heard").await, "hello");
    assert_eq!(bob.receive::<String>("Heard").await, "hello");

    for (client, own) in [(&cid, "cid's"), (&dan, "dan's")] {
        assert_eq!(client.invoke("Say", (own,)).await, Ok(()));
        assert_eq!(client.receive::<String>("Heard").await, own, "nothing of others came before");
    }
    assert!(redis.command(&["PUBSUB", "CHANNELS", "PTown.Square:all"]).contains("PTown.Square:all"));
}

#[actix::test]
async fn a_question_across_servers_finds_its_way_back_under_a_prefix() {
    let redis = RedisServer::start();
    let prefixed = || RedisBackplane::builder(&redis.url()).channel_prefix("P");
    let (here, there) = (Server::with(prefixed()), Server::with(prefixed()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);

    let asked = ann.invoke::<String>("Ask", (bob.connection_id(),));
    let (answer, ()) = futures::join!(asked, async {
        let question = bob.next_record().await.unwrap();
        let question: serde_json::Value = serde_json::from_str(&question).unwrap();
        let id = question["invocationId"].as_str().unwrap();
        bob.send_record(&format!(r#"{{"type":3,"invocationId":"{id}","result":"bob"}}"#)).await;
    });
    assert_eq!(answer.as_deref(), Ok("bob"));
}

#[actix::test]
async fn a_question_to_a_client_whose_server_dies_does_not_wait_for_ever() {
    let redis = RedisServer::start();
    let here = Server::with(RedisBackplane::builder(&redis.url()).probe_interval(Duration::from_millis(20)));
    here.linked().await;

    // Another kind of server, which takes the question and is never heard of again.
    let dying = std::net::TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    let channel = "Town.Square:connection:c";
    std::io::Write::write_all(
        &mut &dying,
        format!("*2\r\n$9\r\nSUBSCRIBE\r\n${}\r\n{channel}\r\n", channel.len()).as_bytes(),
    )
    .unwrap();
    until("it is subscribed", || redis.command(&["PUBSUB", "NUMSUB", channel]).ends_with(":1\r\n")).await;

    let context = here.context();
    let client = context.clients().client("c");
    let asked = client.invoke::<String, _>("WhoAreYou", ());
    let dies = async {
        let mut taken = [0; 256];
        let mut length = 0;
        while !String::from_utf8_lossy(&taken[..length]).contains("WhoAreYou") {
            length = std::io::Read::read(&mut &dying, &mut taken).unwrap();
        }
        drop(dying);
    };
    let (answer, ()) = timeout(LIMIT, async { futures::join!(asked, dies) }).await.expect("it ends");
    assert_eq!(answer.unwrap_err().to_string(), "Connection 'c' disconnected.");
}

#[actix::test]
async fn what_redis_refuses_is_told_and_counted() {
    let redis = RedisServer::start();
    redis.command(&["ACL", "SETUSER", "reader", "on", "nopass", "&*", "+@all", "-publish"]);
    let url = redis.url().replace("redis://", "redis://reader:any@");
    let here = Server::start(&url);
    here.linked().await;

    let refused = here.context().clients().all().send("Heard", ("hello",)).await;
    assert!(matches!(&refused, Err(SendError::Backplane(BackplaneError::Refused(_)))), "{refused:?}");
    assert_eq!(here.lost(), 1);
}

#[actix::test]
async fn who_may_not_subscribe_to_a_channel_is_none_of_its_receivers() {
    let redis = RedisServer::start();
    redis.command(&["ACL", "SETUSER", "writer", "on", "nopass", "&*", "+@all", "-subscribe"]);
    let url = redis.url().replace("redis://", "redis://writer:any@");
    let (writer, reader) = (RedisBackplane::new(&url).unwrap(), RedisBackplane::new(&redis.url()).unwrap());
    until("both are linked", || [&writer, &reader].iter().all(|one| one.counts().is_connected())).await;
    writer.subscribe("c", Arc::new(Nobody)).await;
    reader.subscribe("c", Arc::new(Nobody)).await;
    assert_eq!(writer.publish("c", Bytes::new()).await, Ok(1));
}

#[actix::test]
async fn a_process_that_serves_nobody_sends_asks_and_changes_groups() {
    let redis = RedisServer::start();
    let server = Server::start(&redis.url());
    server.linked().await;
    let ann = server.connect("ann").await;
    let backplane = Arc::new(RedisBackplane::new(&redis.url()).expect("it is a URL"));

    // On a thread without any runtime.
    let id = ann.connection_id().to_owned();
    let sending = std::thread::spawn(move || {
        futures::executor::block_on(async {
            let square = HubContext::<()>::without_server(backplane, "Town.Square", NamingPolicy::default());
            square.groups().add(&id, "red").await?;
            square.clients().user("ann").send("Heard", ("user",)).await?;
            square.clients().group("red").send("Heard", ("group",)).await?;
            square.clients().all_except([&id]).send("Heard", ("others",)).await?;
            square.clients().all().send("Heard", ("all",)).await?;
            square.clients().client(&id).invoke::<String, _>("WhoAreYou", ()).await
        })
    });
    for expected in ["user", "group", "all"] {
        assert_eq!(ann.receive::<String>("Heard").await, expected);
    }
    let question: serde_json::Value = serde_json::from_str(&ann.next_record().await.unwrap()).unwrap();
    let id = question["invocationId"].as_str().unwrap();
    ann.send_record(&format!(r#"{{"type":3,"invocationId":"{id}","result":"ann"}}"#)).await;
    assert_eq!(sending.join().unwrap().unwrap(), "ann");
    let servers = redis.command(&["PUBSUB", "NUMSUB", "Town.Square:all"]);
    assert!(servers.ends_with(":1\r\n"), "who serves nobody does not listen: {servers}");
}

#[actix::test]
async fn names_go_into_channels_as_they_are() {
    let redis = RedisServer::start();
    let generic =
        "Golden.GenericHub`1[[Golden.Order, Probe, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null]]";
    for (prefix, hub) in [("", generic), ("", "Chat.Outer+ChatHub"), ("p*:", "*"), ("{é} ", "漢 \"hub\"")] {
        let builder = || RedisBackplane::builder(&redis.url()).channel_prefix(prefix);
        let (here, there) = (Server::named(builder(), hub), Server::named(builder(), hub));
        here.linked().await;
        there.linked().await;
        let (ann, bob) = (here.connect("ann").await, there.connect("b[o]b*:😀").await);
        for group in ["*", "a?[b]", " ", "G:user:x", "{tag}", "\0"] {
            assert_eq!(bob.invoke("Join", (group,)).await, Ok(()));
            assert_eq!(ann.invoke("SayTo", (group, group)).await, Ok(()));
            assert_eq!(bob.receive::<String>("Heard").await, group);
            let channel = format!("{prefix}{hub}:group:{group}");
            let subscribers = redis.command(&["PUBSUB", "NUMSUB", &channel]);
            assert!(subscribers.ends_with(":1\r\n"), "{subscribers}");
        }
        let context = here.context();
        context.clients().user("b[o]b*:😀").send("Heard", ("to a user",)).await.unwrap();
        assert_eq!(bob.receive::<String>("Heard").await, "to a user");
        context.groups().add(bob.connection_id(), "added").await.unwrap();
        assert!(
            redis.command(&["PUBSUB", "NUMSUB", &format!("{prefix}{hub}:group:added")]).ends_with(":1\r\n")
        );
        assert!(!ann.has_received("Heard"), "nobody else is meant");
    }
}

#[actix::test]
async fn a_message_of_any_length_arrives_in_its_place() {
    let redis = RedisServer::start();
    // Longer than what may wait to be published, and than what a client may be behind.
    let builder = || RedisBackplane::builder(&redis.url()).maximum_pending(64 * 1024);
    let (here, there) = (Server::with(builder()), Server::with(builder()));
    here.linked().await;
    there.linked().await;
    let bob = there.connect("bob").await;
    let long = "long é ".repeat(500_000);
    let context = here.context();
    for text in ["before", &long, "after"] {
        context.clients().user("bob").send("Heard", (text,)).await.unwrap();
        assert!(bob.receive::<String>("Heard").await == text);
    }
    let nothing: Option<String> = None;
    context.clients().user("bob").send("Heard", (nothing,)).await.unwrap();
    assert_eq!(bob.receive::<Option<String>>("Heard").await, None);
}
