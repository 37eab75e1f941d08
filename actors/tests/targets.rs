//! Whom a hub's methods send to, and what arrives.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_signalr_actors::{
    ClaimsPrincipal, ClientProxy, Hub, HubCallerContext, HubDescriptor, HubError, HubResult, SendError,
    testing::{TestClient, TestHub, anonymous, user},
};
use serde::{Serialize, Serializer};

struct Post;

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not to be written"))
    }
}

impl Post {
    /// Sends to whom `to` names.
    async fn send(&self, ctx: HubCallerContext, to: String, names: Vec<String>) -> HubResult {
        let clients = ctx.clients();
        let first = names.first().map(String::as_str).unwrap_or_default();
        let proxy: ClientProxy = match &*to {
            "all" => clients.all(),
            "all except" => clients.all_except(names),
            "others" => clients.others(),
            "clients" => clients.clients(names),
            "user" => clients.user(first),
            "users" => clients.users(names),
            "caller" => return Ok(clients.caller().send("Mail", ()).await?),
            "client" => return Ok(clients.client(first).send("Mail", ()).await?),
            _ => return Err(HubError::new("to whom?")),
        };
        Ok(proxy.send("Mail", ()).await?)
    }

    async fn count_to(&self, ctx: HubCallerContext, last: u32) -> Result<(), SendError> {
        for number in 1..=last {
            ctx.clients().all().send("Number", (number, "of", last)).await?;
        }
        Ok(())
    }

    async fn unwritable(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().all().send("Mail", (Unwritable,)).await
    }

    async fn bare(&self, ctx: HubCallerContext) -> Result<(), SendError> {
        ctx.clients().all().send("Mail", "no tuple").await
    }

    async fn who(&self, ctx: HubCallerContext) -> HubResult<(String, Option<String>)> {
        Ok((ctx.connection_id().to_owned(), ctx.user_id().map(str::to_owned)))
    }
}

impl Hub for Post {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Send", Self::send);
        hub.method("CountTo", Self::count_to);
        hub.method("Unwritable", Self::unwritable);
        hub.method("Bare", Self::bare);
        hub.method("Who", Self::who);
    }
}

/// Ann twice, Bob, and a stranger.
async fn four(hub: &TestHub<Post>) -> [TestClient; 4] {
    [
        hub.connect(user("ann")).await,
        hub.connect(user("ann")).await,
        hub.connect(user("bob")).await,
        hub.connect(anonymous()).await,
    ]
}

/// How often each has got mail since the last time.
async fn mail(clients: &[TestClient; 4]) -> [usize; 4] {
    let mut all = [0; 4];
    for (client, count) in clients.iter().zip(&mut all) {
        while client.has_received("Mail") {
            client.receive::<()>("Mail").await;
            *count += 1;
        }
    }
    all
}

#[actix::test]
async fn each_target_means_its_connections() {
    let hub = TestHub::start(Post);
    let clients = four(&hub).await;
    // That they have arrived is sure once each has been answered.
    for client in &clients {
        client.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
    }
    let id = |at: usize| clients[at].connection_id();
    for (to, names, expected) in [
        ("all", vec![], [1, 1, 1, 1]),
        ("all except", vec![id(1), id(3), "nobody"], [1, 0, 1, 0]),
        ("others", vec![], [0, 1, 1, 1]),
        ("caller", vec![], [1, 0, 0, 0]),
        ("client", vec![id(2)], [0, 0, 1, 0]),
        ("client", vec!["nobody"], [0, 0, 0, 0]),
        ("clients", vec![id(2), id(2), id(3), "nobody"], [0, 0, 1, 1]),
        ("user", vec!["ann"], [1, 1, 0, 0]),
        ("user", vec!["Ann"], [0, 0, 0, 0]),
        ("user", vec![""], [0, 0, 0, 0]),
        ("users", vec!["ann", "bob", "ann", "nobody"], [1, 1, 1, 0]),
    ] {
        clients[0].invoke::<()>("Send", (to, &names)).await.unwrap();
        assert_eq!(mail(&clients).await, expected, "{to} {names:?}");
    }
}

#[actix::test]
async fn messages_arrive_in_the_order_sent() {
    let hub = TestHub::start(Post);
    let ann = hub.connect(user("ann")).await;
    let bob = hub.connect(user("bob")).await;
    bob.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
    ann.invoke::<()>("CountTo", (200,)).await.unwrap();
    for client in [&ann, &bob] {
        for number in 1..=200 {
            let heard: (u32, String, u32) = client.receive("Number").await;
            assert_eq!(heard, (number, "of".to_owned(), 200));
        }
    }
}

#[actix::test]
async fn what_cannot_be_written_reaches_nobody_and_harms_nobody() {
    let hub = TestHub::start(Post);
    let clients = four(&hub).await;
    for method in ["Unwritable", "Bare"] {
        let failed = clients[0].invoke::<()>(method, ()).await.unwrap_err();
        let expected = format!("An unexpected error occurred invoking '{method}' on the server.");
        assert_eq!(failed.to_string(), expected);
    }
    for client in &clients {
        client.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
    }
    assert_eq!(mail(&clients).await, [0; 4]);
}

#[actix::test]
async fn the_rest_of_an_application_sends_through_the_context_of_the_hub() {
    let hub = TestHub::start(Post);
    let clients = four(&hub).await;
    let context = hub.context().clone();
    context.clients().user("bob").send("Mail", ()).await.unwrap();
    clients[2].receive::<()>("Mail").await;
    context.clients().all_except([clients[0].connection_id()]).send("Mail", ()).await.unwrap();
    for client in &clients[1..] {
        client.receive::<()>("Mail").await;
    }
    assert!(!clients[0].has_received("Mail"));
    assert_eq!(context.connection_count().await, 4);
}

#[actix::test]
async fn a_connection_knows_its_id_and_the_user_id_of_the_provider() {
    let provider = |user: &ClaimsPrincipal| user.name().map(|name| format!("{name}@example.com"));
    let hub = TestHub::builder(Post).user_id_provider(provider).start();
    let ann = hub.connect(user("ann")).await;
    let who = ann.invoke::<(String, Option<String>)>("Who", ()).await;
    assert_eq!(who, Ok((ann.connection_id().to_owned(), Some("ann@example.com".to_owned()))));
    let stranger = hub.connect(anonymous()).await;
    let (_, user_id) = stranger.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
    assert_eq!(user_id, None);
    hub.context().clients().user("ann@example.com").send("Mail", ()).await.unwrap();
    ann.receive::<()>("Mail").await;
}

#[actix::test]
async fn an_empty_user_id_is_nobodys() {
    let hub = TestHub::builder(Post).user_id_provider(|_: &ClaimsPrincipal| Some(String::new())).start();
    let ann = hub.connect(user("ann")).await;
    let (_, user_id) = ann.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
    assert_eq!(user_id, None);
    ann.invoke::<()>("Send", ("user", [""])).await.unwrap();
    assert!(!ann.has_received("Mail"));
}

#[actix::test]
async fn a_user_id_is_computed_once_at_the_handshake() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let provider =
        move |_: &ClaimsPrincipal| Some(format!("user {}", counted.fetch_add(1, Ordering::SeqCst)));
    let hub = TestHub::builder(Post).user_id_provider(provider).start();
    let ann = hub.connect(user("ann")).await;
    for _ in 0..3 {
        let (_, user_id) = ann.invoke::<(String, Option<String>)>("Who", ()).await.unwrap();
        assert_eq!(user_id.as_deref(), Some("user 0"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
