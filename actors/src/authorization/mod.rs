//! Who may do what: requirements, handlers, policies, and the actor that evaluates them.

mod actor;
mod arguments;
mod authorize_data;
mod call;
mod context;
mod policies;
mod policy;

use std::future::Future;

pub(crate) use crate::authorization::{
    actor::AuthorizeCalls,
    call::{Call, CallSource, Cancel, Completed, Invoke, Refusal, Step, Turn, Turns},
    policy::panic_text,
};
pub use crate::authorization::{
    actor::{AuthorizationActor, Authorize},
    arguments::{ArgumentKind, BoundArguments},
    authorize_data::AuthorizeData,
    context::{AuthorizationContext, HubInvocation},
    policies::{Policies, PolicyError},
    policy::{Decision, Policy},
};

/// Something that must hold for a policy to hold.
///
/// A requirement is data. Whether it holds is said by an [`AuthorizationHandler`] of it, which may be the requirement
/// itself.
pub trait Requirement: Send + Sync + 'static {}

/// Says whether a requirement holds.
///
/// What it needs to find out (a pool, an address of an actor) are its fields. It may wait; it holds up only the
/// connection it is asked about. One that panics, or takes longer than
/// [`authorization_timeout`](crate::HubOptions::authorization_timeout), denies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the requirement `{R}` holds",
    note = "implement `AuthorizationHandler<{R}>`, or give a handler to `Policy::require_with`"
)]
pub trait AuthorizationHandler<R>: Send + Sync + 'static {
    /// Says whether `requirement` holds for the user and the resource of `context`.
    fn handle(&self, context: &AuthorizationContext, requirement: &R) -> impl Future<Output = Outcome>;
}

/// What a handler says of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Succeed,
    /// It has nothing to say; without another that does, the requirement does not hold.
    Abstain,
    /// It does not hold, whatever else is said.
    Fail,
}
