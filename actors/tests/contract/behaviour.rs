//! The behaviours, each told once.

use actix_signalr_actors::{ClientProxy, testing::TestClient};
use futures::join;

use crate::town::Town;

async fn say(to: &ClientProxy) {
    assert!(to.send("Heard", ("hi",)).await.is_ok());
}

pub(crate) async fn everybody_is_counted_and_reached(town: &Town) {
    assert_eq!(town.connection_count().await, 6);
    say(&town.context().clients().all()).await;
    assert_eq!(town.heard().await, [1; 6]);
}

pub(crate) async fn exceptions_are_left_out_wherever_they_are(town: &Town) {
    say(&town.context().clients().all_except([town.id(0), town.id(4), "nobody"])).await;
    assert_eq!(town.heard().await, [0, 1, 1, 1, 0, 1]);
}

pub(crate) async fn others_are_all_but_the_caller(town: &Town) {
    for at in 0..6 {
        assert_eq!(town.clients[at].invoke("CallOthers", ()).await, Ok(()));
        let mut expected = [1; 6];
        expected[at] = 0;
        assert_eq!(town.heard().await, expected);
    }
}

pub(crate) async fn one_connection_is_reached_wherever_it_is(town: &Town) {
    for at in 0..6 {
        let only = town.context().clients().client(town.id(at));
        assert!(only.send("Heard", ("you",)).await.is_ok());
        let mut expected = [0; 6];
        expected[at] = 1;
        assert_eq!(town.heard().await, expected);
    }
}

pub(crate) async fn several_connections_are_reached(town: &Town) {
    say(&town.context().clients().clients([town.id(5), town.id(1), "nobody"])).await;
    assert_eq!(town.heard().await, [0, 1, 0, 0, 0, 1]);
    // Who is named twice is meant once, by a server alone; the format of other servers has a message for each name.
    let copies = 1 + usize::from(town.has_backplane);
    say(&town.context().clients().clients([town.id(5), town.id(0), town.id(5), town.id(0)])).await;
    assert_eq!(town.heard().await, [copies, 0, 0, 0, 0, copies]);
    say(&town.context().clients().users(["bob", "bob"])).await;
    assert_eq!(town.heard().await, [0, copies, 0, 0, copies, 0]);
}

pub(crate) async fn a_user_is_reached_on_all_of_his_connections(town: &Town) {
    say(&town.context().clients().user("bob")).await;
    assert_eq!(town.heard().await, [0, 1, 0, 0, 1, 0]);
    say(&town.context().clients().users(["bob", "cid", "nobody"])).await;
    assert_eq!(town.heard().await, [0, 1, 1, 0, 1, 1]);
}

pub(crate) async fn groups_span_all_workers(town: &Town) {
    town.group("red", &[0, 1, 2, 2]).await;
    say(&town.context().clients().group("red")).await;
    assert_eq!(town.heard().await, [1, 1, 1, 0, 0, 0]);
    say(&town.context().clients().group_except("red", [town.id(1)])).await;
    assert_eq!(town.heard().await, [1, 0, 1, 0, 0, 0]);
    assert_eq!(town.clients[2].invoke("CallGroup", ("red",)).await, Ok(()));
    assert_eq!(town.heard().await, [1, 1, 0, 0, 0, 0]);
}

pub(crate) async fn who_is_in_two_groups_hears_it_twice(town: &Town) {
    town.group("red", &[0, 1]).await;
    town.group("blue", &[1, 2]).await;
    say(&town.context().clients().groups(["red", "blue"])).await;
    assert_eq!(town.heard().await, [1, 2, 1, 0, 0, 0]);
}

pub(crate) async fn a_connection_may_be_added_and_removed_from_anywhere(town: &Town) {
    for by in 0..3 {
        for at in 0..6 {
            assert_eq!(town.clients[by].invoke("Add", (town.id(at), "red")).await, Ok(()));
        }
        if !town.has_backplane {
            assert_eq!(town.clients[by].invoke("Add", ("nobody", "red")).await, Ok(()));
        }
        for at in 3..6 {
            assert_eq!(town.clients[by].invoke("Remove", (town.id(at), "red")).await, Ok(()));
        }
        say(&town.context().clients().group("red")).await;
        assert_eq!(town.heard().await, [1, 1, 1, 0, 0, 0]);
    }
}

pub(crate) async fn the_messages_of_a_sender_keep_their_order(town: &Town) {
    assert_eq!(town.clients[0].invoke("Count", (300,)).await, Ok(()));
    for client in &town.clients {
        for number in 0..300 {
            assert_eq!(client.receive::<u32>("Number").await, number);
        }
    }
}

pub(crate) async fn who_has_gone_is_neither_counted_nor_reached(town: &Town) {
    town.group("red", &[0, 1, 2]).await;
    town.clients[1].vanish().await;
    town.clients[2].close().await;
    assert_eq!(town.connection_count().await, 4);
    if !town.has_backplane {
        assert_eq!(town.clients[0].invoke("Add", (town.id(1), "red")).await, Ok(()));
    }
    say(&town.context().clients().group("red")).await;
    say(&town.context().clients().all()).await;
    town.clients[0].receive::<(String,)>("Heard").await;
    town.clients[0].receive::<(String,)>("Heard").await;
    assert!(!town.clients[1].has_received("Heard"));
    assert!(!town.clients[2].has_received("Heard"));
}

pub(crate) async fn nobody_is_no_error(town: &Town) {
    let clients = town.context().clients();
    say(&clients.group("nobody's")).await;
    say(&clients.user("nobody")).await;
    say(&clients.users([""; 0])).await;
    say(&clients.clients(["nobody"])).await;
    say(&clients.groups([""; 0])).await;
    assert!(clients.client("nobody").send("Heard", ()).await.is_ok());
    if !town.has_backplane {
        assert!(town.context().groups().add("nobody", "red").await.is_ok());
        assert!(town.context().groups().remove("nobody", "red").await.is_ok());
    }
    assert_eq!(town.heard().await, [0; 6]);
}

pub(crate) async fn what_is_sent_to_the_caller_comes_before_the_answer(town: &Town) {
    for client in &town.clients {
        client.send_record(r#"{"type":1,"invocationId":"1","target":"CountForMe","arguments":[2]}"#).await;
        for expected in [
            r#"{"type":1,"target":"Number","arguments":[0]}"#,
            r#"{"type":1,"target":"Number","arguments":[1]}"#,
            r#"{"type":3,"invocationId":"1","result":null}"#,
        ] {
            assert_eq!(client.next_record().await.as_deref(), Some(expected));
        }
    }
}

/// The id of the question that a client is asked next.
async fn question_of(client: &TestClient) -> String {
    let record = client.next_record().await.expect("the connection is open");
    let question: serde_json::Value = serde_json::from_str(&record).expect("a record is JSON");
    assert_eq!(question["target"], "WhoAreYou", "{record}");
    question["invocationId"].as_str().expect("a question has an id").to_owned()
}

async fn answer(client: &TestClient, id: &str, what: &str) {
    client.send_record(&format!(r#"{{"type":3,"invocationId":"{id}",{what}}}"#)).await;
}

pub(crate) async fn a_client_is_asked_wherever_it_is(town: &Town) {
    for at in 1..6 {
        let (answers, ()) = join!(
            async {
                let asked = || town.clients[0].invoke::<String>("Ask", (town.id(at),));
                [asked().await, asked().await]
            },
            async {
                let id = question_of(&town.clients[at]).await;
                answer(&town.clients[at], &id, r#""result":"cid""#).await;
                let id = question_of(&town.clients[at]).await;
                answer(&town.clients[at], &id, r#""error":"I do not say""#).await;
            }
        );
        let [said, refused] = answers;
        assert_eq!(said.as_deref(), Ok("cid"));
        assert_eq!(
            refused.expect_err("he does not say").to_string(),
            "An unexpected error occurred invoking 'Ask' on the server. HubException: I do not say"
        );
    }
    assert!(town.clients[0].invoke::<String>("Ask", ("nobody",)).await.is_err());
}

pub(crate) async fn who_goes_before_he_has_answered_fails_the_question(town: &Town) {
    for at in 1..4 {
        let asked = town.clients[0].invoke::<String>("Ask", (town.id(at),));
        let (answer, ()) = join!(asked, async {
            question_of(&town.clients[at]).await;
            town.clients[at].vanish().await;
        });
        let error = answer.expect_err("he has gone").to_string();
        assert!(error.starts_with("An unexpected error occurred invoking 'Ask' on the server."), "{error}");
    }
}

pub(crate) async fn who_answers_for_another_is_let_go(town: &Town) {
    // One of the asker's server, and one of that of who is asked; with one server, it is the same.
    for (asked, thief) in [(1, 4), (2, 3)] {
        let question = town.clients[0].invoke::<String>("Ask", (town.id(asked),));
        let (said, ()) = join!(question, async {
            let id = question_of(&town.clients[asked]).await;
            answer(&town.clients[thief], &id, r#""result":"forged""#).await;
            assert!(town.clients[thief].disconnected().await.allow_reconnect);
            answer(&town.clients[asked], &id, r#""result":"mine""#).await;
        });
        assert_eq!(said.as_deref(), Ok("mine"));
    }
}

pub(crate) async fn a_connection_is_ended_from_anywhere(town: &Town) {
    for at in [1, 2] {
        say(&town.context().clients().clients([town.id(at)])).await;
        assert!(town.context().disconnect(town.id(at)).await.is_ok());
        town.clients[at].receive::<(String,)>("Heard").await;
        let closed = town.clients[at].disconnected().await;
        assert!(closed.was_told && closed.error.is_none() && !closed.allow_reconnect);
    }
    assert!(town.context().disconnect("nobody").await.is_ok());
    assert_eq!(town.connection_count().await, 4);
}

pub(crate) async fn all_kinds_of_targets_keep_the_order_of_their_sender(town: &Town) {
    town.group("everybody", &[0, 1, 2, 3, 4, 5]).await;
    let ids: Vec<&str> = (0..6).map(|at| town.id(at)).collect();
    for sender in [0, 1] {
        assert_eq!(town.clients[sender].invoke("CountByAllWays", (ids.clone(), 200)).await, Ok(()));
        for client in &town.clients {
            for number in 0..200 {
                assert_eq!(client.receive::<u32>("Number").await, number);
            }
        }
    }
}
