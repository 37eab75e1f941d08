//! Asking a client.

use std::time::Duration;

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubResult,
    testing::{TestClient, TestHub, TestNetwork, user},
};

#[derive(Default)]
struct Asking;

impl Asking {
    async fn ask(&self, ctx: HubCallerContext, question: String) -> HubResult<String> {
        ctx.clients().caller().invoke("Question", (question,)).await
    }

    async fn ask_other(&self, ctx: HubCallerContext, id: String) -> HubResult<String> {
        ctx.clients().client(id).invoke("Question", ("you?",)).await
    }

    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Asking {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Ask", Self::ask);
        hub.method("AskOther", Self::ask_other);
        hub.method("Echo", Self::echo);
    }
}

/// A hub that asks at the wrong time.
struct Early;

impl Hub for Early {
    fn describe(_: &mut HubDescriptor<Self>) {}

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        ctx.clients().caller().invoke::<String, _>("Question", ()).await.map(drop)
    }
}

async fn question_of(client: &TestClient) -> String {
    let record = client.next_record().await.unwrap_or_default();
    let question: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
    assert_eq!(question["target"], "Question", "{record}");
    question["invocationId"].as_str().unwrap_or_default().to_owned()
}

fn answer(id: &str, what: &str) -> String {
    format!(r#"{{"type":3,"invocationId":"{id}",{what}}}"#)
}

const ASK: &str = r#"{"type":1,"invocationId":"1","target":"Ask","arguments":["why?"]}"#;

#[actix::test]
async fn a_client_is_asked_and_its_answer_comes_back() {
    let hub = TestHub::start(Asking);
    let ann = hub.connect(user("ann")).await;
    ann.send_record(ASK).await;
    let id = question_of(&ann).await;
    ann.send_record(&answer(&id, r#""result":"because""#)).await;
    assert_eq!(
        ann.next_record().await.as_deref(),
        Some(r#"{"type":3,"invocationId":"1","result":"because"}"#)
    );
}

#[actix::test]
async fn what_a_client_answers_in_place_of_a_result_is_told() {
    let hub = TestHub::start(Asking);
    let ann = hub.connect(user("ann")).await;
    for (what, told) in [
        (r#""error":"no idea""#, "no idea"),
        (r#""result":5"#, "Error trying to deserialize result to String."),
    ] {
        ann.send_record(ASK).await;
        let id = question_of(&ann).await;
        ann.send_record(&answer(&id, what)).await;
        let record = ann.next_record().await.unwrap();
        let error =
            format!("An unexpected error occurred invoking 'Ask' on the server. HubException: {told}");
        assert!(record.contains(&error), "{record}");
    }
}

#[actix::test]
async fn calls_that_wait_behind_a_question_go_on() {
    let hub = TestHub::start(Asking);
    let ann = hub.connect(user("ann")).await;
    ann.send_record(ASK).await;
    ann.send_record(r#"{"type":1,"invocationId":"2","target":"Echo","arguments":["meanwhile"]}"#).await;
    let id = question_of(&ann).await;
    assert_eq!(
        ann.next_record().await.as_deref(),
        Some(r#"{"type":3,"invocationId":"2","result":"meanwhile"}"#)
    );
    ann.send_record(&answer(&id, r#""result":"late""#)).await;
    assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"late"}"#));
}

#[actix::test]
async fn a_question_in_one_read_with_calls_behind_it_goes_on() {
    let hub = TestHub::start(Asking);
    let ann = hub.connect(user("ann")).await;
    let behind = r#"{"type":1,"invocationId":"2","target":"Echo","arguments":["meanwhile"]}"#;
    ann.send_bytes(format!("{ASK}\u{1e}{behind}\u{1e}")).await;
    // The question and the answer to the call behind it come in either order.
    let (first, second) = (ann.next_record().await.unwrap(), ann.next_record().await.unwrap());
    let (question, echoed) = if first.contains("Question") { (first, second) } else { (second, first) };
    assert_eq!(echoed, r#"{"type":3,"invocationId":"2","result":"meanwhile"}"#);
    let question: serde_json::Value = serde_json::from_str(&question).unwrap();
    ann.send_record(&answer(question["invocationId"].as_str().unwrap(), r#""result":"late""#)).await;
    assert!(ann.next_record().await.unwrap().contains("late"));
}

#[actix::test]
async fn a_client_that_goes_is_waited_for_no_longer() {
    let hub = TestHub::start(Asking);
    let (ann, bob) = (hub.connect(user("ann")).await, hub.connect(user("bob")).await);
    let asked = async { ann.invoke::<String>("AskOther", (bob.connection_id(),)).await };
    let goes = async {
        question_of(&bob).await;
        bob.vanish().await;
    };
    let (answer, ()) = futures::join!(asked, goes);
    assert_eq!(
        answer.unwrap_err().to_string(),
        "An unexpected error occurred invoking 'AskOther' on the server."
    );
    let nobody = ann.invoke::<String>("AskOther", ("nobody",)).await;
    assert!(nobody.is_err());
}

#[actix::test]
async fn only_who_is_asked_may_answer() {
    let hub = TestHub::start(Asking);
    let (ann, bob) = (hub.connect(user("ann")).await, hub.connect(user("bob")).await);
    ann.send_record(ASK).await;
    let id = question_of(&ann).await;
    bob.send_record(&answer(&id, r#""result":"forged""#)).await;
    let closed = bob.disconnected().await;
    assert_eq!(closed.error.as_deref(), Some("Connection closed with an error."));
    assert!(closed.allow_reconnect);
    ann.send_record(&answer(&id, r#""result":"mine""#)).await;
    assert!(ann.next_record().await.unwrap().contains("mine"));
    // A late or a second answer is nobody's.
    ann.send_record(&answer(&id, r#""result":"again""#)).await;
    assert_eq!(ann.invoke("Echo", ("alive",)).await, Ok("alive".to_owned()));
}

#[actix::test]
async fn nobody_is_asked_while_he_is_not_listened_to() {
    let hub = TestHub::start(Early);
    let ann = hub.connect(user("ann")).await;
    assert_eq!(ann.disconnected().await.error.as_deref(), Some("Connection closed with an error."));
}

#[actix::test]
async fn a_client_may_be_asked_from_outside_of_the_hub() {
    let hub = TestHub::builder(Asking).workers(2).start();
    let ann = hub.connect(user("ann")).await;
    let context = hub.context();
    let asked = context.clients().client(ann.connection_id());
    let (answer, ()) = futures::join!(asked.invoke::<u32, _>("Question", ()), async {
        let id = question_of(&ann).await;
        ann.send_record(&self::answer(&id, r#""result":42"#)).await;
    });
    assert_eq!(answer.unwrap(), 42);
}

#[actix::test]
async fn of_too_many_questions_from_elsewhere_the_oldest_are_given_up() {
    let network = TestNetwork::default();
    let [here, there] = [0, 1].map(|_| TestHub::builder(Asking).backplane(network.server()).start());
    let ann = there.connect(user("ann")).await;
    assert_eq!(ann.invoke("Echo", ("here",)).await, Ok("here".to_owned()));
    let context = here.context();
    let clients = context.clients();
    let asked = clients.client(ann.connection_id());
    let first = asked.invoke::<String, _>("Question", ());
    futures::pin_mut!(first);
    assert!(futures::poll!(&mut first).is_pending());
    question_of(&ann).await;

    // Nobody waits for these, and she knows nothing of that.
    let mut last = String::new();
    for _ in 0..1000 {
        let another = asked.invoke::<String, _>("Question", ());
        futures::pin_mut!(another);
        assert!(futures::poll!(&mut another).is_pending());
        last = question_of(&ann).await;
    }
    let given_up = actix_rt::time::timeout(Duration::from_secs(10), first).await.expect("it ends");
    assert_eq!(given_up.unwrap_err().to_string(), "The client leaves too many questions unanswered.");
    ann.send_record(&answer(&last, r#""result":"late""#)).await;
    assert_eq!(ann.invoke("Echo", ("alive",)).await, Ok("alive".to_owned()));
}
