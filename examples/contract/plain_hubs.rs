//! Hubs that nobody gets to use.

use actix_signalr::{HubCallerContext, HubError, HubResult, hub};

/// A hub that does not work.
pub(crate) struct BrokenHub;

#[hub]
impl BrokenHub {
    async fn echo(&self, _ctx: HubCallerContext, m: Option<String>) -> HubResult<Option<String>> {
        Ok(m)
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        Err(HubError::internal("InvalidOperationException", "cannot be created"))
    }
}

/// A hub that refuses everybody.
pub(crate) struct RefusingHub;

#[hub]
impl RefusingHub {
    async fn echo(&self, _ctx: HubCallerContext, m: Option<String>) -> HubResult<Option<String>> {
        Ok(m)
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        Err(HubError::new("refused in OnConnected"))
    }
}
