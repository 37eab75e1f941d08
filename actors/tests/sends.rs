//! What calls of one read send waits together at its receivers, and a call that sends on and on lets them write.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, and so may what they are made of")]

use std::{future::poll_fn, sync::Arc, task::Poll};

use actix::{Actor, Addr, Context, Handler};
use actix_signalr_actors::{
    ConnectRequest, ConnectionActor, ConnectionId, DefaultUserIdProvider, Drained, Hub, HubCallerContext,
    HubDescriptor, HubOptions, HubRuntime, HubServer, NewConnection, Policies, SendError, StatefulReconnect,
    protocol::TransferFormat,
    testing::user,
    transport::{Flow, Outbound, Outlet, Received, TransportKind},
};
use bytes::Bytes;

/// What is sent to all is a text.
struct News;

impl News {
    async fn tell(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().all().send("News", (text,)).await
    }

    async fn tell_often(&self, ctx: HubCallerContext, text: String, times: usize) -> Result<(), SendError> {
        for _ in 0..times {
            ctx.clients().all().send("News", (&text,)).await?;
        }
        Ok(())
    }
}

impl Hub for News {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Tell", Self::tell);
        hub.method("TellOften", Self::tell_often);
    }
}

/// A transport that is told nothing of importance.
struct Silent;

impl Actor for Silent {
    type Context = Context<Self>;
}

impl Handler<Outbound> for Silent {
    type Result = ();

    fn handle(&mut self, _: Outbound, _: &mut Self::Context) {}
}

/// A client as its transport sees it.
struct Client {
    connection: Addr<ConnectionActor>,
    flow: Flow,
    outlet: Outlet,
}

impl Client {
    async fn connect(runtime: &Arc<HubRuntime>, maximum_backlog: usize) -> Self {
        let outlet = Outlet::default();
        let flow = Flow { outlet: Some(outlet.clone()), ..Flow::new(64 * 1024, 64 * 1024) };
        let connection = runtime.connect(NewConnection {
            id: ConnectionId::random(),
            user: Arc::new(user("ann")),
            request: ConnectRequest::new(TransportKind::InProcess, "/hub"),
            policy: None,
            transport: Silent.start().recipient(),
            flow: flow.clone(),
            formats: &[TransferFormat::Text],
            has_inherent_keep_alive: false,
            maximum_backlog,
            expires_at: None,
            stateful: StatefulReconnect::Off,
            lease: Box::new(()),
        });
        let client = Self { connection, flow, outlet };
        client.send("{\"protocol\":\"json\",\"version\":1}\x1e".to_owned());
        assert_eq!(client.written().await, "{}\x1e");
        client
    }

    /// All of it arrives in one read.
    fn send(&self, records: String) {
        self.flow.inbound.add(records.len());
        self.connection.do_send(Received::from(Bytes::from(records)));
    }

    /// What the transport writes the next time there is something.
    async fn written(&self) -> String {
        let waiting = poll_fn(|cx| {
            let waiting = self.outlet.take(cx);
            if waiting.is_empty() { Poll::Pending } else { Poll::Ready(waiting) }
        });
        let waiting = waiting.await;
        if self.flow.outbound.remove(waiting.counted()) {
            self.connection.do_send(Drained);
        }
        let bytes = waiting.iter().flat_map(|outgoing| outgoing.records().to_vec()).collect();
        String::from_utf8(bytes).unwrap()
    }
}

fn runtime() -> Arc<HubRuntime> {
    let ids = Arc::new(DefaultUserIdProvider);
    HubServer::new(News, HubOptions::default(), &Policies::default(), ids).unwrap().start()
}

fn call(id: usize, target: &str, arguments: &str) -> String {
    format!(
        "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{arguments}]}}\x1e"
    )
}

fn news(text: &str) -> String {
    format!("{{\"type\":1,\"target\":\"News\",\"arguments\":[\"{text}\"]}}\x1e")
}

#[actix::test]
async fn messages_of_calls_that_came_together_are_written_together() {
    let runtime = runtime();
    let sender = Client::connect(&runtime, 1024 * 1024).await;
    let other = Client::connect(&runtime, 1024 * 1024).await;
    sender.send((0..4).map(|id| call(id, "Tell", &format!("\"{id}\""))).collect());
    let messages: String = (0..4).map(|id| news(&id.to_string())).collect();
    assert_eq!(other.written().await, messages);
    // As if they had been sent one by one.
    let answered = |id| format!("{}{{\"type\":3,\"invocationId\":\"{id}\",\"result\":null}}\x1e", news(id));
    assert_eq!(sender.written().await, ["0", "1", "2", "3"].map(answered).concat());
}

#[actix::test]
async fn a_call_that_sends_more_than_a_backlog_does_not_end_who_reads() {
    let runtime = runtime();
    let sender = Client::connect(&runtime, 1024 * 1024).await;
    // Smaller than what the call sends altogether.
    let other = Client::connect(&runtime, 32 * 1024).await;
    let (text, times) = ("x".repeat(500), 1000);
    sender.send(call(1, "TellOften", &format!("\"{text}\",{times}")));
    // Tasks of their own, as transports are: they have a turn whenever others have one.
    let reads = actix_rt::spawn(async move {
        let (expected, mut read) = (news(&text).repeat(times), String::new());
        while read.len() < expected.len() {
            read += &other.written().await;
        }
        assert_eq!(read, expected);
    });
    let answered = actix_rt::spawn(async move {
        while !sender.written().await.ends_with("{\"type\":3,\"invocationId\":\"1\",\"result\":null}\x1e") {}
    });
    reads.await.unwrap();
    answered.await.unwrap();
}
