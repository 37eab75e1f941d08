use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async unsafe fn dangerous(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
