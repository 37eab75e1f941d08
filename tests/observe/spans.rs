//! Calls and hooks as spans.

use std::cell::RefCell;

use actix_signalr::{
    ClaimsPrincipal, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, HubStream,
    SignalR, TraceContext,
};
use actix_signalr_actors::{
    AuthorizeData,
    testing::{TestHub, anonymous, user},
};
use actix_web::{App, dev::Service, http::Method, test::init_service};
use futures::{StreamExt, stream};
use tracing::{Instrument, Level};

use crate::{
    capture::{Capture, Seen},
    polling::{self, HANDSHAKE},
};

#[derive(Default)]
struct TracedHub;

impl TracedHub {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        tracing::info!(target: "observe", "in the method");
        Ok(text)
    }

    async fn fail(&self, _ctx: HubCallerContext) -> HubResult {
        Err(HubError::new("no"))
    }

    async fn break_down(&self, _ctx: HubCallerContext) -> HubResult {
        Ok("x".parse::<i32>().map(drop)?)
    }

    async fn count(&self, _ctx: HubCallerContext) -> HubResult<HubStream<i32>> {
        Ok(HubStream::of(
            stream::iter([1, 2]).inspect(|_| tracing::info!(target: "observe", "in the stream")),
        ))
    }
}

impl Hub for TracedHub {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Fail", Self::fail);
        hub.method("BreakDown", Self::break_down);
        hub.method("Count", Self::count);
        hub.method("Guarded", Self::echo).authorize(AuthorizeData::authenticated());
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        Err(HubError::new("never mind"))
    }

    async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> HubResult {
        tracing::info!(target: "observe", "in the hook");
        ctx.user().name().map(drop).ok_or_else(|| HubError::new("nobody"))
    }
}

thread_local! {
    static PARENTS: RefCell<Vec<TraceContext>> = RefCell::default();
}

fn keep_parent(_: &tracing::Span, trace: &TraceContext) {
    PARENTS.with_borrow_mut(|parents| parents.push(trace.clone()));
}

/// One client's conversation, to its end.
async fn talk(who: impl Into<ClaimsPrincipal>, records: &[&str], answers: usize) {
    let options = HubOptions::default().trace_parent(keep_parent);
    let hub = TestHub::builder(TracedHub).options(options).start();
    let client = hub.connect(who).await;
    for record in records {
        client.send_record(record).await;
    }
    for _ in 0..answers {
        client.next_record().await.expect("an answer");
    }
    client.close().await;
}

async fn traced(who: impl Into<ClaimsPrincipal>, records: &[&str], answers: usize) -> Seen {
    let capture = Capture::begin();
    talk(who, records, answers).await;
    capture.seen()
}

fn call(target: &str, rest: &str) -> String {
    format!(r#"{{"type":1,"invocationId":"1","target":"{target}","arguments":[{rest}]}}"#)
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[actix_web::test]
async fn a_call_is_a_span_under_the_names_of_the_original() {
    let seen = traced(user("ann"), &[&call("echo", r#""a""#)], 1).await;
    let spans = seen.spans_of("InvocationIn");
    let [span] = spans.as_slice() else { panic!("one call is one span: {spans:?}") };
    assert_eq!(span.name, "Microsoft.AspNetCore.SignalR.Server.InvocationIn");
    let expected = [
        ("otel.kind", "server"),
        ("otel.name", "observe::spans::TracedHub/Echo"),
        ("rpc.method", "Echo"),
        ("rpc.service", "observe::spans::TracedHub"),
        ("rpc.system", "signalr"),
    ];
    let fields: Vec<_> = span.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(fields, expected);
    assert!(!span.has_parent && span.is_closed);
    assert_eq!(seen.events_of("in the method")[0].span, Some(span.name));
}

#[actix_web::test]
async fn a_span_says_what_failed_and_only_the_servers_own_failures_are_worth_a_warning() {
    let seen = traced(user("ann"), &[&call("Fail", ""), &call("BreakDown", "")], 2).await;
    let spans = seen.spans_of("InvocationIn");
    let failures: Vec<_> = spans.iter().map(|span| &*span.fields["error.type"]).collect();
    assert_eq!(failures, ["HubException", "ParseIntError"]);
    assert!(spans.iter().all(|span| span.fields["otel.status_code"] == "ERROR"));
    let events = seen.events_of("a hub method failed");
    assert_eq!(events.iter().map(|event| event.level).collect::<Vec<_>>(), [Level::DEBUG, Level::WARN]);
    assert_eq!(events[1].fields["error"], "invalid digit found in string");
    assert_eq!(events[1].span, Some("Microsoft.AspNetCore.SignalR.Server.InvocationIn"));
}

#[actix_web::test]
async fn a_span_lasts_as_long_as_the_stream() {
    let record = r#"{"type":4,"invocationId":"1","target":"Count","arguments":[]}"#;
    let seen = traced(user("ann"), &[record], 3).await;
    assert!(seen.spans_of("InvocationIn")[0].is_closed);
    let inside = seen.events_of("in the stream");
    assert_eq!(inside.len(), 2);
    assert!(inside.iter().all(|event| event.span.is_some()));
}

#[actix_web::test]
async fn what_is_refused_is_no_span() {
    let refused = [&*call("Nothing", ""), &*call("Echo", "1"), &*call("Guarded", r#""a""#)];
    let seen = traced(anonymous(), &refused, 3).await;
    assert!(seen.spans_of("InvocationIn").is_empty(), "{:?}", seen.spans);
    assert_eq!(seen.events_of("call refused").len(), 2);
    assert_eq!(seen.events_of("authorization").len(), 1);
}

#[actix_web::test]
async fn hooks_are_spans_of_their_own() {
    let seen = traced(user("ann"), &[], 0).await;
    let connected = seen.spans_of(".OnConnected")[0];
    assert_eq!(connected.fields["rpc.method"], "OnConnectedAsync");
    assert_eq!(connected.fields["otel.kind"], "internal");
    assert!(!connected.fields.contains_key("error.type"));
    let disconnected = seen.spans_of(".OnDisconnected")[0];
    assert_eq!(disconnected.fields["otel.name"], "observe::spans::TracedHub/OnDisconnectedAsync");
    assert_eq!(disconnected.fields["error.type"], "HubException");
}

#[actix_web::test]
async fn the_hook_of_renewed_credentials_is_a_span_and_its_failure_is_logged() {
    let capture = Capture::begin();
    let hub = TestHub::start(TracedHub);
    let (ann, nobody) = (hub.connect(user("ann")).await, hub.connect(anonymous()).await);
    for client in [&ann, &nobody] {
        let who = if client.connection_id() == ann.connection_id() { user("ann") } else { anonymous() };
        client.refresh(who).await.expect("the same user");
        client.invoke::<String>("Echo", ("a",)).await.expect("an answer behind the hook");
    }
    let seen = capture.seen();
    let spans = seen.spans_of("OnAuthenticationRefreshed");
    let [of_ann, of_nobody] = spans.as_slice() else { panic!("a span for each: {spans:?}") };
    assert_eq!(of_ann.name, "Microsoft.AspNetCore.SignalR.Server.OnAuthenticationRefreshed");
    assert_eq!(of_ann.fields["otel.name"], "observe::spans::TracedHub/OnAuthenticationRefreshedAsync");
    assert_eq!(of_ann.fields["rpc.method"], "OnAuthenticationRefreshedAsync");
    assert_eq!(of_ann.fields["otel.kind"], "internal");
    assert!(!of_ann.fields.contains_key("error.type"));
    assert_eq!(of_nobody.fields["error.type"], "HubException");
    assert!(seen.events_of("in the hook").iter().all(|event| event.span == Some(of_ann.name)));
    assert_eq!(seen.events_of("on_authentication_refreshed failed").len(), 1);
    assert_eq!(seen.events_of("authentication refreshed").len(), 2);
}

#[actix_web::test]
async fn the_headers_of_a_call_say_where_in_a_trace_it_is() {
    let headers = |headers: &str| {
        format!(r#"{{"type":1,"headers":{headers},"invocationId":"1","target":"Echo","arguments":["a"]}}"#)
    };
    let full = headers(&format!(r#"{{"x":"y","traceparent":"{TRACEPARENT}","tracestate":"a=b"}}"#));
    let bad = headers(r#"{"traceparent":"00-1-2-3"}"#);
    traced(user("ann"), &[&full, &bad, &headers("{}")], 3).await;
    let parents = PARENTS.take();
    let [parent] = parents.as_slice() else { panic!("one call says so: {parents:?}") };
    assert_eq!(parent.field("traceparent"), Some(TRACEPARENT));
    assert_eq!(parent.field("tracestate"), Some("a=b"));

    let events = Capture::of_events();
    talk(user("ann"), &[&full], 1).await;
    assert_eq!(events.seen().events_of("in the method").len(), 1);
    assert!(PARENTS.take().is_empty(), "nobody listens to spans, so nobody looks");
}

#[actix_web::test]
async fn a_call_follows_from_the_request_its_connection_was_made_by() {
    let capture = Capture::begin();
    let signalr = SignalR::builder().hub("/hub", TracedHub).build().unwrap();
    let app = App::new().configure(signalr.routes()).wrap_fn(|request, app| {
        let is_poll = request.method() == Method::GET;
        let span = if is_poll { tracing::info_span!("poll") } else { tracing::info_span!("request") };
        app.call(request).instrument(span)
    });
    let app = init_service(app).await;
    let (uri, _) = polling::open(&app, "/hub", "").await;
    polling::send(&app, &uri, &[HANDSHAKE, &call("Echo", r#""a""#)]).await;
    assert_eq!(polling::receive(&app, &uri, 2).await.len(), 2);

    let seen = capture.seen();
    let spans = seen.spans_of("InvocationIn");
    let [span] = spans.as_slice() else { panic!("one call is one span: {spans:?}") };
    assert_eq!(span.follows, ["poll"]);
    assert!(!span.has_parent);
}
