//! Policies: requirements that must all hold.

use std::{any::Any, borrow::Cow, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::LocalBoxFuture};

use crate::{
    ClaimsPrincipal,
    authorization::{AuthorizationContext, AuthorizationHandler, Outcome, Requirement},
};

/// Requirements that must all hold. Cheap to clone.
///
/// Roles, claims, names and assertions do not ask whether somebody has been authenticated; only
/// [`require_authenticated_user`](Self::require_authenticated_user) does.
///
/// ```
/// use actix_signalr_actors::{Policy, claim_types};
///
/// let staff = Policy::new().require_authenticated_user().require_claim(claim_types::EMAIL);
/// let admins = Policy::new().combine(&staff).require_role(["Admin", "Owner"]);
/// ```
#[derive(Clone, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    schemes: Vec<String>,
}

/// One requirement with what says whether it holds.
#[derive(Clone)]
enum Rule {
    Authenticated,
    Roles(Arc<[String]>),
    Claim(Cow<'static, str>, Arc<[String]>),
    UserName(Arc<str>),
    User(Arc<dyn Fn(&ClaimsPrincipal) -> bool + Send + Sync>),
    Handler(Arc<dyn ErasedHandler>),
}

impl Policy {
    /// A policy without requirements yet. One that stays so is an error when the server is built.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires a requirement that is its own handler.
    #[must_use]
    pub fn require<R: Requirement + AuthorizationHandler<R>>(self, requirement: R) -> Self {
        self.with(Rule::Handler(Arc::new(Own(requirement))))
    }

    /// Requires a requirement, with the handler that says whether it holds.
    #[must_use]
    pub fn require_with<R: Requirement, H: AuthorizationHandler<R>>(
        self,
        requirement: R,
        handler: H,
    ) -> Self {
        self.with(Rule::Handler(Arc::new(Pair(requirement, handler))))
    }

    /// Requires that somebody has been authenticated.
    #[must_use]
    pub fn require_authenticated_user(self) -> Self {
        self.with(Rule::Authenticated)
    }

    /// Requires one of the roles, compared with case.
    #[must_use]
    pub fn require_role(self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(Rule::Roles(roles.into_iter().map(Into::into).collect()))
    }

    /// Requires a claim of a type, with any value.
    #[must_use]
    pub fn require_claim(self, claim_type: impl Into<Cow<'static, str>>) -> Self {
        self.with(Rule::Claim(claim_type.into(), Arc::default()))
    }

    /// Requires a claim of a type with one of the values, compared with case; no values is any value.
    #[must_use]
    pub fn require_claim_value(
        self,
        claim_type: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.with(Rule::Claim(claim_type.into(), values.into_iter().map(Into::into).collect()))
    }

    /// Requires a user's name, compared with case.
    #[must_use]
    pub fn require_user_name(self, name: impl Into<Arc<str>>) -> Self {
        self.with(Rule::UserName(name.into()))
    }

    /// Requires what a function says of the user. It must look at nothing else: what it says may be used for calls
    /// that are still waiting.
    #[must_use]
    pub fn require_user(self, holds: impl Fn(&ClaimsPrincipal) -> bool + Send + Sync + 'static) -> Self {
        self.with(Rule::User(Arc::new(holds)))
    }

    /// Requires what a function says of the user and the resource.
    #[must_use]
    pub fn require_assertion(
        self,
        holds: impl Fn(&AuthorizationContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Rule::Handler(Arc::new(Assertion(holds))))
    }

    /// Requires all of another policy too.
    #[must_use]
    pub fn combine(mut self, other: &Self) -> Self {
        self.rules.extend(other.rules.iter().cloned());
        self.schemes.extend(other.schemes.iter().cloned());
        self
    }

    /// Authenticates with these schemes instead of the default one, where a hub is asked for.
    #[must_use]
    pub fn schemes(mut self, schemes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.schemes.extend(schemes.into_iter().map(Into::into));
        self
    }

    /// The schemes to authenticate with; none is the default one.
    #[must_use]
    pub fn authentication_schemes(&self) -> &[String] {
        &self.schemes
    }

    /// Whether nothing is required, which nobody meets.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Whether every rule looks at the user alone.
    pub(crate) fn depends_only_on_user(&self) -> bool {
        !self.rules.iter().any(|rule| matches!(rule, Rule::Handler(_)))
    }

    pub(crate) fn has_empty_roles(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::Roles(roles) if roles.is_empty()))
    }

    /// Evaluates every rule, one after another; none is left out when another has failed. A panic denies.
    ///
    /// Where all rules look at the user alone it is ready at the first poll.
    pub async fn evaluate(&self, context: &AuthorizationContext) -> Decision {
        let mut failed = Vec::new();
        for rule in &self.rules {
            if !rule.holds(context).await {
                failed.push(rule.name());
            }
        }
        if failed.is_empty() && !self.rules.is_empty() { Decision::Allowed } else { Decision::Denied(failed) }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(Rule::name)).finish()
    }
}

impl Rule {
    async fn holds(&self, context: &AuthorizationContext) -> bool {
        let user = context.user();
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
            Self::Handler(handler) => {
                let outcome = AssertUnwindSafe(async { handler.handle(context).await }).catch_unwind().await;
                match outcome {
                    Ok(outcome) => outcome == Outcome::Succeed,
                    Err(panic) => report_panic(self.name(), panic.as_ref()),
                }
            }
        }
    }

    /// What is said of it in logs.
    fn name(&self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated user",
            Self::Roles(_) => "role",
            Self::Claim(..) => "claim",
            Self::UserName(_) => "user name",
            Self::User(_) => "user",
            Self::Handler(handler) => handler.name(),
        }
    }
}

/// What came of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All requirements hold.
    Allowed,
    /// Some do not; their names, for logs. Nothing of it is for the client.
    Denied(Vec<&'static str>),
}

impl Decision {
    /// Whether all requirements hold.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// A requirement and its handler, their types forgotten.
trait ErasedHandler: Send + Sync {
    fn handle<'a>(&'a self, context: &'a AuthorizationContext) -> LocalBoxFuture<'a, Outcome>;
    fn name(&self) -> &'static str;
}

struct Own<R>(R);

impl<R: Requirement + AuthorizationHandler<R>> ErasedHandler for Own<R> {
    fn handle<'a>(&'a self, context: &'a AuthorizationContext) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(self.0.handle(context, &self.0))
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<R>()
    }
}

struct Pair<R, H>(R, H);

impl<R: Requirement, H: AuthorizationHandler<R>> ErasedHandler for Pair<R, H> {
    fn handle<'a>(&'a self, context: &'a AuthorizationContext) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(self.1.handle(context, &self.0))
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<R>()
    }
}

struct Assertion<F>(F);

impl<F: Fn(&AuthorizationContext) -> bool + Send + Sync> ErasedHandler for Assertion<F> {
    fn handle<'a>(&'a self, context: &'a AuthorizationContext) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async { if (self.0)(context) { Outcome::Succeed } else { Outcome::Abstain } })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClaimsIdentity, claim_types};

    fn decide(policy: &Policy, user: ClaimsPrincipal) -> bool {
        let context = AuthorizationContext::new(Arc::new(user));
        let decision = policy.evaluate(&context).now_or_never().expect("nothing here waits");
        decision.is_allowed()
    }

    fn ann() -> ClaimsPrincipal {
        let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME, "ann").claim("team", "red");
        identity.claim(claim_types::ROLE, "Admin").into()
    }

    #[test]
    fn the_built_in_rules() {
        let new = Policy::new;
        for (policy, holds) in [
            (new(), false),
            (new().require_authenticated_user(), true),
            (new().require_role(["Owner", "Admin"]), true),
            (new().require_role(["admin"]), false),
            (new().require_claim("TEAM"), true),
            (new().require_claim_value("team", ["blue", "red"]), true),
            (new().require_claim_value("team", ["Red"]), false),
            (new().require_user_name("ann"), true),
            (new().require_user_name("Ann"), false),
            (new().require_user(|user| user.name() == Some("ann")), true),
            (new().require_assertion(|context| context.hub_invocation().is_some()), false),
            (new().require_authenticated_user().require_role(["Owner"]), false),
        ] {
            assert_eq!(decide(&policy, ann()), holds, "{policy:?}");
        }
        assert!(!decide(&new().require_authenticated_user(), ClaimsPrincipal::anonymous()));
    }

    struct Says(Outcome);
    impl Requirement for Says {}
    impl AuthorizationHandler<Self> for Says {
        async fn handle(&self, _: &AuthorizationContext, requirement: &Self) -> Outcome {
            requirement.0
        }
    }

    struct Panics;
    impl AuthorizationHandler<Says> for Panics {
        async fn handle(&self, _: &AuthorizationContext, _: &Says) -> Outcome {
            panic!("a handler's own bug")
        }
    }

    #[test]
    fn a_handler_must_succeed() {
        for (outcome, holds) in [(Outcome::Succeed, true), (Outcome::Abstain, false), (Outcome::Fail, false)]
        {
            assert_eq!(decide(&Policy::new().require(Says(outcome)), ann()), holds);
        }
    }

    #[test]
    fn a_panic_denies() {
        assert!(!decide(&Policy::new().require_with(Says(Outcome::Succeed), Panics), ann()));
        assert!(!decide(&Policy::new().require_user(|_| panic!("too")), ann()));
    }
}
