use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn sendmessage(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "SENDMESSAGE")]
    async fn shout(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
