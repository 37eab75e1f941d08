//! Connections in memory that cost as little as possible, so that what is measured is the runtime.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
};

use actix::prelude::*;
use actix_signalr_actors::{
    ConnectRequest, ConnectionActor, ConnectionId, Drained, HubRuntime, NewConnection, StatefulReconnect,
    protocol::{RECORD_SEPARATOR, TransferFormat},
    testing::user,
    transport::{Flow, Outbound, Outlet, Received, TransportClosed, TransportKind},
};
use bytes::Bytes;

/// Counts records that arrive, for one connection or for many.
#[derive(Debug, Default)]
pub struct Counter {
    records: Cell<usize>,
    goal: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Counter {
    fn add(&self, records: usize) {
        self.records.set(self.records.get() + records);
        if self.records.get() >= self.goal.get()
            && let Some(waker) = self.waker.borrow_mut().take()
        {
            waker.wake();
        }
    }

    /// Waits until so many records have arrived, and takes them off.
    pub async fn take(&self, records: usize) {
        self.goal.set(records);
        poll_fn(|cx| {
            if self.records.get() >= records {
                self.records.set(self.records.get() - records);
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A client whose network takes everything at once.
#[derive(Debug)]
pub struct Client {
    connection: Addr<ConnectionActor>,
    flow: Flow,
}

impl Client {
    /// Connects somebody, and waits for the answer to the handshake.
    pub async fn connect(
        name: &str,
        id: ConnectionId,
        runtime: &Arc<HubRuntime>,
        counter: &Rc<Counter>,
    ) -> Self {
        let outlet = Outlet::default();
        let flow = Flow { outlet: Some(outlet.clone()), ..Flow::new(64 * 1024, 64 * 1024) };
        let transport = Transport { connection: None }.start();
        let connection = runtime.connect(NewConnection {
            id,
            user: Arc::new(user(name)),
            request: ConnectRequest::new(TransportKind::InProcess, "/hub"),
            policy: None,
            transport: transport.clone().recipient(),
            flow: flow.clone(),
            formats: &[TransferFormat::Text],
            has_inherent_keep_alive: false,
            maximum_backlog: 1024 * 1024,
            expires_at: None,
            stateful: StatefulReconnect::Off,
            lease: Box::new(()),
        });
        transport.do_send(Serve(connection.clone()));
        actix_rt::spawn(take_all(outlet, flow.clone(), connection.clone(), counter.clone()));
        let client = Self { connection, flow };
        client.send(Bytes::from_static(b"{\"protocol\":\"json\",\"version\":1}\x1e"));
        counter.take(1).await;
        client
    }

    /// Sends bytes, to arrive in one read.
    pub fn send(&self, bytes: Bytes) {
        self.flow.inbound.add(bytes.len());
        self.connection.do_send(Received::from(bytes));
    }
}

/// The server's end.
struct Transport {
    connection: Option<Addr<ConnectionActor>>,
}

impl Actor for Transport {
    type Context = Context<Self>;
}

/// Which connection it serves.
#[derive(Message)]
#[rtype(result = "()")]
struct Serve(Addr<ConnectionActor>);

impl Handler<Serve> for Transport {
    type Result = ();

    fn handle(&mut self, Serve(connection): Serve, _: &mut Self::Context) {
        self.connection = Some(connection);
    }
}

impl Handler<Outbound> for Transport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, ctx: &mut Self::Context) {
        match outbound {
            Outbound::Close | Outbound::Abort => {
                if let Some(connection) = self.connection.take() {
                    connection.do_send(TransportClosed::default());
                }
                ctx.stop();
            }
            Outbound::Send(_) | Outbound::UseFormat(_) | Outbound::Resume => {}
        }
    }
}

/// The network of one connection.
async fn take_all(outlet: Outlet, flow: Flow, connection: Addr<ConnectionActor>, counter: Rc<Counter>) {
    loop {
        let waiting = poll_fn(|cx| {
            let waiting = outlet.take(cx);
            if waiting.is_empty() { Poll::Pending } else { Poll::Ready(waiting) }
        });
        let waiting = waiting.await;
        if flow.outbound.remove(waiting.counted()) {
            connection.do_send(Drained);
        }
        counter.add(waiting.iter().map(|outgoing| count_records(outgoing.records())).sum());
    }
}

/// Counts in portions that fit a byte, which the compiler makes fast.
fn count_records(bytes: &[u8]) -> usize {
    let ends = |portion: &[u8]| portion.iter().map(|byte| u8::from(*byte == RECORD_SEPARATOR)).sum::<u8>();
    bytes.chunks(255).map(|portion| usize::from(ends(portion))).sum()
}
