//! Who may do what: requirements, handlers, policies, and the actor that evaluates them.

mod actor;
mod arguments;
mod audit;
mod authorize_data;
mod call;
mod context;
mod decision;
mod following;
mod group_policies;
mod handle;
mod kept_decisions;
mod policies;
mod policy;
mod policy_provider;
mod reply_path;
mod requirement;
mod rule;

pub(crate) use crate::authorization::{
    actor::AuthorizeCalls,
    audit::{Audit, Subject},
    call::{Call, CallSource, Cancel, Clearance, Completed, Invoke, Refusal, Step, Turn, Turns},
    following::Following,
    group_policies::GroupPolicies,
    kept_decisions::KeptDecisions,
    reply_path::ReplyPath,
    rule::panic_text,
};
pub use crate::authorization::{
    actor::{AuthorizationActor, Authorize},
    arguments::{ArgumentKind, BoundArguments},
    authorize_data::AuthorizeData,
    context::{AuthorizationContext, HubInvocation},
    decision::{AuthorizationFailure, Decision, FailureReason},
    group_policies::{GroupDemands, GroupName},
    handle::Authorization,
    policies::{Policies, PolicyError},
    policy::Policy,
    policy_provider::PolicyProvider,
    requirement::{
        AuthorizationHandler, HandlerList, Handlers, Operation, Outcome, Requirement, ResourceHandler,
    },
};
