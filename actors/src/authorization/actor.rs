//! The authorization of one worker: evaluates policies before a call reaches a hub.
//!
//! Receives [`AuthorizeCalls`], evaluates the guarded ones among them and sends [`Invoke`] to the hub, the denied
//! calls replaced by their refusals; receives [`Authorize`] and answers it. A policy that has to wait holds up only
//! the calls it came with.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use futures::FutureExt;

use crate::{
    authorization::{AuthorizationContext, Call, Decision, Invoke, Policy, Refusal, Step, Turn},
    metrics::InvocationOutcome,
    telemetry::Telemetry,
};

/// Keeps nothing: policies and principals come with each question.
#[derive(Debug)]
pub struct AuthorizationActor {
    timeout: Duration,
}

impl AuthorizationActor {
    /// Whatever takes longer than `timeout` is denied.
    #[must_use]
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl Actor for AuthorizationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
    }
}

/// Asks whether a policy holds.
#[derive(Debug, Message)]
#[rtype(result = "Decision")]
pub struct Authorize {
    /// What must hold.
    pub policy: Arc<Policy>,
    /// For whom, and for what.
    pub context: AuthorizationContext,
}

impl Handler<Authorize> for AuthorizationActor {
    type Result = ResponseFuture<Decision>;

    fn handle(&mut self, Authorize { policy, context }: Authorize, _: &mut Self::Context) -> Self::Result {
        let timeout = self.timeout;
        Box::pin(async move { decide(&policy, &context, timeout).await })
    }
}

/// Calls, some of them guarded, on their way to a hub.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct AuthorizeCalls {
    pub(crate) invoke: Invoke,
    pub(crate) hub: Arc<Recipient<Invoke>>,
}

impl Handler<AuthorizeCalls> for AuthorizationActor {
    type Result = ();

    fn handle(&mut self, AuthorizeCalls { mut invoke, hub }: AuthorizeCalls, _: &mut Self::Context) {
        let timeout = self.timeout;
        let mut passed = Box::pin(async move {
            for step in &mut invoke.steps {
                pass(step, timeout, &invoke.source.telemetry).await;
            }
            // Downwards, and bounded by the calls a connection may have on their way.
            hub.do_send(invoke);
        });
        // Most policies need not wait, and then neither does the message.
        if passed.as_mut().now_or_never().is_none() {
            actix_rt::spawn(passed);
        }
    }
}

/// Leaves an allowed call as it is and puts a refusal in the place of a denied one.
async fn pass(step: &mut Step, timeout: Duration, telemetry: &Telemetry) {
    let Step::Call(Call { policy: Some(_), .. }) = step else { return };
    let refused = Refusal { invocation_id: None, error: String::new(), turn: Turn::None, is_tracked: false };
    let Step::Call(mut call) = std::mem::replace(step, Step::Refused(refused)) else { return };
    let Some(policy) = call.policy.take() else { return };
    let context =
        AuthorizationContext::for_invocation(call.invocation.ctx.principal().clone(), call.invocation);
    let decision = decide(&policy, &context, timeout).await;
    let Some(invocation) = context.into_invocation() else { return };
    if let Decision::Denied(failed) = decision {
        let connection_id = invocation.ctx.connection_id();
        tracing::debug!(connection_id, target = &*invocation.method, ?failed, "call not authorized");
        telemetry.counters.invocation(InvocationOutcome::Unauthorized);
        let error = format!("Failed to invoke '{}' because user is unauthorized", call.target);
        let (turn, is_tracked) = (call.turn, call.cancel.is_some());
        *step = Step::Refused(Refusal { invocation_id: call.invocation_id, error, turn, is_tracked });
    } else {
        *step = Step::Call(Call { invocation, ..call });
    }
}

/// Evaluates a policy, at the most as long as it may take.
async fn decide(policy: &Policy, context: &AuthorizationContext, timeout: Duration) -> Decision {
    let evaluated = policy.evaluate(context);
    if policy.depends_only_on_user() {
        return evaluated.await;
    }
    actix_rt::time::timeout(timeout, evaluated).await.unwrap_or_else(|_| {
        // It waits for something, and how long it may is an option.
        tracing::warn!(?policy, "an authorization handler took too long");
        Decision::Denied(vec!["timeout"])
    })
}

/// Questions of the face wait beyond it; calls are bounded by their connections.
const MAILBOX_CAPACITY: usize = 1024;
