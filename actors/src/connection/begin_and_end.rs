//! How a connection begins and ends: what its client, its hub and its registry are told.

use std::sync::Arc;

use actix::prelude::*;

use crate::{
    HubCallerContext, HubResult,
    authorization::CallSource,
    connection::{
        ConnectionActor,
        actor::{Stage, hub_is_gone},
        end::End,
        handshake::without_content,
    },
    context::Caller,
    hub::Lifecycle,
    metrics::ConnectionRefusal,
    protocol::{HubProtocol, PayloadFormat, handshake_response},
    registry::{Client, Connect, Disconnect},
    telemetry::log_failure,
    transport::Outbound,
};

impl ConnectionActor {
    pub(super) fn refuse_handshake(&mut self, error: &str, ctx: &mut Context<Self>) {
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
    pub(super) fn connected(
        &mut self,
        protocol: HubProtocol,
        user_id: Option<Arc<str>>,
        ctx: &mut Context<Self>,
    ) {
        let source = CallSource::new(
            PayloadFormat { protocol, naming: self.runtime.options.naming_policy },
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
    pub(super) fn end(&mut self, end: End, ctx: &mut Context<Self>) {
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
                self.send(source.format.protocol.close(end.told.as_deref(), end.allow_reconnect));
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
}
