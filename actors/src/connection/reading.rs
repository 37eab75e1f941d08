//! What a connection makes of what its client sends.

use std::sync::Arc;

use actix::{clock::Instant, prelude::*};
use bytes::BytesMut;
use bytestring::ByteString;

use crate::{
    ClaimsPrincipal, HubError, HubResult, ProtocolError,
    authorization::{AuthorizeCalls, Call, CallSource, Invoke, Refusal, Step},
    connection::{
        ConnectionActor,
        actor::{Held, Stage},
        bind::bind,
        end::End,
        handshake::{CANCELED, judge},
        invocations::{Admission, Batch},
    },
    hub::MethodEntry,
    metrics::InvocationOutcome,
    protocol::{CompletionResult, HubMessage, Invocation},
    transport::Outbound,
    user_id::{ProviderPanicked, provided_user_id},
};

impl ConnectionActor {
    /// Reads on, as far as the stage and the running calls allow.
    pub(super) fn read(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.stage, Stage::Handshake) {
            self.read_handshake(ctx);
        }
        self.hear();
        self.read_ahead();
        while let Stage::Open(source) = &self.stage {
            let source = source.clone();
            // Who does not read answers is asked no more of.
            if self.backlog.wait() {
                break;
            }
            match self.read_one(&source, ctx) {
                Ok(true) => {}
                Ok(false) => break,
                Err(err) => {
                    let connection_id = &**self.connection.id();
                    tracing::debug!(connection_id, error.type = err.name(), "message not understood");
                    self.held.push_front(Held::End(End::failed(err, source.detailed_errors)));
                }
            }
        }
        self.let_calls_pass_by();
        let taken = self.exchange_mut().map_or(0, |exchange| exchange.ahead.take_taken());
        let consumed = self.input.take_consumed() + taken;
        if consumed > 0 && self.flow.inbound.remove(consumed) {
            self.transport.do_send(Outbound::Resume);
        }
        if self.stateful.is_some() {
            self.watch(ctx);
            if self.make_room(ctx) {
                self.read(ctx);
            }
        }
    }

    /// Hears what has become of calls whose answers have passed by.
    pub(super) fn hear(&mut self) {
        let Stage::Open(source) = &self.stage else { return };
        let unheard = source.replies.hear();
        self.invocations.completed(unheard.turns, unheard.batches);
        self.streams.end_calls(unheard.ended);
    }

    /// Need not hear at once of calls that are over, if nothing waits for that.
    pub(super) fn let_calls_pass_by(&self) {
        if let Stage::Open(source) = &self.stage
            && self.held.is_empty()
            && self.owed_hooks.is_empty()
        {
            source.replies.can_wait();
        }
    }

    /// Takes one message further; says whether to go on with the next.
    fn read_one(&mut self, source: &Arc<CallSource>, ctx: &mut Context<Self>) -> Result<bool, ProtocolError> {
        self.put_hook_in_front();
        if let Some(held) = self.held.pop_front() {
            return self.go_on_with(held, source, ctx);
        }
        if let Some(exchange) = self.exchange_mut() {
            if let Some(message) = exchange.next()? {
                return self.go_on_with(Held::Message(message), source, ctx);
            }
        } else if let Some(record) = self.input.next()? {
            return match source.format.protocol.parse_whole(record, source.format.naming) {
                Ok(HubMessage::Invocation(invocation)) => self.read_invocation(invocation, source, ctx),
                Ok(message) => self.go_on_with(Held::Message(message), source, ctx),
                Err(err) => Err(err),
            };
        }
        self.start_batches(source);
        Ok(false)
    }

    fn read_invocation(
        &mut self,
        invocation: Invocation,
        source: &Arc<CallSource>,
        ctx: &mut Context<Self>,
    ) -> Result<bool, ProtocolError> {
        if self.waits_for_its_id(&invocation) {
            self.held.push_front(Held::Message(HubMessage::Invocation(invocation)));
            self.start_batches(source);
            return Ok(false);
        }
        let room = || ctx.address().recipient();
        let step = bind(invocation, &self.runtime, &self.connection, &self.user, &mut self.streams, room)?;
        Ok(self.take_step(step, source))
    }

    fn go_on_with(
        &mut self,
        held: Held,
        source: &Arc<CallSource>,
        ctx: &mut Context<Self>,
    ) -> Result<bool, ProtocolError> {
        match held {
            Held::Step(step) => Ok(self.take_step(step, source)),
            Held::Message(HubMessage::Invocation(invocation)) => {
                self.read_invocation(invocation, source, ctx)
            }
            Held::Message(HubMessage::Ping) => {
                self.keep_alive.ping_received(Instant::now());
                Ok(true)
            }
            Held::Message(HubMessage::Close { error }) => {
                self.held.push_front(Held::End(End::by_client(error.as_deref())));
                Ok(true)
            }
            Held::Message(message) => {
                self.start_batches(source);
                if !self.invocations.none_waits() {
                    self.held.push_front(Held::Message(message));
                    return Ok(false);
                }
                let Some(left) = self.handle_message(message)? else { return Ok(true) };
                self.held.push_front(Held::Message(left));
                Ok(false)
            }
            Held::End(end) => {
                self.start_batches(source);
                if self.invocations.has_started_all() {
                    self.end(end, ctx);
                } else {
                    self.held.push_front(Held::End(end));
                }
                Ok(false)
            }
        }
    }

    /// Takes a step further; says whether to go on with the next message.
    fn take_step(&mut self, mut step: Step, source: &Arc<CallSource>) -> bool {
        source.pass_known(&mut step);
        let admission = match self.invocations.admit(step) {
            Admission::Held(step) => self.join_running(step, source),
            admission => admission,
        };
        if !matches!(admission, Admission::Held(_)) {
            self.owed_hooks.passed();
        }
        match admission {
            Admission::Taken => true,
            Admission::Alone(step) => {
                self.send_down(source, vec![step], false);
                true
            }
            Admission::Immediate(step) => {
                if let Step::Refused(Refusal { invocation_id: Some(id), error, .. }) = step {
                    self.send_error(source, &id, &error);
                }
                true
            }
            Admission::TooMany(step) => {
                source.telemetry.counters.invocation(InvocationOutcome::Refused);
                if let Step::Call(Call { invocation_id: Some(id), target, cancel, .. }) = step {
                    let base = format!("An unexpected error occurred invoking '{target}' on the server.");
                    let err = HubError::new("Too many calls are running on this connection.");
                    self.send_error(source, &id, &err.told_to_client(&base, false));
                    self.streams.end_calls(cancel.map(|_| id).into_iter().collect());
                }
                true
            }
            Admission::Held(step) => {
                self.held.push_front(Held::Step(step));
                self.start_batches(source);
                false
            }
        }
    }

    /// Puts a step behind the calls that run, if it need not wait for more than their end.
    fn join_running(&mut self, step: Step, source: &CallSource) -> Admission {
        if !self.owed_hooks.is_empty() {
            return Admission::Held(step);
        }
        let refreshes = self.connection.refreshes();
        match self.invocations.join(step, |step| source.following.join(step, refreshes)) {
            None => Admission::Taken,
            Some(step) => Admission::Held(step),
        }
    }

    /// Whether the call can be cancelled, and one before it that ends before it begins has its id.
    fn waits_for_its_id(&self, invocation: &Invocation) -> bool {
        let is_in_use = |id: &ByteString| self.streams.is_call(id);
        let can_wait = |method: &MethodEntry| method.shape.takes_turn() && method.shape.takes_token();
        self.invocations.are_one_by_one()
            && invocation.invocation_id.as_ref().is_some_and(is_in_use)
            && self.runtime.methods.find(&invocation.target).is_some_and(can_wait)
    }

    fn send_error(&mut self, source: &CallSource, invocation_id: &str, error: &str) {
        let mut record = BytesMut::new();
        source.format.protocol.write_error(invocation_id, error, &mut record);
        self.backlog.add(record.len());
        self.hand_down(record.freeze());
    }

    /// Sends the calls that may start now to the hub, past authorization where one of them is guarded.
    fn start_batches(&mut self, source: &Arc<CallSource>) {
        if !self.invocations.has_batch() {
            return;
        }
        match self.invocations.take_batch() {
            Batch::Together(steps) => self.send_down(source, steps, true),
            Batch::Apart(steps) => {
                for step in steps {
                    self.send_down(source, vec![step], false);
                }
            }
        }
    }

    fn send_down(&self, source: &Arc<CallSource>, steps: Vec<Step>, takes_more: bool) {
        let is_guarded = |step: &Step| matches!(step, Step::Call(call) if call.is_guarded());
        let guarded = steps.iter().any(is_guarded);
        let refreshes = self.connection.refreshes();
        let invoke = Invoke { source: source.clone(), steps, refreshes, takes_more };
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
                let Some(left) = left else { return Ok(None) };
                // A result that nobody waits for must be one all the same.
                if let CompletionResult::Value(value) = left {
                    value.check()?;
                }
                let id = self.connection.id();
                if self.runtime.registry.is_asked_of_another(&invocation_id, id) {
                    let text =
                        format!("Connection ID '{id}' is not valid for invocation ID '{invocation_id}'.");
                    return Err(ProtocolError::named("InvalidOperationException", text));
                }
            }
            HubMessage::CancelInvocation { invocation_id } => self.streams.cancel(&invocation_id),
            // Of no meaning without stateful reconnect, and kinds of messages nobody knows are passed over.
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
            Ok((agreed, user_id)) => self.connected(agreed, user_id, ctx),
            Err(error) => self.refuse_handshake(&error, ctx),
        }
    }

    /// The user id, from the application's provider.
    fn user_id(&self, detailed: bool) -> Result<Option<Arc<str>>, String> {
        self.user_id_of(&self.user).map(|id| id.map(Arc::from)).map_err(|err| {
            err.told_to_client("An unexpected error occurred during connection handshake.", detailed)
        })
    }

    /// Which user somebody is, if anybody's. An error where the application's provider panics.
    pub(super) fn user_id_of(&self, user: &ClaimsPrincipal) -> HubResult<Option<String>> {
        provided_user_id(&*self.runtime.user_ids, user).map_err(|ProviderPanicked| {
            tracing::error!(connection_id = &**self.connection.id(), "the user id provider panicked");
            HubError::internal("Panic", "the user id could not be determined")
        })
    }
}
