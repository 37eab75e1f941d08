use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn nothing(&self) -> HubResult {
        Ok(())
    }

    async fn only_an_argument(&self, _text: String) -> HubResult {
        Ok(())
    }

    async fn in_second_place(&self, _text: String, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn borrowed(&self, _ctx: &HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
