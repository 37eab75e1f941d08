//! The hub runtime of `actix-signalr`: protocols, actors and authorization; no HTTP in it.
//!
//! Applications use the crate `actix-signalr`, which has all of this that they need. This one is for what brings bytes to hubs
//! by other ways than actix-web: it is given a connection's bytes, and gives back what is to be written.
//!
//! A transport is a recipient of [`Outbound`](transport::Outbound). It counts what it brings, sends it as
//! [`Received`](transport::Received), and takes off what it has written:
//!
//! ```
//! use std::sync::Arc;
//!
//! use actix::prelude::*;
//! use actix_signalr_actors::{
//!     ConnectRequest, ConnectionId, DefaultUserIdProvider, Hub, HubCallerContext, HubDescriptor, HubOptions,
//!     HubResult, HubServer, NewConnection, Policies, StatefulReconnect,
//!     protocol::TransferFormat,
//!     transport::{Attachment, Flow, Outbound, Received, TransportKind},
//! };
//!
//! struct Greeter;
//!
//! impl Greeter {
//!     async fn greet(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
//!         Ok(format!("Hello, {name}!"))
//!     }
//! }
//!
//! impl Hub for Greeter {
//!     fn describe(hub: &mut HubDescriptor<Self>) {
//!         hub.method("Greet", Self::greet);
//!     }
//! }
//!
//! /// Keeps what is to be written until the answer is there.
//! struct Memory {
//!     written: Vec<u8>,
//!     flow: Flow,
//! }
//!
//! impl Actor for Memory {
//!     type Context = Context<Self>;
//! }
//!
//! impl Handler<Outbound> for Memory {
//!     type Result = ();
//!
//!     fn handle(&mut self, outbound: Outbound, _: &mut Self::Context) {
//!         let Outbound::Send(records) = outbound else { return };
//!         let _ = self.flow.outbound.remove(records.len());
//!         self.written.extend_from_slice(&records);
//!         if self.written.ends_with(b"\"result\":\"Hello, Ann!\"}\x1e") {
//!             System::current().stop();
//!         }
//!     }
//! }
//!
//! let system = System::new();
//! system.block_on(async {
//!     let policies = Policies::default();
//!     let server = HubServer::new(Greeter, HubOptions::default(), &policies, Arc::new(DefaultUserIdProvider)).unwrap();
//!     let flow = Flow::new(65_536, 65_536);
//!     let transport = Memory { written: Vec::new(), flow: flow.clone() }.start();
//!     let connection = server.start().connect(NewConnection {
//!         id: ConnectionId::random(),
//!         user: Arc::default(),
//!         request: ConnectRequest::new(TransportKind::InProcess, "/greeter"),
//!         policy: None,
//!         transport: transport.recipient(),
//!         flow: flow.clone(),
//!         formats: &[TransferFormat::Text],
//!         has_inherent_keep_alive: true,
//!         maximum_backlog: 1 << 20,
//!         expires_at: None,
//!         stateful: StatefulReconnect::Off,
//!         lease: Box::new(()),
//!     });
//!     let bytes = b"{\"protocol\":\"json\",\"version\":1}\x1e\
//!         {\"type\":1,\"invocationId\":\"1\",\"target\":\"Greet\",\"arguments\":[\"Ann\"]}\x1e";
//!     flow.inbound.add(bytes.len());
//!     connection.do_send(Received { bytes: bytes.as_slice().into(), by: Attachment::default() });
//! });
//! system.run().unwrap();
//! ```
//!
//! # Where to look first
//!
//! - [`HubServer`], [`HubRuntime`] and [`NewConnection`]: a hub, its actors on one worker, a connection to it.
//! - [`transport`]: what passes between a transport and a connection, and its bounds. [`protocol`]: the messages as bytes.
//! - [`Hub`], [`HubDescriptor`], [`HubCallerContext`], [`HubContext`]: what applications write and hold.
//! - [`Policies`], [`Policy`], [`Authorize`]: who may connect; ask [`HubRuntime::authorization`] before connecting somebody.
//!
//! # Features
//!
//! - `redis`: `backplane::RedisBackplane`, several servers as one over Redis.
//! - `redis-tls`: TLS to Redis, by rustls.
//! - `testing`: the module `testing`, a kit that serves a hub in memory.

mod authorization;
pub mod backplane;
mod claims;
mod clients;
mod clock;
mod connect_request;
mod connection;
mod context;
mod error;
mod give_back;
mod groups;
mod hub;
mod ids;
mod items;
pub mod metrics;
mod options;
pub mod protocol;
mod registry;
mod revocation;
mod same_user;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod trace_context;
pub mod transport;
mod typed_clients;
mod user_id;
mod users;

#[doc(hidden)]
pub use crate::give_back::GiveBack;
pub use tokio_util::sync::CancellationToken;

pub use crate::{
    authorization::{
        Authorization, AuthorizationActor, AuthorizationContext, AuthorizationFailure, AuthorizationHandler,
        Authorize, AuthorizeData, BoundArguments, Decision, FailureReason, GroupDemands, GroupName,
        HandlerList, Handlers, HubInvocation, Operation, Outcome, Policies, Policy, PolicyError,
        PolicyProvider, Requirement, ResourceHandler,
    },
    claims::{Claim, ClaimsIdentity, ClaimsPrincipal, LOCAL_AUTHORITY, claim_types},
    clients::{ClientProxy, HubCallerClients, HubClients, SingleClientProxy},
    connect_request::ConnectRequest,
    connection::{
        ConnectionActor, Drained, Examine, Expires, HubRuntime, HubServer, NewConnection, Reconnect,
        ReconnectPlace, ReconnectTerms, Refresh, ServerRevocations, Standing, StatefulReconnect,
    },
    context::{HubCallerContext, HubContext},
    error::{BackplaneError, HubError, HubResult, ProtocolError, SendError},
    groups::GroupManager,
    hub::{
        ClientStream, DescribeError, Hub, HubAnswer, HubArgument, HubDescriptor, HubFilter, HubFilters,
        HubMethod, HubReturn, HubStream, MethodDescriptor, NextCall, NextHook,
    },
    ids::{ConnectionId, ConnectionToken},
    items::Items,
    options::HubOptions,
    revocation::ConnectionSelector,
    same_user::{hash_user, same_claims, same_user},
    trace_context::{SetTraceParent, TraceContext},
    user_id::{
        ClaimUserIdProvider, DefaultUserIdProvider, EmailUserIdProvider, NameUserIdProvider, UserIdProvider,
    },
    users::{RevocationError, Users},
};

#[doc(hidden)]
pub mod __private {
    //! What the macros write, so that errors point at the argument or the result.

    use crate::{HubArgument, HubError, HubResult, HubReturn};
    pub use crate::{
        authorization::ArgumentKind,
        hub::{Answer, ArgumentSource},
        typed_clients::{AnyClients, ClientAnswer, ClientArgument, OneClient, client_argument},
    };

    pub fn assert_argument<T: HubArgument<Kind>, Kind>() {}
    pub fn assert_result<R: HubReturn<Kind>, Kind>() {}

    /// What the hooks of a block may return.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the result of a hook, such as `on_connected`",
        label = "not a result these can have",
        note = "the result is `Result<(), E>` with an `E` that converts into `HubError`; `HubResult` is one"
    )]
    pub trait HookResult {
        fn into_hub_result(self) -> HubResult;
    }

    #[diagnostic::do_not_recommend]
    impl<E: Into<HubError>> HookResult for Result<(), E> {
        fn into_hub_result(self) -> HubResult {
            self.map_err(Into::into)
        }
    }

    pub fn hook_result<R: HookResult>(result: R) -> HubResult {
        result.into_hub_result()
    }
}
