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
    ConnectRequest, ConnectionActor, ConnectionId, Drained, HubRuntime, NewConnection,
    protocol::{RECORD_SEPARATOR, TransferFormat},
    testing::user,
    transport::{Flow, Outbound, Received, TransportKind},
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
    /// Connects, and waits for the answer to the handshake.
    pub async fn connect(runtime: &Arc<HubRuntime>, counter: &Rc<Counter>) -> Self {
        let flow = Flow::new(64 * 1024, 64 * 1024);
        let transport = Transport { flow: flow.clone(), counter: counter.clone(), connection: None }.start();
        let connection = runtime.connect(NewConnection {
            id: ConnectionId::random(),
            user: Arc::new(user("ann")),
            request: ConnectRequest::new(TransportKind::InProcess, "/hub"),
            transport: transport.clone().recipient(),
            flow: flow.clone(),
            formats: &[TransferFormat::Text],
            has_inherent_keep_alive: false,
            maximum_backlog: 1024 * 1024,
            expires_at: None,
            lease: Box::new(()),
        });
        transport.do_send(Serve(connection.clone()));
        let client = Self { connection, flow };
        client.send(Bytes::from_static(b"{\"protocol\":\"json\",\"version\":1}\x1e"));
        counter.take(1).await;
        client
    }

    /// Sends bytes, to arrive in one read.
    pub fn send(&self, bytes: Bytes) {
        self.flow.inbound.add(bytes.len());
        self.connection.do_send(Received(bytes));
    }
}

/// The server's end.
struct Transport {
    flow: Flow,
    counter: Rc<Counter>,
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

    fn handle(&mut self, outbound: Outbound, _: &mut Self::Context) {
        if let Outbound::Send(records) = outbound {
            if self.flow.outbound.remove(records.len())
                && let Some(connection) = &self.connection
            {
                connection.do_send(Drained);
            }
            self.counter.add(count_records(&records));
        }
    }
}

/// Counts in portions that fit a byte, which the compiler makes fast.
fn count_records(bytes: &[u8]) -> usize {
    let ends = |portion: &[u8]| portion.iter().map(|byte| u8::from(*byte == RECORD_SEPARATOR)).sum::<u8>();
    bytes.chunks(255).map(|portion| usize::from(ends(portion))).sum()
}
