//! Under construction.

mod authentication;
mod authorize;
mod builder;
mod connections;
mod error;
mod negotiation;
mod options;
mod query;
mod routes;
mod server;
mod transports;
mod worker;

#[doc(hidden)]
pub use actix_signalr_actors::__private;
pub use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, AuthorizeData, BoundArguments, Claim, ClaimsIdentity,
    ClaimsPrincipal, ClientProxy, ConnectRequest, ConnectionId, Decision, DefaultUserIdProvider,
    DescribeError, GroupManager, Hub, HubArgument, HubCallerClients, HubCallerContext, HubClients,
    HubContext, HubDescriptor, HubError, HubInvocation, HubMethod, HubOptions, HubResult, HubReturn, Items,
    MethodDescriptor, NameUserIdProvider, Outcome, Policy, PolicyError, Requirement, SendError,
    SingleClientProxy, UserIdProvider, claim_types, protocol::AnyValue, transport::TransportKind,
};
#[cfg(feature = "macros")]
pub use actix_signalr_macros::{allow_anonymous, authorize, hub, hub_method};

pub use crate::{
    authentication::{
        AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
        AuthenticationTicket, ConfigurationError, Denial, JwtBearer, PolicyScheme, SchemeError,
        SchemeOperation, Schemes, SigningAlgorithm, VerificationKey, same_user,
    },
    builder::{HubRoutes, SignalRBuilder},
    error::BuildError,
    options::HttpConnectionOptions,
    server::SignalR,
};
