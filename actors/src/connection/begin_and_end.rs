//! How a connection begins and ends: what its client, its hub and its registry are told.

use std::sync::Arc;

use actix::prelude::*;

use crate::{
    HubCallerContext, HubResult,
    authorization::{CallSource, ReplyPath},
    connection::{
        ConnectionActor,
        actor::{Stage, hub_is_gone},
        end::End,
        handshake::{Agreed, without_content},
    },
    context::Caller,
    hub::Lifecycle,
    metrics::ConnectionRefusal,
    protocol::{PayloadFormat, handshake_response},
    registry::{Client, Disconnect},
    telemetry::log_failure,
    transport::{Backlog, Outbound},
};

impl ConnectionActor {
    pub(super) fn refuse_handshake(&mut self, error: &str, ctx: &mut Context<Self>) {
        self.runtime.telemetry.counters.connection_refused(ConnectionRefusal::Handshake);
        let reason = without_content(error);
        tracing::debug!(connection_id = &**self.connection.id(), reason, "handshake refused");
        self.give_up_reconnect();
        self.send(handshake_response(Some(error)));
        self.stage = Stage::Ending;
        self.transport.do_send(Outbound::Close);
        self.connection.aborted().cancel();
        ctx.stop();
    }

    /// The handshake is done: the client is answered, the registry told, the hub asked.
    pub(super) fn connected(
        &mut self,
        Agreed { protocol, version }: Agreed,
        user_id: Option<Arc<str>>,
        ctx: &mut Context<Self>,
    ) {
        if self.stateful.as_mut().is_some_and(|stateful| stateful.begin(protocol, version)) {
            self.backlog = Backlog::new(self.runtime.options.stateful_reconnect_buffer_size);
        }
        // What is sent to one that may be resumed has to be kept.
        let outlet = self.flow.outlet.clone().filter(|_| self.stateful.is_none());
        let replies = ReplyPath::new(ctx.address().recipient(), self.backlog.clone(), outlet.clone());
        let source = CallSource::new(
            PayloadFormat { protocol, naming: self.runtime.options.naming_policy },
            &self.runtime.options,
            replies,
            self.connection.clone(),
            self.runtime.telemetry.clone(),
            self.runtime.audit.clone(),
        );
        self.connection.set_user_id(user_id.clone());
        self.input.use_protocol(protocol);
        self.runtime.registry.speaks(protocol);
        self.transport.do_send(Outbound::UseFormat(protocol.transfer_format()));
        self.send(handshake_response(None));
        self.stage = Stage::Connecting(source.clone());
        let backlog = self.backlog.clone();
        let deliver = ctx.address().recipient();
        let client = Client { deliver, backlog, maximum_backlog: self.maximum_backlog, protocol, outlet };
        let standing = self.runtime.registry.connect(self.connection.id().clone(), user_id, client);
        // Only now: a revocation that comes later finds the connection in the registry.
        if self.is_revoked() {
            return self.refuse_revoked(ctx);
        }
        if self.runtime.options.single_session_per_user {
            self.end_older_of_user();
        }
        let connected =
            Lifecycle::Connected(HubCallerContext::of_hook(&self.connection, Caller::OnConnected));
        let runtime = self.runtime.clone();
        let asked = async move {
            // What the hub sends may be answered by way of other servers.
            if let Some(standing) = standing {
                standing.await;
            }
            runtime.hub.lifecycle.send(connected).await
        }
        .into_actor(self);
        ctx.spawn(asked.map(|answer, this, ctx| this.taken_by_hub(answer.unwrap_or_else(hub_is_gone), ctx)));
    }

    /// The hub has not heard of the client, and does not.
    fn refuse_revoked(&mut self, ctx: &mut Context<Self>) {
        self.runtime.telemetry.counters.connection_refused(ConnectionRefusal::Revoked);
        tracing::debug!(connection_id = &**self.connection.id(), "connection refused, since it is revoked");
        self.say_goodbye(&End::default());
        self.leave(ctx);
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
                    self.tell_hub(*end, ctx);
                }
            }
            (_, Err(_)) => self.leave(ctx),
        }
    }

    /// Ends the connection: the client is told, then the hub, then the registry.
    pub(super) fn end(&mut self, end: End, ctx: &mut Context<Self>) {
        match &self.stage {
            Stage::Ending => {}
            Stage::Handshake => {
                self.say_goodbye(&end);
                ctx.stop();
            }
            Stage::Connecting(_) => {
                self.say_goodbye(&end);
                self.early_end = Some(Box::new(end));
            }
            Stage::Open(_) => {
                self.say_goodbye(&end);
                self.tell_hub(end, ctx);
            }
        }
    }

    /// Ends a connection that the registry does not know yet; there is nothing to be told that its client could read.
    pub(super) fn end_before_handshake(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.stage, Stage::Handshake) {
            self.end(End::default(), ctx);
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
        self.give_up_reconnect();
        self.seal();
        let stage = std::mem::replace(&mut self.stage, Stage::Ending);
        if end.is_gone {
            self.transport.do_send(Outbound::Abort);
        } else {
            if let Stage::Connecting(source) | Stage::Open(source) = &stage {
                self.send(source.format.protocol.close(end.told.as_deref(), end.allow_reconnect));
            }
            self.transport.do_send(Outbound::Close);
        }
        self.connection.aborted().cancel();
        self.held.clear();
        self.unanswered.clear();
        self.streams.close();
        let ahead = self.exchange_mut().map_or(0, |exchange| exchange.ahead.clear());
        let _ = self.flow.inbound.remove(self.input.clear() + ahead);
    }

    /// Out of the registry, and over.
    fn leave(&mut self, ctx: &mut Context<Self>) {
        if let Some(registry) = self.runtime.registry.local() {
            registry.do_send(Disconnect(self.connection.id().clone()));
        }
        ctx.stop();
    }
}
