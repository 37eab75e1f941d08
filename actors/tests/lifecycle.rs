//! How connections begin and end: what the hub hears of it, and what the client is told.

use std::sync::Arc;

use actix_signalr_actors::{
    AuthorizeData, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, Policy,
    testing::{Closed, TestClient, TestHub, anonymous, user},
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A hub that writes down what happens to it. What it does when somebody connects depends on his name.
#[derive(Clone)]
struct Diary {
    log: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
}

impl Diary {
    fn new() -> Self {
        Self { log: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    fn note(&self, text: impl Into<String>) {
        self.log.lock().push(text.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        self.note(format!("echo {text}"));
        Ok(text)
    }

    async fn abort(&self, ctx: HubCallerContext) -> HubResult<bool> {
        ctx.abort();
        ctx.abort();
        Ok(ctx.is_aborted())
    }

    async fn wait(&self, ctx: HubCallerContext) -> HubResult {
        self.note("waiting");
        ctx.aborted().await;
        self.note("aborted");
        ctx.clients().caller().send("TooLate", ()).await?;
        Ok(())
    }

    async fn pass(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.note(format!("{name} begins"));
        self.gate.acquire().await?.forget();
        Ok(name)
    }
}

impl Hub for Diary {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Abort", Self::abort);
        hub.method("Wait", Self::wait);
        hub.method("Pass", Self::pass);
        hub.method("GuardedEcho", Self::echo).authorize(AuthorizeData::policy("Asked"));
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        match ctx.user().name() {
            Some("refused") => return Err(HubError::new("not today")),
            Some("broken") => return Err(std::fmt::Error.into()),
            Some("panics") => panic!("a bug of the application"),
            Some("slow") => {
                self.note("asked");
                self.gate.acquire().await?.forget();
            }
            Some("slow and refused") => {
                self.note("asked");
                self.gate.acquire().await?.forget();
                return Err(HubError::new("after all"));
            }
            Some("aborts") => ctx.abort(),
            _ => ctx.groups().add(ctx.connection_id(), "everyone").await?,
        }
        self.note("connected");
        ctx.clients().caller().send("Welcome", ()).await?;
        Ok(())
    }

    async fn on_disconnected(&self, ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        let error = error.map_or_else(|| "without an error".to_owned(), |err| err.to_string());
        self.note(format!("disconnected {error}"));
        // Still in its groups, but it receives nothing any more; the others do.
        ctx.clients().group("everyone").send("Left", ()).await?;
        if ctx.user().name() == Some("panics late") {
            panic!("a bug of the application");
        }
        Ok(())
    }
}

fn start(diary: &Diary) -> TestHub<Diary> {
    let asked = Policy::new().require_assertion(|_| true);
    TestHub::with_policies(diary.clone(), [("Asked", asked)])
}

fn told(error: Option<&str>, allow_reconnect: bool) -> Option<(Option<String>, bool)> {
    Some((error.map(str::to_owned), allow_reconnect))
}

/// What the close message said, if one came.
fn said(closed: Closed) -> Option<(Option<String>, bool)> {
    closed.was_told.then_some((closed.error, closed.allow_reconnect))
}

fn call(id: u32, target: &str, arguments: &str) -> String {
    format!(
        "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{arguments}]}}\x1e"
    )
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn records_until_the_end(client: &TestClient) -> Vec<String> {
    let mut records = Vec::new();
    while let Some(record) = client.next_record().await {
        records.push(record);
    }
    records
}

#[actix::test]
async fn the_hub_hears_of_the_beginning_before_calls_and_of_the_end_once() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.invoke::<String>("Echo", ("hi",)).await.unwrap();
    ann.receive::<()>("Welcome").await;
    assert_eq!(hub.context().connection_count().await, 1);
    assert_eq!(said(ann.close().await), told(None, false));
    assert_eq!(diary.log(), ["connected", "echo hi", "disconnected without an error"]);
    assert_eq!(hub.context().connection_count().await, 0);
}

#[actix::test]
async fn a_hub_may_refuse_a_client_and_hears_no_more_of_it() {
    for (name, error) in [
        ("refused", "Connection closed with an error. HubException: not today"),
        ("broken", "Connection closed with an error."),
        ("panics", "Connection closed with an error."),
    ] {
        let diary = Diary::new();
        let hub = start(&diary);
        let client = hub.connect(user(name)).await;
        client.send("Echo", ("hi",)).await;
        assert_eq!(said(client.disconnected().await), told(Some(error), false), "{name}");
        assert!(diary.log().is_empty(), "{name}: {:?}", diary.log());
        assert_eq!(hub.context().connection_count().await, 0);
        hub.connect(user("ann")).await.invoke::<String>("Echo", ("hi",)).await.unwrap();
    }
}

#[actix::test]
async fn what_is_sent_while_the_hub_is_asked_waits() {
    let diary = Diary::new();
    let hub = start(&diary);
    let slow = hub.connect(user("slow")).await;
    slow.send_bytes(call(1, "Echo", "\"hi\"")).await;
    settle().await;
    assert_eq!(diary.log(), ["asked"]);
    hub.context().clients().all().send("News", ()).await.unwrap();
    slow.receive::<()>("News").await;
    diary.gate.add_permits(1);
    slow.receive::<()>("Welcome").await;
    assert_eq!(slow.next_record().await.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"hi"}"#));
}

#[actix::test]
async fn the_end_is_told_after_the_beginning() {
    let diary = Diary::new();
    let hub = start(&diary);
    let slow = hub.connect(user("slow")).await;
    settle().await;
    drop(slow);
    settle().await;
    assert_eq!(diary.log(), ["asked"], "the hub still decides");
    diary.gate.add_permits(1);
    settle().await;
    assert_eq!(diary.log(), ["asked", "connected", "disconnected without an error"]);
    assert_eq!(hub.context().connection_count().await, 0);
}

#[actix::test]
async fn who_is_refused_after_he_has_gone_was_never_there() {
    let diary = Diary::new();
    let hub = start(&diary);
    let slow = hub.connect(user("slow and refused")).await;
    settle().await;
    drop(slow);
    settle().await;
    diary.gate.add_permits(1);
    settle().await;
    assert_eq!(diary.log(), ["asked"]);
    assert_eq!(hub.context().connection_count().await, 0);
}

#[actix::test]
async fn a_close_message_ends_the_connection_with_the_clients_error() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.receive::<()>("Welcome").await;
    ann.send_record(r#"{"type":7,"error":"I am ill"}"#).await;
    assert_eq!(records_until_the_end(&ann).await, [r#"{"type":7}"#]);
    ann.disconnected().await;
    assert_eq!(diary.log(), ["connected", "disconnected I am ill"]);
}

#[actix::test]
async fn a_lost_network_is_no_error() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.invoke::<String>("Echo", ("hi",)).await.unwrap();
    ann.vanish().await;
    assert_eq!(diary.log(), ["connected", "echo hi", "disconnected without an error"]);
}

#[actix::test]
async fn a_network_lost_within_a_message_is_one() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.invoke::<String>("Echo", ("hi",)).await.unwrap();
    ann.send_bytes("{\"type\":6").await;
    ann.vanish().await;
    assert_eq!(
        diary.log().last().map(String::as_str),
        Some("disconnected Connection terminated while reading a message.")
    );
}

#[actix::test]
async fn a_message_that_breaks_the_rules_ends_the_connection_and_the_client_may_come_back() {
    for detailed in [false, true] {
        for (record, detail) in [
            ("{not json}", "InvalidDataException: Error reading JSON."),
            ("", "InvalidDataException: Error reading JSON."),
            ("{}", "InvalidDataException: Missing required property 'type'."),
            (
                r#"{"type":1,"invocationId":null,"target":"Echo","arguments":[]}"#,
                "InvalidDataException: Expected 'invocationId' to be of type String.",
            ),
        ] {
            let diary = Diary::new();
            let options = HubOptions::default().detailed_errors(detailed);
            let asked = Policy::new().require_assertion(|_| true);
            let hub = TestHub::builder(diary.clone()).options(options).policy("Asked", asked).start();
            let ann = hub.connect(user("ann")).await;
            ann.send_record(record).await;
            let error = match detailed {
                true => format!("Connection closed with an error. {detail}"),
                false => "Connection closed with an error.".to_owned(),
            };
            assert_eq!(said(ann.disconnected().await), told(Some(&error), true), "{record}");
            let (_, text) = detail.split_once(' ').unwrap();
            assert_eq!(diary.log(), ["connected".to_owned(), format!("disconnected {text}")]);
        }
    }
}

#[actix::test]
async fn an_abort_says_nothing_more_and_the_hub_hears_of_it() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    let aborted = ann.invoke::<bool>("Abort", ()).await.unwrap_err();
    assert_eq!(aborted.to_string(), "Invocation canceled due to the underlying connection being closed.");
    assert_eq!(said(ann.disconnected().await), told(None, false));
    assert_eq!(diary.log(), ["connected", "disconnected without an error"]);
}

#[actix::test]
async fn calls_before_an_abort_are_answered_and_those_behind_it_are_not() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.receive::<()>("Welcome").await;
    ann.send_bytes(
        [call(1, "Echo", "\"before\""), call(2, "Abort", ""), call(3, "Echo", "\"after\"")].concat(),
    )
    .await;
    let records = records_until_the_end(&ann).await;
    assert_eq!(records, [r#"{"type":3,"invocationId":"1","result":"before"}"#, r#"{"type":7}"#]);
}

#[actix::test]
async fn calls_before_a_close_message_are_answered() {
    for last in ["GuardedEcho", "Echo"] {
        let diary = Diary::new();
        let hub = start(&diary);
        let ann = hub.connect(user("ann")).await;
        ann.receive::<()>("Welcome").await;
        ann.send_bytes(
            [call(1, "Echo", "\"a\""), call(2, last, "\"b\""), "{\"type\":7}\x1e".to_owned()].concat(),
        )
        .await;
        let records = records_until_the_end(&ann).await;
        let expected = [
            r#"{"type":3,"invocationId":"1","result":"a"}"#,
            r#"{"type":3,"invocationId":"2","result":"b"}"#,
            r#"{"type":7}"#,
        ];
        assert_eq!(records, expected, "{last}");
    }
}

#[actix::test]
async fn calls_before_a_broken_message_are_answered() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.receive::<()>("Welcome").await;
    ann.send_bytes(call(1, "Echo", "\"a\"") + "broken\x1e" + &call(2, "Echo", "\"b\"")).await;
    let records = records_until_the_end(&ann).await;
    let expected = [
        r#"{"type":3,"invocationId":"1","result":"a"}"#,
        r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#,
    ];
    assert_eq!(records, expected);
    assert_eq!(diary.log(), ["connected", "echo a", "disconnected Error reading JSON."]);
}

#[actix::test]
async fn a_call_that_waits_does_not_hold_the_end_up() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.send_bytes(call(1, "Wait", "")).await;
    settle().await;
    assert_eq!(said(ann.close().await), told(None, false));
    settle().await;
    assert_eq!(diary.log(), ["connected", "waiting", "aborted", "disconnected without an error"]);
}

#[actix::test]
async fn a_close_message_behind_calls_that_wait_for_their_turn_waits_too() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    ann.receive::<()>("Welcome").await;
    ann.send_bytes(
        [call(1, "Pass", "\"a\""), call(2, "Pass", "\"b\""), "{\"type\":7}\x1e".to_owned()].concat(),
    )
    .await;
    settle().await;
    assert_eq!(diary.log(), ["connected", "a begins"]);
    diary.gate.add_permits(1);
    let records = records_until_the_end(&ann).await;
    assert_eq!(records, [r#"{"type":3,"invocationId":"1","result":"a"}"#, r#"{"type":7}"#]);
    assert_eq!(diary.log()[..3], ["connected", "a begins", "b begins"]);
}

#[actix::test]
async fn an_abort_when_connecting_ends_the_connection_after_the_hook() {
    let diary = Diary::new();
    let hub = start(&diary);
    let client = hub.connect(user("aborts")).await;
    assert_eq!(said(client.disconnected().await), told(None, false));
    assert_eq!(diary.log(), ["connected", "disconnected without an error"]);
}

#[actix::test]
async fn the_others_hear_in_the_end_what_the_one_who_goes_does_not() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("ann")).await;
    let bob = hub.connect(user("bob")).await;
    ann.invoke::<String>("Echo", ("x",)).await.unwrap();
    bob.invoke::<String>("Echo", ("x",)).await.unwrap();
    ann.close().await;
    bob.receive::<()>("Left").await;
    assert!(!ann.has_received("Left"));
}

#[actix::test]
async fn a_hook_that_panics_in_the_end_harms_nobody() {
    let diary = Diary::new();
    let hub = start(&diary);
    let ann = hub.connect(user("panics late")).await;
    let bob = hub.connect(anonymous()).await;
    ann.invoke::<String>("Echo", ("x",)).await.unwrap();
    ann.close().await;
    assert_eq!(hub.context().connection_count().await, 1);
    assert_eq!(bob.invoke("Echo", ("still here",)).await, Ok("still here".to_owned()));
}

#[actix::test]
async fn the_hub_hears_nothing_of_who_fails_his_handshake() {
    let diary = Diary::new();
    let hub = start(&diary);
    let client = hub.client(user("ann")).open().await.unwrap();
    client.send_record("{}").await;
    client.disconnected().await;
    let client = hub.client(user("ann")).open().await.unwrap();
    client.vanish().await;
    assert!(diary.log().is_empty());
    assert_eq!(hub.context().connection_count().await, 0);
}
