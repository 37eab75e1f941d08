//! Credentials that a client replaces while it is connected, on a clock of the test's own.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, and so may what they are made of")]

use std::{sync::Arc, time::Duration};

use actix::{clock::Instant, prelude::*};
use actix_signalr_actors::{
    ClaimsIdentity, ClaimsPrincipal, ConnectRequest, ConnectionActor, ConnectionId, DefaultUserIdProvider,
    Expires, Hub, HubDescriptor, HubOptions, HubServer, NewConnection, Policies, Refresh, StatefulReconnect,
    protocol::TransferFormat,
    transport::{Flow, Outbound, Received, TransportKind},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use tokio::time;

struct Quiet;

impl Hub for Quiet {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

#[actix::test]
async fn credentials_that_last_longer_keep_the_connection() {
    let (connection, mut written) = connect(seconds(5)).await;
    time::sleep(seconds(4)).await;
    connection.do_send(Expires(Some(Instant::now() + seconds(60))));
    time::sleep(seconds(10)).await;
    assert!(connection.connected());
    connection.do_send(Expires(None));
    time::sleep(seconds(120)).await;
    assert!(connection.connected());
    drop(connection);
    while let Ok(record) = written.try_recv() {
        assert_eq!(record, "{\"type\":6}\u{1e}");
    }
}

#[actix::test]
async fn credentials_that_end_sooner_end_the_connection_sooner() {
    let (connection, mut written) = connect(seconds(3600)).await;
    time::sleep(seconds(1)).await;
    connection.do_send(Expires(Some(Instant::now() + seconds(3))));
    time::sleep(seconds(2)).await;
    assert!(connection.connected());
    time::sleep(seconds(3)).await;
    assert_eq!(written.next().await.unwrap(), "{\"type\":7,\"allowReconnect\":true}\u{1e}");
    assert!(!connection.connected());
}

#[actix::test]
async fn credentials_of_another_user_that_were_accepted_too_early_end_the_connection() {
    let (connection, mut written) = connect(seconds(3600)).await;
    let somebody: ClaimsPrincipal = ClaimsIdentity::new("Test").claim("sub", "somebody").into();
    connection.do_send(Refresh { user: Arc::new(somebody), expires_at: None });
    assert_eq!(written.next().await.unwrap(), "{\"type\":7}\u{1e}");
}

/// Somebody connected whose credentials expire after a time.
async fn connect(expires_in: Duration) -> (Addr<ConnectionActor>, UnboundedReceiver<String>) {
    time::pause();
    let policies = Policies::default();
    let server =
        HubServer::new(Quiet, HubOptions::default(), &policies, Arc::new(DefaultUserIdProvider)).unwrap();
    let (sender, mut written) = unbounded();
    let flow = Flow::new(0, 0);
    let connection = server.start().connect(NewConnection {
        id: ConnectionId::random(),
        user: Arc::new(ClaimsPrincipal::default()),
        request: ConnectRequest::new(TransportKind::InProcess, "/quiet"),
        policy: None,
        transport: Transport(sender, flow.clone()).start().recipient(),
        flow: flow.clone(),
        formats: &[TransferFormat::Text],
        has_inherent_keep_alive: false,
        maximum_backlog: usize::MAX,
        expires_at: Some(Instant::now() + expires_in),
        stateful: StatefulReconnect::Off,
        lease: Box::new(()),
    });
    let handshake = b"{\"protocol\":\"json\",\"version\":1}\x1e";
    flow.inbound.add(handshake.len());
    connection.do_send(Received::from(Bytes::from_static(handshake)));
    assert_eq!(written.next().await.unwrap(), "{}\u{1e}");
    (connection, written)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Hands on what it is to write.
struct Transport(UnboundedSender<String>, Flow);

impl Actor for Transport {
    type Context = Context<Self>;
}

impl Handler<Outbound> for Transport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, _: &mut Self::Context) {
        if let Outbound::Send(records) = outbound {
            let _ = self.1.outbound.remove(records.len());
            let _ = self.0.unbounded_send(String::from_utf8(records.to_vec()).unwrap());
        }
    }
}
