//! The hub runtime of `actix-signalr`: protocols, actors and authorization; no HTTP in it.

mod authorization;
mod claims;
mod clients;
mod clock;
mod connect_request;
mod connection;
mod context;
mod error;
mod groups;
mod hub;
mod ids;
mod items;
pub mod metrics;
mod options;
pub mod protocol;
mod registry;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod trace_context;
pub mod transport;
mod user_id;

pub use tokio_util::sync::CancellationToken;

pub use crate::{
    authorization::{
        AuthorizationActor, AuthorizationContext, AuthorizationHandler, Authorize, AuthorizeData,
        BoundArguments, Decision, HubInvocation, Outcome, Policies, Policy, PolicyError, Requirement,
    },
    claims::{Claim, ClaimsIdentity, ClaimsPrincipal, LOCAL_AUTHORITY, claim_types},
    clients::{ClientProxy, HubCallerClients, HubClients, SingleClientProxy},
    connect_request::ConnectRequest,
    connection::{ConnectionActor, Drained, HubRuntime, HubServer, NewConnection},
    context::{HubCallerContext, HubContext},
    error::{HubError, HubResult, ProtocolError, SendError},
    groups::GroupManager,
    hub::{
        ClientStream, DescribeError, Hub, HubArgument, HubDescriptor, HubMethod, HubReturn, HubStream,
        MethodDescriptor,
    },
    ids::{ConnectionId, ConnectionToken},
    items::Items,
    options::HubOptions,
    trace_context::{SetTraceParent, TraceContext},
    user_id::{DefaultUserIdProvider, NameUserIdProvider, UserIdProvider},
};

#[doc(hidden)]
pub mod __private {
    //! What `#[hub]` writes, so that errors point at the argument or the result.

    use crate::{HubArgument, HubReturn};
    pub use crate::{
        authorization::ArgumentKind,
        hub::{Answer, ArgumentSource},
    };

    pub fn assert_argument<T: HubArgument<Kind>, Kind>() {}
    pub fn assert_result<R: HubReturn<Kind>, Kind>() {}
}
