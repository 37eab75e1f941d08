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
//!   [`HubHttpServer`]: another one for plain HTTP, which takes half of the memory for each WebSocket.
//! - [`HubOptions`] and [`HttpConnectionOptions`]: timeouts, limits, transports.
//! - [`HubFilter`]: code around every call. [`Metrics`]: what is counted.
//!
//! # Who may do what
//!
//! - [`JwtBearer`]: bearer tokens, verified with keys of your own or those of an OpenID Connect provider ([`Authority`]).
//!   [`CookieAuthentication`]: cookies, for people who sign in on a page. [`NegotiateAuthentication`]: Kerberos, with the package
//!   `actix-signalr-kerberos`. Other ways to find out who connects implement [`AuthenticationScheme`].
//! - [`ClaimsPrincipal`]: who somebody is. [`UserIdProvider`]: which user that is.
//! - [`Policy`], [`Requirement`] and [`AuthorizationHandler`]: what it takes to connect, or to call a method.
//!   [`HubInvocation`]: the call, as a handler sees it.
//!
//! # Features
//!
//! - `macros` (default): the attributes `#[hub]`, `#[authorize]`, `#[allow_anonymous]`, `#[hub_method]` and
//!   `#[hub_client]`.
//! - `metrics`: `SignalR::metrics_route`, the counts in the text format of Prometheus.
//! - `openid-connect`: `JwtBearer::with_authority`, an HTTP client for the keys of identity providers.
//! - `redis`: `backplane::RedisBackplane`, several servers as one over Redis.
//! - `redis-tls`: TLS to Redis, by rustls.
//! - `rustls-0_23`: [`HttpServerExt::for_hubs`] knows the sockets of `bind_rustls_0_23` too.
//! - `testing`: the module `test`, a kit that serves a hub in memory; for `dev-dependencies`.

mod access_log;
mod authentication;
mod authorize;
mod builder;
mod connections;
mod credentials;
mod error;
mod http_server;
mod hub_http_server;
#[cfg(feature = "metrics")]
mod metrics;
mod negotiation;
mod one_time_tickets;
mod options;
mod origin;
mod pending;
mod query;
mod refresh;
mod refresh_callback;
mod require_authorization;
mod revocation;
mod routes;
mod server;
mod subprotocol;
mod sweeper;
mod transports;
mod worker;
mod write_clock;

#[doc(hidden)]
pub use actix_signalr_actors::__private;
pub use actix_signalr_actors::backplane;
pub use actix_signalr_actors::metrics::{
    ConnectionRefusal, Data as MetricData, HistogramValue, Instrument, Metrics, Point as MetricPoint,
};
#[cfg(feature = "testing")]
pub use actix_signalr_actors::testing as test;
pub use actix_signalr_actors::{
    Authorization, AuthorizationContext, AuthorizationFailure, AuthorizationHandler, AuthorizeData,
    BackplaneError, BoundArguments, CancellationToken, Claim, ClaimUserIdProvider, ClaimsIdentity,
    ClaimsPrincipal, ClientProxy, ClientStream, ConnectRequest, ConnectionId, ConnectionSelector, Decision,
    DefaultUserIdProvider, DescribeError, EmailUserIdProvider, FailureReason, GroupDemands, GroupManager,
    GroupName, Handlers, Hub, HubAnswer, HubArgument, HubCallerClients, HubCallerContext, HubClients,
    HubContext, HubDescriptor, HubError, HubFilter, HubFilters, HubInvocation, HubMethod, HubOptions,
    HubResult, HubReturn, HubStream, Items, MethodDescriptor, NameUserIdProvider, NextCall, NextHook,
    Operation, Outcome, Policy, PolicyError, PolicyProvider, Requirement, ResourceHandler, RevocationError,
    SendError, SetTraceParent, SingleClientProxy, TraceContext, UserIdProvider, Users, claim_types,
    protocol::{AnyValue, NamingPolicy},
    same_user,
    transport::TransportKind,
};
#[cfg(feature = "macros")]
pub use actix_signalr_macros::{allow_anonymous, authorize, hub, hub_client, hub_method};

#[cfg(feature = "openid-connect")]
pub use crate::authentication::HttpBackchannel;
pub use crate::authentication::{
    AnswerEvent, AuthenticationFailed, Authority, Backchannel, BackchannelError, ClaimsTransformation, Event,
    JwtBearerEvents, JwtChallenge, JwtForbidden, MessageReceived, NegotiateAuthentication,
    NegotiateConnection, NegotiateError, NegotiateExchange, NegotiateProcessor, NegotiateStep, NegotiateUser,
    NegotiateUserFound, RequestUser, SignedIn, TokenValidated, has_windows_identity,
};
pub use crate::{
    access_log::{access_log, request_line},
    authentication::{
        AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
        AuthenticationTicket, ConfigurationError, CookieAuthentication, CookieError, CookieEvents,
        CookieHeaders, CookiePage, CookieRedirect, CookieSignedIn, CookieSigningIn, CookieSigningOut, Denial,
        InMemorySessionStore, JwtBearer, KeyRing, PolicyScheme, PrincipalCheck, SameSite, SchemeError,
        SchemeOperation, Schemes, SecurePolicy, SessionKey, SessionStore, SessionStoreError, SessionTicket,
        SignInProperties, SigningAlgorithm, VerificationKey, write_renewed_cookies,
    },
    builder::{HubRoutes, SignalRBuilder},
    error::BuildError,
    http_server::{HttpServerExt, keep_socket},
    hub_http_server::HubHttpServer,
    options::HttpConnectionOptions,
    refresh_callback::AuthenticationRefreshContext,
    require_authorization::RequireAuthorization,
    server::SignalR,
};

/// The programs of the README are tests too.
#[cfg(all(doctest, feature = "macros", feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// And so are those of the chapters.
#[cfg(all(doctest, feature = "macros", feature = "testing"))]
#[doc = include_str!("../docs/auditing.md")]
struct Auditing;

/// The other chapter.
#[cfg(all(doctest, feature = "macros", feature = "testing"))]
#[doc = include_str!("../docs/authorization.md")]
struct Authorizing;
