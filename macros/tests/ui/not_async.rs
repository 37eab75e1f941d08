mod runtime;

use runtime::*;

struct ChatHub;

#[hub(crate = "crate::runtime")]
impl ChatHub {
    fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async unsafe fn dangerous(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
