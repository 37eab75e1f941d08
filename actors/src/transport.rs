//! What passes between a transport and its connection, and the bounds of both directions.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use actix::Message;
use bytes::Bytes;

use crate::{ProtocolError, protocol::TransferFormat};

/// Bytes a transport has read: all that one read brought, in order, records whole or in parts.
///
/// The transport has counted them in [`Flow::inbound`]; the connection takes them off.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Received(pub Bytes);

/// The transport will bring nothing more and takes nothing more; with what the client did wrong, if that was why.
#[derive(Debug, Default, Message)]
#[rtype(result = "()")]
pub struct TransportClosed(pub Option<ProtocolError>);

/// What a connection wants of its transport.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Outbound {
    /// Write these records. The connection has counted them in [`Flow::outbound`]; the transport
    /// takes them off when the network has them.
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
}

impl Flow {
    /// With the limits given, in bytes; 0 is none.
    #[must_use]
    pub fn new(inbound_limit: usize, outbound_limit: usize) -> Self {
        Self { inbound: Backlog::new(inbound_limit), outbound: Backlog::new(outbound_limit) }
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
    limit: usize,
}

impl Backlog {
    /// With a soft limit in bytes; 0 is none.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Self(Arc::new(Count { bytes: AtomicUsize::new(0), waiting: AtomicBool::new(false), limit }))
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
            && left <= self.0.limit / 2
            && self.0.waiting.swap(false, Ordering::SeqCst)
    }

    /// Whether to stop and wait: says so, and remembers it, where the limit is reached.
    #[must_use]
    pub fn wait(&self) -> bool {
        if self.len() < self.0.limit {
            return false;
        }
        self.0.waiting.store(true, Ordering::SeqCst);
        // It may have been worked off in between, with nobody told.
        self.len() >= self.0.limit || !self.0.waiting.swap(false, Ordering::SeqCst)
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
