use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
#[hub_method(name = "Chat")]
impl ChatHub {
    #[authorize]
    const LIMIT: usize = 3;

    #[authorize("Admin")]
    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "Gone")]
    async fn on_disconnected(&self, _ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        Ok(())
    }

    #[cfg_attr(all(), authorize("Admin"))]
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
