//! The attributes of actix-signalr: [`hub`](macro@hub), with [`authorize`], [`allow_anonymous`] and [`hub_method`]
//! inside it, and [`hub_client`] for what a hub calls on its clients.
//!
//! They are sugar. What [`hub`](macro@hub) writes, a person can write in five lines; a hub without macros is as good.
//! Use them through the crate `actix-signalr`, whose feature `macros` exports them.
//!
//! ```
//! # extern crate self as actix_signalr;
//! # pub use {actix_signalr_actors::*, actix_signalr_macros::*};
//! # mod chat {
//! use actix_signalr::{HubCallerContext, HubResult, hub};
//!
//! #[derive(Default)]
//! pub struct ChatHub;
//!
//! #[hub]
//! #[authorize]
//! impl ChatHub {
//!     async fn send_message(&self, _ctx: HubCallerContext, _text: String) -> HubResult {
//!         Ok(())
//!     }
//!
//!     #[authorize("DomainRestricted")]
//!     async fn ban_user(&self, _ctx: HubCallerContext, _user: String) -> HubResult {
//!         Ok(())
//!     }
//!
//!     async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
//!         Ok(())
//!     }
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! The block stays as it is, without the attributes inside it, and this is added:
//!
//! ```
//! # extern crate self as actix_signalr;
//! # pub use {actix_signalr_actors::*, actix_signalr_macros::*};
//! # mod chat {
//! # use actix_signalr::{AuthorizeData, Hub, HubCallerContext, HubDescriptor, HubResult};
//! # pub struct ChatHub;
//! # impl ChatHub {
//! #     async fn send_message(&self, _ctx: HubCallerContext, _text: String) -> HubResult { Ok(()) }
//! #     async fn ban_user(&self, _ctx: HubCallerContext, _user: String) -> HubResult { Ok(()) }
//! #     async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult { Ok(()) }
//! # }
//! impl Hub for ChatHub {
//!     fn describe(hub: &mut HubDescriptor<Self>) {
//!         hub.authorize(AuthorizeData::authenticated());
//!         hub.method("SendMessage", Self::send_message);
//!         hub.method("BanUser", Self::ban_user).authorize(AuthorizeData::policy("DomainRestricted"));
//!     }
//!
//!     async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
//!         Self::on_connected(self, ctx).await
//!     }
//! }
//! # }
//! # fn main() {}
//! ```

mod arguments;
mod authorize;
mod client;
mod client_method;
mod errors;
mod hub;
mod lifecycle;
mod markers;
mod method;
mod signature;

use proc_macro::TokenStream;

/// Makes a type a hub: every `async fn` of the `impl` block is a method clients can call.
///
/// # What a method looks like
///
/// - It is `async`, takes `&self` (a hub is shared by all connections), then a `HubCallerContext`, written by
///   that name, then up to 12 arguments. Arguments are owned types, read from what the client sent, in order.
/// - It returns `HubResult<T>`, any `Result<T, E>` whose error becomes a `HubError`, or `HubStream<T>`.
/// - It has no generic parameters of its own. The hub may have type parameters, no lifetimes.
/// - `pub` or private makes no difference: **whatever is in the block can be called by clients.**
///   What they must not call goes into a plain `impl` block beside it. Constants may stand in the block.
///
/// # Names
///
/// `send_message` is `SendMessage` for clients, which are understood whatever case they write.
/// [`#[hub_method(name = "...")]`](macro@hub_method) gives another name. Two methods of one name do not compile.
///
/// # Connecting and disconnecting
///
/// Three functions are not called by clients but when one comes, goes, or renews its credentials; each may be left out.
/// Their errors are of any type that becomes a `HubError`:
///
/// ```
/// # extern crate self as actix_signalr;
/// # pub use {actix_signalr_actors::*, actix_signalr_macros::*};
/// # mod chat {
/// # use actix_signalr::{HubCallerContext, HubError, HubResult, hub};
/// # pub struct ChatHub;
/// #[hub]
/// impl ChatHub {
///     async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
/// #       let _ = ctx;
///         Ok(())
///     }
///
///     async fn on_disconnected(&self, ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
/// #       let _ = (ctx, error);
///         Ok(())
///     }
///
///     async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> HubResult {
/// #       let _ = ctx;
///         Ok(())
///     }
/// }
/// # }
/// # fn main() {}
/// ```
///
/// # Authorization
///
/// [`#[authorize]`](macro@authorize) and [`#[allow_anonymous]`](macro@allow_anonymous) stand **below** `#[hub]`,
/// on the block or on a method. They need no import. Inside `cfg_attr` they are refused; `#[cfg]` on a method is followed.
///
/// # Arguments
///
/// `#[hub(crate = "some::path")]` says where the runtime's types are; the default is `::actix_signalr`.
#[proc_macro_attribute]
pub fn hub(arguments: TokenStream, item: TokenStream) -> TokenStream {
    hub::expand(arguments.into(), item.into()).into()
}

/// Below [`#[hub]`](macro@hub), on the block or on a method: who may connect, or who may call.
///
/// | written | asks for |
/// |---|---|
/// | `#[authorize]` | a signed-in user (the default policy) |
/// | `#[authorize("Name")]`, `#[authorize(policy = "Name")]` | the named policy |
/// | `#[authorize(roles = "A, B")]` | role `A` or role `B` |
/// | `#[authorize(schemes = "Bearer")]` | a signed-in user of one of these authentication schemes |
/// | `#[authorize("Name", roles = "A")]` | the policy and the role; likewise with `schemes` |
/// | two attributes | both |
///
/// On the block it is checked when a client connects. On a method it is checked at each call, after the block's;
/// the caller's user is the connection's, so `schemes` changes nothing there.
///
/// Anywhere but below `#[hub]` it is a compile error.
#[proc_macro_attribute]
pub fn authorize(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    markers::misplaced("authorize", item.into()).into()
}

/// Below [`#[hub]`](macro@hub), on the block: everybody may connect, whatever `#[authorize]` stands beside it.
///
/// `#[authorize]` on methods is still checked at each call. On a method `#[allow_anonymous]` is accepted and has
/// **no effect**: it does not open a method of a hub that asks for authorization, since the connection itself is refused.
///
/// Anywhere but below `#[hub]` it is a compile error.
#[proc_macro_attribute]
pub fn allow_anonymous(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    markers::misplaced("allow_anonymous", item.into()).into()
}

/// Below [`#[hub]`](macro@hub) or [`#[hub_client]`](macro@hub_client), on a method: `#[hub_method(name = "...")]` is its
/// name on the wire.
///
/// Anywhere else it is a compile error.
#[proc_macro_attribute]
pub fn hub_method(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    markers::misplaced("hub_method", item.into()).into()
}

/// Makes a trait the list of what a hub calls on its clients: names and types that the compiler checks.
///
/// The trait is implemented for `ClientProxy` and `SingleClientProxy`, whatever hub they are of, so its methods stand
/// beside `send` and `invoke` wherever the trait is in scope: in hub methods and, by a `HubContext`, outside of them.
///
/// ```
/// # extern crate self as actix_signalr;
/// # pub use {actix_signalr_actors::*, actix_signalr_macros::*};
/// # mod chat {
/// # use actix_signalr_actors::testing::{TestHub, user};
/// use actix_signalr::{HubCallerContext, HubResult, SendError, hub, hub_client};
///
/// #[hub_client]
/// pub trait ChatClient {
///     async fn receive_message(&self, name: &str, text: &str) -> Result<(), SendError>;
///
///     async fn confirm(&self, question: &str) -> HubResult<bool>;
/// }
///
/// pub struct ChatHub;
///
/// #[hub]
/// impl ChatHub {
///     async fn send_message(&self, ctx: HubCallerContext, text: String) -> HubResult {
///         if text.contains('!') && !ctx.clients().caller().confirm("Shout?").await? {
///             return Ok(());
///         }
///         ctx.clients().all().receive_message("ann", &text).await?;
///         Ok(())
///     }
/// }
/// # pub async fn test() {
///
/// let hub = TestHub::start(ChatHub);
/// let ann = hub.connect(user("ann")).await;
///
/// ann.invoke::<()>("SendMessage", ("hello",)).await.unwrap();
/// hub.context().clients().all().receive_message("the server", "good night").await.unwrap();
///
/// assert_eq!(ann.receive::<(String, String)>("ReceiveMessage").await.1, "hello");
/// assert_eq!(ann.receive::<(String, String)>("ReceiveMessage").await.1, "good night");
/// # }
/// # }
/// # fn main() { actix::System::new().block_on(chat::test()) }
/// ```
///
/// # What a method looks like
///
/// - It is `async`, takes `&self`, then up to 16 arguments: whatever `serde` writes, owned or borrowed.
/// - `Result<(), SendError>`, written by these names, sends and wants no answer.
/// - `HubResult<T>`, or `Result<T, HubError>`, asks the client and waits for its answer, an owned `T` that `serde` reads.
///   Only one client answers: on others the method does not compile.
/// - Nothing else stands in the trait. It has no generic parameters; a method may have some.
///
/// # Names
///
/// Clients listen to `ReceiveMessage`; [`#[hub_method(name = "...")]`](macro@hub_method) gives another name. Two methods
/// of one name do not compile, and neither do `send` and `invoke`, which the proxies have themselves.
///
/// # Arguments
///
/// `#[hub_client(crate = "some::path")]` says where the runtime's types are; the default is `::actix_signalr`.
#[proc_macro_attribute]
pub fn hub_client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    client::expand(arguments.into(), item.into()).into()
}
