//! Calls reach the methods they mean, with the arguments they bring, and are answered.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubResult, SendError,
    testing::{TestClient, TestHub, user},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default)]
struct Calculator {
    calls: Arc<AtomicU32>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: i32,
    y: Option<i32>,
}

type Twelve = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);

impl Calculator {
    async fn add(&self, _ctx: HubCallerContext, a: i64, b: i64) -> HubResult<i64> {
        Ok(a + b)
    }

    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn mirror(&self, _ctx: HubCallerContext, point: Point) -> HubResult<Point> {
        Ok(Point { x: -point.x, ..point })
    }

    async fn count(&self, _ctx: HubCallerContext) -> HubResult {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn counted(&self, _ctx: HubCallerContext) -> HubResult<u32> {
        Ok(self.calls.load(Ordering::SeqCst))
    }

    async fn tell_me(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
        ctx.clients().caller().send("Told", (text,)).await
    }

    #[allow(clippy::too_many_arguments, reason = "just as many as a method may have")]
    async fn twelve(
        &self,
        _ctx: HubCallerContext,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e1: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
    ) -> HubResult<Twelve> {
        Ok((l, k, j, i, h, g, f, e1, d, c, b, a))
    }
}

impl Hub for Calculator {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Add", Self::add);
        hub.method("Echo", Self::echo);
        hub.method("Mirror", Self::mirror);
        hub.method("Count", Self::count);
        hub.method("Counted", Self::counted);
        hub.method("TellMe", Self::tell_me);
        hub.method("Twelve", Self::twelve);
    }
}

async fn connected() -> (TestHub<Calculator>, TestClient) {
    let hub = TestHub::start(Calculator::default());
    let ann = hub.connect(user("ann")).await;
    (hub, ann)
}

#[actix::test]
async fn a_call_is_answered_with_its_result() {
    let (_hub, ann) = connected().await;
    assert_eq!(ann.invoke("Add", (2, 40)).await, Ok(42));
    assert_eq!(ann.invoke("Mirror", (Point { x: 3, y: None },)).await, Ok(Point { x: -3, y: None }));
    let twelve: Twelve = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    assert_eq!(ann.invoke::<Twelve>("Twelve", twelve).await, Ok((12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)));
}

#[actix::test]
async fn a_method_without_a_result_answers_null() {
    let (_hub, ann) = connected().await;
    ann.send_record(r#"{"type":1,"invocationId":"7","target":"Count","arguments":[]}"#).await;
    let answer = ann.next_record().await;
    assert_eq!(answer.as_deref(), Some(r#"{"type":3,"invocationId":"7","result":null}"#));
}

#[actix::test]
async fn a_method_is_found_without_case() {
    let (_hub, ann) = connected().await;
    for name in ["Add", "add", "ADD", "aDd"] {
        assert_eq!(ann.invoke(name, (1, 1)).await, Ok(2), "{name}");
    }
}

#[actix::test]
async fn any_text_goes_there_and_back() {
    let (_hub, ann) = connected().await;
    for text in ["", "Grüße 漢字 😀", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1e}\u{7f}\u{2028}", "\u{fffe}\u{10ffff}"]
    {
        assert_eq!(ann.invoke("Echo", (text,)).await, Ok(text.to_owned()));
    }
}

#[actix::test]
async fn a_call_without_an_id_runs_and_is_not_answered() {
    let (_hub, ann) = connected().await;
    ann.send("Count", ()).await;
    ann.send_record(r#"{"type":1,"invocationId":"","target":"Count","arguments":[]}"#).await;
    ann.send("NoSuchMethod", ()).await;
    ann.send("Add", ("text",)).await;
    assert_eq!(ann.invoke("Counted", ()).await, Ok(2));
    ann.send_record(r#"{"type":1,"invocationId":"next","target":"Counted","arguments":[]}"#).await;
    let next = ann.next_record().await;
    assert_eq!(
        next.as_deref(),
        Some(r#"{"type":3,"invocationId":"next","result":2}"#),
        "nothing is before it"
    );
}

#[actix::test]
async fn equal_ids_are_two_calls() {
    let (_hub, ann) = connected().await;
    let call = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Echo\",\"arguments\":[\"a\"]}\x1e";
    ann.send_bytes(call.repeat(2)).await;
    for _ in 0..2 {
        let answer = ann.next_record().await;
        assert_eq!(answer.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"a"}"#));
    }
}

#[actix::test]
async fn what_a_method_sends_its_caller_comes_before_the_answer() {
    let (_hub, ann) = connected().await;
    ann.send_record(r#"{"type":1,"invocationId":"1","target":"TellMe","arguments":["first"]}"#).await;
    let told = ann.next_record().await;
    assert_eq!(told.as_deref(), Some(r#"{"type":1,"target":"Told","arguments":["first"]}"#));
    let answer = ann.next_record().await;
    assert_eq!(answer.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":null}"#));
}

#[actix::test]
async fn records_may_be_cut_anywhere() {
    let (_hub, ann) = connected().await;
    let calls = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Echo\",\"arguments\":[\"é\"]}\x1e\
                 {\"type\":1,\"invocationId\":\"2\",\"target\":\"Add\",\"arguments\":[1,2]}\x1e";
    for cut in 0..calls.len() {
        let (before, behind) = calls.as_bytes().split_at(cut);
        ann.send_bytes(before.to_vec()).await;
        ann.send_bytes(behind.to_vec()).await;
        let answers = [ann.next_record().await, ann.next_record().await];
        assert_eq!(answers[0].as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"é"}"#), "{cut}");
        assert_eq!(answers[1].as_deref(), Some(r#"{"type":3,"invocationId":"2","result":3}"#), "{cut}");
    }
}

#[actix::test]
async fn calls_may_come_together_with_the_handshake() {
    let hub = TestHub::start(Calculator::default());
    let ann = hub.client(user("ann")).open().await.unwrap();
    ann.send_bytes(
        "{\"protocol\":\"json\",\"version\":1}\x1e{\"type\":1,\"invocationId\":\"1\",\"target\":\"Add\",\"arguments\":[1,2]}\x1e",
    )
    .await;
    assert_eq!(ann.next_record().await.as_deref(), Some("{}"));
    assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":3}"#));
}

#[actix::test]
async fn messages_that_mean_nothing_here_are_passed_over() {
    let (_hub, ann) = connected().await;
    for record in [
        r#"{"type":2,"invocationId":"1","item":5}"#,
        r#"{"type":3,"invocationId":"1","result":5}"#,
        r#"{"type":5,"invocationId":"1"}"#,
        r#"{"type":6}"#,
        r#"{"type":8,"sequenceId":1}"#,
        r#"{"type":9,"sequenceId":1}"#,
        r#"{"type":99}"#,
    ] {
        ann.send_record(record).await;
        assert_eq!(ann.invoke("Add", (1, 1)).await, Ok(2), "{record}");
    }
}

#[actix::test]
async fn a_handshake_is_refused_with_a_reason() {
    let hub = TestHub::start(Calculator::default());
    for (handshake, answer) in [
        (r#"{"protocol":"x","version":1}"#, r#"{"error":"The protocol 'x' is not supported."}"#),
        (
            r#"{"protocol":"JSON","version":3}"#,
            r#"{"error":"The server does not support version 3 of the 'JSON' protocol."}"#,
        ),
        ("[]", r#"{"error":"An unexpected error occurred during connection handshake."}"#),
    ] {
        let client = hub.client(user("ann")).open().await.unwrap();
        client.send_record(handshake).await;
        assert_eq!(client.next_record().await.as_deref(), Some(answer));
        let closed = client.disconnected().await;
        assert!(!closed.was_told, "a refusal is no close message");
    }
}
