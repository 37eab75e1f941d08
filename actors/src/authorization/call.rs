//! A call on its way from a connection, past authorization, to a hub, and what comes back.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use actix::Message;
use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    ClaimsPrincipal, HubOptions,
    authorization::{Audit, Following, HubInvocation, KeptDecisions, Policy, ReplyPath, Subject},
    context::Connection,
    protocol::{MessageHeaders, PayloadFormat},
    telemetry::Telemetry,
};

/// Calls of one connection that may start now, in their order: one message for all of them.
///
/// They run one after another; each goes on to the next within the same turn where it need not wait.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Invoke {
    pub(crate) source: Arc<CallSource>,
    pub(crate) steps: Vec<Step>,
    /// How often the client had replaced its credentials when they went down; what has not begun when it does so again goes
    /// back, to be made as the new user and authorized anew.
    pub(crate) refreshes: u64,
    /// Whether calls that come while these run may go on behind them.
    pub(crate) takes_more: bool,
}

/// One call, or what is answered in its place.
#[derive(Debug)]
pub(crate) enum Step {
    Call(Call),
    Refused(Refusal),
    /// The hub is told that the client has replaced its credentials.
    Refreshed,
}

impl Step {
    pub(crate) const fn turn(&self) -> Turn {
        match self {
            Self::Call(call) => call.turn,
            Self::Refused(refusal) => refusal.turn,
            Self::Refreshed => Turn::Takes,
        }
    }

    /// Has not begun, and is made as another user.
    pub(crate) fn refresh(&mut self, user: &Arc<ClaimsPrincipal>) {
        if let Self::Call(call) = self {
            call.invocation.ctx.refresh(user.clone());
            call.clearance = Clearance::Unknown;
        }
    }
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
    /// Whether he does.
    pub(crate) clearance: Clearance,
    /// What stands against running it, whoever calls: said only to those who may call it.
    pub(crate) fault: Option<String>,
    /// Told when the client wants no more of it, and when the client is gone.
    pub(crate) cancel: Option<Cancel>,
    pub(crate) turn: Turn,
    pub(crate) headers: Option<MessageHeaders>,
}

impl Call {
    /// Whether it has to be asked whether the caller may.
    pub(crate) const fn is_guarded(&self) -> bool {
        self.policy.is_some() && matches!(self.clearance, Clearance::Unknown)
    }
}

/// Whether the caller meets what is demanded of him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clearance {
    /// It has not been asked.
    Unknown,
    Allowed,
    Denied,
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
    pub(crate) replies: ReplyPath,
    pub(crate) connection: Arc<Connection>,
    pub(crate) telemetry: Telemetry,
    pub(crate) audit: Arc<Audit>,
    pub(crate) decisions: KeptDecisions,
    pub(crate) following: Following,
    drained: Mutex<Vec<Waker>>,
}

impl CallSource {
    pub(crate) fn new(
        format: PayloadFormat,
        options: &HubOptions,
        replies: ReplyPath,
        connection: Arc<Connection>,
        telemetry: Telemetry,
        audit: Arc<Audit>,
    ) -> Arc<Self> {
        Arc::new(Self {
            format,
            detailed_errors: options.detailed_errors,
            replies,
            connection,
            telemetry,
            audit,
            decisions: KeptDecisions::new(options.keep_decisions),
            following: Following::default(),
            drained: Mutex::default(),
        })
    }

    /// Lets a call pass whose caller is known to meet what is demanded.
    pub(crate) fn pass_known(&self, step: &mut Step) {
        if let Step::Call(Call { policy: Some(policy), clearance, invocation, .. }) = step
            && *clearance == Clearance::Unknown
            && policy.depends_only_on_principal()
            && self.decisions.is_allowed(policy, invocation.ctx.principal())
        {
            self.audit.allowed(policy, Subject::call(&invocation.ctx, &invocation.method));
            *clearance = Clearance::Allowed;
        }
    }

    /// Whether a stream has to wait until the client has taken more; it is woken then.
    pub(crate) fn must_wait(&self, cx: &Context<'_>) -> bool {
        let must_wait = self.replies.outbound().wait();
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

/// Answers to calls, encoded, and how many calls are over with them. The first one for calls that went down together
/// comes as soon as they have been looked at, even with nothing in it. As a message they are counted in the backlog.
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
    /// Calls that have not begun, since the client has replaced its credentials.
    pub(crate) returned: Vec<Step>,
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

    /// They have changed further.
    pub(crate) const fn add(&mut self, Self { freed, moved, over }: Self) {
        self.freed += freed;
        self.moved += moved;
        self.over += over;
    }
}
