use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

struct Message;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn last_message(&self, _ctx: HubCallerContext) -> HubResult<Message> {
        Ok(Message)
    }
}

fn main() {}
