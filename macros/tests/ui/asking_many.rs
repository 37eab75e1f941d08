use actix_signalr_actors::*;
use actix_signalr_macros::*;

#[hub_client(crate = "actix_signalr_actors")]
trait ChatClient {
    async fn confirm(&self, question: &str) -> HubResult<bool>;
}

struct ChatHub;

#[hub(crate = "actix_signalr_actors")]
impl ChatHub {
    async fn ask_all(&self, ctx: HubCallerContext) -> HubResult<bool> {
        ctx.clients().all().confirm("really?").await
    }

    async fn ask_caller(&self, ctx: HubCallerContext) -> HubResult<bool> {
        ctx.clients().caller().confirm("really?").await
    }
}

fn main() {}
