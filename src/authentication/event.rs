//! Code of the application that runs at a certain point of authentication.

use std::{any::Any, fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use actix_web::HttpRequest;
use futures::{FutureExt, future::LocalBoxFuture};

use crate::authentication::AuthenticationRequest;

/// Code of the application that runs at a certain point of authentication; nothing, by default. Cheap to clone.
///
/// A clone of one that somebody has set before can be wrapped: [`JwtBearer`](crate::JwtBearer) shows how.
pub struct Event<C> {
    run: Option<Arc<dyn Run<C>>>,
}

impl<C: 'static> Event<C> {
    /// An event that runs this code.
    pub fn new(code: impl AsyncFn(&mut C) + Send + Sync + 'static) -> Self {
        Self { run: Some(Arc::new(code)) }
    }

    /// Whether there is anything to run.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.run.is_some()
    }

    /// Runs the code.
    pub async fn raise(&self, context: &mut C) {
        if let Some(code) = &self.run {
            code.run(context).await;
        }
    }
}

impl<C> Clone for Event<C> {
    fn clone(&self) -> Self {
        Self { run: self.run.clone() }
    }
}

impl<C> Default for Event<C> {
    fn default() -> Self {
        Self { run: None }
    }
}

impl<C> fmt::Debug for Event<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.run.is_some() { "Event(set)" } else { "Event" })
    }
}

/// A function whose type is forgotten.
trait Run<C>: Send + Sync {
    fn run<'a>(&'a self, context: &'a mut C) -> LocalBoxFuture<'a, ()>;
}

impl<C: 'static, F: AsyncFn(&mut C) + Send + Sync> Run<C> for F {
    fn run<'a>(&'a self, context: &'a mut C) -> LocalBoxFuture<'a, ()> {
        Box::pin(self(context))
    }
}

/// Code of the application that writes into an answer, and so does not wait; nothing, by default. Cheap to clone.
pub struct AnswerEvent<C> {
    run: Option<Arc<WriteAnswer<C>>>,
}

type WriteAnswer<C> = dyn Fn(&mut C) + Send + Sync;

impl<C: 'static> AnswerEvent<C> {
    /// An event that runs this code.
    pub fn new(code: impl Fn(&mut C) + Send + Sync + 'static) -> Self {
        Self { run: Some(Arc::new(code)) }
    }

    /// Whether there is anything to run.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.run.is_some()
    }

    /// Runs the code.
    pub fn raise(&self, context: &mut C) {
        if let Some(code) = &self.run {
            code(context);
        }
    }
}

impl<C> Clone for AnswerEvent<C> {
    fn clone(&self) -> Self {
        Self { run: self.run.clone() }
    }
}

impl<C> Default for AnswerEvent<C> {
    fn default() -> Self {
        Self { run: None }
    }
}

impl<C> fmt::Debug for AnswerEvent<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.run.is_some() { "AnswerEvent(set)" } else { "AnswerEvent" })
    }
}

/// A request that an event can keep as long as it runs.
pub(super) struct EventRequest {
    http: HttpRequest,
    hub_path: Option<Box<str>>,
}

impl EventRequest {
    pub(super) fn new(request: &AuthenticationRequest<'_>) -> Self {
        Self { http: request.http().clone(), hub_path: request.hub_path().map(Into::into) }
    }

    pub(super) fn get(&self) -> AuthenticationRequest<'_> {
        match &self.hub_path {
            Some(path) => AuthenticationRequest::for_hub(&self.http, path),
            None => AuthenticationRequest::new(&self.http),
        }
    }
}

/// What comes of a future that runs code of the application; `None` if that panics, which is our operator's business.
pub(super) async fn caught<T>(scheme: &str, code: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|panic| report(scheme, panic.as_ref())).ok()
}

/// The same of a function.
pub(super) fn caught_now<T>(scheme: &str, code: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(code)).map_err(|panic| report(scheme, panic.as_ref())).ok()
}

fn report(scheme: &str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)");
    tracing::error!(scheme, panic = text, "an event of an authentication scheme panicked");
}
