//! A Redis Cluster of three, whose shards share the channels; and the same cluster as one Redis.

use std::{net::TcpListener, time::Duration};

use actix_signalr_actors::{
    ConnectionSelector, HubContext,
    backplane::{RedisBackplane, RedisBackplaneBuilder},
    protocol::NamingPolicy,
};

use crate::{
    redis_server::RedisServer,
    square::{Server, until},
};

/// Three masters, and perhaps a replica of the last.
struct Cluster(Vec<RedisServer>);

impl Cluster {
    const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

    async fn start() -> Self {
        let ports = free_port_pairs(3);
        let nodes: Vec<_> = ports.iter().map(|(port, bus)| Self::node(*port, *bus)).collect();
        for (number, (node, (first, last))) in nodes.iter().zip(Self::SLOTS).enumerate() {
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            let added = node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            assert_eq!(added, "+OK\r\n");
        }
        for (port, bus) in &ports[1..] {
            let met =
                nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus.to_string()]);
            assert_eq!(met, "+OK\r\n");
        }
        let cluster = Self(nodes);
        cluster.agrees(3).await;
        cluster
    }

    fn node(port: u16, bus: u16) -> RedisServer {
        let bus = bus.to_string();
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-node-timeout",
            "1000",
            "--save",
            "",
        ];
        RedisServer::start_with(port, &options)
    }

    /// Adds a replica of the last master.
    async fn add_replica(&mut self) {
        let (port, bus) = free_port_pairs(1)[0];
        let replica = Self::node(port, bus);
        self.0[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus.to_string()]);
        let master = id_of(&self.0[2]);
        let replicates = || replica.command(&["CLUSTER", "REPLICATE", &master]) == "+OK\r\n";
        until("the replica knows its master", replicates).await;
        until("it follows", || replica.command(&["ROLE"]).contains("connected")).await;
        self.0.push(replica);
        self.agrees(4).await;
    }

    /// Waits until all know all.
    async fn agrees(&self, members: usize) {
        let members = format!("cluster_known_nodes:{members}\r\n");
        let knows = |node: &RedisServer| {
            let info = node.command(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains(&members)
        };
        until("the cluster stands", || self.0.iter().all(knows)).await;
        // They know the slots of each other, too.
        let served =
            |node: &RedisServer| node.command(&["CLUSTER", "INFO"]).contains("cluster_slots_ok:16384");
        until("all slots are served", || self.0.iter().all(served)).await;
    }

    fn sharded(&self) -> RedisBackplaneBuilder {
        let further: Vec<_> = self.0[1..].iter().map(RedisServer::url).collect();
        RedisBackplane::builder(&self.0[0].url()).sharded(further).probe_interval(Duration::from_millis(50))
    }

    /// How many channels of shards each has of a hub.
    fn channels(&self, pattern: &str) -> Vec<usize> {
        let count = |node: &RedisServer| {
            let answer = node.command(&["PUBSUB", "SHARDCHANNELS", pattern]);
            answer[1..].split("\r\n").next().and_then(|count| count.parse().ok()).expect("it is a number")
        };
        self.0.iter().map(count).collect()
    }
}

fn id_of(node: &RedisServer) -> String {
    let answer = node.command(&["CLUSTER", "MYID"]);
    answer.split("\r\n").nth(1).expect("it has an id").to_owned()
}

/// Ports that are free, all at once, for servers and for what they say to each other.
fn free_port_pairs(count: usize) -> Vec<(u16, u16)> {
    let listeners: Vec<_> =
        (0..count * 2).map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port")).collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("it has an address").port();
    listeners.chunks(2).map(|pair| (port(&pair[0]), port(&pair[1]))).collect()
}

#[actix::test]
async fn servers_on_a_cluster_share_its_shards_and_are_one() {
    let cluster = Cluster::start().await;
    let (here, there) = (Server::with(cluster.sharded()), Server::with(cluster.sharded()));
    here.linked().await;
    there.linked().await;
    let ann = here.connect("ann").await;
    let mut others = Vec::new();
    for number in 0..12 {
        let client = there.connect(&format!("user {number}")).await;
        assert_eq!(client.invoke("Join", (format!("group {number}"),)).await, Ok(()));
        others.push(client);
    }
    assert!(
        cluster.channels("Town.Square:*").iter().all(|count| *count > 0),
        "each has some of the channels"
    );

    assert_eq!(ann.invoke("Say", ("to all",)).await, Ok(()));
    assert_eq!(ann.receive::<String>("Heard").await, "to all");
    for (number, client) in others.iter().enumerate() {
        assert_eq!(client.receive::<String>("Heard").await, "to all");
        assert_eq!(ann.invoke("SayTo", (format!("group {number}"), "to a group")).await, Ok(()));
        assert_eq!(client.receive::<String>("Heard").await, "to a group");
        let context = here.context();
        context.clients().user(format!("user {number}")).send("Heard", ("to a user",)).await.unwrap();
        assert_eq!(client.receive::<String>("Heard").await, "to a user");
        context.clients().client(client.connection_id()).send("Heard", ("to one",)).await.unwrap();
        assert_eq!(client.receive::<String>("Heard").await, "to one");
        context.groups().add(client.connection_id(), "added").await.unwrap();
    }
    here.context().clients().group("added").send("Heard", ("to those added",)).await.unwrap();
    for client in &others {
        assert_eq!(client.receive::<String>("Heard").await, "to those added");
    }

    let asked = ann.invoke::<String>("Ask", (others[3].connection_id(),));
    let (answer, ()) = futures::join!(asked, async {
        let question = others[3].next_record().await.unwrap();
        let question: serde_json::Value = serde_json::from_str(&question).unwrap();
        let id = question["invocationId"].as_str().unwrap();
        others[3].send_record(&format!(r#"{{"type":3,"invocationId":"{id}","result":"yes"}}"#)).await;
    });
    assert_eq!(answer.as_deref(), Ok("yes"));
    let nobody = here.context().clients().client("nobody").invoke::<String, _>("WhoAreYou", ()).await;
    assert_eq!(nobody.unwrap_err().to_string(), "Connection 'nobody' does not exist.");
    assert_eq!((here.lost(), here.counts().outages()), (0, 0));
}

#[actix::test]
async fn who_only_sends_finds_the_clients_of_a_cluster() {
    let cluster = Cluster::start().await;
    let server = Server::with(cluster.sharded());
    server.linked().await;
    let ann = server.connect("ann").await;
    let backplane = cluster.sharded().build().expect("they are URLs");
    let square = HubContext::<()>::without_server(
        std::sync::Arc::new(backplane),
        "Town.Square",
        NamingPolicy::default(),
    );
    square.clients().user("ann").send("Heard", ("hello",)).await.unwrap();
    assert_eq!(ann.receive::<String>("Heard").await, "hello");
}

#[actix::test]
async fn slots_that_move_to_another_shard_take_their_channels_along() {
    let cluster = Cluster::start().await;
    let (here, there) = (Server::with(cluster.sharded()), Server::with(cluster.sharded()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(bob.invoke("Join", ("red",)).await, Ok(()));

    let channel = "Town.Square:group:red";
    let slot = cluster.0[0].command(&["CLUSTER", "KEYSLOT", channel]);
    let slot = slot[1..].trim();
    let slots = |node: &RedisServer| node.command(&["PUBSUB", "SHARDCHANNELS", channel]).contains(channel);
    let from = cluster.0.iter().position(slots).expect("it is somewhere");
    let to = (from + 1) % 3;
    let (from_id, to_id) = (id_of(&cluster.0[from]), id_of(&cluster.0[to]));
    cluster.0[to].command(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &from_id]);
    cluster.0[from].command(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &to_id]);
    for node in [to, from, (to + 1) % 3] {
        assert_eq!(cluster.0[node].command(&["CLUSTER", "SETSLOT", slot, "NODE", &to_id]), "+OK\r\n");
    }

    until("it is at its new place", || slots(&cluster.0[to])).await;
    let is_at_both = || cluster.0[to].command(&["PUBSUB", "SHARDNUMSUB", channel]).ends_with(":1\r\n");
    until("who wants it is there", is_at_both).await;
    until("all is linked", || here.counts().is_connected() && there.counts().is_connected()).await;
    assert_eq!(ann.invoke("SayTo", ("red", "hello")).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
    assert_eq!(here.lost(), 0);
}

#[actix::test]
async fn when_a_master_of_a_cluster_dies_its_replica_takes_its_channels_over() {
    let mut cluster = Cluster::start().await;
    cluster.add_replica().await;
    let (here, there) = (Server::with(cluster.sharded()), Server::with(cluster.sharded()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);

    cluster.0[2].kill();
    here.cut().await;
    there.cut().await;
    let alone = ann.invoke::<String>("Echo", ("still here",)).await;
    assert!(alone.is_ok(), "connections stay: {alone:?}");
    here.linked().await;
    there.linked().await;
    for number in 0..12 {
        let group = format!("group {number}");
        assert_eq!(bob.invoke("Join", (&group,)).await, Ok(()));
        assert_eq!(ann.invoke("SayTo", (&group, &group)).await, Ok(()));
        assert_eq!(bob.receive::<String>("Heard").await, group);
    }
}

#[actix::test]
async fn without_shards_a_server_of_a_cluster_is_like_any_other_redis_but_for_counts() {
    let cluster = Cluster::start().await;
    // Each is linked to another server of it.
    let builder = |node: usize| {
        RedisBackplane::builder(&cluster.0[node].url()).probe_interval(Duration::from_millis(50))
    };
    let (here, there) = (Server::with(builder(0)), Server::with(builder(1)));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
    assert_eq!(ann.receive::<String>("Heard").await, "hello");

    let asked = ann.invoke::<String>("Ask", (bob.connection_id(),));
    let (answer, ()) = futures::join!(asked, async {
        let question = bob.next_record().await.unwrap();
        let question: serde_json::Value = serde_json::from_str(&question).unwrap();
        let id = question["invocationId"].as_str().unwrap();
        bob.send_record(&format!(r#"{{"type":3,"invocationId":"{id}","result":"bob"}}"#)).await;
    });
    assert_eq!(answer.as_deref(), Ok("bob"), "whose server publishes elsewhere is not taken for nobody");
    let nobody = here.context().clients().client("nobody").invoke::<String, _>("WhoAreYou", ()).await;
    assert_eq!(nobody.unwrap_err().to_string(), "Connection 'nobody' disconnected.");
}

#[actix::test]
async fn without_shards_all_servers_are_waited_for_that_are_to_end_connections() {
    let cluster = Cluster::start().await;
    // Each is linked to another server of it, which does not know who is subscribed at the others.
    let servers = [0, 1, 2].map(|node: usize| Server::with(RedisBackplane::builder(&cluster.0[node].url())));
    for server in &servers {
        server.linked().await;
    }
    let (_bob, _cid) = (servers[1].connect("bob").await, servers[2].connect("cid").await);
    let ended = servers[0].context().users().disconnect(&ConnectionSelector::all()).await;
    assert_eq!(ended.unwrap(), 2);

    let alone = Server::named(RedisBackplane::builder(&cluster.0[0].url()), "Town.Tower");
    alone.linked().await;
    let ended = alone.context().users().disconnect(&ConnectionSelector::all()).await;
    assert_eq!(ended.unwrap(), 0, "there is nobody to wait for");
}

#[actix::test]
async fn a_cluster_is_not_watched_by_sentinels() {
    let both = RedisBackplane::builder("redis://town").sentinels(["redis://127.0.0.1:1"]).sharded::<&str>([]);
    let refused = both.build().unwrap_err();
    assert_eq!(refused.to_string(), "Redis is either watched by Sentinels or a cluster");
    let nobody = RedisBackplane::builder("redis://town").sentinels::<&str>([]).build();
    assert!(nobody.is_err());
}
