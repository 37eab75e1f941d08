//! What is counted.

use std::{borrow::Cow, time::Duration};

use actix_signalr::{
    HttpConnectionOptions, Hub, HubCallerContext, HubDescriptor, HubError, HubResult, HubRoutes, MetricData,
    Metrics, SignalR,
};
use actix_signalr_actors::{
    AuthorizeData,
    testing::{TestHub, anonymous},
};
use actix_web::test::TestRequest;

use crate::polling::{HANDSHAKE, answer, open, receive, send, serve};

#[derive(Default)]
pub(crate) struct CountedHub;

impl CountedHub {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn fail(&self, _ctx: HubCallerContext) -> HubResult {
        Err(HubError::new("no"))
    }

    async fn tell_all(&self, ctx: HubCallerContext, text: String) -> HubResult {
        Ok(ctx.clients().all().send("Told", (text,)).await?)
    }
}

impl Hub for CountedHub {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Fail", Self::fail);
        hub.method("TellAll", Self::tell_all);
        hub.method("Guarded", Self::echo).authorize(AuthorizeData::authenticated());
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        match ctx.request().query("unwanted") {
            Some(_) => Err(HubError::new("no")),
            None => Ok(()),
        }
    }
}

/// The value of a counter, or how many values a histogram has, where the tags are these.
pub(crate) fn value(metrics: &Metrics, name: &str, tags: &[&str]) -> i64 {
    let instruments = metrics.instruments();
    let found = instruments.iter().find(|instrument| instrument.name == name).expect(name);
    let has_tags =
        |of: &[(&str, Cow<'static, str>)]| of.iter().map(|(_, value)| &**value).eq(tags.iter().copied());
    let value = match &found.data {
        MetricData::Counter(points) => {
            points.iter().find(|point| has_tags(&point.tags)).map(|point| point.value as i64)
        }
        MetricData::UpDownCounter(points) => {
            points.iter().find(|point| has_tags(&point.tags)).map(|point| point.value)
        }
        MetricData::Histogram(points) => {
            points.iter().find(|point| has_tags(&point.tags)).map(|point| point.value.count as i64)
        }
        _ => None,
    };
    value.unwrap_or_else(|| panic!("{name} has no value for {tags:?}"))
}

const ACTIVE: &str = "signalr.server.active_connections";
const DURATION: &str = "signalr.server.connection.duration";
const REFUSED: &str = "signalr.server.connections.refused";
const INVOCATIONS: &str = "signalr.server.invocations";

/// Lets actors go on until something is so; they need no time for it, but turns.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        actix_web::rt::time::sleep(Duration::from_micros(100)).await;
    }
    panic!("{what}");
}

#[actix_web::test]
async fn calls_are_counted_by_how_they_end() {
    let hub = TestHub::start(CountedHub);
    let client = hub.connect(anonymous()).await;
    client.invoke::<String>("Echo", ("a",)).await.unwrap();
    client.invoke::<String>("Echo", ("a",)).await.unwrap();
    client.invoke::<()>("Fail", ()).await.unwrap_err();
    client.invoke::<()>("Nothing", ()).await.unwrap_err();
    client.invoke::<String>("Echo", (1,)).await.unwrap_err();
    client.invoke::<String>("Guarded", ("a",)).await.unwrap_err();
    // A stream is asked of a method that has none.
    client.send_record(r#"{"type":4,"invocationId":"s","target":"Echo","arguments":["a"]}"#).await;
    client.next_record().await.unwrap();
    let count = |outcome| value(hub.metrics(), INVOCATIONS, &[outcome]);
    assert_eq!([count("completed"), count("failed"), count("refused"), count("unauthorized")], [2, 1, 3, 1]);
}

#[actix_web::test]
async fn messages_count_for_each_that_receives_them_and_slow_clients_are_counted() {
    let hub = TestHub::start(CountedHub);
    let ann = hub.connect(anonymous()).await;
    let slow = hub.client(anonymous()).network_buffer(0).maximum_backlog(100).connect().await;
    let long = "x".repeat(200);
    ann.invoke::<()>("TellAll", (&long,)).await.unwrap();
    assert_eq!(value(hub.metrics(), "signalr.server.messages.delivered", &[]), 2);
    assert_eq!(value(hub.metrics(), "signalr.server.slow_clients", &[]), 0);
    ann.invoke::<()>("TellAll", (&long,)).await.unwrap();
    slow.vanish().await;
    assert_eq!(value(hub.metrics(), "signalr.server.messages.delivered", &[]), 3);
    assert_eq!(value(hub.metrics(), "signalr.server.slow_clients", &[]), 1);
}

#[actix_web::test]
async fn a_connection_counts_from_its_transport_to_its_end() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let metrics = signalr.metrics();
    let negotiate = TestRequest::post().uri("/hub/negotiate?negotiateVersion=1");
    assert_eq!(answer(&app, negotiate).await.0, 200);
    assert_eq!(value(metrics, ACTIVE, &["long_polling"]), 0, "it has no transport yet");

    let (uri, _) = open(&app, "/hub", "").await;
    assert_eq!(value(metrics, ACTIVE, &["long_polling"]), 1);
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    let other_transport = TestRequest::get().uri(&uri).insert_header(("Accept", "text/event-stream"));
    assert_eq!(answer(&app, other_transport).await.0, 400);
    assert_eq!(value(metrics, REFUSED, &["transport_changed"]), 1);

    assert_eq!(answer(&app, TestRequest::delete().uri(&uri)).await.0, 202);
    until("it is over", || value(metrics, ACTIVE, &["long_polling"]) == 0).await;
    assert_eq!(value(metrics, DURATION, &["normal_closure", "long_polling"]), 1);
    assert_eq!(value(metrics, DURATION, &["timeout", "long_polling"]), 0);
}

#[actix_web::test]
async fn a_connection_that_is_not_polled_has_timed_out() {
    let options = HttpConnectionOptions::default().disconnect_timeout(Duration::from_millis(200));
    let routes = HubRoutes::new(CountedHub).route("/hub", options);
    let signalr = SignalR::builder().hub_routes(routes).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let metrics = signalr.metrics();
    open(&app, "/hub", "").await;
    until("it is over", || value(metrics, ACTIVE, &["long_polling"]) == 0).await;
    assert_eq!(value(metrics, DURATION, &["timeout", "long_polling"]), 1);
}

#[actix_web::test]
async fn a_connection_that_the_server_ends_has_not_ended_by_itself() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let metrics = signalr.metrics();
    let (uri, _) = open(&app, "/hub", "").await;
    send(&app, &uri, &[HANDSHAKE]).await;
    assert_eq!(receive(&app, &uri, 1).await, ["{}"]);
    signalr.shut_down().await;
    // The goodbye, and that there is nothing more.
    receive(&app, &uri, 2).await;
    until("it is over", || value(metrics, ACTIVE, &["long_polling"]) == 0).await;
    assert_eq!(value(metrics, DURATION, &["app_shutdown", "long_polling"]), 1);
}

#[actix_web::test]
async fn who_is_not_taken_is_counted() {
    let signalr = SignalR::builder().hub("/hub", CountedHub).build().unwrap();
    let app = serve(&signalr, |_| {}).await;
    let metrics = signalr.metrics();
    let (uri, _) = open(&app, "/hub", "").await;
    send(&app, &uri, &[r#"{"protocol":"other","version":1}"#]).await;
    receive(&app, &uri, 2).await;
    assert_eq!(value(metrics, REFUSED, &["handshake"]), 1);

    let (uri, _) = open(&app, "/hub", "unwanted=1").await;
    send(&app, &uri, &[HANDSHAKE]).await;
    receive(&app, &uri, 3).await;
    assert_eq!(value(metrics, REFUSED, &["hub"]), 1);
}
