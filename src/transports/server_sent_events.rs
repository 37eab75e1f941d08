//! Server-Sent Events: a stream of events to the client, requests from it.
//!
//! The actor receives [`Outbound`] and [`WaitForRoom`] and sends [`TransportClosed`] and `Drained` to its connection; the
//! response's body takes what the actor has put in the outbox.

use std::{
    cell::RefCell,
    convert::Infallible,
    fmt,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
};

use actix::prelude::*;
use actix_signalr_actors::{
    ConnectionActor,
    protocol::TransferFormat,
    transport::{Attachment, Flow, Outbound, TransportClosed},
};
use actix_web::{
    HttpResponse,
    body::BodyStream,
    http::header,
    rt::task::yield_now,
    web::{Bytes, BytesMut},
};
use futures::{Stream, stream};

use crate::{
    connections::Lease,
    options::HttpConnectionOptions,
    transports::{RequestDoor, Room, WaitForRoom, taken_off},
    write_clock::{WriteLimit, Writes},
};

/// Events are text.
pub(crate) const FORMATS: &[TransferFormat] = &[TransferFormat::Text];

/// One stream of events.
pub(crate) struct ServerSentEventsTransport {
    connection: Rc<Addr<ConnectionActor>>,
    flow: Flow,
    outbox: Rc<RefCell<Outbox>>,
    room: Room,
    /// The connection is known for as long as there is something to fetch.
    _lease: Arc<Lease>,
}

impl ServerSentEventsTransport {
    /// The response with the stream, and the way for requests to the connection that `connect` starts.
    pub(crate) fn respond(
        options: &HttpConnectionOptions,
        lease: Arc<Lease>,
        limit: WriteLimit,
        connect: impl FnOnce(Recipient<Outbound>, Flow) -> Addr<ConnectionActor>,
    ) -> (HttpResponse, RequestDoor) {
        let flow = Flow::new(options.application_max_buffer_size, options.transport_max_buffer_size);
        let outbox = Rc::new(RefCell::new(Outbox::default()));
        let mut connection = None;
        let transport = Self::create(|ctx| {
            let started = Rc::new(connect(ctx.address().recipient(), flow.clone()));
            connection = Some(started.clone());
            Self {
                connection: started,
                flow: flow.clone(),
                outbox: outbox.clone(),
                room: Room::default(),
                _lease: lease,
            }
        });
        #[allow(clippy::expect_used, reason = "the closure above has just set it")]
        let connection = connection.expect("the connection was started");
        let writes = limit.of(connection.clone(), Attachment::default());
        let (counted, drained) = (flow.clone(), connection.clone());
        let body = Body { outbox, flow: counted, connection: drained, transport: transport.clone(), writes };
        let response = HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/event-stream"))
            .insert_header((header::CACHE_CONTROL, "no-cache,no-store"))
            .insert_header((header::PRAGMA, "no-cache"))
            .insert_header((header::CONTENT_ENCODING, "identity"))
            .body(BodyStream::new(body.into_stream()));
        (response, RequestDoor::new((*connection).clone(), flow, transport.recipient(), None))
    }
}

impl Actor for ServerSentEventsTransport {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.outbox.borrow_mut().end();
        self.room.leave();
        self.connection.do_send(TransportClosed::default());
    }
}

impl Handler<Outbound> for ServerSentEventsTransport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, ctx: &mut Self::Context) {
        match outbound {
            Outbound::Send(records) => self.outbox.borrow_mut().push(records),
            Outbound::UseFormat(_) => {}
            Outbound::Resume => self.room.open(),
            Outbound::Close | Outbound::Abort => ctx.stop(),
        }
    }
}

impl Handler<WaitForRoom> for ServerSentEventsTransport {
    type Result = ResponseFuture<Result<bool, ()>>;

    fn handle(&mut self, WaitForRoom: WaitForRoom, _: &mut Self::Context) -> Self::Result {
        let room = self.room.wait(&self.flow);
        Box::pin(async { room.await.map_err(drop) })
    }
}

/// The client has let go of the stream.
#[derive(Message)]
#[rtype(result = "()")]
struct StreamEnded;

impl Handler<StreamEnded> for ServerSentEventsTransport {
    type Result = ();

    fn handle(&mut self, StreamEnded: StreamEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl fmt::Debug for ServerSentEventsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSentEventsTransport").finish_non_exhaustive()
    }
}

/// What is to be written, until the HTTP layer asks for it. Bounded by the connection's backlog.
#[derive(Debug, Default)]
struct Outbox {
    records: Vec<Bytes>,
    has_begun: bool,
    has_ended: bool,
    waker: Option<Waker>,
}

impl Outbox {
    fn push(&mut self, records: Bytes) {
        self.records.push(records);
        self.wake();
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether there is something to take, or the end.
    fn poll_ready(&mut self, cx: &TaskContext<'_>) -> Poll<()> {
        if !self.records.is_empty() || self.has_ended {
            return Poll::Ready(());
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// All that is waiting as one event, behind the first line of the stream; and how many bytes of records that were.
    fn take(&mut self) -> Option<(Bytes, usize)> {
        let begins = !std::mem::replace(&mut self.has_begun, true);
        if self.records.is_empty() && !begins {
            return None;
        }
        let payload = self.records.drain(..).fold(BytesMut::new(), |mut payload, records| {
            payload.extend_from_slice(&records);
            payload
        });
        let mut out = BytesMut::with_capacity(payload.len() + 32);
        if begins {
            out.extend_from_slice(PREAMBLE);
        }
        if !payload.is_empty() {
            write_event(&payload, &mut out);
        }
        Some((out.freeze(), payload.len()))
    }
}

struct Body {
    outbox: Rc<RefCell<Outbox>>,
    flow: Flow,
    connection: Rc<Addr<ConnectionActor>>,
    transport: Addr<ServerSentEventsTransport>,
    writes: Writes,
}

impl Body {
    /// All that is ready, once there is something; `None` at the end. Who has more to say just now says it first: the answer to a
    /// handshake and a refusal behind it are one event then. Clients that get them apart send a ping in between; it finds their
    /// connection gone, which is then what they tell instead of the reason.
    async fn next(&mut self) -> Option<Bytes> {
        self.writes.end();
        if self.outbox.borrow().has_begun {
            poll_fn(|cx| self.outbox.borrow_mut().poll_ready(cx)).await;
            for _ in 0..HOPS {
                yield_now().await;
            }
        }
        let (event, counted) = self.outbox.borrow_mut().take()?;
        self.writes.begin();
        taken_off(&self.flow, counted, &self.connection);
        Some(event)
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut body| async move {
            let event = body.next().await?;
            Some((Ok(event), body))
        })
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.transport.do_send(StreamEnded);
    }
}

/// Writes one event, a line of data for each line of the payload. Section 7 of the transports, down to the carriage
/// return that a line of one character keeps.
fn write_event(payload: &[u8], out: &mut BytesMut) {
    let mut lines = payload.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let had_line_feed = lines.peek().is_some();
        let line = match line {
            [start @ .., b'\r'] if had_line_feed && !start.is_empty() => start,
            line => line,
        };
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// From a connection to its hub, back, and on to the transport.
const HOPS: usize = 3;

/// A comment, so that the client knows at once that the stream is there.
const PREAMBLE: &[u8] = b":\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_becomes_one_event() {
        for (payload, expected) in [
            (&b"Hello"[..], &b"data: Hello\r\n\r\n"[..]),
            (b"Hello\nWorld", b"data: Hello\r\ndata: World\r\n\r\n"),
            (b"Hello\r\nWorld", b"data: Hello\r\ndata: World\r\n\r\n"),
            (b"A\n", b"data: A\r\ndata: \r\n\r\n"),
            (b"\r\n", b"data: \r\r\ndata: \r\n\r\n"),
            (b"a\rb", b"data: a\rb\r\n\r\n"),
        ] {
            let mut out = BytesMut::new();
            write_event(payload, &mut out);
            assert_eq!(&out[..], expected);
        }
    }

    #[test]
    fn what_is_waiting_shares_an_event_behind_the_first_line() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take(), Some((Bytes::from_static(b":\r\n"), 0)));
        assert_eq!(outbox.take(), None);
        outbox.push(Bytes::from_static(b"a\x1e"));
        outbox.push(Bytes::from_static(b"b\x1e"));
        assert_eq!(outbox.take(), Some((Bytes::from_static(b"data: a\x1eb\x1e\r\n\r\n"), 4)));
    }
}
