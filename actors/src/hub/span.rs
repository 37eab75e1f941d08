//! The spans of hubs: a call, and the hooks. Names and fields are those of the original, as OpenTelemetry wants them.
//!
//! Where nobody listens a span costs one look at whether anybody does.

use std::any::type_name;

use tracing::{Id, Span, field::Empty};

use crate::{HubError, SetTraceParent, TraceContext, protocol::MessageHeaders};

/// A span without a parent: a connection outlives whatever request has made it, which a call only follows from.
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

/// The span of a call, from its method to the end of its stream; none where nobody listens.
#[derive(Debug)]
pub(super) struct InvocationSpan(Option<Box<Span>>);

impl InvocationSpan {
    pub(super) fn new<H>(
        method: &str,
        headers: Option<&MessageHeaders>,
        set_parent: Option<SetTraceParent>,
        request: Option<&Span>,
    ) -> Self {
        let span = span!("Microsoft.AspNetCore.SignalR.Server.InvocationIn", "server", H, method);
        if span.is_disabled() {
            return Self(None);
        }
        if let Some(request) = request {
            span.follows_from(request);
        }
        if let (Some(headers), Some(set_parent)) = (headers, set_parent)
            && let Some(trace) = TraceContext::find(|name| headers.find(name))
        {
            set_parent(&span, &trace);
        }
        Self(Some(Box::new(span)))
    }

    /// Does something within it.
    pub(super) fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => act(),
            Some(span) => span.in_scope(act),
        }
    }

    /// The call has failed.
    pub(super) fn failed(&self, err: &HubError) {
        if let Some(span) = &self.0 {
            failed(span, err);
        }
    }

    /// What events are to have for their parent.
    pub(super) fn id(&self) -> Option<Id> {
        self.0.as_ref().and_then(|span| span.id())
    }
}

/// Around the hook of a client that has connected.
pub(super) fn connected<H>() -> Span {
    span!("Microsoft.AspNetCore.SignalR.Server.OnConnected", "internal", H, "OnConnectedAsync")
}

/// Around the hook of a connection that is over.
pub(super) fn disconnected<H>() -> Span {
    span!("Microsoft.AspNetCore.SignalR.Server.OnDisconnected", "internal", H, "OnDisconnectedAsync")
}

/// Around the hook of a client that has replaced its credentials.
pub(super) fn authentication_refreshed<H>() -> Span {
    span!(
        "Microsoft.AspNetCore.SignalR.Server.OnAuthenticationRefreshed",
        "internal",
        H,
        "OnAuthenticationRefreshedAsync"
    )
}

/// What the span is around has failed.
pub(super) fn failed(span: &Span, err: &HubError) {
    span.record("error.type", err.name());
    span.record("otel.status_code", "ERROR");
}

/// So that spans can be filtered apart from log lines.
const TARGET: &str = "actix_signalr::span";
