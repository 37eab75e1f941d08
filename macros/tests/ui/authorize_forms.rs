use actix_signalr_actors::*;
use actix_signalr_macros::*;

const POLICY: &str = "Admin";

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
#[allow_anonymous(true)]
impl ChatHub {
    #[authorize(POLICY)]
    async fn constant(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles = POLICY)]
    async fn constant_role(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(5)]
    async fn number(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles)]
    async fn no_value(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize(roles("A", "B"))]
    async fn list(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[authorize("A" "B")]
    async fn no_comma(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[allow_anonymous()]
    async fn empty_parentheses(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[allow_anonymous = "yes"]
    async fn assigned(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
