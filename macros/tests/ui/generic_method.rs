mod runtime;

use runtime::*;

struct ChatHub;

#[hub(crate = "crate::runtime")]
impl ChatHub {
    async fn typed<T>(&self, _ctx: HubCallerContext, _value: Vec<T>) -> HubResult {
        Ok(())
    }
}

fn main() {}
