//! What takes its time: acknowledgements, clients that are away, transports that do not take. On a clock of the test's own.

use std::time::Duration;

use actix_signalr_actors::HubOptions;
use futures::FutureExt;
use serde_json::{Value, json};
use tokio::time;

use crate::{
    client::{Client, Event, Settings},
    start,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What has come without waiting for it, pings left out.
fn arrived(client: &mut Client) -> Vec<Value> {
    let mut arrived = Vec::new();
    while let Some(Some(record)) = client.record().now_or_never() {
        let message: Value = serde_json::from_str(&record).unwrap();
        if message["type"] != 6 {
            arrived.push(message);
        }
    }
    arrived
}

#[actix::test]
async fn what_has_been_received_is_acknowledged_once_a_second() {
    time::pause();
    let (runtime, _) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    time::sleep(seconds(5)).await;
    assert_eq!(arrived(&mut client), Vec::<Value>::new(), "there is nothing to acknowledge");
    for text in ["one", "two", "three"] {
        client.call(None, "Echo", &json!([text]));
    }
    client.tell(&json!({ "type": 6 }));
    time::sleep(seconds(5)).await;
    assert_eq!(arrived(&mut client), [json!({ "type": 8, "sequenceId": 3 })]);
    client.say(&json!({ "type": 2, "invocationId": "of no stream", "item": 1 }));
    client.say(&json!({ "type": 3, "invocationId": "of no stream" }));
    client.say(&json!({ "type": 5, "invocationId": "of no call" }));
    time::sleep(seconds(2)).await;
    assert_eq!(arrived(&mut client), [json!({ "type": 8, "sequenceId": 6 })]);
    for _ in 0..3 {
        client.call(None, "Echo", &json!(["on and on"]));
        time::sleep(seconds(1)).await;
    }
    time::sleep(seconds(1)).await;
    let ids: Vec<_> = arrived(&mut client).iter().map(|ack| ack["sequenceId"].as_i64().unwrap()).collect();
    assert_eq!(ids, [7, 8, 9]);
}

#[actix::test]
async fn a_client_has_its_time_to_come_back() {
    time::pause();
    let (runtime, diary) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    for _ in 0..3 {
        client.lose();
        time::sleep(seconds(14)).await;
        assert!(client.come_back().await);
        client.send_again();
        client.call(Some("1".into()), "Echo", &json!(["back"]));
        assert!(client.hear().await);
    }
    client.lose();
    time::sleep(seconds(17)).await;
    client.over().await;
    assert_eq!(diary.read(), ["connected", "back", "back", "back", "disconnected"]);
    assert_eq!(client.place.told(), ["timed out", "closed"]);
    assert!(!client.come_back().await);
}

#[actix::test]
async fn a_client_that_is_away_is_silent_too() {
    time::pause();
    let (runtime, diary) = start(HubOptions::default().client_timeout_interval(seconds(5)));
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.tell(&json!({ "type": 6 }));
    client.lose();
    time::sleep(seconds(8)).await;
    client.over().await;
    let text = "disconnected: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.";
    assert_eq!(diary.read(), ["connected", text]);
}

#[actix::test]
async fn a_client_that_does_not_take_an_acknowledgement_is_let_go() {
    time::pause();
    let (runtime, diary) = start(HubOptions::default());
    let settings = Settings { is_taken: false, ..Settings::default() };
    let mut client = Client::connect(&runtime, settings).await;
    client.call(None, "Echo", &json!(["one"]));
    time::sleep(seconds(5)).await;
    assert_eq!(diary.read(), ["connected", "one"]);
    time::sleep(seconds(3)).await;
    client.over().await;
    assert_eq!(diary.read().last().unwrap(), "disconnected: the client does not read what it is sent");
}

#[actix::test]
async fn a_client_that_does_not_take_what_is_sent_again_is_let_go() {
    time::pause();
    let (runtime, diary) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.call(Some("1".into()), "Echo", &json!(["one"]));
    assert!(client.hear().await);
    client.lose();
    assert!(client.attach(Settings { is_taken: false, ..Settings::default() }).await);
    time::sleep(seconds(8)).await;
    client.over().await;
    assert_eq!(diary.read().last().unwrap(), "disconnected: the client does not read what it is sent");
    while let Some(event) = client.event().await {
        if matches!(event, Event::Abort) {
            return;
        }
    }
    panic!("the socket was not told to end");
}
