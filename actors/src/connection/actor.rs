//! The actor of one connection, from the first byte to the last. It holds the principal; it never waits.
//!
//! Receives [`Received`], [`TransportClosed`], [`SendTimedOut`], [`Drained`] and [`Expires`] from its transport, [`Deliver`]
//! from the registry, [`Completed`] from the hub, [`Tick`] from the clock. Sends [`Outbound`] to the transport; calls to the hub, past the
//! authorization actor where one of them is guarded; its beginning and its end to the hub and
//! the registry. What it makes of messages is in `reading`, how it begins and ends in `begin_and_end`, how it gets another
//! transport in `reconnect`.

use std::{any::Any, collections::VecDeque, fmt, sync::Arc, time::Duration};

use actix::{clock::Instant, prelude::*};
use bytes::Bytes;
use futures::channel::oneshot;

use crate::{
    ClaimsPrincipal, HubError, HubResult, ProtocolError,
    authorization::{CallSource, Completed, Policy, Step},
    clock::{Remind, Reminder, Tick},
    connection::{
        end::End,
        handshake::CANCELED,
        hub_runtime::{HubRuntime, NewConnection},
        input::Input,
        invocations::Invocations,
        keep_alive::{Due, KeepAlive, after},
        owed_hooks::OwedHooks,
        stateful::Stateful,
        streams::Streams,
    },
    context::Connection,
    hub::UploadRoom,
    protocol::{HubMessage, HubProtocol, SerializedMessage, TransferFormat},
    registry::{Deliver, Question, Unanswered},
    transport::{Backlog, CloseReason, Flow, Outbound, Received, SendTimedOut, TransportClosed},
};

/// A connection. Its decisions are in the plain types it holds.
pub struct ConnectionActor {
    pub(super) runtime: Arc<HubRuntime>,
    pub(super) connection: Arc<Connection>,
    pub(super) transport: Recipient<Outbound>,
    pub(super) flow: Flow,
    /// What is counted for the client: what its transport has not taken, or where that is kept, what it has not
    /// acknowledged.
    pub(super) backlog: Backlog,
    pub(super) formats: &'static [TransferFormat],
    pub(super) maximum_backlog: usize,
    pub(super) has_inherent_keep_alive: bool,
    pub(super) stage: Stage,
    pub(super) input: Input,
    /// What has been read and whose turn has not come: one message, and calls that have come back from the hub.
    pub(super) held: VecDeque<Held>,
    pub(super) invocations: Invocations,
    /// As whom calls are made.
    pub(super) user: Arc<ClaimsPrincipal>,
    pub(super) owed_hooks: OwedHooks,
    pub(super) streams: Streams,
    pub(super) unanswered: Unanswered,
    pub(super) keep_alive: KeepAlive,
    pub(super) handshake_deadline: Instant,
    /// When the credentials of the client expire, if that ends the connection.
    pub(super) expires_at: Option<Instant>,
    /// When the clock comes back next.
    pub(super) reminded_at: Instant,
    /// What the hub is to hear of the end when it has said whether it takes the client.
    pub(super) early_end: Option<Box<End>>,
    /// Most connections have nothing to do with it.
    pub(super) stateful: Option<Box<Stateful>>,
    /// What it took to connect.
    pub(super) policy: Option<Arc<Policy>>,
    /// Who has ordered its end, and waits for it.
    pub(super) farewells: Vec<oneshot::Sender<()>>,
    pub(super) _lease: Box<dyn Any + Send>,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Stage {
    /// The client has not said what it speaks.
    Handshake,
    /// The hub is asked whether it takes the client; nothing is read meanwhile.
    Connecting(Arc<CallSource>),
    /// Calls are read.
    Open(Arc<CallSource>),
    /// The hub is told that it is over.
    Ending,
}

/// What is held back.
#[derive(Debug)]
pub(super) enum Held {
    Step(Step),
    Message(HubMessage),
    /// What ends the connection, once the calls before it have begun: their answers come before the goodbye.
    End(End),
}

impl ConnectionActor {
    pub(super) fn start_for(runtime: Arc<HubRuntime>, new: NewConnection) -> Addr<Self> {
        let now = Instant::now();
        let options = runtime.options.clone();
        let registry = runtime.registry.clone();
        Self {
            connection: Connection::new(new.id, registry, new.request, new.user.clone()),
            transport: new.transport,
            backlog: new.flow.outbound.clone(),
            flow: new.flow,
            formats: new.formats,
            maximum_backlog: new.maximum_backlog,
            has_inherent_keep_alive: new.has_inherent_keep_alive,
            stage: Stage::Handshake,
            input: Input::new(options.maximum_receive_message_size),
            held: VecDeque::new(),
            invocations: Invocations::new(options.maximum_parallel_invocations),
            user: new.user,
            owed_hooks: OwedHooks::default(),
            streams: Streams::default(),
            unanswered: Unanswered::default(),
            keep_alive: KeepAlive::new(options.keep_alive_interval, options.client_timeout_interval, now),
            handshake_deadline: after(now, options.handshake_timeout),
            expires_at: new.expires_at,
            reminded_at: now,
            early_end: None,
            stateful: Stateful::new(new.stateful),
            policy: new.policy,
            farewells: Vec::new(),
            runtime,
            _lease: new.lease,
        }
        .start()
    }

    /// Sends what has not been counted, and is not kept.
    pub(super) fn send(&mut self, records: Bytes) {
        self.flow.outbound.add(records.len());
        self.write(records);
    }

    /// Sends what has been counted in the backlog, and is kept where it may have to be sent again.
    pub(super) fn hand_down(&mut self, records: Bytes) {
        if let Some(exchange) = self.exchange_mut()
            && exchange.keep(&records)
        {
            self.flow.outbound.add(records.len());
        }
        self.write(records);
    }

    fn write(&mut self, records: Bytes) {
        if let Some(stateful) = &mut self.stateful {
            if stateful.is_lost() {
                return;
            }
            stateful.give(records.len());
        }
        match &self.flow.outlet {
            Some(outlet) => outlet.push(records),
            None => self.transport.do_send(Outbound::Send(records)),
        }
    }

    /// Nothing goes to the client past the connection any more.
    pub(super) fn seal(&self) {
        if let Some(outlet) = &self.flow.outlet {
            outlet.seal();
        }
    }

    /// Sends what the registry has counted, in the longest of its forms.
    fn hand_on(&mut self, message: &SerializedMessage, protocol: HubProtocol, ctx: &mut Context<Self>) {
        let encoded = message.encoded(protocol);
        let surplus = message.len() - encoded.map_or(0, Bytes::len);
        if let Some(encoded) = encoded {
            self.hand_down(encoded.clone());
        }
        if surplus > 0 && self.backlog.remove(surplus) {
            self.read(ctx);
        }
    }

    /// The client does not read what it is sent.
    pub(super) fn let_slow_client_go(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.stage, Stage::Ending) {
            return;
        }
        self.runtime.telemetry.counters.slow_client();
        tracing::debug!(connection_id = &**self.connection.id(), "slow client let go");
        let error = HubError::internal("SlowClient", "the client does not read what it is sent");
        self.end(End::gone(Some(error)), ctx);
    }

    /// The client is not there any more, with what it did wrong, if that was why.
    pub(super) fn gone(&mut self, failure: Option<ProtocolError>, ctx: &mut Context<Self>) {
        let cut = self.input.is_inside_a_record() && matches!(self.stage, Stage::Open(_));
        let cut =
            || cut.then(|| ProtocolError::invalid_data("Connection terminated while reading a message."));
        self.end(End::gone(failure.or_else(cut).map(HubError::from)), ctx);
    }

    /// Is to end at a time, or not any more because of its credentials.
    pub(super) fn expire(&mut self, at: Option<Instant>, ctx: &Context<Self>) {
        self.expires_at = at;
        if at.is_some_and(|at| at < self.reminded_at) {
            self.remind(ctx);
        }
    }

    /// Asks the clock for the next time there may be something to do. There is one reminder at a time, so it must not
    /// come later than anything that begins meanwhile; only an expiry that is put forward asks for one more.
    fn remind(&mut self, ctx: &Context<Self>) {
        let next = self.keep_alive.next(Instant::now());
        let at = match self.stage {
            Stage::Handshake => next.min(self.handshake_deadline),
            Stage::Connecting(_) | Stage::Open(_) => next,
            Stage::Ending => return,
        };
        let at = self.expires_at.map_or(at, |expires_at| at.min(expires_at));
        self.reminded_at = at;
        let recipient = ctx.address().recipient();
        self.runtime.clock.do_send(Remind { at, recipient, about: Reminder::Deadlines });
    }
}

impl Drop for ConnectionActor {
    fn drop(&mut self) {
        self.seal();
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        self.remind(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.connection.aborted().cancel();
        for ended in self.farewells.drain(..) {
            let _ = ended.send(());
        }
    }
}

impl Handler<Received> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Received { bytes, by }: Received, ctx: &mut Self::Context) {
        if self.is_left(by) {
            return;
        }
        if matches!(self.stage, Stage::Ending) {
            let _ = self.flow.inbound.remove(bytes.len());
            return;
        }
        self.input.push(bytes);
        self.read(ctx);
        if self.input.is_sign_of_life() {
            self.keep_alive.received(Instant::now());
        }
    }
}

impl Handler<TransportClosed> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, TransportClosed { reason, by }: TransportClosed, ctx: &mut Self::Context) {
        match reason {
            _ if self.is_left(by) => {}
            CloseReason::Lost if self.wait_for_reconnect(ctx) => {}
            CloseReason::Lost | CloseReason::Closed => self.gone(None, ctx),
            CloseReason::Failed(err) => self.gone(Some(err), ctx),
        }
    }
}

/// The transport has written so much that more may be sent.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drained;

impl Handler<Drained> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Drained: Drained, ctx: &mut Self::Context) {
        if let Stage::Open(source) = &self.stage {
            source.drained();
        }
        self.read(ctx);
    }
}

impl Handler<Deliver> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Self::Context) {
        if deliver.is_order()
            && let Some(outlet) = &self.flow.outlet
        {
            outlet.release();
        }
        match (deliver, &self.stage) {
            (Deliver::Message(message), Stage::Connecting(source) | Stage::Open(source)) => {
                let protocol = source.format.protocol;
                self.hand_on(&message, protocol, ctx);
            }
            (Deliver::Message(message), Stage::Handshake | Stage::Ending) => {
                let _ = self.backlog.remove(message.len());
            }
            (Deliver::Question(question), Stage::Connecting(source) | Stage::Open(source)) => {
                let protocol = source.format.protocol;
                let Question { id, message, reply } = question;
                self.unanswered.insert(id, reply.in_protocol(protocol));
                self.hand_on(&message, protocol, ctx);
            }
            (Deliver::Question(question), Stage::Handshake | Stage::Ending) => {
                let _ = self.backlog.remove(question.message.len());
            }
            (Deliver::Order(command), _) => self.obey(command, ctx),
            (Deliver::Join(group, joined), _) => self.join_guarded(group, joined, ctx),
            (Deliver::Abort, _) => self.end(End::default(), ctx),
            (Deliver::Shutdown, _) => self.end(End { allow_reconnect: true, ..End::default() }, ctx),
            (Deliver::Overflow, _) => self.let_slow_client_go(ctx),
        }
    }
}

impl Handler<SendTimedOut> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, SendTimedOut(by): SendTimedOut, ctx: &mut Self::Context) {
        if !self.is_left(by) {
            self.let_slow_client_go(ctx);
        }
    }
}

impl Handler<Completed> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, completed: Completed, ctx: &mut Self::Context) {
        let Completed { records, turns, is_first, ended, returned } = completed;
        self.invocations.completed(turns, usize::from(is_first));
        self.streams.end_calls(ended);
        if !matches!(self.stage, Stage::Open(_)) {
            let _ = self.backlog.remove(records.len());
            return;
        }
        if !records.is_empty() {
            self.hand_down(records);
        }
        if !returned.is_empty() {
            self.take_back(returned);
        }
        self.read(ctx);
    }
}

impl Handler<UploadRoom> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, UploadRoom: UploadRoom, ctx: &mut Self::Context) {
        self.read(ctx);
    }
}

impl Handler<Tick> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Tick(about): Tick, ctx: &mut Self::Context) {
        match about {
            Reminder::Deadlines => {}
            Reminder::Exchange => return self.look_after_exchange(ctx),
            Reminder::ServerEnds => return self.end_before_handshake(ctx),
        }
        let now = Instant::now();
        if after(now, CLOCK_STEP) < self.reminded_at {
            // Overtaken by a reminder that came before it.
            return;
        }
        if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            tracing::debug!(connection_id = &**self.connection.id(), "credentials expired");
            self.end(End { allow_reconnect: true, ..End::default() }, ctx);
            return;
        }
        self.hear();
        self.let_calls_pass_by();
        match &self.stage {
            Stage::Handshake if now >= self.handshake_deadline => self.refuse_handshake(CANCELED, ctx),
            Stage::Handshake | Stage::Ending => {}
            Stage::Connecting(source) | Stage::Open(source) => {
                let ping = source.format.protocol.ping();
                // Where a call waits for another, the original reads no further.
                let is_reading = self.held.is_empty() && self.invocations.none_waits();
                match self.keep_alive.due(now, is_reading) {
                    // A client that does not read needs no more to read.
                    Due::Ping if !self.has_inherent_keep_alive && self.flow.outbound.is_empty() => {
                        self.send(ping)
                    }
                    Due::Ping | Due::Nothing => {}
                    Due::Timeout => {
                        let end = End::failed(timed_out(), source.detailed_errors);
                        tracing::debug!(connection_id = &**self.connection.id(), "client timed out");
                        self.end(end, ctx);
                    }
                }
            }
        }
        self.remind(ctx);
    }
}

/// The client has shown new credentials: when they expire, if that is to end the connection.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Expires(pub Option<Instant>);

impl Handler<Expires> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Expires(at): Expires, ctx: &mut Self::Context) {
        self.expire(at, ctx);
    }
}

impl fmt::Debug for ConnectionActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionActor")
            .field("id", self.connection.id())
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

pub(super) fn hub_is_gone(err: MailboxError) -> HubResult {
    Err(HubError::from(err))
}

fn timed_out() -> ProtocolError {
    ProtocolError::named(
        "OperationCanceledException",
        "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
    )
}

/// How exact the clock is at least.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// What comes is bounded elsewhere, in bytes by [`Flow`] and in calls by [`Invocations`]; this only sizes the queue.
const MAILBOX_CAPACITY: usize = 64;
