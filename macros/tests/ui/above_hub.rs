mod runtime;

use runtime::*;

struct ChatHub;

#[authorize]
#[hub(crate = "crate::runtime")]
impl ChatHub {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

struct OpenHub;

#[allow_anonymous]
#[hub(crate = "crate::runtime")]
impl OpenHub {}

fn main() {}
