//! The WebSocket transport: the actor that stands between a socket and its connection.
//!
//! It runs inside the response, driven by the HTTP layer, and stands still while the socket takes nothing; so it keeps no
//! clock but the one for closing. Receives what the socket brings and [`Outbound`]; sends [`Received`],
//! [`TransportClosed`] and [`Drained`] to its connection. The only user of actix-web-actors.

mod body;
pub(crate) mod decoder;
pub(crate) mod frame;
mod reader;
pub(crate) mod upgrade;
mod utf8;
mod woken;

use std::{any::Any, cell::RefCell, fmt, rc::Rc, sync::Arc, time::Duration};

use actix::prelude::*;
use actix_signalr_actors::{
    ConnectionActor, ProtocolError,
    protocol::TransferFormat,
    transport::{Attachment, CloseReason, Flow, Outbound, Received, TransportClosed},
};
use actix_web::{
    HttpResponse,
    body::BodyStream,
    dev::Payload,
    http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL},
    web,
};
use actix_web_actors::HttpContext;

use crate::{
    transports::web_sockets::{
        body::{Body, Outbox},
        frame::{CLOSE_NORMAL, OpCode},
        reader::{Read, Reader},
        woken::Note,
    },
    write_clock::WriteLimit,
};

/// A WebSocket carries both.
pub(crate) const FORMATS: &[TransferFormat] = &[TransferFormat::Text, TransferFormat::Binary];

/// One socket.
pub(crate) struct WebSocketTransport {
    /// One address for all of the socket, as each that is cloned takes 100 bytes.
    connection: Rc<Addr<ConnectionActor>>,
    /// Which of the sockets of its connection it is.
    by: Attachment,
    /// What the socket is to be given; taken by the response's body.
    outbox: Rc<RefCell<Outbox>>,
    close_timeout: Duration,
    /// The connection has been told that nothing comes any more.
    is_over: bool,
    /// A close frame has gone out.
    has_closed: bool,
    _kept: Option<Box<dyn Any>>,
}

impl WebSocketTransport {
    /// The response that turns the request into a socket, served by the connection that `connect` starts or finds.
    pub(crate) fn respond(
        Upgrade { accept, sub_protocol, payload, close_timeout, limit, kept }: Upgrade,
        flow: Flow,
        by: Attachment,
        connect: impl FnOnce(Recipient<Outbound>, Flow) -> Addr<ConnectionActor> + 'static,
    ) -> HttpResponse {
        let outbox = Rc::new(RefCell::new(Outbox::default()));
        let shared = outbox.clone();
        let counted = flow.clone();
        let connection = Rc::new(RefCell::new(None));
        let started = connection.clone();
        let brought = Arc::<Note>::default();
        let payload = payload.into_inner();
        // Any other payload is not filled by who polls the body.
        let is_filled = matches!(payload, Payload::H1 { .. });
        let noted = is_filled.then(|| brought.clone().into());
        let frames = HttpContext::with_factory(move |ctx: &mut HttpContext<Self>| {
            ctx.add_stream(Reader::new(payload, noted, flow.inbound.clone()));
            let connection = Rc::new(connect(ctx.address().recipient(), flow));
            *started.borrow_mut() = Some(connection.clone());
            Self {
                connection,
                by,
                outbox: shared,
                close_timeout,
                is_over: false,
                has_closed: false,
                _kept: kept,
            }
        });
        #[allow(clippy::expect_used, reason = "the closure above has just set it")]
        let connection = connection.borrow_mut().take().expect("the connection was started");
        let mut response = upgrade::switching_protocols(accept);
        if let Some(sub_protocol) = sub_protocol {
            response.insert_header((SEC_WEBSOCKET_PROTOCOL, sub_protocol));
        }
        response.body(BodyStream::new(Body::new(frames, brought, outbox, counted, connection, by, limit)))
    }

    /// Writes a close frame behind all that is to be written; nothing goes out after it.
    fn close(&mut self, code: u16) {
        if !std::mem::replace(&mut self.has_closed, true) {
            self.outbox.borrow_mut().close(code);
        }
    }

    /// The socket brings nothing more.
    fn over(&mut self, reason: CloseReason) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.connection.do_send(TransportClosed { reason, by: self.by });
        }
    }
}

/// A request that becomes a socket.
pub(crate) struct Upgrade {
    pub(crate) accept: HeaderValue,
    /// The one chosen, of those that the client offers.
    pub(crate) sub_protocol: Option<HeaderValue>,
    pub(crate) payload: web::Payload,
    /// How long the client may take to close its end.
    pub(crate) close_timeout: Duration,
    /// What its writes are held to.
    pub(crate) limit: WriteLimit,
    /// Dropped with the socket.
    pub(crate) kept: Option<Box<dyn Any>>,
}

impl Actor for WebSocketTransport {
    type Context = HttpContext<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.over(CloseReason::Lost);
    }
}

impl StreamHandler<Read> for WebSocketTransport {
    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        match read {
            Read::Data(bytes) => self.connection.do_send(Received { bytes, by: self.by }),
            Read::Ping(payload) if !self.has_closed => self.outbox.borrow_mut().pong(&payload),
            Read::Ping(_) => {}
            Read::Closed => {
                // Whatever code came, the answer is that all is well: section 6.5 of the transports.
                self.close(CLOSE_NORMAL);
                self.over(CloseReason::Closed);
                ctx.stop();
            }
            Read::Failed(err) => {
                tracing::debug!(error = %err, "WebSocket broken off");
                self.close(err.close_code());
                let err = ProtocolError::named("WebSocketException", err.to_string());
                self.over(CloseReason::Failed(err));
                ctx.stop();
            }
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.over(CloseReason::Lost);
        ctx.stop();
    }
}

impl Handler<Outbound> for WebSocketTransport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, ctx: &mut Self::Context) {
        match outbound {
            Outbound::Send(records) => self.outbox.borrow_mut().push(records),
            Outbound::UseFormat(format) => {
                let opcode = if format == TransferFormat::Text { OpCode::Text } else { OpCode::Binary };
                self.outbox.borrow_mut().use_opcode(opcode);
            }
            // The reader is polled after each message.
            Outbound::Resume => {}
            Outbound::Close => {
                self.close(CLOSE_NORMAL);
                // The client closes its end, or is not waited for any longer.
                if self.is_over {
                    ctx.stop();
                } else {
                    ctx.run_later(self.close_timeout, |_, ctx| ctx.stop());
                }
            }
            Outbound::Abort => ctx.stop(),
        }
    }
}

impl fmt::Debug for WebSocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketTransport").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
