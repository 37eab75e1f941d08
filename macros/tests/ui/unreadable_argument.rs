use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

struct Message;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn send_message(&self, _ctx: HubCallerContext, _room: String, _message: Message) -> HubResult {
        Ok(())
    }
}

fn main() {}
