//! The actor of one connection, from the first byte to the last. It holds the principal; it never waits.
//!
//! Receives [`Received`], [`TransportClosed`] and [`Drained`] from its transport, [`Deliver`] from the registry,
//! [`Completed`] from the hub, [`Tick`] from the clock. Sends [`Outbound`] to the transport; calls to the hub, past the
//! authorization actor where one of them is guarded; the two [`Lifecycle`] events to the hub; its coming and going to the
//! registry.

use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc};

use actix::{clock::Instant, prelude::*};
use bytes::Bytes;

use crate::{
    HubCallerContext, HubError, HubResult, ProtocolError,
    authorization::{AuthorizeCalls, CallSource, Completed, Invoke, Refusal, Step},
    clock::{Remind, Tick},
    connection::{
        bind::bind,
        end::End,
        handshake::{CANCELED, judge, without_content},
        hub_runtime::{HubRuntime, NewConnection},
        input::Input,
        invocations::{Admission, Invocations},
        keep_alive::{Due, KeepAlive, after},
        streams::Streams,
    },
    context::{Caller, Connection},
    hub::{Lifecycle, UploadRoom},
    metrics::ConnectionRefusal,
    protocol::{HubMessage, HubProtocol, SerializedMessage, TransferFormat, handshake_response},
    registry::{Client, Connect, Deliver, Disconnect, Question, Unanswered},
    telemetry::log_failure,
    transport::{Flow, Outbound, Received, TransportClosed},
};

/// A connection. Its decisions are in the plain types it holds.
pub struct ConnectionActor {
    runtime: Arc<HubRuntime>,
    connection: Arc<Connection>,
    transport: Recipient<Outbound>,
    flow: Flow,
    formats: &'static [TransferFormat],
    maximum_backlog: usize,
    has_inherent_keep_alive: bool,
    stage: Stage,
    input: Input,
    /// A message that has been read and whose turn has not come.
    held: Option<Held>,
    invocations: Invocations,
    streams: Streams,
    unanswered: Unanswered,
    keep_alive: KeepAlive,
    handshake_deadline: Instant,
    /// What the hub is to hear of the end when it has said whether it takes the client.
    early_end: Option<End>,
    _lease: Box<dyn Any + Send>,
}

/// How far a connection is.
#[derive(Debug)]
enum Stage {
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
enum Held {
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
            connection: Connection::new(new.id, registry, new.request, new.user),
            transport: new.transport,
            flow: new.flow,
            formats: new.formats,
            maximum_backlog: new.maximum_backlog,
            has_inherent_keep_alive: new.has_inherent_keep_alive,
            stage: Stage::Handshake,
            input: Input::new(options.maximum_receive_message_size),
            held: None,
            invocations: Invocations::new(options.maximum_parallel_invocations),
            streams: Streams::default(),
            unanswered: Unanswered::default(),
            keep_alive: KeepAlive::new(options.keep_alive_interval, options.client_timeout_interval, now),
            handshake_deadline: after(now, options.handshake_timeout),
            early_end: None,
            runtime,
            _lease: new.lease,
        }
        .start()
    }

    /// Reads on, as far as the stage and the running calls allow.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.stage, Stage::Handshake) {
            self.read_handshake(ctx);
        }
        while let Stage::Open(source) = &self.stage {
            let source = source.clone();
            // Who does not read answers is asked no more of.
            if self.flow.outbound.wait() {
                break;
            }
            match self.read_one(&source, ctx) {
                Ok(true) => {}
                Ok(false) => break,
                Err(err) => {
                    let connection_id = &**self.connection.id();
                    tracing::debug!(connection_id, error.type = err.name(), "message not understood");
                    self.held = Some(Held::End(End::failed(err, source.detailed_errors)));
                }
            }
        }
        let consumed = self.input.take_consumed();
        if consumed > 0 && self.flow.inbound.remove(consumed) {
            self.transport.do_send(Outbound::Resume);
        }
    }

    /// Takes one message further; says whether to go on with the next.
    fn read_one(&mut self, source: &Arc<CallSource>, ctx: &mut Context<Self>) -> Result<bool, ProtocolError> {
        let held = match self.held.take() {
            Some(held) => held,
            None => match self.input.next()? {
                Some(record) => Held::Message(source.protocol.parse(&record)?),
                None => {
                    self.start_batches(source);
                    return Ok(false);
                }
            },
        };
        let step = match held {
            Held::Step(step) => step,
            Held::Message(HubMessage::Invocation(invocation)) => {
                let room = || ctx.address().recipient();
                bind(invocation, &self.runtime, &self.connection, &mut self.streams, room)?
            }
            Held::Message(HubMessage::Ping) => {
                self.keep_alive.ping_received(Instant::now());
                return Ok(true);
            }
            Held::Message(HubMessage::Close { error }) => {
                self.held = Some(Held::End(End::by_client(error.as_deref())));
                return Ok(true);
            }
            Held::Message(message) => {
                self.start_batches(source);
                if !self.invocations.none_waits() {
                    self.held = Some(Held::Message(message));
                    return Ok(false);
                }
                self.held = self.handle_message(message)?.map(Held::Message);
                return Ok(self.held.is_none());
            }
            Held::End(end) => {
                self.start_batches(source);
                if self.invocations.has_started_all() {
                    self.end(end, ctx);
                } else {
                    self.held = Some(Held::End(end));
                }
                return Ok(false);
            }
        };
        match self.invocations.admit(step) {
            Admission::Taken => Ok(true),
            Admission::Alone(step) => {
                self.send_down(source, vec![step]);
                Ok(true)
            }
            Admission::Immediate(step) => {
                if let Step::Refused(Refusal { invocation_id: Some(id), error, .. }) = step {
                    let mut record = bytes::BytesMut::new();
                    source.protocol.write_error(&id, &error, &mut record);
                    self.send(record.freeze());
                }
                Ok(true)
            }
            Admission::Held(step) => {
                self.held = Some(Held::Step(step));
                self.start_batches(source);
                Ok(false)
            }
        }
    }

    /// Sends the calls that may start now to the hub, past authorization where one of them is guarded.
    fn start_batches(&mut self, source: &Arc<CallSource>) {
        if !self.invocations.has_batch() {
            return;
        }
        for steps in self.invocations.take_batches() {
            self.send_down(source, steps);
        }
    }

    fn send_down(&self, source: &Arc<CallSource>, steps: Vec<Step>) {
        let is_guarded = |step: &Step| matches!(step, Step::Call(call) if call.policy.is_some());
        let guarded = steps.iter().any(is_guarded);
        let invoke = Invoke { source: source.clone(), steps };
        let hub = &self.runtime.hub.invoke;
        if guarded {
            self.runtime.authorization.do_send(AuthorizeCalls { invoke, hub: hub.clone() });
        } else {
            hub.do_send(invoke);
        }
    }

    /// Messages about calls and questions; hands back an item there is no room for yet.
    fn handle_message(&mut self, message: HubMessage) -> Result<Option<HubMessage>, ProtocolError> {
        match message {
            HubMessage::StreamItem { stream_id, item } => {
                let left = self.streams.push(&stream_id, item);
                return Ok(left.map(|item| HubMessage::StreamItem { stream_id, item }));
            }
            HubMessage::Completion { invocation_id, result: outcome } => {
                let left = self.streams.end_upload(&invocation_id, outcome);
                let left = left.and_then(|outcome| self.unanswered.answer(&invocation_id, outcome));
                let id = self.connection.id();
                if left.is_some() && self.runtime.registry.is_asked_of_another(&invocation_id, id) {
                    let text =
                        format!("Connection ID '{id}' is not valid for invocation ID '{invocation_id}'.");
                    return Err(ProtocolError::named("InvalidOperationException", text));
                }
            }
            HubMessage::CancelInvocation { invocation_id } => self.streams.cancel(&invocation_id),
            // Stateful reconnect is not spoken here, and kinds of messages nobody knows are passed over.
            HubMessage::Ack { .. } | HubMessage::Sequence { .. } | HubMessage::Unknown => {}
            HubMessage::Invocation(_) | HubMessage::Ping | HubMessage::Close { .. } => {}
        }
        Ok(None)
    }

    fn read_handshake(&mut self, ctx: &mut Context<Self>) {
        let detailed = self.runtime.options.detailed_errors;
        let agreed = match self.input.next() {
            Ok(Some(record)) => judge(&record, self.formats, detailed),
            Ok(None) => return,
            Err(_) => Err(CANCELED.to_owned()),
        };
        match agreed.and_then(|agreed| self.user_id(detailed).map(|user_id| (agreed, user_id))) {
            Ok((agreed, user_id)) => self.connected(agreed.protocol, user_id, ctx),
            Err(error) => self.refuse_handshake(&error, ctx),
        }
    }

    /// The user id, from the application's provider.
    fn user_id(&self, detailed: bool) -> Result<Option<Arc<str>>, String> {
        let user = self.connection.user();
        let provided = std::panic::catch_unwind(AssertUnwindSafe(|| self.runtime.user_ids.user_id(&user)));
        provided.map(|id| id.filter(|id| !id.is_empty()).map(Arc::from)).map_err(|_| {
            tracing::error!(connection_id = &**self.connection.id(), "the user id provider panicked");
            let err = HubError::internal("Panic", "the user id could not be determined");
            err.told_to_client("An unexpected error occurred during connection handshake.", detailed)
        })
    }

    fn refuse_handshake(&mut self, error: &str, ctx: &mut Context<Self>) {
        self.runtime.telemetry.counters.connection_refused(ConnectionRefusal::Handshake);
        let reason = without_content(error);
        tracing::debug!(connection_id = &**self.connection.id(), reason, "handshake refused");
        self.send(handshake_response(Some(error)));
        self.stage = Stage::Ending;
        self.transport.do_send(Outbound::Close);
        self.connection.aborted().cancel();
        ctx.stop();
    }

    /// The handshake is done: the client is answered, the registry told, the hub asked.
    fn connected(&mut self, protocol: HubProtocol, user_id: Option<Arc<str>>, ctx: &mut Context<Self>) {
        let source = CallSource::new(
            protocol,
            self.runtime.options.detailed_errors,
            ctx.address().recipient(),
            self.connection.clone(),
            self.flow.outbound.clone(),
            self.runtime.telemetry.clone(),
        );
        self.connection.set_user_id(user_id.clone());
        self.input.use_protocol(protocol);
        self.runtime.registry.speaks(protocol);
        self.transport.do_send(Outbound::UseFormat(protocol.transfer_format()));
        self.send(handshake_response(None));
        self.stage = Stage::Connecting(source.clone());
        if let Some(registry) = self.runtime.registry.local() {
            let backlog = self.flow.outbound.clone();
            let deliver = ctx.address().recipient();
            let client = Client { deliver, backlog, maximum_backlog: self.maximum_backlog };
            registry.do_send(Connect { id: self.connection.id().clone(), user_id, client });
        }
        let connected =
            Lifecycle::Connected(HubCallerContext::of_hook(&self.connection, Caller::OnConnected));
        let asked = self.runtime.hub.lifecycle.send(connected).into_actor(self);
        ctx.spawn(asked.map(|answer, this, ctx| this.taken_by_hub(answer.unwrap_or_else(hub_is_gone), ctx)));
    }

    /// What the hub said when it was asked whether it takes the client.
    fn taken_by_hub(&mut self, answer: HubResult, ctx: &mut Context<Self>) {
        match (&self.stage, answer) {
            (Stage::Connecting(source), Ok(())) => {
                self.stage = Stage::Open(source.clone());
                self.read(ctx);
            }
            (Stage::Connecting(source), Err(err)) => {
                self.runtime.telemetry.counters.connection_refused(ConnectionRefusal::Hub);
                log_failure!(err, "connection refused by its hub", connection_id = &**self.connection.id());
                let end = End::refused(&err, source.detailed_errors);
                self.say_goodbye(&end);
                self.leave(ctx);
            }
            // It was over before the hub had said.
            (_, Ok(())) => {
                if let Some(end) = self.early_end.take() {
                    self.tell_hub(end, ctx);
                }
            }
            (_, Err(_)) => self.leave(ctx),
        }
    }

    /// Ends the connection: the client is told, then the hub, then the registry.
    fn end(&mut self, end: End, ctx: &mut Context<Self>) {
        match &self.stage {
            Stage::Ending => {}
            Stage::Handshake => {
                self.say_goodbye(&end);
                ctx.stop();
            }
            Stage::Connecting(_) => {
                self.say_goodbye(&end);
                self.early_end = Some(end);
            }
            Stage::Open(_) => {
                self.say_goodbye(&end);
                self.tell_hub(end, ctx);
            }
        }
    }

    /// Tells the hub that it is over, and goes when it has heard it.
    fn tell_hub(&self, end: End, ctx: &mut Context<Self>) {
        let ctx_of_hub = HubCallerContext::of_hook(&self.connection, Caller::OnDisconnected);
        let over = Lifecycle::Disconnected(ctx_of_hub, end.error);
        let told = self.runtime.hub.lifecycle.send(over).into_actor(self);
        ctx.spawn(told.map(|answer, this, ctx| {
            if let Ok(Err(err)) = answer {
                log_failure!(err, "on_disconnected failed", connection_id = &**this.connection.id());
            }
            this.leave(ctx);
        }));
    }

    /// Writes the last message, if somebody is there to read it, and lets the transport end.
    fn say_goodbye(&mut self, end: &End) {
        let stage = std::mem::replace(&mut self.stage, Stage::Ending);
        if end.is_gone {
            self.transport.do_send(Outbound::Abort);
        } else {
            if let Stage::Connecting(source) | Stage::Open(source) = &stage {
                self.send(source.protocol.close(end.told.as_deref(), end.allow_reconnect));
            }
            self.transport.do_send(Outbound::Close);
        }
        self.connection.aborted().cancel();
        self.held = None;
        self.unanswered.clear();
        self.streams.close();
        let _ = self.flow.inbound.remove(self.input.clear());
    }

    /// Out of the registry, and over.
    fn leave(&mut self, ctx: &mut Context<Self>) {
        if let Some(registry) = self.runtime.registry.local() {
            registry.do_send(Disconnect(self.connection.id().clone()));
        }
        ctx.stop();
    }

    fn send(&self, records: Bytes) {
        self.flow.outbound.add(records.len());
        self.transport.do_send(Outbound::Send(records));
    }

    /// Sends what the registry has counted, in the longest of its forms.
    fn hand_on(&mut self, message: &SerializedMessage, protocol: HubProtocol, ctx: &mut Context<Self>) {
        let encoded = message.encoded(protocol);
        let surplus = message.len() - encoded.map_or(0, Bytes::len);
        if let Some(encoded) = encoded {
            self.transport.do_send(Outbound::Send(encoded.clone()));
        }
        if surplus > 0 && self.flow.outbound.remove(surplus) {
            self.read(ctx);
        }
    }

    /// Asks the clock for the next time there may be something to do. There is one reminder at a time, so it must not
    /// come later than anything that begins meanwhile.
    fn remind(&self, ctx: &Context<Self>) {
        let next = self.keep_alive.next(Instant::now());
        let at = match self.stage {
            Stage::Handshake => next.min(self.handshake_deadline),
            Stage::Connecting(_) | Stage::Open(_) => next,
            Stage::Ending => return,
        };
        self.runtime.clock.do_send(Remind { at, recipient: ctx.address().recipient() });
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
    }
}

impl Handler<Received> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Received(bytes): Received, ctx: &mut Self::Context) {
        if matches!(self.stage, Stage::Ending) {
            let _ = self.flow.inbound.remove(bytes.len());
            return;
        }
        self.keep_alive.received(Instant::now());
        self.input.push(bytes);
        self.read(ctx);
    }
}

impl Handler<TransportClosed> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, TransportClosed(failure): TransportClosed, ctx: &mut Self::Context) {
        let cut = self.input.is_inside_a_record() && matches!(self.stage, Stage::Open(_));
        let cut =
            || cut.then(|| ProtocolError::invalid_data("Connection terminated while reading a message."));
        self.end(End::gone(failure.or_else(cut).map(HubError::from)), ctx);
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
        match (deliver, &self.stage) {
            (Deliver::Message(message), Stage::Connecting(source) | Stage::Open(source)) => {
                let protocol = source.protocol;
                self.hand_on(&message, protocol, ctx);
            }
            (Deliver::Message(message), Stage::Handshake | Stage::Ending) => {
                let _ = self.flow.outbound.remove(message.len());
            }
            (Deliver::Question(question), Stage::Connecting(source) | Stage::Open(source)) => {
                let protocol = source.protocol;
                let Question { id, message, reply } = question;
                self.unanswered.insert(id, reply);
                self.hand_on(&message, protocol, ctx);
            }
            (Deliver::Question(question), Stage::Handshake | Stage::Ending) => {
                let _ = self.flow.outbound.remove(question.message.len());
            }
            (Deliver::Abort, _) => self.end(End::default(), ctx),
            (Deliver::Overflow, Stage::Ending) => {}
            (Deliver::Overflow, _) => {
                self.runtime.telemetry.counters.slow_client();
                tracing::debug!(connection_id = &**self.connection.id(), "slow client let go");
                let error = HubError::internal("SlowClient", "the client does not read what it is sent");
                self.end(End::gone(Some(error)), ctx);
            }
        }
    }
}

impl Handler<Completed> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, completed: Completed, ctx: &mut Self::Context) {
        let Completed { records, calls, is_first, ended } = completed;
        self.invocations.completed(calls, is_first);
        self.streams.end_calls(ended);
        if !matches!(self.stage, Stage::Open(_)) {
            let _ = self.flow.outbound.remove(records.len());
            return;
        }
        if !records.is_empty() {
            self.transport.do_send(Outbound::Send(records));
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

    fn handle(&mut self, Tick: Tick, ctx: &mut Self::Context) {
        let now = Instant::now();
        match &self.stage {
            Stage::Handshake if now >= self.handshake_deadline => self.refuse_handshake(CANCELED, ctx),
            Stage::Handshake | Stage::Ending => {}
            Stage::Connecting(source) | Stage::Open(source) => {
                let ping = source.protocol.ping();
                match self.keep_alive.due(now, self.held.is_none()) {
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

impl fmt::Debug for ConnectionActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionActor")
            .field("id", self.connection.id())
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

fn hub_is_gone(err: MailboxError) -> HubResult {
    Err(HubError::from(err))
}

fn timed_out() -> ProtocolError {
    ProtocolError::named(
        "OperationCanceledException",
        "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
    )
}

/// What comes is bounded elsewhere, in bytes by [`Flow`] and in calls by [`Invocations`]; this only sizes the queue.
const MAILBOX_CAPACITY: usize = 64;
