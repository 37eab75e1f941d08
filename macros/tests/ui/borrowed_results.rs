mod runtime;

use runtime::*;

use std::borrow::Cow;

struct ChatHub(String);

#[hub(crate = "crate::runtime")]
impl ChatHub {
    async fn name(&self, _ctx: HubCallerContext) -> HubResult<&str> {
        Ok(&self.0)
    }

    async fn cow(&self, _ctx: HubCallerContext) -> HubResult<Cow<'_, str>> {
        Ok(Cow::Borrowed(&self.0))
    }
}

fn main() {}
