use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[authorize]
#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

struct OpenHub;

#[allow_anonymous]
#[hub(crate = "actix_signalr_actors")]
impl OpenHub {}

fn main() {}
