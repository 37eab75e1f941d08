mod runtime;

use runtime::*;

struct ChatHub;

#[hub(crate = "crate::runtime")]
impl ChatHub {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn sendmessage(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    #[hub_method(name = "SENDMESSAGE")]
    async fn shout(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
