//! What load is measured with.

use actix_signalr::{HubCallerContext, HubResult, HubStream, SendError, hub};
use futures::stream;

pub(crate) struct BenchHub;

#[hub]
impl BenchHub {
    async fn echo(&self, _ctx: HubCallerContext, m: String) -> HubResult<String> {
        Ok(m)
    }

    #[authorize("Bench")]
    async fn guarded(&self, _ctx: HubCallerContext, m: String) -> HubResult<String> {
        Ok(m)
    }

    async fn broadcast(&self, ctx: HubCallerContext, m: String) -> Result<(), SendError> {
        ctx.clients().all().send("Receive", (m,)).await
    }

    async fn send_to_user(&self, ctx: HubCallerContext, user: String, m: String) -> Result<(), SendError> {
        ctx.clients().user(user).send("Receive", (m,)).await
    }

    async fn join_group(&self, ctx: HubCallerContext, g: String) -> Result<(), SendError> {
        ctx.groups().add(ctx.connection_id(), g).await
    }

    async fn send_to_group(&self, ctx: HubCallerContext, g: String, m: String) -> Result<(), SendError> {
        ctx.clients().group(g).send("Receive", (m,)).await
    }

    async fn stream(&self, _ctx: HubCallerContext, count: i32, m: String) -> HubStream<String> {
        HubStream::of(stream::iter((0..count).map(move |_| m.clone())))
    }
}
