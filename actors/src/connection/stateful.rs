//! Stateful reconnect: what a connection knows of it, and what those who start one say of it.

use std::{fmt, sync::Arc, time::Duration};

use actix::clock::Instant;
use bytes::Bytes;

use crate::{
    ProtocolError,
    connection::{
        ahead::Ahead, keep_alive::after, message_buffer::MessageBuffer, receive_counter::ReceiveCounter,
        taking::Taking,
    },
    protocol::{HubMessage, HubProtocol, STATEFUL_VERSION},
    transport::Attachment,
};

/// Whether a connection outlives its transport.
#[derive(Debug, Default)]
pub enum StatefulReconnect {
    /// It does not.
    #[default]
    Off,
    /// Client and server have agreed on it, but the transport cannot be replaced: messages are acknowledged, and no more.
    Acknowledging,
    /// Another transport may take the place of one that is lost, or has been left.
    Resumable(ReconnectTerms),
}

/// On what terms a connection may be given another transport.
pub struct ReconnectTerms {
    /// How long it waits for one.
    pub window: Duration,
    /// Where a client finds the connection again.
    pub place: Arc<dyn ReconnectPlace>,
}

impl fmt::Debug for ReconnectTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectTerms").field("window", &self.window).finish_non_exhaustive()
    }
}

/// Where a client finds its connection again, as long as it may.
pub trait ReconnectPlace: Send + Sync {
    /// No other transport is taken from here on.
    fn close(&self);

    /// The client has not come back in time.
    fn time_out(&self);
}

/// How far a connection is with it, on which client and server have agreed before there was a connection.
#[derive(Debug)]
pub(super) struct Stateful {
    terms: Option<ReconnectTerms>,
    /// The transport there is, or was last.
    pub(super) by: Attachment,
    /// Until when another transport is waited for, where there is none.
    lost_until: Option<Instant>,
    /// From the handshake on, if the client speaks a version of the protocol that has it.
    pub(super) exchange: Option<Exchange>,
    /// The clock is to come back for it.
    pub(super) is_watched: bool,
}

/// What client and server have of each other's messages.
#[derive(Debug)]
pub(super) struct Exchange {
    /// What the client may not have received; none where it could not be sent again.
    pub(super) sent: Option<MessageBuffer>,
    pub(super) received: ReceiveCounter,
    pub(super) ahead: Ahead,
    pub(super) taking: Taking,
}

impl Stateful {
    /// `None` where it is off.
    pub(super) fn new(how: StatefulReconnect) -> Option<Box<Self>> {
        let terms = match how {
            StatefulReconnect::Off => return None,
            StatefulReconnect::Acknowledging => None,
            StatefulReconnect::Resumable(terms) => Some(terms),
        };
        let by = Attachment::default();
        Some(Box::new(Self { terms, by, lost_until: None, exchange: None, is_watched: false }))
    }

    /// The client has said what it speaks. Says whether messages are kept from here on.
    pub(super) fn begin(&mut self, protocol: HubProtocol, version: i32) -> bool {
        if version < STATEFUL_VERSION {
            self.give_up();
            return false;
        }
        let sent = self.terms.is_some().then(|| MessageBuffer::new(protocol));
        let keeps = sent.is_some();
        self.exchange = Some(Exchange {
            sent,
            received: ReceiveCounter::new(),
            ahead: Ahead::default(),
            taking: Taking::default(),
        });
        keeps
    }

    /// Takes no other transport from here on.
    pub(super) fn give_up(&mut self) {
        if let Some(terms) = self.terms.take() {
            terms.place.close();
        }
    }

    /// The transport is lost; says whether another one is waited for.
    pub(super) fn lose(&mut self, now: Instant) -> bool {
        self.lost_until = self.terms.as_ref().map(|terms| after(now, terms.window));
        self.is_lost()
    }

    /// Whether there is no transport.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost_until.is_some()
    }

    /// The transport has been given bytes.
    pub(super) const fn give(&mut self, bytes: usize) {
        if let Some(exchange) = &mut self.exchange {
            exchange.taking.give(bytes);
        }
    }

    /// Whether another transport has been waited for too long; whoever keeps the connection's place is told so.
    pub(super) fn is_too_late(&self, now: Instant) -> bool {
        let is_too_late = self.lost_until.is_some_and(|until| now >= until);
        if let Some(terms) = self.terms.as_ref().filter(|_| is_too_late) {
            terms.place.time_out();
        }
        is_too_late
    }

    /// Takes another transport, if it may; says whether the one before has to be told.
    pub(super) fn attach(&mut self, by: Attachment) -> Option<bool> {
        if self.terms.is_none() || by <= self.by {
            return None;
        }
        self.by = by;
        if let Some(exchange) = &mut self.exchange {
            exchange.taking = Taking::default();
            let _ = exchange.ahead.clear();
            exchange.received.owe_again();
        }
        Some(self.lost_until.take().is_none())
    }

    /// Whether there is something to look after with time.
    pub(super) fn has_something_due(&self) -> bool {
        let is_due = |exchange: &Exchange| exchange.received.is_owing() || exchange.taking.is_expecting();
        self.is_lost() || self.exchange.as_ref().is_some_and(is_due)
    }
}

impl Exchange {
    /// The next of the messages that were read ahead: not those that are sent again and have been received.
    ///
    /// # Errors
    /// Where one could not be read, or goes on where messages are missing.
    pub(super) fn next(&mut self) -> Result<Option<HubMessage>, ProtocolError> {
        while let Some(message) = self.ahead.pop()? {
            match message {
                HubMessage::Sequence { sequence_id } => self.received.go_on_with(sequence_id)?,
                message if message.is_counted() && !self.received.count() => {}
                message => return Ok(Some(message)),
            }
        }
        Ok(None)
    }

    /// Keeps what is sent, if it may have to be sent again; says whether it does.
    pub(super) fn keep(&mut self, records: &Bytes) -> bool {
        let Some(sent) = &mut self.sent else { return false };
        sent.keep(records.clone());
        true
    }
}
