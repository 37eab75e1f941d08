//! Streams to a client and from one.

use std::sync::Arc;

use actix_signalr_actors::{
    CancellationToken, ClientStream, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult,
    HubStream,
    testing::{TestClient, TestHub, user},
};
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

/// A hub of streams; what it does not do by itself waits for the test.
#[derive(Clone)]
struct Streams {
    open: Arc<Semaphore>,
    cancelled: Arc<Semaphore>,
    dropped: Arc<Semaphore>,
}

impl Streams {
    fn new() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { open: none(), cancelled: none(), dropped: none() }
    }

    async fn count(&self, _ctx: HubCallerContext, to: u32) -> HubStream<u32> {
        HubStream::of(stream::iter(0..to))
    }

    async fn failing(&self, _ctx: HubCallerContext) -> HubStream<u32> {
        HubStream::new(stream::iter([Ok(1), Err(HubError::new("no more"))]))
    }

    async fn refused(&self, _ctx: HubCallerContext) -> HubResult<HubStream<u32>> {
        Err(HubError::new("not today"))
    }

    async fn endless(&self, _ctx: HubCallerContext) -> HubStream<u32> {
        let guard = Released(self.dropped.clone());
        HubStream::of(stream::once(async { 0 }).chain(stream::pending()).map(move |item| {
            let _ = &guard;
            item
        }))
    }

    async fn told(&self, _ctx: HubCallerContext, token: CancellationToken) -> HubStream<&'static str> {
        HubStream::of(stream::once(async { "waiting" }).chain(stream::once(async move {
            token.cancelled().await;
            "told"
        })))
    }

    async fn wait(&self, _ctx: HubCallerContext, token: CancellationToken) -> HubResult<&'static str> {
        token.cancelled().await;
        self.cancelled.add_permits(1);
        Ok("cancelled")
    }

    async fn pass(&self, _ctx: HubCallerContext, _token: CancellationToken) -> HubResult {
        self.open.acquire().await?.forget();
        Ok(())
    }

    async fn sum(&self, _ctx: HubCallerContext, mut numbers: ClientStream<u32>) -> HubResult<u32> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn first(&self, _ctx: HubCallerContext, mut numbers: ClientStream<u32>) -> HubResult<Option<u32>> {
        numbers.next().await.transpose()
    }

    async fn late(&self, _ctx: HubCallerContext, numbers: ClientStream<u32>) -> HubResult<usize> {
        self.open.acquire().await?.forget();
        Ok(numbers.count().await)
    }

    async fn double(&self, _ctx: HubCallerContext, numbers: ClientStream<u32>) -> HubStream<u32> {
        HubStream::new(numbers.map(|number| number.map(|number| number * 2)))
    }

    async fn open(&self, _ctx: HubCallerContext) -> HubResult {
        self.open.add_permits(1);
        Ok(())
    }

    async fn ping(&self, _ctx: HubCallerContext) -> HubResult {
        Ok(())
    }
}

struct Released(Arc<Semaphore>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Hub for Streams {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Count", Self::count);
        hub.method("Failing", Self::failing);
        hub.method("Refused", Self::refused);
        hub.method("Endless", Self::endless);
        hub.method("Told", Self::told);
        hub.method("Wait", Self::wait);
        hub.method("Pass", Self::pass);
        hub.method("Sum", Self::sum);
        hub.method("First", Self::first);
        hub.method("Late", Self::late);
        hub.method("Double", Self::double);
        hub.method("Open", Self::open);
        hub.method("Ping", Self::ping);
    }
}

async fn connected() -> (Streams, TestHub<Streams>, TestClient) {
    let streams = Streams::new();
    let hub =
        TestHub::builder(streams.clone()).options(HubOptions::default().stream_buffer_capacity(2)).start();
    let client = hub.connect(user("ann")).await;
    (streams, hub, client)
}

/// Sends records, and takes as many as are expected.
async fn exchange(client: &TestClient, sent: &[&str], expected: &[&str]) {
    for record in sent {
        client.send_record(record).await;
    }
    for record in expected {
        assert_eq!(client.next_record().await.as_deref(), Some(*record));
    }
}

#[actix::test]
async fn a_stream_is_sent_item_by_item_and_ends_without_a_result() {
    let (_, _hub, ann) = connected().await;
    let items = [
        r#"{"type":2,"invocationId":"1","item":0}"#,
        r#"{"type":2,"invocationId":"1","item":1}"#,
        r#"{"type":3,"invocationId":"1"}"#,
    ];
    exchange(&ann, &[r#"{"type":4,"invocationId":"1","target":"Count","arguments":[2]}"#], &items).await;
    let none = [r#"{"type":3,"invocationId":"2"}"#];
    exchange(&ann, &[r#"{"type":4,"invocationId":"2","target":"Count","arguments":[0]}"#], &none).await;
}

#[actix::test]
async fn a_failure_ends_a_stream_and_is_told() {
    let (_, _hub, ann) = connected().await;
    let failed = [
        r#"{"type":2,"invocationId":"1","item":1}"#,
        r#"{"type":3,"invocationId":"1","error":"An error occurred on the server while streaming results. HubException: no more"}"#,
    ];
    exchange(&ann, &[r#"{"type":4,"invocationId":"1","target":"Failing","arguments":[]}"#], &failed).await;
    let refused = [
        r#"{"type":3,"invocationId":"2","error":"An unexpected error occurred invoking 'Refused' on the server. HubException: not today"}"#,
    ];
    exchange(&ann, &[r#"{"type":4,"invocationId":"2","target":"Refused","arguments":[]}"#], &refused).await;
}

#[actix::test]
async fn the_kind_of_call_must_fit_the_method() {
    let (_, _hub, ann) = connected().await;
    let told = [
        r#"{"type":3,"invocationId":"1","error":"The client attempted to invoke the streaming 'Count' method with a non-streaming invocation."}"#,
        r#"{"type":3,"invocationId":"2","error":"The client attempted to invoke the non-streaming 'Ping' method with a streaming invocation."}"#,
        r#"{"type":3,"invocationId":"3","error":"An unexpected error occurred invoking 'Sum' on the server. HubException: Client sent 0 stream(s), Hub method expects 1."}"#,
    ];
    let calls = [
        r#"{"type":1,"invocationId":"1","target":"Count","arguments":[2]}"#,
        r#"{"type":4,"invocationId":"2","target":"Ping","arguments":[]}"#,
        r#"{"type":1,"invocationId":"3","target":"Sum","arguments":[]}"#,
    ];
    exchange(&ann, &calls, &told).await;
}

#[actix::test]
async fn a_cancelled_stream_is_dropped_and_ends_without_an_error() {
    let (streams, _hub, ann) = connected().await;
    let item = [r#"{"type":2,"invocationId":"1","item":0}"#];
    exchange(&ann, &[r#"{"type":4,"invocationId":"1","target":"Endless","arguments":[]}"#], &item).await;
    let end = [r#"{"type":3,"invocationId":"1"}"#];
    exchange(&ann, &[r#"{"type":5,"invocationId":"nobody"}"#, r#"{"type":5,"invocationId":"1"}"#], &end)
        .await;
    streams.dropped.acquire().await.unwrap().forget();
}

#[actix::test]
async fn a_method_that_asks_for_the_token_ends_its_stream_itself() {
    let (_, _hub, ann) = connected().await;
    let item = [r#"{"type":2,"invocationId":"1","item":"waiting"}"#];
    exchange(&ann, &[r#"{"type":4,"invocationId":"1","target":"Told","arguments":[]}"#], &item).await;
    let told = [r#"{"type":2,"invocationId":"1","item":"told"}"#, r#"{"type":3,"invocationId":"1"}"#];
    exchange(&ann, &[r#"{"type":5,"invocationId":"1"}"#], &told).await;
}

#[actix::test]
async fn a_plain_call_can_be_cancelled_by_its_token() {
    let (_, _hub, ann) = connected().await;
    let calls = [
        r#"{"type":1,"invocationId":"1","target":"Wait","arguments":[]}"#,
        r#"{"type":5,"invocationId":"1"}"#,
    ];
    exchange(&ann, &calls, &[r#"{"type":3,"invocationId":"1","result":"cancelled"}"#]).await;
}

#[actix::test]
async fn a_call_may_have_the_id_of_the_one_before_it_and_be_cancelled_by_it() {
    let (streams, _hub, ann) = connected().await;
    let calls = [
        r#"{"type":1,"invocationId":"1","target":"Pass","arguments":[]}"#,
        r#"{"type":1,"invocationId":"1","target":"Wait","arguments":[]}"#,
        r#"{"type":5,"invocationId":"1"}"#,
    ];
    exchange(&ann, &calls, &[]).await;
    streams.open.add_permits(1);
    let answers = [
        r#"{"type":3,"invocationId":"1","result":null}"#,
        r#"{"type":3,"invocationId":"1","result":"cancelled"}"#,
    ];
    exchange(&ann, &[], &answers).await;
}

#[actix::test]
async fn streams_and_calls_end_with_their_connection() {
    let (streams, _hub, ann) = connected().await;
    ann.send_record(r#"{"type":4,"invocationId":"1","target":"Endless","arguments":[]}"#).await;
    assert!(ann.next_record().await.is_some());
    ann.send_record(r#"{"type":1,"invocationId":"2","target":"Wait","arguments":[]}"#).await;
    ann.vanish().await;
    streams.dropped.acquire().await.unwrap().forget();
    streams.cancelled.acquire().await.unwrap().forget();
}

#[actix::test]
async fn an_upload_is_read_to_its_end_or_its_error() {
    let (_, _hub, ann) = connected().await;
    let call = r#"{"type":1,"invocationId":"1","target":"Sum","arguments":[],"streamIds":["s"]}"#;
    let items = [r#"{"type":2,"invocationId":"s","item":3}"#, r#"{"type":2,"invocationId":"s","item":4}"#];
    let end = r#"{"type":3,"invocationId":"s"}"#;
    let all = [call, items[0], items[1], end];
    exchange(&ann, &all, &[r#"{"type":3,"invocationId":"1","result":7}"#]).await;

    let failed = [call, items[0], r#"{"type":3,"invocationId":"s","error":"lost"}"#];
    let told = [
        r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'Sum' on the server. HubException: lost"}"#,
    ];
    exchange(&ann, &failed, &told).await;

    let wrong = [call, r#"{"type":2,"invocationId":"s","item":"x"}"#];
    let told = [
        r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'Sum' on the server. HubException: Failed to bind Stream message."}"#,
    ];
    exchange(&ann, &wrong, &told).await;
}

#[actix::test]
async fn items_nobody_takes_are_dropped() {
    let (_, _hub, ann) = connected().await;
    let call = r#"{"type":1,"invocationId":"1","target":"First","arguments":[],"streamIds":["s"]}"#;
    let item = r#"{"type":2,"invocationId":"s","item":3}"#;
    exchange(&ann, &[item, call, item], &[r#"{"type":3,"invocationId":"1","result":3}"#]).await;
    for _ in 0..10 {
        ann.send_record(item).await;
    }
    assert_eq!(ann.invoke("Ping", ()).await, Ok(()));
}

#[actix::test]
async fn a_full_upload_holds_the_connection_up_until_items_are_taken() {
    let (streams, hub, ann) = connected().await;
    ann.send_record(r#"{"type":1,"invocationId":"1","target":"Late","arguments":[],"streamIds":["s"]}"#)
        .await;
    for _ in 0..5 {
        ann.send_record(r#"{"type":2,"invocationId":"s","item":1}"#).await;
    }
    ann.send_record(r#"{"type":3,"invocationId":"s"}"#).await;
    ann.send_record(r#"{"type":1,"invocationId":"2","target":"Open","arguments":[]}"#).await;
    // The call that would let it go on stands behind the items, so another client has to make it.
    assert_eq!(streams.open.available_permits(), 0);
    let bob = hub.connect(user("bob")).await;
    assert_eq!(bob.invoke("Open", ()).await, Ok(()));
    let mut answers = [ann.next_record().await.unwrap(), ann.next_record().await.unwrap()];
    answers.sort_unstable();
    assert_eq!(
        answers,
        [r#"{"type":3,"invocationId":"1","result":5}"#, r#"{"type":3,"invocationId":"2","result":null}"#]
    );
}

#[actix::test]
async fn a_call_may_stream_both_ways() {
    let (_, _hub, ann) = connected().await;
    let call = r#"{"type":4,"invocationId":"1","target":"Double","arguments":[],"streamIds":["s"]}"#;
    exchange(
        &ann,
        &[call, r#"{"type":2,"invocationId":"s","item":3}"#],
        &[r#"{"type":2,"invocationId":"1","item":6}"#],
    )
    .await;
    exchange(&ann, &[r#"{"type":3,"invocationId":"s"}"#], &[r#"{"type":3,"invocationId":"1"}"#]).await;
}

#[actix::test]
async fn ids_in_use_are_refused_and_what_uses_them_goes_on() {
    let (_, _hub, ann) = connected().await;
    let sum = r#"{"type":1,"invocationId":"1","target":"Sum","arguments":[],"streamIds":["s"]}"#;
    let second = r#"{"type":1,"invocationId":"2","target":"Sum","arguments":[],"streamIds":["s"]}"#;
    let told = [
        r#"{"type":3,"invocationId":"2","error":"An unexpected error occurred invoking 'Sum' on the server. HubException: Stream ID 's' is already in use."}"#,
    ];
    exchange(&ann, &[sum, second], &told).await;
    let end = [r#"{"type":2,"invocationId":"s","item":3}"#, r#"{"type":3,"invocationId":"s"}"#];
    exchange(&ann, &end, &[r#"{"type":3,"invocationId":"1","result":3}"#]).await;

    let endless = r#"{"type":4,"invocationId":"e","target":"Endless","arguments":[]}"#;
    exchange(&ann, &[endless], &[r#"{"type":2,"invocationId":"e","item":0}"#]).await;
    let told = [r#"{"type":3,"invocationId":"e","error":"Invocation ID 'e' is already in use."}"#];
    exchange(&ann, &[endless], &told).await;
    exchange(&ann, &[r#"{"type":5,"invocationId":"e"}"#], &[r#"{"type":3,"invocationId":"e"}"#]).await;
}
