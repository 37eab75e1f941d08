//! The chat: everybody hears who comes and goes, and may write to all or to one.

use actix_signalr::{HubCallerContext, HubError, HubResult, hub};

pub(crate) struct ChatHub;

/// `#[authorize]` on the block: nobody connects without having signed in. Whoever has not is answered 401.
#[hub]
#[authorize]
impl ChatHub {
    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        let user = ctx.user_id().unwrap_or_default().to_owned();
        Ok(ctx.clients().all().send("ReceiveSystemMessage", (format!("{user} joined."),)).await?)
    }

    async fn on_disconnected(&self, ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        let user = ctx.user_id().unwrap_or_default().to_owned();
        Ok(ctx.clients().all().send("ReceiveSystemMessage", (format!("{user} left."),)).await?)
    }

    /// To all connections of one user, who is named by his mail address.
    async fn send_to_user(&self, ctx: HubCallerContext, user: String, message: String) -> HubResult {
        let text = format!("{}: {message}", ctx.user_id().unwrap_or_default());
        Ok(ctx.clients().user(user).send("ReceiveDirectMessage", (text,)).await?)
    }

    async fn send(&self, ctx: HubCallerContext, message: String) -> HubResult {
        let text = format!("{}: {message}", ctx.user_id().unwrap_or_default());
        Ok(ctx.clients().all().send("ReceiveChatMessage", (text,)).await?)
    }
}
