use actix_signalr_actors::*;
use actix_signalr_macros::*;

use std::borrow::Cow;

struct ChatHub(String);

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn name(&self, _ctx: HubCallerContext) -> HubResult<&str> {
        Ok(&self.0)
    }

    async fn cow(&self, _ctx: HubCallerContext) -> HubResult<Cow<'_, str>> {
        Ok(Cow::Borrowed(&self.0))
    }
}

fn main() {}
