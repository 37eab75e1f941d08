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
mod options;
pub mod protocol;
mod registry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
mod typed_clients;
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
    user_id::{DefaultUserIdProvider, NameUserIdProvider, UserIdProvider},
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

    /// What `on_connected` and `on_disconnected` of a block may return.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the result of `on_connected` or `on_disconnected`",
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
