//! Types with a plain derive go to clients and come from them, named as the hub's options say.

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult,
    protocol::NamingPolicy,
    testing::{TestClient, TestHub, user},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Message {
    sent_by: String,
    read_by: Vec<Reader>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Reader {
    user_id: u32,
}

/// Serde itself reads the name of its kind, and what else it has.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind")]
enum Event {
    Joined { room_name: String },
}

struct Post;

impl Post {
    async fn forward(&self, ctx: HubCallerContext, message: Message) -> HubResult<Message> {
        ctx.clients().caller().send("Forwarded", (&message,)).await?;
        Ok(message)
    }

    async fn repeat(&self, _ctx: HubCallerContext, event: Event) -> HubResult<Event> {
        Ok(event)
    }
}

impl Hub for Post {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Forward", Self::forward);
        hub.method("Repeat", Self::repeat);
    }
}

async fn connected(naming: NamingPolicy) -> (TestHub<Post>, TestClient) {
    let hub = TestHub::builder(Post).options(HubOptions::default().naming_policy(naming)).start();
    let ann = hub.connect(user("ann")).await;
    (hub, ann)
}

#[actix::test]
async fn members_are_named_by_the_policy_in_calls_sends_and_results() {
    for (naming, message) in [
        (NamingPolicy::Conventional, r#"{"sentBy":"ann","readBy":[{"userId":7}]}"#),
        (NamingPolicy::AsDeclared, r#"{"sent_by":"ann","read_by":[{"user_id":7}]}"#),
    ] {
        let (_hub, ann) = connected(naming).await;
        ann.send_record(&format!(
            r#"{{"type":1,"invocationId":"1","target":"Forward","arguments":[{message}]}}"#
        ))
        .await;
        let sent = format!(r#"{{"type":1,"target":"Forwarded","arguments":[{message}]}}"#);
        assert_eq!(ann.next_record().await, Some(sent));
        let result = format!(r#"{{"type":3,"invocationId":"1","result":{message}}}"#);
        assert_eq!(ann.next_record().await, Some(result));
    }
}

#[actix::test]
async fn clients_of_the_test_kit_name_members_as_the_hub_does() {
    let message = Message { sent_by: "ann".into(), read_by: vec![Reader { user_id: 7 }] };
    for naming in [NamingPolicy::Conventional, NamingPolicy::AsDeclared] {
        let (_hub, ann) = connected(naming).await;
        assert_eq!(ann.invoke("Forward", (&message,)).await, Ok(message.clone()));
        assert_eq!(ann.receive::<Message>("Forwarded").await, message);
    }
}

#[actix::test]
async fn enums_that_name_their_kind_are_read_with_declared_names() {
    let (_hub, ann) = connected(NamingPolicy::AsDeclared).await;
    let joined = || Event::Joined { room_name: "lobby".into() };
    assert_eq!(ann.invoke("Repeat", (joined(),)).await, Ok(joined()));
}
