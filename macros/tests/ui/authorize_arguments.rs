use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
#[authorize("")]
impl ChatHub {
    #[authorize(policy = " ")]
    async fn blank_policy(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles = ",")]
    async fn no_role(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(schemes = "")]
    async fn no_scheme(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(role = "Admin")]
    async fn unknown(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(Admin)]
    async fn not_a_string(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize = "Admin"]
    async fn assigned(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize("A", "B")]
    async fn two_literals(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize("A", policy = "B")]
    async fn two_policies(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles = "A", roles = "B")]
    async fn roles_twice(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[allow_anonymous("A")]
    async fn anonymous(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
