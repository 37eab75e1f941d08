//! Clients called by the methods of a `#[hub_client]` trait, through the real actors.

#![deny(warnings)]

// The default path, `::actix_signalr`, leads here.
extern crate self as actix_signalr;

#[allow(unused_imports, unreachable_pub)]
#[doc(hidden)]
pub use {actix_signalr_actors::*, actix_signalr_macros::*};

use actix_signalr_actors::testing::{TestClient, TestHub, user};
use futures::join;
use serde::{Serialize, Serializer};

/// What clients hear.
#[hub_client]
trait ChatClient {
    /// Somebody said something.
    async fn receive_message(&self, name: &str, text: &str) -> Result<(), SendError>;

    #[hub_method(name = "bell!")]
    async fn ring(&self) -> Result<(), SendError>;

    async fn owned(&self, _: String, several: Vec<u32>) -> Result<(), crate::SendError>;

    async fn anything<T: Serialize>(
        &self,
        what: T,
        more: impl Serialize,
        list: &[T],
    ) -> Result<(), SendError>;

    async fn confirm(&self, question: &str) -> HubResult<bool>;

    async fn r#type(&self) -> std::result::Result<Option<String>, HubError>;

    #[cfg(any())]
    async fn never(&self, what: NoSuchType) -> Result<(), SendError>;
}

struct ChatHub;

#[hub]
impl ChatHub {
    async fn send_message(&self, ctx: HubCallerContext, text: String) -> HubResult {
        ctx.clients().all().receive_message(ctx.user().name().unwrap_or("?"), &text).await?;
        ctx.clients().others().ring().await?;
        Ok(())
    }

    async fn delete(&self, ctx: HubCallerContext, what: String) -> HubResult<bool> {
        ctx.clients().caller().confirm(&format!("delete {what}?")).await
    }

    async fn break_off(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().all().anything(Unwritable, (), &[]).await
    }
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("cannot be written"))
    }
}

/// Answers the next question with a completion that has this in it; gives the question.
async fn answer(client: &TestClient, with: &str) -> String {
    let question = client.next_record().await.unwrap_or_default();
    let id = question.split_once(r#""invocationId":""#).and_then(|(_, rest)| rest.split_once('"'));
    let Some((id, _)) = id else { panic!("no question: {question}") };
    client.send_record(&format!(r#"{{"type":3,"invocationId":"{id}",{with}}}"#)).await;
    question
}

#[actix::test]
async fn a_method_is_heard_under_its_name_with_its_arguments() {
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;
    let bob = hub.connect(user("bob")).await;

    ann.invoke::<()>("SendMessage", ("hi",)).await.unwrap();

    for client in [&ann, &bob] {
        let heard: (String, String) = client.receive("ReceiveMessage").await;
        assert_eq!(heard, ("ann".to_owned(), "hi".to_owned()));
    }
    assert!(bob.has_received("bell!"));
    assert!(!ann.has_received("bell!"));
}

#[actix::test]
async fn arguments_are_a_list_however_many_they_are() {
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;
    let clients = hub.context().clients();

    clients.all().ring().await.unwrap();
    clients.client(ann.connection_id()).owned("a".to_owned(), vec![1, 2]).await.unwrap();
    clients.user("ann").anything(1, "x", &[2, 3]).await.unwrap();

    let records = [
        r#"{"type":1,"target":"bell!","arguments":[]}"#,
        r#"{"type":1,"target":"Owned","arguments":["a",[1,2]]}"#,
        r#"{"type":1,"target":"Anything","arguments":[1,"x",[2,3]]}"#,
    ];
    for record in records {
        assert_eq!(ann.next_record().await.as_deref(), Some(record));
    }
}

#[actix::test]
async fn one_client_can_be_asked_from_a_hub_method() {
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;

    let (deleted, question) = join!(ann.invoke("Delete", ("it",)), answer(&ann, r#""result":true"#));

    assert_eq!(deleted, Ok(true));
    assert!(question.contains(r##""target":"Confirm","arguments":["delete it?"]"##), "{question}");
}

#[actix::test]
async fn one_client_can_be_asked_from_outside() {
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;
    let proxy = hub.context().clients().client(ann.connection_id());

    let (answered, _) = join!(proxy.r#type(), answer(&ann, r#""result":"human""#));
    assert_eq!(answered.unwrap().as_deref(), Some("human"));
    let (answered, _) = join!(proxy.confirm("?"), answer(&ann, r#""error":"not now""#));
    assert_eq!(answered.unwrap_err().to_string(), "not now");
    let (answered, _) = join!(proxy.confirm("?"), answer(&ann, r#""result":"perhaps""#));
    assert!(answered.is_err());
}

#[actix::test]
async fn what_cannot_be_written_is_an_error_of_the_call() {
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;

    let err = hub.context().clients().all().anything(Unwritable, (), &[]).await.unwrap_err();

    assert!(matches!(err, SendError::Serialize(_)), "{err:?}");
    assert!(ann.invoke::<()>("BreakOff", ()).await.is_err());
    assert!(!ann.has_received("Anything"));
}

#[actix::test]
async fn the_futures_may_change_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let hub = TestHub::start(ChatHub);
    let ann = hub.connect(user("ann")).await;
    let clients = hub.context().clients();
    is_send(clients.all().receive_message("a", "b")).await.unwrap();
    assert_eq!(ann.receive::<(String, String)>("ReceiveMessage").await.1, "b");
    drop(is_send(clients.client("gone").confirm("?")));
}
