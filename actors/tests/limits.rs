//! Nothing a client does, or leaves undone, fills the memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult,
    testing::{TestClient, TestHub, user},
};
use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc};

struct Storage {
    calls: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    ended: mpsc::UnboundedSender<Option<String>>,
}

impl Storage {
    async fn length(&self, _ctx: HubCallerContext, text: String) -> HubResult<usize> {
        Ok(text.len())
    }

    async fn large(&self, _ctx: HubCallerContext, bytes: usize) -> HubResult<String> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok("x".repeat(bytes))
    }

    async fn wait(&self, _ctx: HubCallerContext) -> HubResult {
        self.gate.acquire().await?.forget();
        Ok(())
    }
}

impl Hub for Storage {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Length", Self::length);
        hub.method("Large", Self::large);
        hub.method("Wait", Self::wait);
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        let _ = self.ended.send(error.map(|err| err.to_string()));
        Ok(())
    }
}

/// A hub, how often `Large` has been called, and what the hub heard of the ends of connections.
struct Fixture {
    hub: TestHub<Storage>,
    calls: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    ends: mpsc::UnboundedReceiver<Option<String>>,
}

fn start(options: HubOptions) -> Fixture {
    let (ended, ends) = mpsc::unbounded_channel();
    let (calls, gate) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
    let storage = Storage { calls: calls.clone(), gate: gate.clone(), ended };
    Fixture { hub: TestHub::builder(storage).options(options).start(), calls, gate, ends }
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// A call of `Length` whose record is `bytes` long, its separator included.
fn record_of(bytes: usize) -> String {
    let head = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Length\",\"arguments\":[\"";
    let tail = "\"]}\x1e";
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

const TOO_LONG: &str =
    "The maximum message size of 1000B was exceeded. The message size can be configured in AddHubOptions.";

#[actix::test]
async fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    let options = HubOptions::default().maximum_receive_message_size(Some(1000)).detailed_errors(true);
    let mut fixture = start(options);
    let ann = fixture.hub.connect(user("ann")).await;
    for _ in 0..3 {
        ann.send_bytes(record_of(1000)).await;
        assert!(ann.next_record().await.unwrap().contains("\"result\""));
    }
    ann.send_bytes(record_of(1000) + &record_of(1001)).await;
    assert!(ann.next_record().await.unwrap().contains("\"result\""), "what is before it is answered");
    let closed = ann.disconnected().await;
    let told = format!("Connection closed with an error. InvalidDataException: {TOO_LONG}");
    assert_eq!((closed.error, closed.allow_reconnect), (Some(told), true));
    assert_eq!(fixture.ends.recv().await.unwrap().as_deref(), Some(TOO_LONG));
}

#[actix::test]
async fn a_message_that_never_ends_is_given_up_at_the_limit() {
    let fixture = start(HubOptions::default());
    let ann = fixture.hub.connect(user("ann")).await;
    for _ in 0..32 {
        ann.send_bytes("x".repeat(1024)).await;
        settle().await;
    }
    assert!(ann.next_record().now_or_never().is_none(), "32,768 bytes are within the limit");
    ann.send_bytes("x").await;
    assert!(ann.disconnected().await.allow_reconnect);
}

#[actix::test]
async fn without_a_limit_a_message_may_be_long() {
    let fixture = start(HubOptions::default().maximum_receive_message_size(None));
    let ann = fixture.hub.connect(user("ann")).await;
    let text = "x".repeat(300_000);
    assert_eq!(ann.invoke("Length", (text,)).await, Ok(300_000));
}

#[actix::test]
async fn a_handshake_has_the_same_limit() {
    let fixture = start(HubOptions::default().maximum_receive_message_size(Some(1000)));
    let client = fixture.hub.client(user("ann")).open().await.unwrap();
    client.send_bytes("x".repeat(1001)).await;
    assert_eq!(client.next_record().await.as_deref(), Some(r#"{"error":"Handshake was canceled."}"#));
    client.disconnected().await;
}

#[actix::test]
async fn who_does_not_read_is_let_go_when_his_backlog_is_full() {
    let mut fixture = start(HubOptions::default());
    let hub = &fixture.hub;
    let slow = hub.client(user("slow")).network_buffer(0).maximum_backlog(10_000).connect().await;
    let ann = hub.connect(user("ann")).await;
    slow.invoke::<usize>("Length", ("x",)).await.unwrap();
    let news = "x".repeat(1000);
    for sent in 0.. {
        assert!(sent < 20, "the slow client is still there");
        hub.context().clients().all().send("News", (&news,)).await.unwrap();
        settle().await;
        if hub.context().connection_count().await == 1 {
            assert!((9..=10).contains(&sent), "{sent} messages had room");
            break;
        }
    }
    let closed = slow.disconnected().await;
    assert!(!closed.was_told, "nobody reads a goodbye");
    let ended = fixture.ends.recv().await.unwrap();
    assert_eq!(ended.as_deref(), Some("the client does not read what it is sent"));
    ann.receive::<String>("News").await;
    assert_eq!(ann.invoke("Length", ("x",)).await, Ok(1), "the others do not notice");
}

#[actix::test]
async fn a_single_message_larger_than_the_backlog_is_delivered() {
    let fixture = start(HubOptions::default());
    let hub = &fixture.hub;
    let slow = hub.client(user("slow")).network_buffer(0).maximum_backlog(1000).connect().await;
    slow.invoke::<usize>("Length", ("x",)).await.unwrap();
    let news = "x".repeat(5000);
    hub.context().clients().all().send("News", (&news,)).await.unwrap();
    assert_eq!(slow.receive::<String>("News").await, news);
    hub.context().clients().all().send("News", (&news,)).await.unwrap();
    assert_eq!(slow.receive::<String>("News").await, news, "reading makes room");
}

#[actix::test]
async fn who_does_not_read_answers_is_asked_no_more_of() {
    let fixture = start(HubOptions::default());
    let ann = fixture.hub.client(user("ann")).network_buffer(0).connect().await;
    let call = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Large\",\"arguments\":[20000]}\x1e";
    // One by one, so that no batch runs ahead.
    for _ in 0..20 {
        ann.send_bytes(call).await;
        settle().await;
    }
    let calls = fixture.calls.load(Ordering::SeqCst);
    assert!((4..=5).contains(&calls), "{calls} answers of 20 kB while 64 kB may wait");
    for _ in 0..20 {
        assert!(ann.next_record().await.unwrap().len() > 20_000);
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 20, "reading lets it go on");
}

#[actix::test]
async fn what_is_read_and_not_worked_off_has_a_bound() {
    let fixture = start(HubOptions::default());
    let ann = fixture.hub.connect(user("ann")).await;
    for _ in 0..2 {
        ann.send("Wait", ()).await;
    }
    let record = record_of(1024);
    let mut sent = 0;
    while send_now(&ann, &record).await {
        sent += 1;
        assert!(sent < 1000, "the transport goes on reading");
    }
    assert!((60..=70).contains(&sent), "{sent} kB were read");
    fixture.gate.add_permits(2);
    for _ in 0..sent {
        assert!(ann.next_record().await.unwrap().contains("\"result\""));
    }
    assert_eq!(ann.invoke("Length", ("x",)).await, Ok(1), "and it reads on");
}

/// Sends if the server reads on at once.
async fn send_now(client: &TestClient, record: &str) -> bool {
    let sent = client.send_bytes(record.to_owned()).now_or_never().is_some();
    settle().await;
    sent
}

#[actix::test]
async fn who_does_not_read_and_vanishes_leaves_nothing_behind() {
    let fixture = start(HubOptions::default());
    let hub = &fixture.hub;
    for _ in 0..50 {
        let slow = hub.client(user("slow")).network_buffer(0).connect().await;
        slow.send("Large", (100_000,)).await;
        slow.vanish().await;
    }
    assert_eq!(hub.context().connection_count().await, 0);
}

#[actix::test]
async fn calls_of_one_batch_wait_for_a_client_that_does_not_take_their_answers() {
    let fixture = start(HubOptions::default());
    let ann = fixture.hub.client(user("ann")).network_buffer(0).connect().await;
    let call =
        |id| format!(r#"{{"type":1,"invocationId":"{id}","target":"Large","arguments":[50000]}}"#) + "\u{1e}";
    ann.send_bytes((0..60).map(call).collect::<String>()).await;
    settle().await;
    let called = fixture.calls.load(Ordering::SeqCst);
    assert!((1..=3).contains(&called), "{called} were called");
    for id in 0..60 {
        assert!(ann.next_record().await.unwrap().contains(&format!(r#""invocationId":"{id}""#)));
    }
    assert_eq!(fixture.calls.load(Ordering::SeqCst), 60);
}

#[actix::test]
async fn calls_that_wait_for_their_client_are_dropped_when_it_goes() {
    let mut fixture = start(HubOptions::default());
    let ann = fixture.hub.client(user("ann")).network_buffer(0).connect().await;
    let call =
        |id| format!(r#"{{"type":1,"invocationId":"{id}","target":"Large","arguments":[50000]}}"#) + "\u{1e}";
    ann.send_bytes((0..60).map(call).collect::<String>()).await;
    settle().await;
    ann.vanish().await;
    fixture.ends.recv().await.unwrap();
    settle().await;
    let called = fixture.calls.load(Ordering::SeqCst);
    assert!(called <= 3, "{called} were called");
}
