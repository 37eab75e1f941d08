//! The authorization of one worker: evaluates policies before a call reaches a hub.
//!
//! Receives [`AuthorizeCalls`], evaluates the guarded ones among them and sends [`Invoke`] to the hub, the denied
//! calls marked as such; receives [`Authorize`] and answers it. A policy that has to wait holds up only
//! the calls it came with.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use futures::FutureExt;

use crate::authorization::{
    Audit, AuthorizationContext, AuthorizationFailure, Call, CallSource, Clearance, Decision, GroupName,
    Invoke, Policy, Refusal, Step, Subject, Turn,
};

/// Keeps nothing: policies and principals come with each question.
#[derive(Debug)]
pub struct AuthorizationActor {
    timeout: Duration,
    audit: Arc<Audit>,
}

impl AuthorizationActor {
    /// Whatever takes longer than `timeout` is denied; all is recorded.
    pub(crate) const fn new(timeout: Duration, audit: Arc<Audit>) -> Self {
        Self { timeout, audit }
    }
}

impl Actor for AuthorizationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
    }
}

/// Asks whether a policy holds for a connection, or for a group.
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
        let (timeout, audit) = (self.timeout, self.audit.clone());
        Box::pin(async move {
            let decision = decide(&policy, &context, timeout).await;
            let is_group = context.resource::<GroupName>().is_some();
            let what = if is_group { GROUP } else { CONNECT };
            audit.record(&policy, &decision, Subject::of(context.user(), what));
            decision
        })
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
                pass(step, timeout, &invoke.source).await;
            }
            // Whose connection has ended meanwhile, by order perhaps, does not get what he has waited for.
            if invoke.source.connection.aborted().is_cancelled() {
                return;
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

/// Marks a guarded call as allowed or denied. Whether a denial is said is decided when its turn has come: its caller may be
/// known better by then.
async fn pass(step: &mut Step, timeout: Duration, source: &CallSource) {
    let Step::Call(Call { policy: Some(_), clearance: Clearance::Unknown, .. }) = step else { return };
    let refused = Refusal { invocation_id: None, error: String::new(), turn: Turn::None, is_tracked: false };
    let Step::Call(mut call) = std::mem::replace(step, Step::Refused(refused)) else { return };
    let Some(policy) = call.policy.take() else { return };
    let user = call.invocation.ctx.principal().clone();
    let (decision, invocation) = match policy.evaluate_user(&user) {
        Some(decision) => (decision, call.invocation),
        None => {
            let context = AuthorizationContext::for_invocation(user.clone(), call.invocation);
            let decision = decide(&policy, &context, timeout).await;
            let Some(invocation) = context.into_invocation() else { return };
            (decision, invocation)
        }
    };
    source.audit.record(&policy, &decision, Subject::call(&invocation.ctx, &invocation.method));
    if decision.is_allowed() && policy.depends_only_on_principal() {
        source.decisions.keep(&policy, &user);
    }
    let clearance = if decision.is_allowed() { Clearance::Allowed } else { Clearance::Denied };
    *step = Step::Call(Call { invocation, policy: Some(policy), clearance, ..call });
}

/// Evaluates a policy, at the most as long as it may take.
pub(super) async fn decide(policy: &Policy, context: &AuthorizationContext, timeout: Duration) -> Decision {
    let evaluated = policy.evaluate(context);
    if policy.is_immediate() {
        return evaluated.await;
    }
    actix_rt::time::timeout(timeout, evaluated).await.unwrap_or_else(|_| {
        // It waits for something, and how long it may is an option.
        tracing::warn!(?policy, "an authorization handler took too long");
        Decision::Denied(AuthorizationFailure::timeout())
    })
}

/// What is recorded as the method where somebody connects.
const CONNECT: &str = "(connect)";

/// The same where somebody is added to a guarded group, or looked at in one.
const GROUP: &str = "(group)";

/// Questions of the face wait beyond it; calls are bounded by their connections.
const MAILBOX_CAPACITY: usize = 1024;
