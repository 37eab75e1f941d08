use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn typed<T>(&self, _ctx: HubCallerContext, _value: Vec<T>) -> HubResult {
        Ok(())
    }
}

fn main() {}
