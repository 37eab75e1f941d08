use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn count(&self, _ctx: HubCallerContext) -> u32 {
        1
    }

    async fn nothing(&self, _ctx: HubCallerContext) {}
}

fn main() {}
