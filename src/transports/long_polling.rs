//! Long polling: requests that wait for something to answer with, and requests from the client.
//!
//! The actor receives [`Poll`], [`Delete`], [`WaitForRoom`] and [`Outbound`]; sends [`TransportClosed`] and `Drained` to
//! its connection. It lives on the worker of the first poll and is asked by requests on any.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context as TaskContext, Poll as TaskPoll},
    time::Duration,
};

use actix::prelude::*;
use actix_signalr_actors::{
    ConnectionActor,
    protocol::TransferFormat,
    transport::{Attachment, Flow, Outbound, TransportClosed},
};
use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    http::{StatusCode, header},
    web::{Bytes, BytesMut},
};
use futures::channel::oneshot;

use crate::{
    connections::Lease,
    options::HttpConnectionOptions,
    transports::{RequestDoor, Room, WaitForRoom, taken_off},
    write_clock::{WriteLimit, Writes},
};

/// A body carries both.
pub(crate) const FORMATS: &[TransferFormat] = &[TransferFormat::Text, TransferFormat::Binary];

/// One connection that is polled.
pub(crate) struct LongPollingTransport {
    connection: Addr<ConnectionActor>,
    flow: Flow,
    poll_timeout: Duration,
    disconnect_timeout: Duration,
    records: Vec<Bytes>,
    waiting: Option<oneshot::Sender<Polled>>,
    /// Ends a poll that waits too long, or a connection that is not polled.
    timer: Option<SpawnHandle>,
    has_ended: bool,
    room: Room,
    /// The connection is known for as long as there is something to fetch.
    lease: Arc<Lease>,
}

/// What a poll is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// The connection has begun.
    First,
    /// Records.
    Records(Bytes),
    /// Nothing has come; poll again.
    Nothing,
    /// Another poll has taken over, or the connection is over.
    Over,
}

impl Polled {
    /// The answer, whose body is held to a limit.
    pub(crate) fn response(self, limit: WriteLimit, connection: Addr<ConnectionActor>) -> HttpResponse {
        let octets = "application/octet-stream";
        match self {
            Self::First => answer(StatusCode::OK).content_type(octets).body(Bytes::new()),
            Self::Records(records) => {
                let body =
                    PolledBody { records, writes: limit.of(Rc::new(connection), Attachment::default()) };
                answer(StatusCode::OK).content_type(octets).body(body)
            }
            Self::Nothing => answer(StatusCode::OK).content_type("text/plain").body(Bytes::new()),
            Self::Over => answer(StatusCode::NO_CONTENT).content_type("text/plain").finish(),
        }
    }
}

/// The records of an answer, in one write.
struct PolledBody {
    records: Bytes,
    writes: Writes,
}

impl MessageBody for PolledBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.records.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> TaskPoll<Option<Result<Bytes, Infallible>>> {
        self.writes.end();
        if self.records.is_empty() {
            return TaskPoll::Ready(None);
        }
        self.writes.begin();
        TaskPoll::Ready(Some(Ok(std::mem::take(&mut self.records))))
    }
}

/// An answer that nobody keeps, as every answer to a poll is.
fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    for (name, value) in NOT_TO_BE_KEPT {
        response.insert_header((name, value));
    }
    response
}

/// The headers of every answer to a poll, refusals too.
pub(crate) const NOT_TO_BE_KEPT: [(header::HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-cache, no-store"),
    (header::PRAGMA, "no-cache"),
    (header::EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
];

impl LongPollingTransport {
    /// Starts the connection; its first poll is answered at once.
    pub(crate) fn start(
        options: &HttpConnectionOptions,
        lease: Arc<Lease>,
        connect: impl FnOnce(Recipient<Outbound>, Flow) -> Addr<ConnectionActor>,
    ) -> RequestDoor {
        let flow = Flow::new(options.application_max_buffer_size, options.transport_max_buffer_size);
        let mut connection = None;
        let transport = Self::create(|ctx| {
            let started = connect(ctx.address().recipient(), flow.clone());
            connection = Some(started.clone());
            Self {
                connection: started,
                flow: flow.clone(),
                poll_timeout: options.poll_timeout,
                disconnect_timeout: options.disconnect_timeout,
                records: Vec::new(),
                waiting: None,
                timer: None,
                has_ended: false,
                room: Room::default(),
                lease,
            }
        });
        #[allow(clippy::expect_used, reason = "the closure above has just set it")]
        let connection = connection.expect("the connection was started");
        RequestDoor::new(connection, flow, transport.clone().recipient(), Some(transport))
    }

    /// Answers the poll that waits, if there is something to say.
    fn answer(&mut self, ctx: &mut Context<Self>) {
        if self.records.is_empty() && !self.has_ended {
            return;
        }
        let Some(waiting) = self.waiting.take() else { return };
        if self.records.is_empty() {
            let _ = waiting.send(Polled::Over);
            ctx.stop();
            return;
        }
        let records = join(&mut self.records);
        let length = records.len();
        match waiting.send(Polled::Records(records)) {
            Ok(()) => taken_off(&self.flow, length, &self.connection),
            // The client has gone meanwhile; another poll will have them.
            Err(Polled::Records(records)) => self.records.push(records),
            Err(_) => {}
        }
        self.wait_for_poll(ctx);
    }

    /// Ends the connection unless it is polled again in time.
    fn wait_for_poll(&mut self, ctx: &mut Context<Self>) {
        self.set_timer(self.disconnect_timeout, ctx, |this, ctx| {
            this.lease.time_out();
            ctx.stop();
        });
    }

    fn set_timer(&mut self, time: Duration, ctx: &mut Context<Self>, act: fn(&mut Self, &mut Context<Self>)) {
        let before = self.timer.replace(ctx.run_later(time, act));
        if let Some(before) = before {
            ctx.cancel_future(before);
        }
    }
}

impl Actor for LongPollingTransport {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.wait_for_poll(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(Polled::Over);
        }
        self.room.leave();
        self.connection.do_send(TransportClosed::default());
    }
}

/// A poll but the first: answered when there is something to say. The request holds the other end, so that a request that
/// has been given up is noticed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Poll(oneshot::Sender<Polled>);

impl Poll {
    /// Polls, and waits for the answer.
    pub(crate) async fn ask(transport: &Addr<LongPollingTransport>) -> Polled {
        let (sender, receiver) = oneshot::channel();
        match transport.send(Self(sender)).await {
            Ok(()) => receiver.await.unwrap_or(Polled::Over),
            Err(_) => Polled::Over,
        }
    }
}

impl Handler<Poll> for LongPollingTransport {
    type Result = ();

    fn handle(&mut self, Poll(sender): Poll, ctx: &mut Self::Context) {
        if let Some(before) = self.waiting.replace(sender) {
            let _ = before.send(Polled::Over);
        }
        self.set_timer(self.poll_timeout, ctx, |this, ctx| {
            if let Some(waiting) = this.waiting.take() {
                let _ = waiting.send(Polled::Nothing);
            }
            this.wait_for_poll(ctx);
        });
        self.answer(ctx);
    }
}

/// The client ends the connection.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Delete;

impl Handler<Delete> for LongPollingTransport {
    type Result = ();

    fn handle(&mut self, Delete: Delete, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Outbound> for LongPollingTransport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, ctx: &mut Self::Context) {
        match outbound {
            Outbound::Send(records) => {
                self.records.push(records);
                self.answer(ctx);
            }
            Outbound::UseFormat(_) => {}
            Outbound::Resume => self.room.open(),
            // What is there goes out first; the poll that finds nothing more is told that it is over.
            Outbound::Close => {
                self.has_ended = true;
                self.room.close();
                self.answer(ctx);
            }
            Outbound::Abort => ctx.stop(),
        }
    }
}

impl Handler<WaitForRoom> for LongPollingTransport {
    type Result = ResponseFuture<Result<bool, ()>>;

    fn handle(&mut self, WaitForRoom: WaitForRoom, _: &mut Self::Context) -> Self::Result {
        let room = self.room.wait(&self.flow);
        Box::pin(async { room.await.map_err(drop) })
    }
}

impl fmt::Debug for LongPollingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPollingTransport").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

/// All of them as one; without copying where there is but one.
fn join(records: &mut Vec<Bytes>) -> Bytes {
    match records.len() {
        1 => records.pop().unwrap_or_default(),
        _ => {
            let length = records.iter().map(Bytes::len).sum();
            let mut joined = BytesMut::with_capacity(length);
            for part in records.drain(..) {
                joined.extend_from_slice(&part);
            }
            joined.freeze()
        }
    }
}
