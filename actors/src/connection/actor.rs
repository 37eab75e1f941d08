//! The actor of one connection, from the first byte to the last. It holds the principal; it never waits.
//!
//! Receives [`Received`], [`TransportClosed`] and [`Drained`] from its transport, [`Deliver`] from the registry,
//! [`Completed`] from the hub, [`Tick`] from the clock, [`AbortConnection`] from hub methods. Sends [`Outbound`] to the
//! transport; calls to the hub, past the authorization actor where one of them is guarded; the two [`Lifecycle`] events
//! to the hub; its coming and going to the registry.

use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc};

use actix::{clock::Instant, prelude::*};
use bytes::Bytes;

use crate::{
    HubCallerContext, HubError, HubResult, ProtocolError,
    authorization::{AuthorizeCalls, Call, CallSource, Completed, HubInvocation, Invoke, Refusal, Step},
    clock::{Remind, Tick},
    connection::{
        handshake::{CANCELED, judge},
        hub_runtime::{HubRuntime, NewConnection},
        input::Input,
        invocations::{Admission, Invocations},
        keep_alive::{Due, KeepAlive},
    },
    context::{AbortConnection, Connection},
    hub::Lifecycle,
    protocol::{CompletionResult, HubMessage, HubProtocol, Invocation, TransferFormat, handshake_response},
    registry::{Client, Connect, Deliver, Disconnect},
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
    stage: Stage,
    input: Input,
    /// A message that has been read and whose turn has not come.
    held: Option<Held>,
    invocations: Invocations,
    keep_alive: KeepAlive,
    handshake_deadline: Instant,
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
}

/// How a connection ends.
#[derive(Debug, Default)]
struct End {
    /// What the hub is told.
    error: Option<HubError>,
    /// What the client is told.
    told: Option<String>,
    allow_reconnect: bool,
    /// The client has gone, or does not read: there is nobody to tell.
    is_gone: bool,
}

impl ConnectionActor {
    pub(super) fn start_for(runtime: Arc<HubRuntime>, new: NewConnection) -> Addr<Self> {
        Self::create(|ctx| {
            let now = Instant::now();
            let options = runtime.options.clone();
            let registry = runtime.registry.clone();
            let abort = ctx.address().recipient();
            Self {
                connection: Connection::new(new.id, registry, new.request, new.user, abort),
                transport: new.transport,
                flow: new.flow,
                formats: new.formats,
                maximum_backlog: new.maximum_backlog,
                stage: Stage::Handshake,
                input: Input::new(options.maximum_receive_message_size),
                held: None,
                invocations: Invocations::new(options.maximum_parallel_invocations),
                keep_alive: KeepAlive::new(options.keep_alive_interval, options.client_timeout_interval, now),
                handshake_deadline: now + options.handshake_timeout,
                runtime,
                _lease: new.lease,
            }
        })
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
                    self.start_batches(&source);
                    self.fail(err, ctx);
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
            Held::Message(HubMessage::Invocation(invocation)) => self.bind(invocation)?,
            Held::Message(HubMessage::Ping) => {
                self.keep_alive.ping_received(Instant::now());
                return Ok(true);
            }
            Held::Message(message) => {
                self.start_batches(source);
                if !self.invocations.has_started_all() {
                    self.held = Some(Held::Message(message));
                    return Ok(false);
                }
                self.handle_message(message, ctx);
                return Ok(true);
            }
        };
        match self.invocations.admit(step) {
            Admission::Taken => Ok(true),
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

    /// Finds the method of a call and types its arguments; what does not fit is refused.
    ///
    /// # Errors
    /// When the arguments fit and something else in the message is wrong.
    fn bind(&self, invocation: Invocation) -> Result<Step, ProtocolError> {
        let Invocation { invocation_id, target, arguments, stream_ids, streaming, fault } = invocation;
        let refuse = |target: &str, err: HubError| {
            let base = format!("Failed to invoke '{target}' due to an error on the server.");
            let error = err.told_to_client(&base, self.runtime.options.detailed_errors);
            Step::Refused(Refusal { invocation_id: invocation_id.clone(), error, in_turn: false })
        };
        let Some(method) = self.runtime.methods.find(&target) else {
            return Ok(refuse(&target, HubError::new("Method does not exist.")));
        };
        // Reading a value may run the application's own code.
        let bound = std::panic::catch_unwind(AssertUnwindSafe(|| (method.bind)(&arguments)));
        if let (Ok(Ok(_)), Some(fault)) = (&bound, fault) {
            return Err(fault);
        }
        Ok(match bound {
            Ok(Ok(arguments)) => Step::Call(Call {
                method: method.index,
                policy: method.policy.clone(),
                invocation: HubInvocation::new(
                    HubCallerContext::of_call(&self.connection),
                    method.name.clone(),
                    arguments,
                ),
                streaming,
                uploads: stream_ids.len(),
                invocation_id,
                target: method.target.clone(),
            }),
            Ok(Err(err)) => refuse(&method.target, err.into()),
            Err(_) => {
                tracing::error!(method = &*method.name, "reading the arguments of a hub method panicked");
                refuse(&method.target, HubError::internal("Panic", "the arguments could not be read"))
            }
        })
    }

    /// Sends the calls that may start now to the hub, past authorization where one of them is guarded.
    fn start_batches(&mut self, source: &Arc<CallSource>) {
        if !self.invocations.has_batch() {
            return;
        }
        for steps in self.invocations.take_batches() {
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
    }

    /// All but calls and pings.
    fn handle_message(&mut self, message: HubMessage, ctx: &mut Context<Self>) {
        match message {
            HubMessage::Close { error } => {
                let error = error.map(|text| HubError::new(text.to_string()));
                self.end(End { error, ..End::default() }, ctx);
            }
            // A result that nobody waits for must be one all the same.
            HubMessage::Completion { result: CompletionResult::Value(value), .. } => {
                if let Err(err) = value.check() {
                    self.fail(err, ctx);
                }
            }
            // Without streams, questions or stateful reconnect there is nothing these could be about.
            HubMessage::StreamItem { .. }
            | HubMessage::Completion { .. }
            | HubMessage::CancelInvocation { .. }
            | HubMessage::Ack { .. }
            | HubMessage::Sequence { .. }
            | HubMessage::Unknown => {
                tracing::debug!(connection_id = &**self.connection.id(), ?message, "message passed over");
            }
            HubMessage::Invocation(_) | HubMessage::Ping => {}
        }
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
            tracing::error!("the user id provider panicked");
            let err = HubError::internal("Panic", "the user id could not be determined");
            err.told_to_client("An unexpected error occurred during connection handshake.", detailed)
        })
    }

    fn refuse_handshake(&mut self, error: &str, ctx: &mut Context<Self>) {
        tracing::debug!(connection_id = &**self.connection.id(), error, "handshake refused");
        self.send(handshake_response(Some(error)));
        self.stage = Stage::Ending;
        self.transport.do_send(Outbound::Close);
        self.connection.aborted().cancel();
        ctx.stop();
    }

    /// The handshake is done: the client is answered, the registry told, the hub asked.
    fn connected(&mut self, protocol: HubProtocol, user_id: Option<Arc<str>>, ctx: &mut Context<Self>) {
        let source = Arc::new(CallSource {
            protocol,
            detailed_errors: self.runtime.options.detailed_errors,
            completed: ctx.address().recipient(),
            aborted: self.connection.aborted().clone(),
        });
        self.connection.set_user_id(user_id.clone());
        self.input.use_protocol(protocol);
        self.transport.do_send(Outbound::UseFormat(protocol.transfer_format()));
        self.send(handshake_response(None));
        self.stage = Stage::Connecting(source.clone());
        if let Some(registry) = self.runtime.registry.local() {
            let backlog = self.flow.outbound.clone();
            let deliver = ctx.address().recipient();
            let client = Client { deliver, backlog, maximum_backlog: self.maximum_backlog };
            registry.do_send(Connect { id: self.connection.id().clone(), user_id, client });
        }
        let connected = Lifecycle::Connected(HubCallerContext::of_call(&self.connection));
        let asked = self.runtime.hub.lifecycle.send(connected).into_actor(self);
        ctx.spawn(asked.map(|answer, this, ctx| this.taken_by_hub(answer.unwrap_or_else(hub_is_gone), ctx)));
    }

    /// What the hub said when it was asked whether it takes the client.
    fn taken_by_hub(&mut self, answer: HubResult, ctx: &mut Context<Self>) {
        let Stage::Connecting(source) = &self.stage else { return };
        match answer {
            Ok(()) => {
                self.stage = Stage::Open(source.clone());
                self.read(ctx);
            }
            Err(err) => {
                tracing::debug!(connection_id = &**self.connection.id(), error = %err, "connection refused by its hub");
                let told = err.told_to_client(CLOSED, source.detailed_errors);
                self.say_goodbye(&End { told: Some(told), ..End::default() });
                self.leave(ctx);
            }
        }
    }

    /// Something the client did ends the connection; it may come back.
    fn fail(&mut self, err: ProtocolError, ctx: &mut Context<Self>) {
        tracing::debug!(connection_id = &**self.connection.id(), error = %err, "connection failed");
        let error = HubError::from(err);
        let told = error.told_to_client(CLOSED, self.runtime.options.detailed_errors);
        self.end(End { error: Some(error), told: Some(told), allow_reconnect: true, is_gone: false }, ctx);
    }

    /// Ends the connection: the client is told, then the hub, then the registry.
    fn end(&mut self, end: End, ctx: &mut Context<Self>) {
        match std::mem::replace(&mut self.stage, Stage::Ending) {
            Stage::Ending => {}
            Stage::Handshake => {
                self.say_goodbye(&end);
                ctx.stop();
            }
            // A hub that is still being asked is told all the same: it may have taken the client already.
            stage @ (Stage::Connecting(_) | Stage::Open(_)) => {
                self.stage = stage;
                self.say_goodbye(&end);
                let over = Lifecycle::Disconnected(HubCallerContext::of_call(&self.connection), end.error);
                let told = self.runtime.hub.lifecycle.send(over).into_actor(self);
                ctx.spawn(told.map(|answer, this, ctx| {
                    if let Ok(Err(err)) = answer {
                        tracing::error!(connection_id = &**this.connection.id(), error = %err, "on_disconnected failed");
                    }
                    this.leave(ctx);
                }));
            }
        }
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

    /// Asks the clock for the next time there is something to do.
    fn remind(&self, ctx: &Context<Self>) {
        let at = match self.stage {
            Stage::Handshake => self.handshake_deadline,
            Stage::Connecting(_) | Stage::Open(_) => self.keep_alive.next(),
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

    fn handle(&mut self, TransportClosed: TransportClosed, ctx: &mut Self::Context) {
        let cut = self.input.is_inside_a_record() && matches!(self.stage, Stage::Open(_));
        let error =
            cut.then(|| ProtocolError::invalid_data("Connection terminated while reading a message.").into());
        self.end(End { error, is_gone: true, ..End::default() }, ctx);
    }
}

/// The transport has written so much that more may be sent.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drained;

impl Handler<Drained> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Drained: Drained, ctx: &mut Self::Context) {
        self.read(ctx);
    }
}

impl Handler<Deliver> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Self::Context) {
        match (deliver, &self.stage) {
            // The registry has counted it, in its longest form.
            (Deliver::Message(message), Stage::Connecting(source) | Stage::Open(source)) => {
                let encoded = message.encoded(source.protocol);
                let surplus = message.len() - encoded.map_or(0, Bytes::len);
                if let Some(encoded) = encoded {
                    self.transport.do_send(Outbound::Send(encoded.clone()));
                }
                if surplus > 0 && self.flow.outbound.remove(surplus) {
                    self.read(ctx);
                }
            }
            (Deliver::Message(message), Stage::Handshake | Stage::Ending) => {
                let _ = self.flow.outbound.remove(message.len());
            }
            (Deliver::Overflow, Stage::Ending) => {}
            (Deliver::Overflow, _) => {
                tracing::debug!(connection_id = &**self.connection.id(), "slow client let go");
                let error = HubError::internal("SlowClient", "the client does not read what it is sent");
                self.end(End { error: Some(error), is_gone: true, ..End::default() }, ctx);
            }
        }
    }
}

impl Handler<Completed> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, Completed { records, calls }: Completed, ctx: &mut Self::Context) {
        self.invocations.completed(calls);
        if matches!(self.stage, Stage::Open(_)) {
            if !records.is_empty() {
                self.send(records);
            }
            self.read(ctx);
        }
    }
}

impl Handler<AbortConnection> for ConnectionActor {
    type Result = ();

    fn handle(&mut self, AbortConnection: AbortConnection, ctx: &mut Self::Context) {
        self.end(End::default(), ctx);
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
                    Due::Ping if self.flow.outbound.is_empty() => self.send(ping),
                    Due::Ping | Due::Nothing => {}
                    Due::Timeout => self.fail(timed_out(), ctx),
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

const CLOSED: &str = "Connection closed with an error.";

/// What comes is bounded elsewhere, in bytes by [`Flow`] and in calls by [`Invocations`]; this only sizes the queue.
const MAILBOX_CAPACITY: usize = 64;
