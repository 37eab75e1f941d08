//! How a connection loses its transport and is given another one, and what it acknowledges meanwhile.

use actix::{clock::Instant, prelude::*};
use bytes::{Bytes, BytesMut};

use crate::{
    ConnectRequest,
    authorization::CallSource,
    clock::{Remind, Reminder},
    connection::{
        ConnectionActor,
        actor::Stage,
        stateful::{Exchange, Stateful},
    },
    protocol::{HubMessage, PayloadFormat},
    transport::{Attachment, Flow, Outbound},
};

/// A client comes back with another transport. Answered with whether it is taken.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct Reconnect {
    /// Which one it is.
    pub by: Attachment,
    /// The transport.
    pub transport: Recipient<Outbound>,
    /// The bytes on their way, counted together with it.
    pub flow: Flow,
    /// The request that made it.
    pub request: ConnectRequest,
    /// When the connection is to be ended because the credentials of the request have expired; `None` is never.
    pub expires_at: Option<Instant>,
}

impl Handler<Reconnect> for ConnectionActor {
    type Result = bool;

    fn handle(&mut self, new: Reconnect, ctx: &mut Self::Context) -> bool {
        let attached = self.stateful.as_mut().and_then(|stateful| stateful.attach(new.by));
        let Some(is_left) = attached else { return false };
        tracing::debug!(connection_id = &**self.connection.id(), "connection resumed");
        let before = std::mem::replace(&mut self.transport, new.transport);
        if is_left {
            before.do_send(Outbound::Close);
        }
        // What the client sends again need not be kept; what it does not send again has been received.
        let _ = self.input.clear();
        self.flow = new.flow;
        self.connection.set_request(new.request);
        match &self.stage {
            Stage::Handshake => self.backlog = self.flow.outbound.clone(),
            Stage::Connecting(source) | Stage::Open(source) => {
                let source = source.clone();
                self.send_again(&source);
            }
            Stage::Ending => {}
        }
        self.expire(new.expires_at, ctx);
        self.read(ctx);
        true
    }
}

impl ConnectionActor {
    /// Whether a transport says something that is not the connection's any more.
    pub(super) fn is_left(&self, by: Attachment) -> bool {
        self.stateful.as_ref().is_some_and(|stateful| stateful.by != by)
    }

    /// Whether there is no transport.
    pub(super) fn is_lost(&self) -> bool {
        self.stateful.as_ref().is_some_and(|stateful| stateful.is_lost())
    }

    /// The transport is lost; says whether another one is waited for.
    pub(super) fn wait_for_reconnect(&mut self, ctx: &Context<Self>) -> bool {
        let Some(stateful) = &mut self.stateful else { return false };
        if matches!(self.stage, Stage::Ending) || !stateful.lose(Instant::now()) {
            return false;
        }
        tracing::debug!(connection_id = &**self.connection.id(), "transport lost");
        self.watch(ctx);
        true
    }

    /// Tells the client where it goes on, and sends it what it may not have.
    fn send_again(&mut self, source: &CallSource) {
        let protocol = source.format.protocol;
        self.transport.do_send(Outbound::UseFormat(protocol.transfer_format()));
        let Some(sent) = self.exchange().and_then(|exchange| exchange.sent.as_ref()) else { return };
        let mut sequence = BytesMut::new();
        protocol.write_sequence(sent.sequence_id(), &mut sequence);
        let again: Vec<Bytes> = sent.records().cloned().collect();
        self.send(sequence.freeze());
        // Where sockets last less than a second, the client would never be told.
        self.acknowledge(source);
        for records in again {
            self.send(records);
        }
        self.expect_to_be_taken();
    }

    /// Parses what has come, so that acknowledgements are found wherever they stand.
    pub(super) fn read_ahead(&mut self) {
        let (Some(stateful), Stage::Connecting(source) | Stage::Open(source)) =
            (&mut self.stateful, &self.stage)
        else {
            return;
        };
        let Some(exchange) = &mut stateful.exchange else { return };
        let PayloadFormat { protocol, naming } = source.format;
        let mut freed = 0;
        while !exchange.ahead.is_broken() {
            let (message, bytes) = match self.input.next() {
                Ok(Some(record)) => (protocol.parse_with(&record, naming), record.len().max(LEAST_COUNTED)),
                Ok(None) => break,
                Err(err) => (Err(err), LEAST_COUNTED),
            };
            if let Ok(HubMessage::Ack { sequence_id }) = message {
                freed += exchange.sent.as_mut().map_or(0, |sent| sent.acknowledge(sequence_id));
            } else {
                self.flow.inbound.add(bytes);
                exchange.ahead.push(message, bytes);
            }
        }
        if freed > 0 {
            let _ = self.backlog.remove(freed);
            if !self.backlog.is_full() {
                source.drained();
            }
        }
    }

    /// Sees to it that client and connection do not wait for each other: where so much has come that nothing more is read,
    /// and what would let it go on may stand behind that, there is as much room as there may be, and no client that uses
    /// it up. Says whether there is room now that was not there before.
    pub(super) fn make_room(&mut self, ctx: &mut Context<Self>) -> bool {
        let (Some(stateful), Stage::Open(source)) = (&self.stateful, &self.stage) else { return false };
        if stateful.exchange.as_ref().is_none_or(|exchange| exchange.sent.is_none()) {
            return false;
        }
        let (source, size) = (source.clone(), self.runtime.options.stateful_reconnect_buffer_size);
        if stateful.is_lost() || !self.flow.inbound.is_full() {
            self.backlog.set_limit(size);
            return false;
        }
        if self.backlog.len() >= self.maximum_backlog {
            self.let_slow_client_go(ctx);
            return false;
        }
        let was_full = self.backlog.is_full();
        self.backlog.set_limit(self.maximum_backlog);
        if was_full {
            source.drained();
        }
        was_full
    }

    /// Has the clock come back, if there is something for it. One reminder at a time, beside that for other things.
    pub(super) fn watch(&mut self, ctx: &Context<Self>) {
        let Some(stateful) = &mut self.stateful else { return };
        if !stateful.is_watched && stateful.has_something_due() {
            stateful.is_watched = true;
            let recipient = ctx.address().recipient();
            self.runtime.clock.do_send(Remind { at: Instant::now(), recipient, about: Reminder::Exchange });
        }
    }

    /// The clock has come back.
    pub(super) fn look_after_exchange(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        let (Some(stateful), false) = (&mut self.stateful, matches!(self.stage, Stage::Ending)) else {
            return;
        };
        stateful.is_watched = false;
        if stateful.is_too_late(now) {
            tracing::debug!(connection_id = &**self.connection.id(), "client did not come back in time");
            self.gone(None, ctx);
            return;
        }
        if self.is_late_in_taking(now) {
            self.let_slow_client_go(ctx);
            return;
        }
        if !self.is_lost()
            && let Stage::Connecting(source) | Stage::Open(source) = &self.stage
        {
            let source = source.clone();
            self.acknowledge(&source);
        }
        self.watch(ctx);
    }

    fn acknowledge(&mut self, source: &CallSource) {
        let id = self.exchange_mut().and_then(|exchange| exchange.received.take_acknowledgement());
        let Some(id) = id else { return };
        let mut record = BytesMut::new();
        source.format.protocol.write_ack(id, &mut record);
        self.send(record.freeze());
        self.expect_to_be_taken();
    }

    /// What the transport has been given so far is to be taken in time. On other transports than WebSockets clients come
    /// for it when they will.
    fn expect_to_be_taken(&mut self) {
        if let Some(exchange) = self.exchange_mut().filter(|exchange| exchange.sent.is_some()) {
            exchange.taking.expect(Instant::now());
        }
    }

    fn is_late_in_taking(&mut self, now: Instant) -> bool {
        let not_taken = self.flow.outbound.len();
        self.exchange_mut().is_some_and(|exchange| exchange.taking.is_late(not_taken, now))
    }

    pub(super) fn exchange(&self) -> Option<&Exchange> {
        self.stateful.as_ref()?.exchange.as_ref()
    }

    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.stateful.as_mut()?.exchange.as_mut()
    }

    /// Takes no other transport from here on.
    pub(super) fn give_up_reconnect(&mut self) {
        self.stateful.as_deref_mut().map(Stateful::give_up);
    }
}

/// What a message counts at least that is read ahead: about what it takes in memory.
const LEAST_COUNTED: usize = 64;
