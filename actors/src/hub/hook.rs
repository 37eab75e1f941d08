//! Running the hooks of a hub: within a span, and so that a panic is an error of the hook.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::LocalBoxFuture};
use tracing::{Instrument, Span};

use crate::{
    HubCallerContext, HubError, HubResult,
    authorization::panic_text,
    context::{Caller, Connection},
    hub::{Hub, span},
    telemetry::log_failure,
};

/// A hook within its span.
pub(super) fn run(
    span: Span,
    hook: LocalBoxFuture<'static, HubResult>,
) -> LocalBoxFuture<'static, HubResult> {
    let around = span.clone();
    let outcome = async move {
        let outcome = AssertUnwindSafe(hook).catch_unwind().await.unwrap_or_else(|panic| {
            let text = panic_text(panic.as_ref());
            tracing::error!(panic = text, "a hub's hook panicked");
            Err(HubError::internal("Panic", text))
        });
        if let Err(err) = &outcome {
            span::failed(&around, err);
        }
        outcome
    };
    Box::pin(outcome.instrument(span))
}

/// The hook of a client that has replaced its credentials, with whom it is now. That it fails is logged.
pub(super) fn refreshed<H: Hub>(hub: &Arc<H>, connection: &Arc<Connection>) -> LocalBoxFuture<'static, ()> {
    let ctx = HubCallerContext::of_hook(connection, Caller::OnAuthenticationRefreshed);
    let (hub, connection) = (hub.clone(), connection.clone());
    let hook = run(
        span::authentication_refreshed::<H>(),
        Box::pin(async move { hub.on_authentication_refreshed(ctx).await }),
    );
    Box::pin(hook.map(move |outcome| {
        if let Err(err) = outcome {
            log_failure!(err, "on_authentication_refreshed failed", connection_id = &**connection.id());
        }
    }))
}
