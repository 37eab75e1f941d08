use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub<'a>(&'a str);

#[hub(crate = "actix_signalr_actors")]
impl<'a> ChatHub<'a> {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
