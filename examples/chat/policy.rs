//! Who may ban: a requirement that is its own handler.

use actix_signalr::{AuthorizationContext, AuthorizationHandler, Outcome, Requirement};

/// Only people of one mail domain; trainees may look but not ban.
#[derive(Clone, Debug)]
pub(crate) struct DomainRestricted {
    /// With its `@`.
    pub(crate) domain: &'static str,
}

impl Requirement for DomainRestricted {}

impl AuthorizationHandler<Self> for DomainRestricted {
    async fn handle(&self, context: &AuthorizationContext, requirement: &Self) -> Outcome {
        let (Some(name), Some(call)) = (context.user().name(), context.hub_invocation()) else {
            return Outcome::Abstain;
        };
        let too_early = name.starts_with("trainee.") && call.method == "BanUser";
        if name.ends_with(requirement.domain) && !too_early { Outcome::Succeed } else { Outcome::Abstain }
    }
}
