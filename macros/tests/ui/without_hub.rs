use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[authorize("Admin")]
impl ChatHub {
    #[authorize]
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "Renamed")]
    async fn ban_user(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
