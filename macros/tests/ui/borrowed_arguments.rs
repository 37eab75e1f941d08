use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn text(&self, _ctx: HubCallerContext, _text: &str) -> HubResult {
        Ok(())
    }

    async fn inside(&self, _ctx: HubCallerContext, _fine: u32, _texts: Vec<Option<&str>>) -> HubResult {
        Ok(())
    }

    async fn bytes(&self, _ctx: HubCallerContext, _bytes: &[u8]) -> HubResult {
        Ok(())
    }

    async fn number(&self, _ctx: HubCallerContext, _number: &mut u32) -> HubResult {
        Ok(())
    }

    async fn unnamed(&self, _ctx: HubCallerContext, _text: impl Into<String>) -> HubResult {
        Ok(())
    }
}

fn main() {}
