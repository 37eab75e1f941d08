use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult<u32> {
        Ok(1)
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, _error: Option<HubError>) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
