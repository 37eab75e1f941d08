//! Ending connections from a hub method, also those of other workers.

use std::sync::Arc;

use actix::prelude::*;
use actix_signalr_actors::{
    ClaimsPrincipal, ConnectRequest, ConnectionActor, ConnectionId, DefaultUserIdProvider, Hub,
    HubCallerContext, HubDescriptor, HubOptions, HubResult, HubRuntime, HubServer, NewConnection, Policies,
    StatefulReconnect,
    protocol::TransferFormat,
    transport::{Flow, Outbound, Received, TransportKind},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use parking_lot::Mutex;

/// Keeps everybody who has come.
#[derive(Default)]
struct Door {
    inside: Mutex<Vec<HubCallerContext>>,
}

impl Door {
    /// Says goodbye to all and ends all connections.
    async fn close(&self, ctx: HubCallerContext) -> HubResult {
        ctx.clients().all().send("Goodbye", ()).await?;
        self.inside.lock().iter().for_each(HubCallerContext::abort);
        Ok(())
    }
}

impl Hub for Door {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Close", Self::close);
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        self.inside.lock().push(ctx.clone());
        // So that a test knows that it is inside.
        ctx.clients().caller().send("Welcome", ()).await?;
        Ok(())
    }
}

#[actix::test]
async fn what_was_sent_before_an_abort_arrives_before_the_close_on_every_worker() {
    let policies = Policies::default();
    let server =
        HubServer::new(Door::default(), HubOptions::default(), &policies, Arc::new(DefaultUserIdProvider))
            .unwrap();
    // Two sets of actors, as two workers have them.
    let mut near = Client::connect(&server.start(), "near").await;
    let mut far = Client::connect(&server.start(), "far").await;

    near.send("{\"type\":1,\"target\":\"Close\",\"arguments\":[]}\u{1e}");

    for client in [&mut near, &mut far] {
        assert_eq!(client.next().await, "{\"type\":1,\"target\":\"Goodbye\",\"arguments\":[]}\u{1e}");
        assert_eq!(client.next().await, "{\"type\":7}\u{1e}");
    }
}

struct Client {
    connection: Addr<ConnectionActor>,
    flow: Flow,
    written: UnboundedReceiver<String>,
}

impl Client {
    /// Comes back when the hub has taken it.
    async fn connect(runtime: &Arc<HubRuntime>, id: &str) -> Self {
        let (sender, written) = unbounded();
        let flow = Flow::new(0, 0);
        let connection = runtime.connect(NewConnection {
            id: ConnectionId::from(id),
            user: Arc::new(ClaimsPrincipal::default()),
            request: ConnectRequest::new(TransportKind::InProcess, "/door"),
            policy: None,
            transport: Transport(sender).start().recipient(),
            flow: flow.clone(),
            formats: &[TransferFormat::Text],
            has_inherent_keep_alive: false,
            maximum_backlog: usize::MAX,
            expires_at: None,
            stateful: StatefulReconnect::Off,
            lease: Box::new(()),
        });
        let mut client = Self { connection, flow, written };
        client.send("{\"protocol\":\"json\",\"version\":1}\u{1e}");
        assert_eq!(client.next().await, "{}\u{1e}");
        assert_eq!(client.next().await, "{\"type\":1,\"target\":\"Welcome\",\"arguments\":[]}\u{1e}");
        client
    }

    fn send(&self, record: &'static str) {
        self.flow.inbound.add(record.len());
        self.connection.do_send(Received::from(Bytes::from_static(record.as_bytes())));
    }

    async fn next(&mut self) -> String {
        self.written.next().await.unwrap_or_default()
    }
}

/// Hands on what it is to write.
struct Transport(UnboundedSender<String>);

impl Actor for Transport {
    type Context = Context<Self>;
}

impl Handler<Outbound> for Transport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, _: &mut Self::Context) {
        if let Outbound::Send(records) = outbound {
            // Nobody listens any more once its test is over.
            let _ = self.0.unbounded_send(String::from_utf8_lossy(&records).into_owned());
        }
    }
}
