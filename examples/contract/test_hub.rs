//! The hub with everything in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_signalr::{
    AnyValue, CancellationToken, ClientStream, HubCallerContext, HubError, HubResult, HubStream, SendError,
    hub,
};
use actix_web::rt::time::sleep;
use futures::{StreamExt, TryStreamExt, future::Either, stream};

use crate::{
    complex::Complex,
    null::{given, no_object},
    wait::wait,
};

/// How many connections began, ended, and ended with an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycle(Arc<[AtomicUsize; 3]>);

impl Lifecycle {
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let count = |index: usize| self.0[index].load(Ordering::SeqCst);
        (count(0), count(1), count(2))
    }

    fn count(&self, index: usize) {
        self.0[index].fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) struct TestHub {
    lifecycle: Lifecycle,
}

impl TestHub {
    pub(crate) fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle }
    }
}

/// What an exception without a message says.
const NO_MESSAGE: &str = "Exception of type 'Microsoft.AspNetCore.SignalR.HubException' was thrown.";

/// What is said of the use of a null.
const NO_OBJECT: &str = "Object reference not set to an instance of an object.";

#[derive(Default)]
struct Calls(i32);

#[hub]
impl TestHub {
    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        self.lifecycle.count(0);
        Ok(())
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        self.lifecycle.count(1);
        if error.is_some() {
            self.lifecycle.count(2);
        }
        Ok(())
    }

    async fn echo(&self, _ctx: HubCallerContext, message: Option<String>) -> HubResult<Option<String>> {
        Ok(message)
    }

    async fn echo_complex(
        &self,
        _ctx: HubCallerContext,
        value: Option<Complex>,
    ) -> HubResult<Option<Complex>> {
        Ok(value)
    }

    async fn echo_any(&self, _ctx: HubCallerContext, value: Option<AnyValue>) -> HubResult<Option<AnyValue>> {
        Ok(value)
    }

    async fn add(&self, _ctx: HubCallerContext, a: i32, b: i32) -> HubResult<i32> {
        Ok(a.wrapping_add(b))
    }

    async fn with_default(&self, _ctx: HubCallerContext, a: i32, b: i32) -> HubResult<i32> {
        Ok(a.wrapping_add(b))
    }

    async fn return_null(&self, _ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(None)
    }

    async fn nothing(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn nothing_async(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }

    async fn throw_exception(&self, _ctx: HubCallerContext, message: Option<String>) -> HubResult<String> {
        Err(HubError::internal("InvalidOperationException", message.unwrap_or_default()))
    }

    async fn throw_hub_exception(
        &self,
        _ctx: HubCallerContext,
        message: Option<String>,
    ) -> HubResult<String> {
        Err(HubError::new(message.unwrap_or_else(|| NO_MESSAGE.to_owned())))
    }

    async fn sleep(&self, ctx: HubCallerContext, ms: i32, tag: i32) -> HubResult<i32> {
        wait(ms, ctx.aborted()).await?;
        Ok(tag)
    }

    #[hub_method(name = "renamed")]
    async fn original_name(&self, _ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok("renamed")
    }

    async fn connection_id(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(ctx.connection_id().to_owned())
    }

    async fn user_identifier(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(ctx.user_id().map(str::to_owned))
    }

    async fn user_name(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
        Ok(ctx.user().name().map(str::to_owned))
    }

    async fn is_authenticated(&self, ctx: HubCallerContext) -> HubResult<bool> {
        Ok(ctx.user().is_authenticated())
    }

    async fn claims(&self, ctx: HubCallerContext) -> HubResult<Vec<String>> {
        let mut claims: Vec<_> =
            ctx.user().claims().map(|claim| format!("{}={}", claim.claim_type(), claim.value())).collect();
        claims.sort_unstable();
        Ok(claims)
    }

    async fn header(&self, ctx: HubCallerContext, name: Option<String>) -> HubResult<Option<String>> {
        Ok(ctx.request().header(&given(name, "key")?))
    }

    async fn query(&self, ctx: HubCallerContext, name: Option<String>) -> HubResult<Option<String>> {
        Ok(ctx.request().query(&given(name, "key")?))
    }

    async fn transport(&self, ctx: HubCallerContext) -> HubResult<&'static str> {
        Ok(ctx.request().transport().name())
    }

    async fn abort(&self, ctx: HubCallerContext) -> HubResult {
        ctx.abort();
        Ok(())
    }

    async fn counter(&self, ctx: HubCallerContext) -> HubResult<i32> {
        Ok(ctx.items().with::<Calls, _>(|calls| {
            calls.0 += 1;
            calls.0
        }))
    }

    async fn send_all(&self, ctx: HubCallerContext, m: Option<String>) -> Result<(), SendError> {
        ctx.clients().all().send("Message", (m,)).await
    }

    async fn send_others(&self, ctx: HubCallerContext, m: Option<String>) -> Result<(), SendError> {
        ctx.clients().others().send("Message", (m,)).await
    }

    async fn send_caller(&self, ctx: HubCallerContext, m: Option<String>) -> Result<(), SendError> {
        ctx.clients().caller().send("Message", (m,)).await
    }

    async fn send_all_except(
        &self,
        ctx: HubCallerContext,
        ids: Option<Names>,
        m: Option<String>,
    ) -> HubResult {
        let ids = given(ids, "source")?;
        Ok(ctx.clients().all_except(present(ids)).send("Message", (m,)).await?)
    }

    async fn send_client(&self, ctx: HubCallerContext, id: Option<String>, m: Option<String>) -> HubResult {
        Ok(ctx.clients().client(given(id, "connectionId")?).send("Message", (m,)).await?)
    }

    async fn send_clients(&self, ctx: HubCallerContext, ids: Option<Names>, m: Option<String>) -> HubResult {
        Ok(ctx.clients().clients(present(given(ids, "source")?)).send("Message", (m,)).await?)
    }

    async fn send_user(&self, ctx: HubCallerContext, user: Option<String>, m: Option<String>) -> HubResult {
        Ok(ctx.clients().user(given(user, "userId")?).send("Message", (m,)).await?)
    }

    async fn send_users(&self, ctx: HubCallerContext, users: Option<Names>, m: Option<String>) -> HubResult {
        Ok(ctx.clients().users(present(given(users, "source")?)).send("Message", (m,)).await?)
    }

    async fn join_group(&self, ctx: HubCallerContext, g: Option<String>) -> HubResult {
        Ok(ctx.groups().add(ctx.connection_id(), given(g, "groupName")?).await?)
    }

    async fn leave_group(&self, ctx: HubCallerContext, g: Option<String>) -> HubResult {
        Ok(ctx.groups().remove(ctx.connection_id(), given(g, "groupName")?).await?)
    }

    async fn add_other(&self, ctx: HubCallerContext, id: Option<String>, g: Option<String>) -> HubResult {
        Ok(ctx.groups().add(given(id, "connectionId")?, given(g, "groupName")?).await?)
    }

    async fn send_group(&self, ctx: HubCallerContext, g: Option<String>, m: Option<String>) -> HubResult {
        Ok(ctx.clients().group(given(g, "groupName")?).send("Message", (m,)).await?)
    }

    async fn send_groups(&self, ctx: HubCallerContext, g: Option<Names>, m: Option<String>) -> HubResult {
        let names = g.ok_or_else(no_object)?.into_iter().map(Option::unwrap_or_default);
        ctx.clients().groups(names).send("Message", (m,)).await.map_err(|err| match err {
            SendError::EmptyName => {
                HubError::internal("InvalidOperationException", "Cannot send to an empty group name.")
            }
            err => err.into(),
        })
    }

    async fn send_others_in_group(
        &self,
        ctx: HubCallerContext,
        g: Option<String>,
        m: Option<String>,
    ) -> HubResult {
        Ok(ctx.clients().others_in_group(given(g, "groupName")?).send("Message", (m,)).await?)
    }

    async fn send_group_except(
        &self,
        ctx: HubCallerContext,
        g: Option<String>,
        ids: Option<Names>,
        m: Option<String>,
    ) -> HubResult {
        let ids = present(given(ids, "source")?);
        Ok(ctx.clients().group_except(given(g, "groupName")?, ids).send("Message", (m,)).await?)
    }

    async fn ask_caller(&self, ctx: HubCallerContext, q: Option<String>) -> HubResult<Option<String>> {
        ctx.clients().caller().invoke("Question", (q,)).await
    }

    async fn ask_client(
        &self,
        ctx: HubCallerContext,
        id: Option<String>,
        q: Option<String>,
    ) -> HubResult<Option<String>> {
        ctx.clients().client(given(id, "connectionId")?).invoke("Question", (q,)).await
    }

    async fn count(
        &self,
        _ctx: HubCallerContext,
        n: i32,
        delay_ms: i32,
        ct: CancellationToken,
    ) -> HubStream<i32> {
        HubStream::of(stream::unfold(0, move |i| {
            let ct = ct.clone();
            async move {
                if i >= n {
                    return None;
                }
                if delay_ms > 0 {
                    let delay = sleep(Duration::from_millis(delay_ms.unsigned_abs().into()));
                    unless(delay, ct.cancelled()).await?;
                }
                Some((i, i + 1))
            }
        }))
    }

    async fn count_channel(&self, _ctx: HubCallerContext, n: i32) -> HubStream<String> {
        HubStream::of(stream::iter((0..n).map(|i| format!("item{i}"))))
    }

    async fn count_then_throw(
        &self,
        _ctx: HubCallerContext,
        n: i32,
        message: Option<String>,
    ) -> HubStream<i32> {
        let failure = HubError::new(message.unwrap_or_else(|| NO_MESSAGE.to_owned()));
        HubStream::new(stream::iter((0..n).map(Ok)).chain(stream::once(async { Err(failure) })))
    }

    async fn sum(&self, _ctx: HubCallerContext, mut numbers: ClientStream<i32>) -> HubResult<i32> {
        let mut sum = 0_i32;
        while let Some(number) = numbers.next().await {
            sum = sum.wrapping_add(number?);
        }
        Ok(sum)
    }

    async fn concat(
        &self,
        _ctx: HubCallerContext,
        separator: Option<String>,
        words: ClientStream<Option<String>>,
    ) -> HubResult<String> {
        let words: Vec<_> = words.map_ok(Option::unwrap_or_default).try_collect().await?;
        Ok(words.join(&separator.unwrap_or_default()))
    }

    async fn upper(&self, _ctx: HubCallerContext, words: ClientStream<Option<String>>) -> HubStream<String> {
        HubStream::new(words.map(|word| {
            let null = || HubError::internal("NullReferenceException", NO_OBJECT);
            Ok::<_, HubError>(word?.ok_or_else(null)?.to_uppercase())
        }))
    }

    async fn two_streams(
        &self,
        _ctx: HubCallerContext,
        mut a: ClientStream<i32>,
        mut b: ClientStream<i32>,
    ) -> HubResult<String> {
        let (mut x, mut y) = (0_i32, 0_i32);
        while let Some(number) = a.next().await {
            x = x.wrapping_add(number?);
        }
        while let Some(number) = b.next().await {
            y = y.wrapping_add(number?);
        }
        Ok(format!("{x}/{y}"))
    }
}

/// A list in which a client may have put a null.
type Names = Vec<Option<String>>;

/// A null names nobody.
fn present(names: Names) -> impl Iterator<Item = String> {
    names.into_iter().flatten()
}

/// The first, unless the second is there before it.
async fn unless(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> Option<()> {
    let (first, second) = (std::pin::pin!(first), std::pin::pin!(second));
    match futures::future::select(first, second).await {
        Either::Left(_) => Some(()),
        Either::Right(_) => None,
    }
}
