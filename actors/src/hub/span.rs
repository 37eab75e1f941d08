//! The spans of hubs: a call, and the two hooks. Names and fields are those of the original, as OpenTelemetry wants them.
//!
//! Where nobody listens a span costs one look at whether anybody does.

use std::any::type_name;

use tracing::{Span, field::Empty};

use crate::{HubError, SetTraceParent, TraceContext, protocol::MessageHeaders};

/// A span without a parent: a connection outlives whatever request has made it.
macro_rules! span {
    ($name:literal, $kind:literal, $hub:ident, $method:expr) => {
        tracing::info_span!(
            target: TARGET,
            parent: None,
            $name,
            otel.kind = $kind,
            otel.name = %format_args!("{}/{}", type_name::<$hub>(), $method),
            otel.status_code = Empty,
            rpc.system = "signalr",
            rpc.service = type_name::<$hub>(),
            rpc.method = $method,
            error.type = Empty,
        )
    };
}

/// Around a call, from its method to the end of its stream.
pub(super) fn invocation<H>(
    method: &str,
    headers: Option<&MessageHeaders>,
    set_parent: Option<SetTraceParent>,
) -> Span {
    let span = span!("Microsoft.AspNetCore.SignalR.Server.InvocationIn", "server", H, method);
    if let (Some(headers), Some(set_parent)) = (headers, set_parent)
        && !span.is_disabled()
        && let Some(trace) = TraceContext::of(headers)
    {
        set_parent(&span, &trace);
    }
    span
}

/// Around the hook of a client that has connected.
pub(super) fn connected<H>() -> Span {
    span!("Microsoft.AspNetCore.SignalR.Server.OnConnected", "internal", H, "OnConnectedAsync")
}

/// Around the hook of a connection that is over.
pub(super) fn disconnected<H>() -> Span {
    span!("Microsoft.AspNetCore.SignalR.Server.OnDisconnected", "internal", H, "OnDisconnectedAsync")
}

/// What the span is around has failed.
pub(super) fn failed(span: &Span, err: &HubError) {
    span.record("error.type", err.name());
    span.record("otel.status_code", "ERROR");
}

/// So that spans can be filtered apart from log lines.
const TARGET: &str = "actix_signalr::span";
