//! Filters: code around every call of a hub, and around the hooks of its beginning and its end.

use std::{fmt, future::Future, sync::Arc};

use futures::future::LocalBoxFuture;
use serde::Serialize;

use crate::{HubCallerContext, HubError, HubInvocation, HubResult, hub::Answer, protocol::PayloadFormat};

/// Code around every call of a hub: it may look at the call, change its arguments, answer in its place, and look at what
/// came of it. The same around `on_connected` and `on_disconnected`.
///
/// A filter is a value, shared by all connections; what it needs are its fields. Filters of the server stand outside those
/// of the hub, and those outside the ones of a method; of several in one place the first is outermost. They run behind
/// authorization: a call that is refused reaches none.
///
/// ```
/// use std::time::Instant;
///
/// use actix_signalr_actors::{HubAnswer, HubFilter, HubInvocation, HubResult, NextCall};
///
/// struct Measured;
///
/// impl HubFilter for Measured {
///     async fn invoke_method(&self, call: HubInvocation, next: NextCall<'_>) -> HubResult<HubAnswer> {
///         let (method, began) = (call.method.clone(), Instant::now());
///         let answer = next.run(call).await;
///         println!("{method}: {:?}", began.elapsed());
///         answer
///     }
/// }
/// ```
pub trait HubFilter: Send + Sync + 'static {
    /// Around a call. Of a stream, this is its beginning: the items are not seen.
    fn invoke_method(
        &self,
        call: HubInvocation,
        next: NextCall<'_>,
    ) -> impl Future<Output = HubResult<HubAnswer>> {
        next.run(call)
    }

    /// Around `on_connected`. An error refuses the connection.
    fn on_connected(&self, ctx: HubCallerContext, next: NextHook<'_>) -> impl Future<Output = HubResult> {
        next.run(ctx, None)
    }

    /// Around `on_disconnected`, with the error that ended the connection, if it was one.
    fn on_disconnected(
        &self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        next: NextHook<'_>,
    ) -> impl Future<Output = HubResult> {
        next.run(ctx, error)
    }
}

/// The filters of one place, the outermost first. Cheap to clone.
#[derive(Clone, Default)]
pub struct HubFilters(Vec<Arc<dyn AnyFilter>>);

impl HubFilters {
    /// Adds a filter inside those there are.
    #[must_use]
    pub fn with(mut self, filter: impl HubFilter) -> Self {
        self.0.push(Arc::new(filter));
        self
    }

    /// Adds other filters inside those there are.
    #[must_use]
    pub fn and(mut self, inner: &Self) -> Self {
        self.0.extend(inner.0.iter().cloned());
        self
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls a method through them.
    pub(crate) async fn call(
        &self,
        call: HubInvocation,
        format: PayloadFormat,
        method: &MethodCall<'_>,
    ) -> Result<Answer, HubError> {
        let next = NextCall { filters: &self.0, method, format };
        next.run(call).await.map(|HubAnswer(answer)| answer)
    }

    /// Runs `on_connected` through them.
    pub(crate) async fn connected(&self, ctx: HubCallerContext, hook: &HookCall<'_>) -> HubResult {
        NextHook { filters: &self.0, hook, is_end: false }.run(ctx, None).await
    }

    /// Runs `on_disconnected` through them.
    pub(crate) async fn disconnected(
        &self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        hook: &HookCall<'_>,
    ) -> HubResult {
        NextHook { filters: &self.0, hook, is_end: true }.run(ctx, error).await
    }
}

impl fmt::Debug for HubFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubFilters").field("len", &self.0.len()).finish()
    }
}

/// What a call is answered with: a value, or a stream of them.
#[derive(Debug)]
pub struct HubAnswer(Answer);

impl HubAnswer {
    /// Whether it is a stream.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self.0, Answer::Stream(_))
    }
}

/// The rest of the way of a call: the filters inside, then the method.
pub struct NextCall<'a> {
    filters: &'a [Arc<dyn AnyFilter>],
    method: &'a MethodCall<'a>,
    format: PayloadFormat,
}

pub(crate) type MethodCall<'a> =
    dyn Fn(HubInvocation) -> LocalBoxFuture<'static, Result<Answer, HubError>> + 'a;

impl NextCall<'_> {
    /// Goes on with the call.
    ///
    /// # Errors
    /// What the method, or a filter inside, fails with.
    pub async fn run(self, call: HubInvocation) -> HubResult<HubAnswer> {
        match self.filters.split_first() {
            Some((filter, filters)) => filter.invoke_method(call, NextCall { filters, ..self }).await,
            None => (self.method)(call).await.map(HubAnswer),
        }
    }

    /// An answer in place of the method's.
    ///
    /// # Errors
    /// When the value cannot be written.
    pub fn answer(&self, value: &impl Serialize) -> HubResult<HubAnswer> {
        Ok(HubAnswer(Answer::Value(self.format.encode(value)?)))
    }
}

impl fmt::Debug for NextCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextCall").field("filters", &self.filters.len()).finish_non_exhaustive()
    }
}

/// The rest of the way of a hook: the filters inside, then the hub's own.
pub struct NextHook<'a> {
    filters: &'a [Arc<dyn AnyFilter>],
    hook: &'a HookCall<'a>,
    is_end: bool,
}

pub(crate) type HookCall<'a> =
    dyn Fn(HubCallerContext, Option<HubError>) -> LocalBoxFuture<'static, HubResult> + 'a;

impl NextHook<'_> {
    /// Goes on with the hook; the error is for `on_disconnected` alone.
    ///
    /// # Errors
    /// What the hub, or a filter inside, fails with.
    pub async fn run(self, ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        match self.filters.split_first() {
            Some((filter, filters)) if self.is_end => {
                filter.on_disconnected(ctx, error, NextHook { filters, ..self }).await
            }
            Some((filter, filters)) => filter.on_connected(ctx, NextHook { filters, ..self }).await,
            None => (self.hook)(ctx, error).await,
        }
    }
}

impl fmt::Debug for NextHook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextHook").field("filters", &self.filters.len()).finish_non_exhaustive()
    }
}

/// A filter, its type forgotten.
trait AnyFilter: Send + Sync {
    fn invoke_method<'a>(
        &'a self,
        call: HubInvocation,
        next: NextCall<'a>,
    ) -> LocalBoxFuture<'a, HubResult<HubAnswer>>;
    fn on_connected<'a>(&'a self, ctx: HubCallerContext, next: NextHook<'a>)
    -> LocalBoxFuture<'a, HubResult>;
    fn on_disconnected<'a>(
        &'a self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        next: NextHook<'a>,
    ) -> LocalBoxFuture<'a, HubResult>;
}

impl<F: HubFilter> AnyFilter for F {
    fn invoke_method<'a>(
        &'a self,
        call: HubInvocation,
        next: NextCall<'a>,
    ) -> LocalBoxFuture<'a, HubResult<HubAnswer>> {
        Box::pin(HubFilter::invoke_method(self, call, next))
    }

    fn on_connected<'a>(
        &'a self,
        ctx: HubCallerContext,
        next: NextHook<'a>,
    ) -> LocalBoxFuture<'a, HubResult> {
        Box::pin(HubFilter::on_connected(self, ctx, next))
    }

    fn on_disconnected<'a>(
        &'a self,
        ctx: HubCallerContext,
        error: Option<HubError>,
        next: NextHook<'a>,
    ) -> LocalBoxFuture<'a, HubResult> {
        Box::pin(HubFilter::on_disconnected(self, ctx, error, next))
    }
}
