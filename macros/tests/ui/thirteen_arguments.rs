use actix_signalr_actors::*;
use actix_signalr_macros::*;

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn many(
        &self,
        _ctx: HubCallerContext,
        _a1: u32,
        _a2: u32,
        _a3: u32,
        _a4: u32,
        _a5: u32,
        _a6: u32,
        _a7: u32,
        _a8: u32,
        _a9: u32,
        _a10: u32,
        _a11: u32,
        _a12: u32,
        _a13: u32,
    ) -> HubResult {
        Ok(())
    }
}

fn main() {}
