//! Authorization as an application asks for it, outside of the way of a call.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    ClaimsPrincipal, ConnectRequest, HubOptions,
    authorization::{
        Audit, AuthorizationContext, AuthorizeData, Decision, Policies, Policy, PolicyError, Subject,
        actor::decide,
    },
    metrics::Metrics,
};

/// Asks the policies of a server about resources of an application's own: in hub methods, request handlers, anywhere.
///
/// Cheap to clone. A hub has it as a field: make one, give clones away, and give it to the server that is built
/// (`SignalRBuilder::authorization`); until then it knows no policies. What a denial means is for the application to
/// say: somebody unknown may be asked who he is, somebody known told that he may not.
///
/// ```
/// use actix_signalr_actors::{Authorization, HubCallerContext, HubError, HubResult};
///
/// struct Document {
///     text: String,
/// }
///
/// struct DocumentHub {
///     authorization: Authorization,
/// }
///
/// impl DocumentHub {
///     async fn read(&self, ctx: HubCallerContext, id: u32) -> HubResult<String> {
///         let document = Document { text: format!("the document {id}") };
///         let decision = self.authorization.authorize(ctx.principal(), document, "MayRead").await?;
///         if !decision.is_allowed() {
///             return Err(HubError::new("This document is not for you."));
///         }
///         Ok("...".to_owned())
///     }
/// }
/// ```
#[derive(Clone, Default)]
pub struct Authorization(Arc<OnceLock<Bound>>);

/// The policies of a server that has been built.
struct Bound {
    policies: Policies,
    defined: HashMap<String, Arc<Policy>>,
    timeout: Duration,
    audit: Audit,
}

impl Authorization {
    /// One that knows no policies yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives it the policies of a server, its options, of which it takes those of authorization, and its counts. Without
    /// effect the second time. Who builds a server does this.
    ///
    /// # Errors
    /// When a policy requires nothing, or roles without a name.
    pub fn bind(
        &self,
        policies: &Policies,
        options: &HubOptions,
        metrics: &Metrics,
    ) -> Result<(), PolicyError> {
        let named = |name: &str| policies.named(name).map(|policy| (name.to_lowercase(), policy));
        let defined: HashMap<_, _> = policies.names().map(named).collect::<Result<_, _>>()?;
        for policy in defined.values() {
            metrics.watch(policy.decisions());
        }
        let timeout = options.authorization_timeout;
        let audit = Audit::new(APPLICATION, options.audit_allowed_every, None);
        let _ = self.0.set(Bound { policies: policies.clone(), defined, timeout, audit });
        Ok(())
    }

    /// Whether a user meets a policy where it is about a resource: anything that its handlers take
    /// (`ResourceHandler`, [`AuthorizationContext::resource`]), or `()`.
    ///
    /// The name may be one that is only known now: it is looked for among those that are defined, then the
    /// [provider](crate::PolicyProvider) is asked.
    ///
    /// # Errors
    /// When there is no such policy, it requires nothing, or the server has not been built. Nobody is allowed anything then.
    pub async fn authorize(
        &self,
        user: &Arc<ClaimsPrincipal>,
        resource: impl Any + Send + Sync,
        policy: &str,
    ) -> Result<Decision, PolicyError> {
        let policy = self.bound()?.policy(policy)?;
        self.evaluate(&policy, &AuthorizationContext::for_resource(user.clone(), resource)).await
    }

    /// Whether a policy holds that is at hand: the same limits, and the same record, as for those with a name.
    ///
    /// # Errors
    /// When the server has not been built.
    pub async fn evaluate(
        &self,
        policy: &Policy,
        context: &AuthorizationContext,
    ) -> Result<Decision, PolicyError> {
        let bound = self.bound()?;
        let decision = decide(policy, context, bound.timeout).await;
        bound.audit.record(policy, &decision, Subject::of(context.user(), RESOURCE));
        Ok(decision)
    }

    /// The policy that a demand comes to.
    ///
    /// # Errors
    /// When it cannot be met by anybody, or the server has not been built.
    pub fn demand(&self, demand: AuthorizeData) -> Result<Arc<Policy>, PolicyError> {
        let combined = self.bound()?.policies.combine_for::<ConnectRequest>(&[demand])?;
        combined.ok_or(PolicyError::NotBuilt)
    }

    fn bound(&self) -> Result<&Bound, PolicyError> {
        self.0.get().ok_or(PolicyError::NotBuilt)
    }
}

impl Bound {
    fn policy(&self, name: &str) -> Result<Arc<Policy>, PolicyError> {
        if let Some(policy) = self.defined.get(&name.to_lowercase()) {
            return Ok(policy.clone());
        }
        // The provider is the application's own code.
        std::panic::catch_unwind(AssertUnwindSafe(|| self.policies.named(name))).unwrap_or_else(|_| {
            tracing::error!("the policy provider panicked");
            Err(PolicyError::Unknown(name.to_owned()))
        })
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("is_bound", &self.0.get().is_some()).finish()
    }
}

/// What is recorded as the hub, and as the method, where an application asks.
const APPLICATION: &str = "(application)";
const RESOURCE: &str = "(resource)";
