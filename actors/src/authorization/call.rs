//! A call on its way from a connection, past authorization, to a hub, and what comes back.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use actix::{Message, Recipient};
use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    authorization::{HubInvocation, Policy},
    context::Connection,
    protocol::{MessageHeaders, PayloadFormat},
    telemetry::Telemetry,
    transport::Backlog,
};

/// Calls of one connection that may start now, in their order: one message for all of them.
///
/// They run one after another; each goes on to the next within the same turn where it need not wait.
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
    /// What stands against running it, whoever calls: said only to those who may call it.
    pub(crate) fault: Option<String>,
    /// Told when the client wants no more of it, and when the client is gone.
    pub(crate) cancel: Option<Cancel>,
    pub(crate) turn: Turn,
    pub(crate) headers: Option<MessageHeaders>,
}

/// Whether a call waits for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It takes one of the turns, of which there are as many as calls may run at a time.
    Takes,
    /// It runs beside the others: calls with streams, and those that wait for their client.
    Beside,
    /// It does not run: what does not fit its method is answered when it is read.
    None,
}

/// How a call is told to end.
#[derive(Clone, Debug)]
pub(crate) struct Cancel {
    pub(crate) token: CancellationToken,
    /// The method has asked for the token, and ends by itself.
    pub(crate) is_cooperative: bool,
}

/// A call that does not reach its method.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) invocation_id: Option<ByteString>,
    /// What the client is told.
    pub(crate) error: String,
    pub(crate) turn: Turn,
    /// Whether the connection has it among the calls that can be cancelled.
    pub(crate) is_tracked: bool,
}

/// Where calls come from and their answers go to; the same for all calls of a connection.
#[derive(Debug)]
pub(crate) struct CallSource {
    pub(crate) format: PayloadFormat,
    pub(crate) detailed_errors: bool,
    pub(crate) completed: Recipient<Completed>,
    pub(crate) connection: Arc<Connection>,
    /// The bytes on their way to the client: answers are counted when they are made.
    pub(crate) outbound: Backlog,
    pub(crate) telemetry: Telemetry,
    drained: Mutex<Vec<Waker>>,
}

impl CallSource {
    pub(crate) fn new(
        format: PayloadFormat,
        detailed_errors: bool,
        completed: Recipient<Completed>,
        connection: Arc<Connection>,
        outbound: Backlog,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        Arc::new(Self {
            format,
            detailed_errors,
            completed,
            connection,
            outbound,
            telemetry,
            drained: Mutex::default(),
        })
    }

    /// Whether a stream has to wait until the client has taken more; it is woken then.
    pub(crate) fn must_wait(&self, cx: &Context<'_>) -> bool {
        let must_wait = self.outbound.wait();
        if must_wait {
            let mut waiting = self.drained.lock();
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
        }
        must_wait
    }

    /// The client has taken enough for more to be sent.
    pub(crate) fn drained(&self) {
        for waker in std::mem::take(&mut *self.drained.lock()) {
            waker.wake();
        }
    }
}

/// Answers to calls, encoded and counted in the backlog, and how many calls are over with them. The first one for calls that went down together
/// comes as soon as they have been looked at, even with nothing in it.
///
/// Goes up without a bound of its own: there is at most one for each call that went down.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Completed {
    pub(crate) records: Bytes,
    pub(crate) turns: Turns,
    pub(crate) is_first: bool,
    /// Calls that could be cancelled, and are over.
    pub(crate) ended: Vec<ByteString>,
}

/// How the turns of a connection have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turns {
    /// Turns that are free again.
    pub(crate) freed: usize,
    /// Calls that have given up their turn, and run beside the others.
    pub(crate) moved: usize,
    /// Calls beside the others that are over.
    pub(crate) over: usize,
}

impl Turns {
    /// A call is over.
    pub(crate) const fn end(&mut self, turn: Turn) {
        match turn {
            Turn::Takes => self.freed += 1,
            Turn::Beside => self.over += 1,
            Turn::None => {}
        }
    }

    /// A call gives up its turn.
    pub(crate) const fn give_up(&mut self) {
        self.freed += 1;
        self.moved += 1;
    }
}
