//! Calls that can be cancelled without being streams, and methods that ask for more than one role.

use actix_signalr::{CancellationToken, ClientStream, HubCallerContext, HubError, HubResult, hub};
use futures::StreamExt;

use crate::wait::wait;

pub(crate) struct ElevenHub;

#[hub]
impl ElevenHub {
    async fn echo(&self, _ctx: HubCallerContext, message: Option<String>) -> HubResult<Option<String>> {
        Ok(message)
    }

    async fn wait(&self, _ctx: HubCallerContext, ms: i32, ct: CancellationToken) -> HubResult<&'static str> {
        let cancelled = || HubError::internal("TaskCanceledException", "A task was canceled.");
        wait(ms, ct.cancelled()).await?.then_some("waited").ok_or_else(cancelled)
    }

    async fn wait_quietly(
        &self,
        _ctx: HubCallerContext,
        ms: i32,
        ct: CancellationToken,
    ) -> HubResult<&'static str> {
        Ok(if wait(ms, ct.cancelled()).await? { "waited" } else { "cancelled" })
    }

    async fn wait_named(
        &self,
        _ctx: HubCallerContext,
        ct: CancellationToken,
        name: Option<String>,
        ms: i32,
    ) -> HubResult<String> {
        let end = if wait(ms, ct.cancelled()).await? { "waited" } else { "cancelled" };
        Ok(format!("{} {end}", name.unwrap_or_default()))
    }

    async fn sum_until(
        &self,
        _ctx: HubCallerContext,
        mut numbers: ClientStream<i32>,
        ct: CancellationToken,
    ) -> HubResult<String> {
        let mut sum = 0_i32;
        while let Some(number) = ct.run_until_cancelled(numbers.next()).await {
            match number {
                Some(number) => sum = sum.wrapping_add(number?),
                None => return Ok(format!("sum {sum}")),
            }
        }
        Ok(format!("cancelled at {sum}"))
    }

    #[authorize(roles = "Administrators")]
    async fn guarded(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("guarded")
    }

    #[authorize(roles = "Administrators")]
    #[authorize(roles = "Moderators")]
    async fn both(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("both")
    }

    /// That the contract lets strangers in as well changes nothing: what else it asks for still has to be there.
    #[authorize(roles = "Administrators")]
    async fn open(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("open")
    }
}
