//! The behaviours, each told once.

use actix_signalr_actors::ClientProxy;

use crate::town::Town;

async fn say(to: &ClientProxy) {
    assert!(to.send("Heard", ("hi",)).await.is_ok());
}

pub(crate) async fn everybody_is_counted_and_reached(town: &Town) {
    assert_eq!(town.context().connection_count().await, 6);
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

pub(crate) async fn several_connections_are_reached_once_each(town: &Town) {
    say(&town.context().clients().clients([town.id(5), town.id(1), "nobody", town.id(5)])).await;
    assert_eq!(town.heard().await, [0, 1, 0, 0, 0, 1]);
}

pub(crate) async fn a_user_is_reached_on_all_of_his_connections(town: &Town) {
    say(&town.context().clients().user("bob")).await;
    assert_eq!(town.heard().await, [0, 1, 0, 0, 1, 0]);
    say(&town.context().clients().users(["bob", "cid", "bob", "nobody"])).await;
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
        assert_eq!(town.clients[by].invoke("Add", ("nobody", "red")).await, Ok(()));
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
    assert_eq!(town.context().connection_count().await, 4);
    assert_eq!(town.clients[0].invoke("Add", (town.id(1), "red")).await, Ok(()));
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
    assert!(town.context().groups().add("nobody", "red").await.is_ok());
    assert!(town.context().groups().remove("nobody", "red").await.is_ok());
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
