use actix_signalr_actors::*;
use actix_signalr_macros::*;

use std::sync::Arc;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    fn new() -> Self {
        Self
    }

    async fn none(_ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn owned(self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn exclusive(&mut self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn counted(self: Arc<Self>, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn forever(&'static self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
