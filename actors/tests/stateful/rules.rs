//! Who may resume a connection, until when, and what holds meanwhile.

use actix_signalr_actors::HubOptions;
use serde_json::{Value, json};

use crate::{
    client::{Budget, Client, Event, Settings},
    start,
};

#[actix::test]
async fn a_second_transport_takes_the_place_of_one_that_lives() {
    let (runtime, diary) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.call(Some("1".into()), "Echo", &json!(["one"]));
    assert!(client.hear().await);
    let mut before = client.leave();
    assert!(client.come_back().await);
    assert!(matches!(before.event().await, Some(Event::Close)));

    // What the first still brings, and that it ends, is nobody's business any more.
    before.tell(&json!({ "type": 7 }));
    before.lose();
    client.send_again();
    client.call(Some("2".into()), "Echo", &json!(["two"]));
    assert!(client.hear().await);
    assert_eq!(client.heard[1]["result"], "two");
    assert_eq!(diary.read(), ["connected", "one", "two"]);
}

#[actix::test]
async fn a_transport_that_comes_late_is_refused() {
    let (runtime, _) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    let mut late = client.leave();
    assert!(client.come_back().await);
    assert!(client.come_back().await);
    assert!(!late.come_back().await, "another has come after it");
    client.send_again();
    client.call(Some("1".into()), "Echo", &json!(["still here"]));
    assert!(client.hear().await);
}

#[actix::test]
async fn a_client_of_an_older_version_cannot_come_back() {
    let (runtime, diary) = start(HubOptions::default());
    let settings = Settings { version: 1, ..Settings::default() };
    let mut client = Client::connect(&runtime, settings).await;
    assert_eq!(client.place.told(), ["closed"]);
    assert!(!client.come_back().await);

    let mut client = Client::connect(&runtime, settings).await;
    client.lose();
    client.over().await;
    assert_eq!(diary.read(), ["connected", "connected", "disconnected"]);
}

#[actix::test]
async fn a_connection_that_has_ended_is_not_resumed() {
    type End = fn(&mut Client);
    let endings: [(&str, End); 4] = [
        ("a close message", |client| client.tell(&json!({ "type": 7 }))),
        ("a message nobody understands", |client| client.tell(&json!("?"))),
        ("the hub ends it", |client| client.call(None, "Abort", &json!([]))),
        ("messages are missing", |client| client.tell(&json!({ "type": 9, "sequenceId": 2 }))),
    ];
    for (why, end) in endings {
        let (runtime, _) = start(HubOptions::default());
        let mut client = Client::connect(&runtime, Settings::default()).await;
        end(&mut client);
        assert!(client.hear().await, "{why}");
        assert_eq!(client.heard[0]["type"], 7, "{why}");
        client.over().await;
        assert_eq!(client.place.told(), ["closed"], "{why}");
        assert!(!client.come_back().await, "{why}");
    }
}

#[actix::test]
async fn a_client_that_leaves_messages_out_is_told_so() {
    let (runtime, _) = start(HubOptions::default().detailed_errors(true));
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.call(None, "Echo", &json!(["one"]));
    client.tell(&json!({ "type": 9, "sequenceId": 3 }));
    assert!(client.hear().await);
    let text = "Connection closed with an error. InvalidOperationException: Sequence ID greater than amount of \
                messages we've received.";
    assert_eq!(client.heard[0], json!({ "type": 7, "error": text, "allowReconnect": true }));
}

#[actix::test]
async fn a_cut_before_the_handshake_does_no_harm() {
    let (runtime, _) = start(HubOptions::default());
    let mut client = Client::open(&runtime, Settings::default());
    client.write(b"{\"protocol\":\"json\",\"ver");
    client.lose();
    assert!(client.come_back().await);
    client.write(b"{\"protocol\":\"json\",\"version\":2}\x1e");
    assert_eq!(client.record().await.unwrap(), "{}");
    client.call(Some("1".into()), "Echo", &json!(["hello"]));
    assert!(client.hear().await);
}

#[actix::test]
async fn a_hub_sees_the_request_by_which_its_client_came_back() {
    let (runtime, _) = start(HubOptions::default());
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.call(Some("1".into()), "Path", &json!([]));
    assert!(client.hear().await);
    client.lose();
    assert!(client.come_back().await);
    client.send_again();
    client.call(Some("2".into()), "Path", &json!([]));
    assert!(client.hear().await);
    let paths: Vec<&Value> = client.heard.iter().map(|message| &message["result"]).collect();
    assert_eq!(paths, ["/first", "/again"]);
}

#[actix::test]
async fn a_full_buffer_holds_calls_up_until_the_client_acknowledges() {
    // So that calls go down one by one.
    let options = HubOptions::default().maximum_parallel_invocations(2);
    let (runtime, diary) = start(options.stateful_reconnect_buffer_size(1000));
    let mut client = Client::connect(&runtime, Settings::default()).await;
    for call in 0..20 {
        client.call(Some(call.to_string()), "Echo", &json!([format!("{call:0>300}")]));
    }
    for echoes in 1..=20 {
        assert!(client.hear().await);
        // The rest waits, and the acknowledgement has to be found behind it.
        let run = diary.read().len() - 1;
        assert!(run <= echoes + 4, "{run} have run where {echoes} have been heard");
        if run == echoes {
            client.acknowledge();
        }
    }
}

#[actix::test]
async fn a_full_buffer_holds_streams_up_until_the_client_acknowledges() {
    let (runtime, _) = start(HubOptions::default().stateful_reconnect_buffer_size(1000));
    let mut client = Client::connect(&runtime, Settings::default()).await;
    client.say(&json!({ "type": 4, "invocationId": "s", "target": "Count", "arguments": [100, 300] }));
    for item in 0..100 {
        assert!(client.hear().await);
        assert_eq!(client.heard[item]["item"], format!("{item:0>300}"));
        if item % 3 == 2 {
            client.acknowledge();
        }
    }
}

#[actix::test]
async fn a_client_whose_acknowledgements_stand_too_far_behind_is_not_waited_for() {
    let (runtime, diary) = start(HubOptions::default().stateful_reconnect_buffer_size(1000));
    let settings = Settings { inbound_limit: 4000, ..Settings::default() };
    let mut client = Client::connect(&runtime, settings).await;
    for call in 0..400 {
        client.call(Some(call.to_string()), "Echo", &json!([format!("{call:0>300}")]));
    }
    // What would fit is not read, as a socket would not be; so it is for the calls to make room.
    for _ in 0..380 {
        assert!(client.hear().await);
    }
    assert!(diary.read().len() > 380);
}

#[actix::test]
async fn a_client_that_never_acknowledges_is_let_go_in_the_end() {
    let (runtime, diary) = start(HubOptions::default().stateful_reconnect_buffer_size(1000));
    let settings = Settings { inbound_limit: 4000, maximum_backlog: 5000, ..Settings::default() };
    let mut client = Client::connect(&runtime, settings).await;
    for call in 0..400 {
        client.call(Some(call.to_string()), "Echo", &json!([format!("{call:0>300}")]));
    }
    client.over().await;
    assert_eq!(diary.read().last().unwrap(), "disconnected: the client does not read what it is sent");
    assert!(!client.come_back().await);
}

#[actix::test]
async fn what_is_delivered_to_a_client_that_is_away_is_kept_for_it_and_bounded() {
    let (runtime, diary) = start(HubOptions::default().stateful_reconnect_buffer_size(1000));
    let settings = Settings { maximum_backlog: 5000, ..Settings::default() };
    let mut client = Client::connect(&runtime, settings).await;
    client.cut_after(Budget { up: usize::MAX, down: 1 });
    for call in 0..8 {
        client.call(None, "Say", &json!([format!("{call:0>300}")]));
    }
    assert!(!client.hear().await);
    client.lose();
    assert!(client.come_back().await);
    client.send_again();
    for call in 0..3 {
        assert!(client.hear().await);
        assert_eq!(client.heard[call]["arguments"], json!([format!("{call:0>300}")]));
    }
    client.acknowledge();
    for call in 8..40 {
        client.call(None, "Say", &json!([format!("{call:0>300}")]));
        client.acknowledge();
        assert!(client.hear().await);
    }
    while client.heard.len() < 40 {
        client.acknowledge();
        assert!(client.hear().await);
    }
    assert_eq!(diary.read().len(), 41);
}
