//! A call on its way from a connection, past authorization, to a hub, and what comes back.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;
use bytestring::ByteString;
use tokio_util::sync::CancellationToken;

use crate::{
    authorization::{HubInvocation, Policy},
    protocol::HubProtocol,
};

/// Calls of one connection that may start now, in their order: one message for all of them.
///
/// They run one after another; each goes on to the next within the same turn where it need not wait. Without any, it
/// is the question whether those before have begun.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Invoke {
    pub(crate) source: Arc<CallSource>,
    pub(crate) steps: Vec<Step>,
}

/// One call, or what is answered in its place.
#[derive(Debug)]
pub(crate) enum Step {
    Call(Call),
    Refused(Refusal),
}

/// A call whose arguments are typed.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) invocation_id: Option<ByteString>,
    /// Its name in error texts.
    pub(crate) target: ByteString,
    /// Which method of the hub.
    pub(crate) method: usize,
    pub(crate) invocation: HubInvocation,
    /// What the caller must meet.
    pub(crate) policy: Option<Arc<Policy>>,
    /// Whether a stream of answers is wanted.
    pub(crate) streaming: bool,
    /// How many streams the client uploads for it.
    pub(crate) uploads: usize,
}

/// A call that does not reach its method.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) invocation_id: Option<ByteString>,
    /// What the client is told.
    pub(crate) error: String,
    /// Whether it waits for its turn; a call that does not fit its method is answered when it is read.
    pub(crate) in_turn: bool,
}

/// Where calls come from and their answers go to; the same for all calls of a connection.
#[derive(Debug)]
pub(crate) struct CallSource {
    pub(crate) protocol: HubProtocol,
    pub(crate) detailed_errors: bool,
    pub(crate) completed: Recipient<Completed>,
    pub(crate) aborted: CancellationToken,
}

/// Answers to calls, encoded, and how many calls are over with them. Without either, it says that all that was sent
/// before the question has begun.
///
/// Goes up without a bound of its own: there is at most one for each call that went down.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Completed {
    pub(crate) records: Bytes,
    pub(crate) calls: usize,
}
