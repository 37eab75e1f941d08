//! Hubs and methods that are only for some.

use actix_signalr::{HubCallerContext, HubResult, HubStream, hub};
use futures::stream;

pub(crate) struct AuthorizedHub;

#[hub]
#[authorize]
impl AuthorizedHub {
    async fn echo(&self, _ctx: HubCallerContext, message: Option<String>) -> HubResult<Option<String>> {
        Ok(message)
    }

    async fn user_identifier(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(ctx.user_id().map(str::to_owned))
    }

    #[authorize(roles = "Administrators")]
    async fn ban_role(&self, _ctx: HubCallerContext, user: Option<String>) -> HubResult<String> {
        Ok(format!("banned {}", user.unwrap_or_default()))
    }

    #[authorize(roles = "Administrators,Moderators")]
    async fn mute(&self, _ctx: HubCallerContext, user: Option<String>) -> HubResult<String> {
        Ok(format!("muted {}", user.unwrap_or_default()))
    }

    #[authorize("DomainRestricted")]
    async fn ban_user(&self, _ctx: HubCallerContext, user: Option<String>) -> HubResult<String> {
        Ok(format!("banned {}", user.unwrap_or_default()))
    }

    #[authorize("DomainRestricted")]
    async fn view_user_history(&self, _ctx: HubCallerContext, user: Option<String>) -> HubResult<String> {
        Ok(format!("history of {}", user.unwrap_or_default()))
    }

    #[authorize("NoSuchPolicy")]
    async fn unconfigured(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("never")
    }

    #[authorize("DomainRestricted")]
    async fn guarded_stream(&self, _ctx: HubCallerContext, n: i32) -> HubStream<i32> {
        HubStream::of(stream::iter(0..n))
    }

    #[authorize("HasEmail")]
    #[authorize(roles = "Administrators")]
    async fn both(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("both")
    }

    #[allow_anonymous]
    async fn open(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("open")
    }
}

pub(crate) struct PolicyHub;

#[hub]
#[authorize("HasEmail")]
impl PolicyHub {
    async fn echo(&self, _ctx: HubCallerContext, m: Option<String>) -> HubResult<Option<String>> {
        Ok(m)
    }
}

pub(crate) struct JwtOnlyHub;

#[hub]
#[authorize("JwtOnly")]
impl JwtOnlyHub {
    async fn echo(&self, _ctx: HubCallerContext, m: Option<String>) -> HubResult<Option<String>> {
        Ok(m)
    }
}
