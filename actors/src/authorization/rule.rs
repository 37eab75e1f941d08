//! One requirement of a policy, with what says whether it holds.

use std::{
    any::{Any, TypeId},
    borrow::Cow,
    marker::PhantomData,
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::{FutureExt, future::LocalBoxFuture};

use crate::{
    ClaimsPrincipal,
    authorization::{
        AuthorizationContext, AuthorizationHandler, FailureReason, Outcome, Requirement, ResourceHandler,
        requirement::{AnyHandler, HandlerList, Itself, ItselfOn, On},
    },
};

/// One requirement with what says whether it holds.
#[derive(Clone)]
pub(super) enum Rule {
    Authenticated,
    Roles(Arc<[String]>),
    Claim(Cow<'static, str>, Arc<[String]>),
    UserName(Arc<str>),
    User(Arc<dyn Fn(&ClaimsPrincipal) -> bool + Send + Sync>),
    Handled(Arc<dyn Handled>),
}

/// What the handlers of a requirement say together.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    holds: bool,
    pub(super) is_veto: bool,
    pub(super) reasons: Vec<FailureReason>,
}

impl Verdict {
    fn of(holds: bool) -> Self {
        Self { holds, ..Self::default() }
    }

    /// Whether the requirement holds: somebody says so, and nobody says that it does not.
    pub(super) const fn holds(&self) -> bool {
        self.holds && !self.is_veto
    }

    fn add(&mut self, handler: &'static str, outcome: Outcome) {
        match outcome {
            Outcome::Succeed => self.holds = true,
            Outcome::Abstain => {}
            Outcome::Fail => self.is_veto = true,
            Outcome::FailBecause(message) => {
                self.is_veto = true;
                self.reasons.push(FailureReason { handler, message });
            }
        }
    }
}

impl Rule {
    /// A requirement that is its own handler.
    pub(super) fn own<R: Requirement + AuthorizationHandler<R>>(requirement: R) -> Self {
        let only_principal = requirement.depends_only_on_principal();
        Self::handled(requirement, HandlerList(vec![Box::new(Itself)]), only_principal, None)
    }

    /// A requirement and its handlers.
    pub(super) fn with<R: Requirement>(requirement: R, handlers: HandlerList<R>) -> Self {
        let only_principal = requirement.depends_only_on_principal();
        Self::handled(requirement, handlers, only_principal, None)
    }

    /// A requirement that is its own handler, of resources of one type.
    pub(super) fn own_on<T: 'static, R: Requirement + ResourceHandler<R, T>>(requirement: R) -> Self {
        let handlers = HandlerList(vec![Box::new(ItselfOn::<T>(PhantomData))]);
        Self::handled(requirement, handlers, false, Some(ResourceType::of::<T>()))
    }

    /// A requirement and its handler, of resources of one type.
    pub(super) fn on<T: 'static, R: Requirement, H: ResourceHandler<R, T>>(
        requirement: R,
        handler: H,
    ) -> Self {
        let handlers = HandlerList(vec![Box::new(On::<H, T>(handler, PhantomData))]);
        Self::handled(requirement, handlers, false, Some(ResourceType::of::<T>()))
    }

    /// A function that answers at once.
    pub(super) fn assertion(holds: impl Fn(&AuthorizationContext) -> bool + Send + Sync + 'static) -> Self {
        Self::Handled(Arc::new(Assertion(holds)))
    }

    /// A function that may wait.
    pub(super) fn async_assertion(
        holds: impl AsyncFn(&AuthorizationContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::Handled(Arc::new(AsyncAssertion(holds)))
    }

    fn handled<R: Requirement>(
        requirement: R,
        handlers: HandlerList<R>,
        only_principal: bool,
        resource: Option<ResourceType>,
    ) -> Self {
        Self::Handled(Arc::new(HandledRequirement { requirement, handlers, only_principal, resource }))
    }

    /// Whether it can be said at once, by looking at the user.
    pub(super) const fn is_immediate(&self) -> bool {
        !matches!(self, Self::Handled(_))
    }

    /// Whether the decision follows from the principal alone.
    pub(super) fn depends_only_on_principal(&self) -> bool {
        match self {
            Self::Handled(handled) => handled.depends_only_on_principal(),
            _ => true,
        }
    }

    /// The one type of resources of which it can hold, if that is known.
    pub(super) fn resource(&self) -> Option<ResourceType> {
        match self {
            Self::Handled(handled) => handled.resource(),
            _ => None,
        }
    }

    /// What a rule says that looks at the user alone, and needs not wait.
    pub(super) fn holds_for(&self, user: &ClaimsPrincipal) -> bool {
        match self {
            Self::Authenticated => user.is_authenticated(),
            Self::Roles(roles) => roles.iter().any(|role| user.is_in_role(role)),
            Self::Claim(claim_type, values) if values.is_empty() => user.find_first(claim_type).is_some(),
            Self::Claim(claim_type, values) => values.iter().any(|value| user.has_claim(claim_type, value)),
            Self::UserName(name) => user.identities().iter().any(|identity| identity.name() == Some(name)),
            Self::User(holds) => {
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| holds(user)));
                outcome.unwrap_or_else(|panic| report_panic(self.name(), panic.as_ref()))
            }
            Self::Handled(_) => false,
        }
    }

    /// What is said of it; `all` asks every handler, even when one has said that it does not hold.
    pub(super) async fn judge(&self, context: &AuthorizationContext, all: bool) -> Verdict {
        match self {
            Self::Handled(handled) => handled.judge(context, all).await,
            _ => Verdict::of(self.holds_for(context.user())),
        }
    }

    /// What is said of it in logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated user",
            Self::Roles(_) => "role",
            Self::Claim(..) => "claim",
            Self::UserName(_) => "user name",
            Self::User(_) => "user",
            Self::Handled(handled) => handled.name(),
        }
    }
}

/// A type of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResourceType {
    id: TypeId,
    pub(super) name: &'static str,
}

impl ResourceType {
    pub(super) fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: std::any::type_name::<T>() }
    }
}

/// A requirement and its handlers, their types forgotten.
pub(super) trait Handled: Send + Sync {
    fn judge<'a>(&'a self, context: &'a AuthorizationContext, all: bool) -> LocalBoxFuture<'a, Verdict>;
    fn name(&self) -> &'static str;

    fn depends_only_on_principal(&self) -> bool {
        false
    }

    fn resource(&self) -> Option<ResourceType> {
        None
    }
}

struct HandledRequirement<R> {
    requirement: R,
    handlers: HandlerList<R>,
    only_principal: bool,
    resource: Option<ResourceType>,
}

impl<R: Requirement> Handled for HandledRequirement<R> {
    fn judge<'a>(&'a self, context: &'a AuthorizationContext, all: bool) -> LocalBoxFuture<'a, Verdict> {
        Box::pin(async move {
            let mut verdict = Verdict::default();
            for handler in &self.handlers.0 {
                verdict.add(handler.name(), ask(&**handler, context, &self.requirement).await);
                if verdict.is_veto && !all {
                    break;
                }
            }
            verdict
        })
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<R>()
    }

    fn depends_only_on_principal(&self) -> bool {
        self.only_principal
    }

    fn resource(&self) -> Option<ResourceType> {
        self.resource
    }
}

/// Asks one handler. Its panic is a veto: nobody knows what it would have said.
async fn ask<R: Requirement>(
    handler: &dyn AnyHandler<R>,
    context: &AuthorizationContext,
    requirement: &R,
) -> Outcome {
    let asked = AssertUnwindSafe(async { handler.handle(context, requirement).await }).catch_unwind();
    asked.await.unwrap_or_else(|panic| {
        report_panic(handler.name(), panic.as_ref());
        Outcome::Fail
    })
}

struct Assertion<F>(F);

impl<F: Fn(&AuthorizationContext) -> bool + Send + Sync> Handled for Assertion<F> {
    fn judge<'a>(&'a self, context: &'a AuthorizationContext, _: bool) -> LocalBoxFuture<'a, Verdict> {
        let holds = std::panic::catch_unwind(AssertUnwindSafe(|| (self.0)(context)));
        let holds = holds.unwrap_or_else(|panic| report_panic(self.name(), panic.as_ref()));
        Box::pin(std::future::ready(Verdict::of(holds)))
    }

    fn name(&self) -> &'static str {
        "assertion"
    }
}

struct AsyncAssertion<F>(F);

impl<F: AsyncFn(&AuthorizationContext) -> bool + Send + Sync> Handled for AsyncAssertion<F> {
    fn judge<'a>(&'a self, context: &'a AuthorizationContext, _: bool) -> LocalBoxFuture<'a, Verdict> {
        Box::pin(async move {
            let asked = AssertUnwindSafe(async { (self.0)(context).await }).catch_unwind();
            let holds = asked.await.unwrap_or_else(|panic| report_panic(self.name(), panic.as_ref()));
            Verdict::of(holds)
        })
    }

    fn name(&self) -> &'static str {
        "assertion"
    }
}

/// A handler's panic is a denial, and our operator's business.
fn report_panic(requirement: &'static str, panic: &(dyn Any + Send)) -> bool {
    tracing::error!(requirement, panic = panic_text(panic), "an authorization handler panicked");
    false
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}
