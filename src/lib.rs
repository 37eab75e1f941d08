//! Under construction.

mod authentication;
mod authorize;
mod builder;
mod connections;
mod error;
mod http_server;
#[cfg(feature = "metrics")]
mod metrics;
mod negotiation;
mod options;
mod query;
mod routes;
mod server;
mod transports;
mod worker;

#[doc(hidden)]
pub use actix_signalr_actors::__private;
pub use actix_signalr_actors::metrics::{
    ConnectionRefusal, Data as MetricData, HistogramValue, Instrument, Metrics, Point as MetricPoint,
};
#[cfg(feature = "testing")]
pub use actix_signalr_actors::testing as test;
pub use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, AuthorizeData, BoundArguments, CancellationToken, Claim,
    ClaimsIdentity, ClaimsPrincipal, ClientProxy, ClientStream, ConnectRequest, ConnectionId, Decision,
    DefaultUserIdProvider, DescribeError, GroupManager, Hub, HubArgument, HubCallerClients, HubCallerContext,
    HubClients, HubContext, HubDescriptor, HubError, HubInvocation, HubMethod, HubOptions, HubResult,
    HubReturn, HubStream, Items, MethodDescriptor, NameUserIdProvider, Outcome, Policy, PolicyError,
    Requirement, SendError, SetTraceParent, SingleClientProxy, TraceContext, UserIdProvider, claim_types,
    transport::TransportKind,
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
    http_server::HttpServerExt,
    options::HttpConnectionOptions,
    server::SignalR,
};
