//! A server for ASP.NET Core SignalR clients, on actix and actix-web.
//!
//! Clients call async methods of a hub, and the hub calls methods of clients: one, a group, all connections of a user, or
//! everybody. Microsoft's own clients connect unchanged.
//!
//! ```no_run
//! # #[cfg(feature = "macros")] mod server {
//! use actix_signalr::{HttpServerExt, HubCallerContext, SendError, SignalR, hub};
//! use actix_web::{App, HttpServer};
//!
//! struct ChatHub;
//!
//! #[hub]
//! impl ChatHub {
//!     async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
//!         ctx.clients().all().send("ReceiveMessage", (text,)).await
//!     }
//! }
//!
//! #[actix_web::main]
//! async fn main() -> std::io::Result<()> {
//!     let signalr = SignalR::builder().hub("/chat", ChatHub).build()?;
//!     HttpServer::new(move || App::new().configure(signalr.routes()))
//!         .for_hubs()
//!         .bind(("127.0.0.1", 8080))?
//!         .run()
//!         .await
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # Where to look first
//!
//! - [`Hub`]: what clients call; `#[hub]` writes it. [`HubResult`] and [`HubError`]: what a method returns, and what a client is
//!   told of a failure.
//! - [`HubCallerContext`]: who calls, whom to send to ([`HubCallerClients`]), groups ([`GroupManager`]), the connection.
//! - [`HubStream`], [`ClientStream`]: streams to a client and from it. [`SingleClientProxy::invoke`]: a question to a client.
//! - [`HubContext`]: the same from outside of a hub, from a request handler or a timer.
//! - [`SignalR`] and [`SignalRBuilder`]: a server, and what it is made of. [`HttpServerExt`]: what its `HttpServer` needs.
//! - [`HubOptions`] and [`HttpConnectionOptions`]: timeouts, limits, transports.
//! - [`HubFilter`]: code around every call. [`Metrics`]: what is counted.
//!
//! # Who may do what
//!
//! - [`JwtBearer`]: bearer tokens. [`CookieAuthentication`]: cookies, for people who sign in on a page. Other ways to find out
//!   who connects implement [`AuthenticationScheme`].
//! - [`ClaimsPrincipal`]: who somebody is. [`UserIdProvider`]: which user that is.
//! - [`Policy`], [`Requirement`] and [`AuthorizationHandler`]: what it takes to connect, or to call a method.
//!   [`HubInvocation`]: the call, as a handler sees it.
//!
//! # Features
//!
//! - `macros` (default): the attributes `#[hub]`, `#[authorize]`, `#[allow_anonymous]`, `#[hub_method]` and
//!   `#[hub_client]`.
//! - `metrics`: `SignalR::metrics_route`, the counts in the text format of Prometheus.
//! - `testing`: the module `test`, a kit that serves a hub in memory; for `dev-dependencies`.

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
    DefaultUserIdProvider, DescribeError, GroupManager, Hub, HubAnswer, HubArgument, HubCallerClients,
    HubCallerContext, HubClients, HubContext, HubDescriptor, HubError, HubFilter, HubFilters, HubInvocation,
    HubMethod, HubOptions, HubResult, HubReturn, HubStream, Items, MethodDescriptor, NameUserIdProvider,
    NextCall, NextHook, Outcome, Policy, PolicyError, Requirement, SendError, SetTraceParent,
    SingleClientProxy, TraceContext, UserIdProvider, claim_types,
    protocol::{AnyValue, NamingPolicy},
    transport::TransportKind,
};
#[cfg(feature = "macros")]
pub use actix_signalr_macros::{allow_anonymous, authorize, hub, hub_client, hub_method};

pub use crate::{
    authentication::{
        AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
        AuthenticationTicket, ConfigurationError, CookieAuthentication, CookieError, CookieHeaders, Denial,
        JwtBearer, KeyRing, PolicyScheme, PrincipalCheck, SameSite, SchemeError, SchemeOperation, Schemes,
        SecurePolicy, SignInProperties, SigningAlgorithm, VerificationKey, same_user, write_renewed_cookies,
    },
    builder::{HubRoutes, SignalRBuilder},
    error::BuildError,
    http_server::HttpServerExt,
    options::HttpConnectionOptions,
    server::SignalR,
};

/// The programs of the README are tests too.
#[cfg(all(doctest, feature = "macros", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
