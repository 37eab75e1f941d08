//! What passes between a transport and its connection, and the bounds of both directions.

mod outlet;
mod waiting;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use actix::Message;
use bytes::Bytes;

pub use crate::transport::{
    outlet::Outlet,
    waiting::{Outgoing, Waiting},
};
use crate::{ProtocolError, protocol::TransferFormat};

/// Which of the transports speaks that a connection has had one after another. Only one that may be resumed ever has
/// more than the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment(u32);

impl Attachment {
    /// The one that takes its place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Bytes a transport has read: all that one read brought, in order, records whole or in parts.
///
/// The transport has counted them in [`Flow::inbound`]; the connection takes them off.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Received {
    /// What was read.
    pub bytes: Bytes,
    /// Who read it.
    pub by: Attachment,
}

impl From<Bytes> for Received {
    /// What the first transport of a connection has read.
    fn from(bytes: Bytes) -> Self {
        Self { bytes, by: Attachment::default() }
    }
}

/// A transport will bring nothing more and takes nothing more.
#[derive(Debug, Default, Message)]
#[rtype(result = "()")]
pub struct TransportClosed {
    /// Why.
    pub reason: CloseReason,
    /// Whose end it is.
    pub by: Attachment,
}

/// Why a transport is over.
#[derive(Debug, Default)]
pub enum CloseReason {
    /// The client has said that it goes, or was told to go.
    #[default]
    Closed,
    /// The network was cut. A connection that may be resumed waits for another transport.
    Lost,
    /// The client did something wrong.
    Failed(ProtocolError),
}

/// The client has not taken within the send timeout what a transport has given it; that cuts it off.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SendTimedOut(pub Attachment);

/// What a connection wants of its transport.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Outbound {
    /// Write these records. The connection has counted them in [`Flow::outbound`]; the transport
    /// takes them off when the network has them. Not sent where the flow has an [`Outlet`].
    Send(Bytes),
    /// From here on, write in this format.
    UseFormat(TransferFormat),
    /// Go on reading: [`Flow::inbound`] has room again.
    Resume,
    /// Write what is there, then end in good order.
    Close,
    /// End at once; the client does not read.
    Abort,
}

/// How the bytes of a connection travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// A WebSocket.
    WebSockets,
    /// A stream of events to the client, requests from it.
    ServerSentEvents,
    /// Requests that wait for something to answer with, and requests from the client.
    LongPolling,
    /// Within the process: tests.
    InProcess,
}

impl TransportKind {
    /// The name used in negotiation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "WebSockets",
            Self::ServerSentEvents => "ServerSentEvents",
            Self::LongPolling => "LongPolling",
            Self::InProcess => "InProcess",
        }
    }
}

/// The bytes on their way in both directions of one connection.
#[derive(Clone, Debug)]
pub struct Flow {
    /// From the client to the hub: read, and not yet worked off.
    pub inbound: Backlog,
    /// From the hub to the client: handed out, and not yet written.
    pub outbound: Backlog,
    /// Where records wait for a transport that takes them by itself; `None` where it is sent them.
    pub outlet: Option<Outlet>,
}

impl Flow {
    /// With the limits given, in bytes; 0 is none.
    #[must_use]
    pub fn new(inbound_limit: usize, outbound_limit: usize) -> Self {
        Self { inbound: Backlog::new(inbound_limit), outbound: Backlog::new(outbound_limit), outlet: None }
    }

    /// For a transport that takes its records out of an [`Outlet`], on the worker of its connection.
    #[must_use]
    pub fn with_outlet(self) -> Self {
        Self { outlet: Some(Outlet::default()), ..self }
    }
}

/// A count of bytes with a soft limit: whoever adds asks first, and stops at the limit; whoever
/// takes off is told when half of it is free again and somebody waits for that.
///
/// Cloning it makes another hand on the same count.
#[derive(Clone, Debug)]
pub struct Backlog(Arc<Count>);

#[derive(Debug)]
struct Count {
    bytes: AtomicUsize,
    waiting: AtomicBool,
    limit: AtomicUsize,
}

impl Backlog {
    /// With a soft limit in bytes; 0 is none.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Count {
            bytes: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            limit: AtomicUsize::new(or_none(limit)),
        }))
    }

    /// From here on with another soft limit, in bytes; 0 is none.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.0.limit.store(or_none(limit), Ordering::Relaxed);
    }

    /// Whether the limit is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.limit()
    }

    fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Counts bytes; never refuses, so that a message larger than the limit passes.
    pub fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Counts bytes unless more than `maximum` would be on their way then; says whether it did.
    /// Where nothing is on its way, anything is taken.
    #[must_use]
    pub fn try_add(&self, bytes: usize, maximum: usize) -> bool {
        let before = self.len();
        if before > 0 && before.saturating_add(bytes) > maximum {
            return false;
        }
        self.add(bytes);
        true
    }

    /// Takes bytes off; says whether somebody [waits](Self::wait) who may go on now.
    #[must_use]
    pub fn remove(&self, bytes: usize) -> bool {
        let left = self.0.bytes.fetch_sub(bytes, Ordering::SeqCst).saturating_sub(bytes);
        self.0.waiting.load(Ordering::SeqCst)
            && left <= self.limit() / 2
            && self.0.waiting.swap(false, Ordering::SeqCst)
    }

    /// Whether to stop and wait: says so, and remembers it, where the limit is reached.
    #[must_use]
    pub fn wait(&self) -> bool {
        if !self.is_full() {
            return false;
        }
        self.0.waiting.store(true, Ordering::SeqCst);
        // It may have been worked off in between, with nobody told.
        self.is_full() || !self.0.waiting.swap(false, Ordering::SeqCst)
    }

    /// The bytes on their way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.bytes.load(Ordering::SeqCst)
    }

    /// Whether nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

const fn or_none(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waiting_are_told_once_when_half_is_free() {
        let backlog = Backlog::new(100);
        backlog.add(150);
        assert!(backlog.wait());
        assert!(!backlog.remove(60), "90 of 100 are still there");
        assert!(backlog.remove(40));
        assert!(!backlog.remove(50), "nobody waits any more");
        assert!(!backlog.wait());
    }

    #[test]
    fn anything_fits_where_nothing_is_but_not_on_top_of_something() {
        let backlog = Backlog::new(0);
        assert!(backlog.try_add(1000, 10));
        assert!(!backlog.try_add(1, 10));
        assert!(!backlog.wait(), "without a limit nobody waits");
    }
}
