//! Groups, as a hub's methods use them.

use actix_signalr_actors::{
    Hub, HubCallerContext, HubDescriptor, HubResult, SendError,
    testing::{TestClient, TestHub, user},
};

struct Rooms;

impl Rooms {
    async fn join(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.groups().add(ctx.connection_id(), group).await
    }

    async fn leave(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.groups().remove(ctx.connection_id(), group).await
    }

    async fn add(&self, ctx: HubCallerContext, id: String, group: String) -> Result<(), SendError> {
        ctx.groups().add(id, group).await
    }

    async fn tell(&self, ctx: HubCallerContext, group: String, text: String) -> Result<(), SendError> {
        ctx.clients().group(group).send("Heard", (text,)).await
    }

    async fn tell_all(
        &self,
        ctx: HubCallerContext,
        groups: Vec<String>,
        text: String,
    ) -> Result<(), SendError> {
        ctx.clients().groups(groups).send("Heard", (text,)).await
    }

    async fn tell_others(&self, ctx: HubCallerContext, group: String, text: String) -> Result<(), SendError> {
        ctx.clients().others_in_group(group).send("Heard", (text,)).await
    }

    async fn tell_except(
        &self,
        ctx: HubCallerContext,
        group: String,
        except: Vec<String>,
        text: String,
    ) -> Result<(), SendError> {
        ctx.clients().group_except(group, except).send("Heard", (text,)).await
    }

    async fn join_and_tell(&self, ctx: HubCallerContext, group: String) -> HubResult {
        ctx.groups().add(ctx.connection_id(), &group).await?;
        ctx.clients().group(&group).send("Heard", ("in",)).await?;
        ctx.groups().remove(ctx.connection_id(), &group).await?;
        ctx.clients().group(&group).send("Heard", ("out",)).await?;
        Ok(())
    }
}

impl Hub for Rooms {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Join", Self::join);
        hub.method("Leave", Self::leave);
        hub.method("Add", Self::add);
        hub.method("Tell", Self::tell);
        hub.method("TellAll", Self::tell_all);
        hub.method("TellOthers", Self::tell_others);
        hub.method("TellExcept", Self::tell_except);
        hub.method("JoinAndTell", Self::join_and_tell);
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        Ok(ctx.groups().add(ctx.connection_id(), "lobby").await?)
    }
}

/// Ann and Bob are in red, Bob and Cid in blue; all in the lobby.
async fn rooms() -> (TestHub<Rooms>, [TestClient; 3]) {
    let hub = TestHub::start(Rooms);
    let clients =
        [hub.connect(user("ann")).await, hub.connect(user("bob")).await, hub.connect(user("cid")).await];
    let [ann, bob, cid] = &clients;
    for (client, group) in [(ann, "red"), (bob, "red"), (bob, "blue"), (cid, "blue")] {
        assert_eq!(client.invoke("Join", (group,)).await, Ok(()));
    }
    (hub, clients)
}

/// What each has heard since the last time.
async fn heard(clients: &[TestClient; 3]) -> [Vec<String>; 3] {
    let mut all = [vec![], vec![], vec![]];
    for (client, heard) in clients.iter().zip(&mut all) {
        while client.has_received("Heard") {
            heard.push(client.receive("Heard").await);
        }
    }
    all
}

#[actix::test]
async fn members_hear_what_is_sent_to_their_group() {
    let (_hub, clients) = rooms().await;
    let [ann, _, cid] = &clients;
    cid.invoke::<()>("Tell", ("red", "hi")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec!["hi"], vec!["hi"], vec![]]);
    ann.invoke::<()>("TellOthers", ("red", "ho")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec![], vec!["ho"], vec![]]);
    ann.invoke::<()>("TellExcept", ("lobby", [cid.connection_id(), "nobody"], "hu")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec!["hu"], vec!["hu"], vec![]]);
}

#[actix::test]
async fn who_is_in_two_of_several_groups_hears_it_twice() {
    let (_hub, clients) = rooms().await;
    clients[0].invoke::<()>("TellAll", (["red", "blue", "nobody's"], "hi")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec!["hi"], vec!["hi", "hi"], vec!["hi"]]);
}

#[actix::test]
async fn joining_twice_is_joining_once_and_leaving_is_at_once() {
    let (_hub, clients) = rooms().await;
    let [ann, bob, _] = &clients;
    ann.invoke::<()>("Join", ("red",)).await.unwrap();
    bob.invoke::<()>("Tell", ("red", "one")).await.unwrap();
    ann.invoke::<()>("Leave", ("red",)).await.unwrap();
    ann.invoke::<()>("Leave", ("red",)).await.unwrap();
    bob.invoke::<()>("Tell", ("red", "two")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec!["one"], vec!["one", "two"], vec![]]);
}

#[actix::test]
async fn a_call_that_joins_hears_itself_and_one_that_leaves_does_not() {
    let (_hub, clients) = rooms().await;
    clients[0].invoke::<()>("JoinAndTell", ("green",)).await.unwrap();
    assert_eq!(heard(&clients).await[0], ["in"]);
}

#[actix::test]
async fn names_are_compared_with_case() {
    let (_hub, clients) = rooms().await;
    clients[0].invoke::<()>("Tell", ("Red", "hi")).await.unwrap();
    clients[0].invoke::<()>("Tell", ("red ", "hi")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec![], vec![], vec![] as Vec<String>]);
}

#[actix::test]
async fn a_connection_may_be_added_by_another_and_an_unknown_one_is_no_error() {
    let (_hub, clients) = rooms().await;
    let [ann, _, cid] = &clients;
    cid.invoke::<()>("Add", (ann.connection_id(), "blue")).await.unwrap();
    cid.invoke::<()>("Add", ("nobody", "blue")).await.unwrap();
    cid.invoke::<()>("Tell", ("blue", "hi")).await.unwrap();
    assert_eq!(heard(&clients).await, [["hi"], ["hi"], ["hi"]]);
}

#[actix::test]
async fn a_group_without_a_name_among_several_is_an_error() {
    let (_hub, clients) = rooms().await;
    let failed = clients[0].invoke::<()>("TellAll", (["red", ""], "hi")).await.unwrap_err();
    assert_eq!(failed.to_string(), "An unexpected error occurred invoking 'TellAll' on the server.");
    assert_eq!(heard(&clients).await, [vec![], vec![], vec![] as Vec<String>]);
}

#[actix::test]
async fn membership_ends_with_the_connection() {
    let (hub, clients) = rooms().await;
    let [ann, bob, cid] = clients;
    bob.vanish().await;
    let bob = hub.connect(user("bob")).await;
    ann.invoke::<()>("TellAll", (["red", "blue"], "hi")).await.unwrap();
    assert_eq!(heard(&[ann, bob, cid]).await, [vec!["hi"], vec![], vec!["hi"]]);
}

#[actix::test]
async fn groups_may_be_kept_from_outside_of_the_hub() {
    let (hub, clients) = rooms().await;
    let context = hub.context();
    context.groups().add(clients[0].connection_id(), "blue").await.unwrap();
    context.groups().remove(clients[2].connection_id(), "blue").await.unwrap();
    clients[1].invoke::<()>("Tell", ("blue", "hi")).await.unwrap();
    assert_eq!(heard(&clients).await, [vec!["hi"], vec!["hi"], vec![]]);
}
