//! Policies: requirements that must all hold.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    ClaimsPrincipal,
    authorization::{
        AuthorizationContext, AuthorizationFailure, AuthorizationHandler, Decision, Handlers, Requirement,
        ResourceHandler,
        rule::{ResourceType, Rule},
    },
    metrics::DecisionCounter,
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
    /// Whether no handler is asked any more after one has said no.
    stops_after_failure: bool,
    /// Whether all rules look at the user alone, and say at once.
    is_immediate: bool,
    /// Whether decisions follow from the principal alone.
    only_principal: bool,
    /// What counts its decisions, once it is in use under a name.
    decisions: Option<Arc<DecisionCounter>>,
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
        self.with(Rule::own(requirement))
    }

    /// Requires a requirement, with the handler that says whether it holds, or a tuple of handlers: it holds when one of
    /// them says so, and none says that it does not.
    #[must_use]
    pub fn require_with<R: Requirement, Kind>(
        self,
        requirement: R,
        handlers: impl Handlers<R, Kind>,
    ) -> Self {
        self.with(Rule::with(requirement, handlers.into_list()))
    }

    /// Requires a requirement that is its own handler, of resources of one type: where it is asked of anything else it does
    /// not hold.
    #[must_use]
    pub fn require_on<T: 'static, R: Requirement + ResourceHandler<R, T>>(self, requirement: R) -> Self {
        self.with(Rule::own_on(requirement))
    }

    /// Requires a requirement, with the handler that says whether it holds of resources of one type.
    #[must_use]
    pub fn require_on_with<T: 'static, R: Requirement, H: ResourceHandler<R, T>>(
        self,
        requirement: R,
        handler: H,
    ) -> Self {
        self.with(Rule::on(requirement, handler))
    }

    /// Requires that somebody has been authenticated.
    #[must_use]
    pub fn require_authenticated_user(self) -> Self {
        self.with(Rule::Authenticated)
    }

    /// Requires one of the roles, compared with case. None at all is an error when the server is built.
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
    /// that are still waiting, and is kept for the connection.
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
        self.with(Rule::assertion(holds))
    }

    /// The same for a function that may wait.
    ///
    /// ```
    /// # use actix_signalr_actors::{AuthorizationContext, Policy};
    /// # async fn is_open() -> bool { true }
    /// let opening_hours = Policy::new().require_async_assertion(async |_: &AuthorizationContext| is_open().await);
    /// ```
    #[must_use]
    pub fn require_async_assertion(
        self,
        holds: impl AsyncFn(&AuthorizationContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Rule::async_assertion(holds))
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

    /// Evaluates every requirement, one after another, and asks every handler; none is left out when another has failed,
    /// unless the server says so (`invoke_handlers_after_failure`). A panic denies.
    ///
    /// Where all requirements look at the user alone it is ready at the first poll.
    pub async fn evaluate(&self, context: &AuthorizationContext) -> Decision {
        let mut failure = AuthorizationFailure::default();
        for rule in &self.rules {
            let verdict = rule.judge(context, !self.stops_after_failure).await;
            failure.is_explicit |= verdict.is_veto;
            if !verdict.holds() {
                failure.failed.push(rule.name());
            }
            let is_over = verdict.is_veto && self.stops_after_failure;
            failure.reasons.extend(verdict.reasons);
            if is_over {
                break;
            }
        }
        self.decision(failure)
    }

    fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    fn decision(&self, failure: AuthorizationFailure) -> Decision {
        if failure.failed.is_empty() && !self.rules.is_empty() {
            Decision::Allowed
        } else {
            Decision::Denied(failure)
        }
    }

    /// The decision, where every rule looks at the user alone and says at once; such a policy is in use.
    pub(crate) fn evaluate_user(&self, user: &ClaimsPrincipal) -> Option<Decision> {
        if !self.is_immediate {
            return None;
        }
        let failed = self.rules.iter().filter(|rule| !rule.holds_for(user)).map(Rule::name).collect();
        Some(self.decision(AuthorizationFailure { failed, ..AuthorizationFailure::default() }))
    }

    /// Whether every rule looks at the user alone and says at once.
    pub(crate) const fn is_immediate(&self) -> bool {
        self.is_immediate
    }

    /// Whether decisions follow from the principal alone, so that they may be kept.
    pub(crate) const fn depends_only_on_principal(&self) -> bool {
        self.only_principal
    }

    pub(super) fn has_empty_roles(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::Roles(roles) if roles.is_empty()))
    }

    /// The first requirement that can only hold of resources of another type than this one.
    pub(super) fn cannot_hold_of(&self, resource: ResourceType) -> Option<(&'static str, &'static str)> {
        let unfit = |rule: &Rule| {
            let needed = rule.resource().filter(|needed| *needed != resource)?;
            Some((rule.name(), needed.name))
        };
        self.rules.iter().find_map(unfit)
    }

    /// As it is used under a name, which its decisions are counted by.
    pub(super) fn in_use(mut self, name: String, stops_after_failure: bool) -> Self {
        self.decisions = Some(Arc::new(DecisionCounter::new(name)));
        self.stops_after_failure = stops_after_failure;
        self.is_immediate = self.rules.iter().all(Rule::is_immediate);
        self.only_principal = self.rules.iter().all(Rule::depends_only_on_principal);
        self
    }

    /// What counts its decisions.
    pub(crate) const fn decisions(&self) -> Option<&Arc<DecisionCounter>> {
        self.decisions.as_ref()
    }

    /// The name it is used under.
    pub(crate) fn name(&self) -> &str {
        self.decisions.as_ref().map_or(UNNAMED, |decisions| decisions.policy())
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(Rule::name)).finish()
    }
}

/// What a policy is called that an application gives by itself.
const UNNAMED: &str = "(unnamed)";

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::{ClaimsIdentity, authorization::Outcome, claim_types};

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
            requirement.0.clone()
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
