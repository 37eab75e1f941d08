//! What one worker counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only go up. Apart from those of other workers by more than a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    /// Which of several places is this worker's, where counts are kept elsewhere.
    stripe: usize,
    invocations: [AtomicU64; InvocationOutcome::ALL.len()],
    refused: [AtomicU64; ConnectionRefusal::ALL.len()],
    delivered: AtomicU64,
    slow_clients: AtomicU64,
}

impl Counters {
    pub(super) fn new(stripe: usize) -> Self {
        Self { stripe, ..Self::default() }
    }

    pub(super) const fn stripe(&self) -> usize {
        self.stripe
    }

    /// A call is over, or does not come to its method.
    pub(crate) fn invocation(&self, outcome: InvocationOutcome) {
        self.invocations[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A connection is refused.
    pub(crate) fn connection_refused(&self, reason: ConnectionRefusal) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// So many connections have been handed a message.
    pub(crate) fn delivered(&self, connections: usize) {
        self.delivered.fetch_add(connections as u64, Ordering::Relaxed);
    }

    /// A connection is ended since its client does not read.
    pub(crate) fn slow_client(&self) {
        self.slow_clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn invocations(&self, outcome: InvocationOutcome) -> u64 {
        self.invocations[outcome as usize].load(Ordering::Relaxed)
    }

    pub(super) fn connections_refused(&self, reason: ConnectionRefusal) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    pub(super) fn messages_delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    pub(super) fn slow_clients(&self) -> u64 {
        self.slow_clients.load(Ordering::Relaxed)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvocationOutcome {
    /// Its method has answered, or the stream of its answers has ended in good order.
    Completed,
    /// Its method, or the stream, has failed.
    Failed,
    /// There is no such method, or what came with the call does not fit it.
    Refused,
    /// The caller may not.
    Unauthorized,
}

impl InvocationOutcome {
    pub(super) const ALL: [Self; 4] = [Self::Completed, Self::Failed, Self::Refused, Self::Unauthorized];

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Why a connection is refused that is to be negotiated, or has been. Credentials are looked at before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionRefusal {
    /// There are as many negotiated connections as there may be.
    TooMany,
    /// There are as many negotiated connections of the client as there may be.
    TooManyOfClient,
    /// It is a WebSocket from a page of an origin that may not open one.
    OriginNotAllowed,
    /// The route does not have the transport.
    TransportNotSupported,
    /// It has another transport already.
    TransportChanged,
    /// It has this transport already.
    AlreadyConnected,
    /// It was negotiated by another user.
    UserChanged,
    /// The handshake failed, or did not come.
    Handshake,
    /// The hub did not take it.
    Hub,
    /// A revocation keeps its user out.
    Revoked,
}

impl ConnectionRefusal {
    pub(super) const ALL: [Self; 10] = [
        Self::TooMany,
        Self::TooManyOfClient,
        Self::OriginNotAllowed,
        Self::TransportNotSupported,
        Self::TransportChanged,
        Self::AlreadyConnected,
        Self::UserChanged,
        Self::Handshake,
        Self::Hub,
        Self::Revoked,
    ];

    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::TooManyOfClient => "too_many_of_client",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::TransportNotSupported => "transport_not_supported",
            Self::TransportChanged => "transport_changed",
            Self::AlreadyConnected => "already_connected",
            Self::UserChanged => "user_changed",
            Self::Handshake => "handshake",
            Self::Hub => "hub",
            Self::Revoked => "revoked",
        }
    }
}
