//! Hubs: the user's type, what is known of its methods, and the actor that runs them.

mod actor;
mod descriptor;
mod filter;
mod hook;
mod method;
mod method_table;
mod run;
mod running;
mod span;
mod stream;

use std::future::Future;

pub(crate) use crate::hub::{
    actor::{HubActor, HubAddr, Lifecycle},
    descriptor::{DescribedHub, DescribedMethod},
    method::{AnyMethod, Shape, erase},
    method_table::{MethodEntry, MethodTable},
    run::Run,
    stream::{Pushed, Upload, UploadRoom},
};
pub use crate::hub::{
    descriptor::{DescribeError, HubDescriptor, MethodDescriptor},
    filter::{HubAnswer, HubFilter, HubFilters, NextCall, NextHook},
    method::{Answer, ArgumentSource, HubArgument, HubMethod, HubReturn},
    stream::{ClientStream, HubStream},
};
use crate::{HubCallerContext, HubError, HubResult};

/// What clients call: a value that all connections share.
///
/// Write `#[hub]` on an `impl` block, or [`describe`](Self::describe) the methods:
///
/// ```
/// use actix_signalr_actors::{AuthorizeData, Hub, HubCallerContext, HubDescriptor, HubResult, SendError};
///
/// #[derive(Default)]
/// struct ChatHub;
///
/// impl ChatHub {
///     async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
///         ctx.clients().all().send("ReceiveMessage", (ctx.user().name(), text)).await
///     }
///
///     async fn ban_user(&self, _ctx: HubCallerContext, user: String) -> HubResult<String> {
///         Ok(format!("banned {user}"))
///     }
/// }
///
/// impl Hub for ChatHub {
///     fn describe(hub: &mut HubDescriptor<Self>) {
///         hub.authorize(AuthorizeData::authenticated());
///         hub.method("SendMessage", Self::send_message);
///         hub.method("BanUser", Self::ban_user).authorize(AuthorizeData::policy("DomainRestricted"));
///     }
/// }
/// ```
///
/// What a hub needs (a pool, an address of the application's own actor) are its fields. A method that panics fails
/// its call alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hub",
    note = "write `#[hub]` on the `impl` block with its methods, or implement `Hub::describe`"
)]
pub trait Hub: Sized + Send + Sync + 'static {
    /// Says what clients can call, and what it takes to be allowed to.
    fn describe(hub: &mut HubDescriptor<Self>);

    /// Runs when a client has connected, before its first call is read. An error refuses the connection.
    fn on_connected(&self, ctx: HubCallerContext) -> impl Future<Output = HubResult> {
        let _ = ctx;
        async { Ok(()) }
    }

    /// Runs when a connection is over, with the error that ended it, if it was one. The connection is still in its
    /// groups, but receives nothing any more.
    fn on_disconnected(
        &self,
        ctx: HubCallerContext,
        error: Option<HubError>,
    ) -> impl Future<Output = HubResult> {
        let _ = (ctx, error);
        async { Ok(()) }
    }

    /// Runs when a client has renewed its credentials without a new connection, once for each time they were accepted, where
    /// the route has authentication refresh. `ctx.user()` is who the client is now; its user id, its groups and its
    /// [`Items`](crate::Items) are what they were. An error is logged, and changes nothing; [`HubCallerContext::abort`] ends
    /// the connection.
    ///
    /// It has the turn of a call: with one call at a time it runs behind those that came before it, and calls that come
    /// later wait for it. The client cannot be asked meanwhile. Filters do not stand around it.
    fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> impl Future<Output = HubResult> {
        let _ = ctx;
        async { Ok(()) }
    }
}
