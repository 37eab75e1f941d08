use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
#[authorize]
#[authorize]
impl ChatHub {
    #[authorize("A")]
    #[authorize("B")]
    #[authorize(policy = "A")]
    async fn policy(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles = "A")]
    #[authorize(roles = "A")]
    async fn roles(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(schemes = "A", schemes = "B")]
    async fn schemes(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(policy = "A", policy = "A")]
    async fn policy_in_one(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

struct OpenHub;

#[hub(crate = "actix_signalr_actors")]
#[allow_anonymous]
#[allow_anonymous]
impl OpenHub {}

fn main() {}
