mod runtime;

use runtime::*;

struct ChatHub<'a>(&'a str);

#[hub(crate = "crate::runtime")]
impl<'a> ChatHub<'a> {
    async fn send_message(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

fn main() {}
