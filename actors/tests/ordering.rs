//! The calls of a client run in their order, and as many beside each other as the options say.

use std::sync::Arc;

use actix_signalr_actors::{
    AuthorizeData, ClaimsIdentity, Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult, HubStream,
    Policy, claim_types,
    testing::{TestClient, TestHub, user},
};
use futures::{
    FutureExt,
    future::{LocalBoxFuture, join},
    join, stream,
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A hub whose calls wait until the test lets them go on.
#[derive(Clone)]
struct Gate {
    log: Arc<Mutex<Vec<String>>>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { log: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    async fn pass(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.log.lock().push(format!("{name} begins"));
        self.open.acquire().await?.forget();
        self.log.lock().push(format!("{name} ends"));
        Ok(name)
    }

    async fn quick(&self, _ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.log.lock().push(name.clone());
        Ok(name)
    }

    /// An answer of more than may wait for a client.
    async fn large(&self, ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.quick(ctx, name).await.map(|name| name.repeat(LARGE))
    }

    async fn pass_large(&self, ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.pass(ctx, name).await.map(|name| name.repeat(LARGE))
    }

    async fn watch(&self, _ctx: HubCallerContext) -> HubStream<i32> {
        self.log.lock().push("watched".to_owned());
        HubStream::of(stream::iter([1]))
    }

    async fn ask(&self, ctx: HubCallerContext) -> HubResult<i32> {
        self.open.acquire().await?.forget();
        ctx.clients().caller().invoke("Question", ()).await
    }

    async fn open(&self, _ctx: HubCallerContext) -> HubResult {
        self.open.add_permits(1);
        Ok(())
    }
}

impl Hub for Gate {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Pass", Self::pass);
        hub.method("Quick", Self::quick);
        hub.method("Large", Self::large);
        hub.method("PassLarge", Self::pass_large);
        hub.method("Watch", Self::watch);
        hub.method("Ask", Self::ask);
        hub.method("Open", Self::open);
        hub.method("Guarded", Self::quick).authorize(AuthorizeData::policy("Asked"));
        hub.method("GuardedOpen", Self::open).authorize(AuthorizeData::policy("Asked"));
    }
}

const LARGE: usize = 70_000;

fn started(limit: usize) -> (Gate, TestHub<Gate>) {
    let gate = Gate::new();
    let options = HubOptions::default().maximum_parallel_invocations(limit);
    let asked = Policy::new().require_assertion(|_| true);
    (gate.clone(), TestHub::builder(gate).options(options).policy("Asked", asked).start())
}

async fn connected(limit: usize) -> (Gate, TestHub<Gate>, TestClient) {
    let (gate, hub) = started(limit);
    let ann = hub.connect(user("ann")).await;
    (gate, hub, ann)
}

fn call(id: u32, target: &str, arguments: &str) -> String {
    format!(
        "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{arguments}]}}\x1e"
    )
}

/// The ids of the next answers.
async fn answered(client: &TestClient, answers: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..answers {
        let record = client.next_record().await.unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
        ids.push(answer["invocationId"].as_str().unwrap_or("(no answer)").to_owned());
    }
    ids
}

/// Lets all actors of this thread work off what they have.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[actix::test]
async fn one_call_at_a_time_in_the_order_sent() {
    let (gate, _hub, ann) = connected(1).await;
    let calls = [call(1, "Pass", "\"a\""), call(2, "Quick", "\"b\""), call(3, "Pass", "\"c\"")].concat();
    ann.send_bytes(calls).await;
    settle().await;
    assert_eq!(gate.log(), ["a begins"]);
    gate.open.add_permits(2);
    assert_eq!(answered(&ann, 3).await, ["1", "2", "3"]);
    assert_eq!(gate.log(), ["a begins", "a ends", "b", "c begins", "c ends"]);
}

#[actix::test]
async fn the_order_holds_across_reads_and_guards() {
    let (_gate, _hub, ann) = connected(1).await;
    for first in 0..20 {
        let quick = call(first * 3, "Quick", "\"a\"");
        let guarded = call(first * 3 + 1, "Guarded", "\"b\"");
        ann.send_bytes(quick + &guarded).await;
        ann.send_bytes(call(first * 3 + 2, "Quick", "\"c\"")).await;
    }
    let expected: Vec<String> = (0..60).map(|id: u32| id.to_string()).collect();
    assert_eq!(answered(&ann, 60).await, expected);
}

#[actix::test]
async fn what_comes_while_a_call_waits_goes_on_behind_it_in_order() {
    let (gate, _hub, ann) = connected(1).await;
    let calls = [
        call(1, "Pass", "\"a\""),
        call(2, "Quick", "\"b\""),
        call(3, "Guarded", "\"c\""),
        call(4, "Quick", "\"d\""),
        call(5, "Pass", "\"e\""),
        call(6, "Quick", "\"f\""),
    ];
    for call in calls {
        ann.send_bytes(call).await;
        settle().await;
    }
    assert_eq!(gate.log(), ["a begins"]);
    gate.open.add_permits(1);
    assert_eq!(answered(&ann, 4).await, ["1", "2", "3", "4"], "these do not wait for the fifth");
    settle().await;
    assert_eq!(gate.log(), ["a begins", "a ends", "b", "c", "d", "e begins"]);
    gate.open.add_permits(1);
    assert_eq!(answered(&ann, 2).await, ["5", "6"]);
}

#[actix::test]
async fn however_many_come_while_a_call_waits_none_is_lost() {
    let (gate, _hub, ann) = connected(1).await;
    for id in 0..300 {
        ann.send_bytes(call(id, if id % 100 == 0 { "Pass" } else { "Quick" }, "\"x\"")).await;
    }
    settle().await;
    assert_eq!(gate.log(), ["x begins"]);
    gate.open.add_permits(3);
    let expected: Vec<String> = (0..300).map(|id: u32| id.to_string()).collect();
    assert_eq!(answered(&ann, 300).await, expected);
}

#[actix::test]
async fn calls_that_wait_for_another_do_not_begin_when_their_client_has_gone() {
    let (gate, _hub, ann) = connected(1).await;
    for (id, method) in [(1, "Pass"), (2, "Quick"), (3, "Guarded")] {
        ann.send_bytes(call(id, method, "\"x\"")).await;
        settle().await;
    }
    drop(ann);
    settle().await;
    gate.open.add_permits(1);
    settle().await;
    assert_eq!(gate.log(), ["x begins", "x ends"]);
}

#[actix::test]
async fn several_calls_may_run_beside_each_other_and_end_in_any_order() {
    let (gate, _hub, ann) = connected(2).await;
    ann.send_bytes(call(1, "Pass", "\"a\"") + &call(2, "Quick", "\"b\"")).await;
    assert_eq!(answered(&ann, 1).await, ["2"]);
    ann.send_bytes(call(3, "Pass", "\"c\"") + &call(4, "Quick", "\"d\"")).await;
    settle().await;
    assert_eq!(gate.log(), ["a begins", "b", "c begins"], "d waits: two run");
    gate.open.add_permits(1);
    assert_eq!(answered(&ann, 2).await, ["1", "4"]);
}

#[actix::test]
async fn a_guarded_call_runs_beside_one_that_waits_for_it() {
    let (_gate, _hub, ann) = connected(2).await;
    ann.send_bytes(call(1, "Pass", "\"a\"") + &call(2, "GuardedOpen", "")).await;
    assert_eq!(answered(&ann, 2).await, ["2", "1"]);
}

#[actix::test]
async fn clients_do_not_wait_for_each_other() {
    let (gate, hub, ann) = connected(1).await;
    let bob = hub.connect(user("bob")).await;
    let (passed, ()) = join!(ann.invoke::<String>("Pass", ("a",)), async {
        assert_eq!(bob.invoke("Quick", ("b",)).await, Ok("b".to_owned()));
        bob.invoke::<()>("Open", ()).await.unwrap();
    });
    assert_eq!(passed, Ok("a".to_owned()));
    assert_eq!(gate.log(), ["a begins", "b", "a ends"]);
}

#[actix::test]
async fn what_does_not_fit_its_method_is_answered_when_it_is_read() {
    let (gate, _hub, ann) = connected(1).await;
    ann.send_bytes(call(1, "Pass", "\"a\"") + &call(2, "Nothing", "") + &call(3, "Pass", "1")).await;
    assert_eq!(answered(&ann, 2).await, ["2", "3"], "while the first call still runs");
    gate.open.add_permits(1);
    assert_eq!(answered(&ann, 1).await, ["1"]);
}

#[actix::test]
async fn what_does_not_fit_waits_behind_a_call_that_waits() {
    let (gate, _hub, ann) = connected(1).await;
    ann.send_bytes(call(1, "Pass", "\"a\"") + &call(2, "Quick", "\"b\"") + &call(3, "Nothing", "")).await;
    settle().await;
    assert!(ann.next_record().now_or_never().is_none(), "the second call has not begun");
    gate.open.add_permits(1);
    assert_eq!(answered(&ann, 3).await, ["1", "2", "3"]);
}

#[actix::test]
async fn many_calls_keep_their_order() {
    let (_gate, _hub, ann) = connected(1).await;
    let calls = (0..1000).map(|id| call(id, "Quick", "\"x\"")).collect::<String>();
    ann.send_bytes(calls).await;
    let expected: Vec<String> = (0..1000).map(|id: u32| id.to_string()).collect();
    assert_eq!(answered(&ann, 1000).await, expected);
}

#[actix::test]
async fn sixteen_calls_on_their_way_are_all_answered() {
    let (_gate, _hub, ann) = connected(1).await;
    let calls = (0..16).map(|n| {
        let name = n.to_string();
        let ann = &ann;
        async move { (ann.invoke::<String>("Quick", (name.clone(),)).await, Ok(name)) }
    });
    for (found, expected) in futures::future::join_all(calls).await {
        assert_eq!(found, expected);
    }
}

#[actix::test]
async fn a_ping_passes_a_running_call() {
    let (gate, _hub, ann) = connected(1).await;
    let (passed, ()) = join(ann.invoke::<String>("Pass", ("a",)), async {
        ann.send_record(r#"{"type":6}"#).await;
        settle().await;
        gate.open.add_permits(1);
    })
    .await;
    assert_eq!(passed, Ok("a".to_owned()));
}

/// A hub with one call at a time, and a client that takes a record from it only when it is asked for one.
async fn connected_slowly(client: ClaimsIdentity) -> (Gate, TestHub<Gate>, TestClient) {
    let (gate, hub) = started(1);
    let ann = hub.client(client).network_buffer(0).connect().await;
    (gate, hub, ann)
}

fn ann_as(role: &str) -> ClaimsIdentity {
    let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME, "ann");
    identity.claim(claim_types::NAME_IDENTIFIER, "ann").claim(claim_types::ROLE, role)
}

/// Sends all in one read, or each in one of its own.
async fn send(client: &TestClient, records: &[String], is_one_read: bool) {
    let reads = if is_one_read { vec![records.concat()] } else { records.to_vec() };
    for read in reads {
        client.send_bytes(read).await;
        settle().await;
    }
}

/// Has something for all clients on its way, that fills the room of who does not read.
fn fill(hub: &TestHub<Gate>) -> LocalBoxFuture<'static, ()> {
    let context = hub.context();
    let mut sent = Box::pin(async move {
        let _ = context.clients().all().send("Full", ("x".repeat(LARGE),)).await;
    });
    let _ = (&mut sent).now_or_never();
    sent
}

#[actix::test]
async fn a_refusal_does_not_pass_a_call_that_has_come_while_another_waited() {
    for is_one_read in [true, false] {
        let (gate, _hub, ann) = connected(1).await;
        let calls = [call(1, "Pass", "\"a\""), call(2, "Quick", "\"b\""), call(3, "Nothing", "")];
        send(&ann, &calls, is_one_read).await;
        gate.open.add_permits(1);
        assert_eq!(answered(&ann, 3).await, ["1", "2", "3"], "in one read: {is_one_read}");
    }
}

#[actix::test]
async fn calls_before_what_ends_the_connection_are_answered_though_one_of_them_waits() {
    for last in ["{\"type\":7}\x1e", "{\x1e"] {
        for is_one_read in [true, false] {
            let (gate, _hub, ann) = connected(1).await;
            let records = [call(1, "Pass", "\"a\""), call(2, "Quick", "\"b\""), last.to_owned()];
            send(&ann, &records, is_one_read).await;
            gate.open.add_permits(1);
            assert_eq!(answered(&ann, 2).await, ["1", "2"], "{last}, in one read: {is_one_read}");
        }
    }
}

#[actix::test]
async fn a_stream_does_not_begin_before_a_call_that_waits_for_its_turn() {
    for is_one_read in [true, false] {
        let (gate, _hub, ann) = connected(1).await;
        let stream = call(3, "Watch", "").replace("\"type\":1", "\"type\":4");
        send(&ann, &[call(1, "Pass", "\"a\""), call(2, "Quick", "\"b\""), stream], is_one_read).await;
        gate.open.add_permits(1);
        settle().await;
        assert_eq!(gate.log(), ["a begins", "a ends", "b", "watched"], "in one read: {is_one_read}");
    }
}

#[actix::test]
async fn the_next_call_does_not_begin_while_the_answer_before_it_is_not_read() {
    for is_one_read in [true, false] {
        let (gate, _hub, ann) = connected_slowly(ann_as("guest")).await;
        let calls = [call(1, "PassLarge", "\"a\""), call(2, "Large", "\"b\"")];
        send(&ann, &calls, is_one_read).await;
        gate.open.add_permits(1);
        settle().await;
        assert_eq!(gate.log(), ["a begins", "a ends"], "in one read: {is_one_read}");
        assert_eq!(answered(&ann, 2).await, ["1", "2"]);
    }
}

#[actix::test]
async fn a_call_that_comes_while_a_batch_waits_for_its_client_is_not_lost_when_that_refreshes() {
    let (gate, hub, ann) = connected_slowly(ann_as("guest")).await;
    ann.send_bytes(call(1, "PassLarge", "\"a\"") + &call(2, "Quick", "\"b\"")).await;
    settle().await;
    gate.open.add_permits(1);
    settle().await;
    assert_eq!(answered(&ann, 1).await, ["1"]);
    // There is room again, and none before the batch has heard of it.
    ann.send_bytes(call(3, "Quick", "\"c\"")).await;
    let _filled = fill(&hub);
    settle().await;
    assert_eq!(gate.log(), ["a begins", "a ends"]);
    ann.refresh(ann_as("admin")).await.unwrap();
    settle().await;
    ann.receive::<String>("Full").await;
    assert_eq!(answered(&ann, 2).await, ["2", "3"]);
}

#[actix::test]
async fn a_call_does_not_begin_behind_a_refusal_that_waits_for_its_client_while_another_runs() {
    let (gate, hub, ann) = connected_slowly(ann_as("guest")).await;
    ann.send_bytes(call(1, "Large", "\"a\"") + &call(2, "Nothing", "")).await;
    settle().await;
    assert_eq!(answered(&ann, 1).await, ["1"]);
    ann.send_bytes(call(3, "Pass", "\"c\"")).await;
    let _filled = fill(&hub);
    settle().await;
    ann.receive::<String>("Full").await;
    ann.send_bytes(call(4, "Quick", "\"d\"")).await;
    settle().await;
    assert_eq!(gate.log(), ["a", "c begins"]);
}

#[actix::test]
async fn a_call_that_asks_its_client_lets_what_has_come_meanwhile_begin() {
    let (gate, _hub, ann) = connected(1).await;
    send(&ann, &[call(1, "Ask", ""), call(2, "Pass", "\"b\""), call(3, "Quick", "\"c\"")], false).await;
    gate.open.add_permits(1);
    settle().await;
    assert_eq!(gate.log(), ["b begins"]);
    let question: serde_json::Value = serde_json::from_str(&ann.next_record().await.unwrap()).unwrap();
    let id = question["invocationId"].as_str().unwrap();
    ann.send_record(&format!("{{\"type\":3,\"invocationId\":\"{id}\",\"result\":7}}")).await;
    gate.open.add_permits(1);
    let mut answers = answered(&ann, 3).await;
    answers.sort_unstable();
    assert_eq!(answers, ["1", "2", "3"]);
}
