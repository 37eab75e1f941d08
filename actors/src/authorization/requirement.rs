//! Requirements, and the handlers that say whether they hold.

use std::{borrow::Cow, future::Future, marker::PhantomData};

use futures::future::LocalBoxFuture;

use crate::authorization::AuthorizationContext;

/// Something that must hold for a policy to hold.
///
/// A requirement is data. Whether it holds is said by an [`AuthorizationHandler`] or a [`ResourceHandler`] of it, which may
/// be the requirement itself.
pub trait Requirement: Send + Sync + 'static {
    /// Whether what its handlers say follows from the principal alone: not from the call, its arguments, the time, or
    /// anything that may change while a connection lasts. No.
    ///
    /// Where this holds of all requirements of a policy, that they are met is kept for the connection, until its principal
    /// is replaced or it is [authorized anew](crate::Users::reauthorize).
    fn depends_only_on_principal(&self) -> bool {
        false
    }
}

/// Says whether a requirement holds.
///
/// What it needs to find out (a pool, an address of an actor) are its fields. It may wait; it holds up only the
/// connection it is asked about. One that panics, or takes longer than
/// [`authorization_timeout`](crate::HubOptions::authorization_timeout), denies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the requirement `{R}` holds",
    note = "implement `AuthorizationHandler<{R}>`, or give a handler to `Policy::require_with`"
)]
pub trait AuthorizationHandler<R>: Send + Sync + 'static {
    /// Says whether `requirement` holds for the user and the resource of `context`.
    fn handle(&self, context: &AuthorizationContext, requirement: &R) -> impl Future<Output = Outcome>;
}

/// Says whether a requirement holds of resources of one type; of anything else it says nothing.
///
/// The resource of a call is a [`HubInvocation`](crate::HubInvocation), that of a connection a
/// [`ConnectRequest`](crate::ConnectRequest), that of a guarded group a [`GroupName`](crate::GroupName). A policy on a hub,
/// a method or a group that could never hold, since a handler asks for another resource, is an error when the server is
/// built.
///
/// ```
/// use actix_signalr_actors::{AuthorizationContext, HubInvocation, Outcome, Policy, Requirement, ResourceHandler};
///
/// struct OwnThings;
///
/// impl Requirement for OwnThings {}
///
/// impl ResourceHandler<Self, HubInvocation> for OwnThings {
///     async fn handle(&self, context: &AuthorizationContext, _: &Self, call: &HubInvocation) -> Outcome {
///         match (context.user().name(), call.arguments.at::<String>(0)) {
///             (Some(name), Some(owner)) if name == owner => Outcome::Succeed,
///             _ => Outcome::Abstain,
///         }
///     }
/// }
///
/// let policy = Policy::new().require_on(OwnThings);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the requirement `{R}` holds of a `{T}`",
    note = "implement `ResourceHandler<{R}, {T}>`, or give a handler to `Policy::require_on_with`"
)]
pub trait ResourceHandler<R, T>: Send + Sync + 'static {
    /// Says whether `requirement` holds for the user of `context` and for `resource`.
    fn handle(
        &self,
        context: &AuthorizationContext,
        requirement: &R,
        resource: &T,
    ) -> impl Future<Output = Outcome>;
}

/// What a handler says of a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It holds.
    Succeed,
    /// It has nothing to say; without another that does, the requirement does not hold.
    Abstain,
    /// It does not hold, and neither does the policy, whatever else is said.
    Fail,
    /// The same, with a reason for the application; clients are not told.
    FailBecause(Cow<'static, str>),
}

/// Something that may be done with a resource, by its name: one handler for all that can be done with a kind of resource.
///
/// ```
/// use actix_signalr_actors::{AuthorizationContext, Operation, Outcome, Policy, ResourceHandler};
///
/// struct Document {
///     author: String,
/// }
///
/// /// Everybody reads, authors write.
/// struct Documents;
///
/// impl ResourceHandler<Operation, Document> for Documents {
///     async fn handle(&self, context: &AuthorizationContext, operation: &Operation, document: &Document) -> Outcome {
///         match operation.name() {
///             "read" => Outcome::Succeed,
///             "write" if context.user().name() == Some(&*document.author) => Outcome::Succeed,
///             _ => Outcome::Abstain,
///         }
///     }
/// }
///
/// let may_write = Policy::new().require_on_with(Operation::new("write"), Documents);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation(Cow<'static, str>);

impl Operation {
    /// An operation of this name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Requirement for Operation {}

/// One handler, or a tuple of up to four of one requirement: it holds when one of them says so and none says that it does not.
///
/// `Kind` keeps the two apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the requirement `{R}` holds",
    note = "a handler implements `AuthorizationHandler<{R}>`; several are a tuple"
)]
pub trait Handlers<R, Kind>: Send + Sync + 'static {
    /// The handlers, their types forgotten.
    #[doc(hidden)]
    fn into_list(self) -> HandlerList<R>;
}

/// Handlers of one requirement, in the order in which they are asked.
#[derive(Default)]
pub struct HandlerList<R>(pub(super) Vec<Box<dyn AnyHandler<R>>>);

impl<R> std::fmt::Debug for HandlerList<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|handler| handler.name())).finish()
    }
}

impl<R: 'static, H: AuthorizationHandler<R>> Handlers<R, ()> for H {
    fn into_list(self) -> HandlerList<R> {
        HandlerList(vec![Box::new(Plain(self))])
    }
}

macro_rules! several {
    ($($name:ident $index:tt)*) => {
        impl<R: 'static, $($name: AuthorizationHandler<R>),*> Handlers<R, ($($name,)*)> for ($($name,)*) {
            fn into_list(self) -> HandlerList<R> {
                HandlerList(vec![$(Box::new(Plain(self.$index))),*])
            }
        }
    };
}

several!(A 0 B 1);
several!(A 0 B 1 C 2);
several!(A 0 B 1 C 2 D 3);

/// A handler, its type forgotten.
pub(super) trait AnyHandler<R>: Send + Sync {
    fn handle<'a>(
        &'a self,
        context: &'a AuthorizationContext,
        requirement: &'a R,
    ) -> LocalBoxFuture<'a, Outcome>;
    fn name(&self) -> &'static str;
}

struct Plain<H>(H);

impl<R, H: AuthorizationHandler<R>> AnyHandler<R> for Plain<H> {
    fn handle<'a>(
        &'a self,
        context: &'a AuthorizationContext,
        requirement: &'a R,
    ) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(self.0.handle(context, requirement))
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}

/// The handler of a requirement that is its own one.
pub(super) struct Itself;

impl<R: AuthorizationHandler<R>> AnyHandler<R> for Itself {
    fn handle<'a>(
        &'a self,
        context: &'a AuthorizationContext,
        requirement: &'a R,
    ) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(requirement.handle(context, requirement))
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<R>()
    }
}

/// A handler of resources of one type; of others it says nothing.
pub(super) struct On<H, T>(pub(super) H, pub(super) PhantomData<fn(T)>);

impl<R, T: 'static, H: ResourceHandler<R, T>> AnyHandler<R> for On<H, T> {
    fn handle<'a>(
        &'a self,
        context: &'a AuthorizationContext,
        requirement: &'a R,
    ) -> LocalBoxFuture<'a, Outcome> {
        match context.resource::<T>() {
            Some(resource) => Box::pin(self.0.handle(context, requirement, resource)),
            None => Box::pin(std::future::ready(Outcome::Abstain)),
        }
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}

/// A requirement that is its own handler of resources of one type.
pub(super) struct ItselfOn<T>(pub(super) PhantomData<fn(T)>);

impl<T: 'static, R: ResourceHandler<R, T>> AnyHandler<R> for ItselfOn<T> {
    fn handle<'a>(
        &'a self,
        context: &'a AuthorizationContext,
        requirement: &'a R,
    ) -> LocalBoxFuture<'a, Outcome> {
        match context.resource::<T>() {
            Some(resource) => Box::pin(requirement.handle(context, requirement, resource)),
            None => Box::pin(std::future::ready(Outcome::Abstain)),
        }
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<R>()
    }
}
