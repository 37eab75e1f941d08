//! Credentials that a client replaces while it is connected: as whom calls are made, and what the hub is told.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly, and so may what they are made of")]

use std::{sync::Arc, time::Duration};

use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, AuthorizeData, ClaimsIdentity, ClaimsPrincipal, Hub,
    HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, HubStream, Outcome, Policy,
    Requirement, claim_types,
    testing::{RefreshError, TestClient, TestHub, anonymous, user},
};
use futures::stream;
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time};

/// A hub that writes down who calls, and whose calls wait until they are let pass.
#[derive(Clone)]
struct Book {
    log: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

impl Book {
    fn new() -> Self {
        Self { log: Arc::default(), gate: Arc::new(Semaphore::new(0)), door: Arc::new(Semaphore::new(0)) }
    }

    fn note(&self, what: &str, ctx: &HubCallerContext) {
        self.log.lock().push(format!("{what} {}", role(ctx)));
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock())
    }

    async fn who(&self, ctx: HubCallerContext) -> HubResult<String> {
        Ok(format!("{} {}", ctx.user_id().unwrap_or("nobody"), role(&ctx)))
    }

    async fn pass(&self, ctx: HubCallerContext, name: String) -> HubResult<String> {
        self.note(&name, &ctx);
        self.gate.acquire().await?.forget();
        Ok(role(&ctx))
    }

    async fn watch(&self, ctx: HubCallerContext) -> HubStream<String> {
        let gate = self.gate.clone();
        HubStream::of(stream::unfold((), move |()| {
            let (gate, ctx) = (gate.clone(), ctx.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                Some((role(&ctx), ()))
            }
        }))
    }

    async fn join(&self, ctx: HubCallerContext, group: String) -> HubResult {
        Ok(ctx.groups().add(ctx.connection_id(), group).await?)
    }
}

fn role(ctx: &HubCallerContext) -> String {
    ctx.user().find_first(claim_types::ROLE).unwrap_or("none").to_owned()
}

impl Hub for Book {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Who", Self::who);
        hub.method("Pass", Self::pass);
        hub.method("Watch", Self::watch);
        hub.method("Join", Self::join);
        hub.method("Admin", Self::who).authorize(AuthorizeData::roles("admin"));
        hub.method("Asked", Self::who).authorize(AuthorizeData::policy("Asked"));
    }

    async fn on_connected(&self, ctx: HubCallerContext) -> HubResult {
        if ctx.user().name() == Some("slow") {
            self.gate.acquire().await?.forget();
        }
        self.note("connected", &ctx);
        Ok(())
    }

    async fn on_authentication_refreshed(&self, ctx: HubCallerContext) -> HubResult {
        self.note("refreshed", &ctx);
        match &*role(&ctx) {
            "fails" => return Err(HubError::new("no")),
            "panics" => panic!("a bug of the application"),
            "aborts" => ctx.abort(),
            "asks" => ctx.clients().caller().invoke::<i32, _>("Question", ()).await.map(drop)?,
            "waits" => self.gate.acquire().await?.forget(),
            _ => {}
        }
        ctx.clients().caller().send("Refreshed", (role(&ctx),)).await?;
        Ok(())
    }
}

/// Waits before it says whether somebody is an admin.
struct SlowRole(Arc<Semaphore>);

impl Requirement for SlowRole {}

impl AuthorizationHandler<Self> for SlowRole {
    async fn handle(&self, context: &AuthorizationContext, _: &Self) -> Outcome {
        let Ok(permit) = self.0.acquire().await else { return Outcome::Abstain };
        permit.forget();
        if context.user().is_in_role("admin") { Outcome::Succeed } else { Outcome::Abstain }
    }
}

fn as_role(name: &str, role: &str) -> ClaimsIdentity {
    let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME, name);
    identity.claim(claim_types::NAME_IDENTIFIER, name).claim(claim_types::ROLE, role)
}

fn start_with(book: &Book, options: HubOptions) -> TestHub<Book> {
    let asked = Policy::new().require(SlowRole(book.door.clone()));
    TestHub::builder(book.clone()).options(options).policy("Asked", asked).start()
}

fn start(book: &Book) -> TestHub<Book> {
    start_with(book, HubOptions::default())
}

/// Ann as a guest, connected.
async fn ann(hub: &TestHub<Book>) -> TestClient {
    let ann = hub.connect(as_role("ann", "guest")).await;
    assert_eq!(who(&ann).await, "ann guest");
    ann
}

async fn who(client: &TestClient) -> String {
    client.invoke("Who", ()).await.unwrap()
}

fn call(id: &str, target: &str, arguments: &str) -> String {
    format!(
        "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{arguments}]}}\x1e"
    )
}

/// Calls of `Pass`, as many as there are names, in one read.
async fn send_passes(client: &TestClient, names: &[&str]) {
    let calls: Vec<_> = names.iter().map(|name| call(name, "Pass", &format!("\"{name}\""))).collect();
    client.send_bytes(calls.concat()).await;
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[actix::test]
async fn later_calls_are_made_as_the_new_user_and_authorized_with_it() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    assert!(ann.invoke::<String>("Admin", ()).await.is_err());
    ann.refresh(as_role("ann", "admin")).await.unwrap();
    assert_eq!(ann.invoke("Admin", ()).await, Ok("ann admin".to_owned()));
    ann.refresh(as_role("ann", "guest")).await.unwrap();
    assert!(ann.invoke::<String>("Admin", ()).await.is_err());
}

#[actix::test]
async fn the_user_id_and_the_groups_stay() {
    let book = Book::new();
    // Known by the mail address, which stays; the subject does not.
    let by_mail = |user: &ClaimsPrincipal| user.find_first(claim_types::EMAIL).map(str::to_owned);
    let asked = Policy::new().require_user(|_| true);
    let hub = TestHub::builder(book).policy("Asked", asked).user_id_provider(by_mail).start();
    let ann = hub.connect(as_role("one", "guest").claim(claim_types::EMAIL, "a@b")).await;
    ann.invoke::<()>("Join", ("red",)).await.unwrap();
    ann.refresh(as_role("two", "guest").claim(claim_types::EMAIL, "a@b")).await.unwrap();
    ann.receive::<String>("Refreshed").await;
    assert_eq!(who(&ann).await, "a@b guest");
    hub.context().clients().user("a@b").send("ToUser", ()).await.unwrap();
    ann.receive::<()>("ToUser").await;
    hub.context().clients().group("red").send("ToGroup", ()).await.unwrap();
    ann.receive::<()>("ToGroup").await;
}

#[actix::test]
async fn another_user_is_refused_and_nothing_changes() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    book.log();
    for other in [as_role("bob", "admin").into(), anonymous(), as_role("ANN", "admin").into()] {
        assert_eq!(ann.refresh(other).await, Err(RefreshError::UserChanged));
    }
    // A name that nobody vouches for is no user of ours.
    let claimed = ClaimsIdentity::unauthenticated().claim(claim_types::NAME_IDENTIFIER, "ann");
    assert_eq!(ann.refresh(claimed).await, Err(RefreshError::UserChanged));
    assert_eq!(who(&ann).await, "ann guest");
    assert!(book.log().is_empty());
}

#[actix::test]
async fn without_a_user_id_it_counts_who_somebody_is() {
    let hub = start(&Book::new());
    let by_upn = |name: &str, role: &str| {
        ClaimsIdentity::new("Test").claim(claim_types::UPN, name).claim(claim_types::ROLE, role)
    };
    let ann = hub.connect(by_upn("ann@corp", "guest")).await;
    ann.refresh(by_upn("ann@corp", "admin")).await.unwrap();
    assert_eq!(who(&ann).await, "nobody admin");
    assert_eq!(ann.refresh(by_upn("bob@corp", "admin")).await, Err(RefreshError::UserChanged));
    assert_eq!(ann.refresh(as_role("ann", "admin")).await, Err(RefreshError::UserChanged));

    let nobody = hub.connect(anonymous()).await;
    nobody.refresh(anonymous()).await.unwrap();
    assert_eq!(nobody.refresh(user("ann")).await, Err(RefreshError::UserChanged));
}

#[actix::test]
async fn a_user_id_provider_that_panics_refuses() {
    let provider = |user: &ClaimsPrincipal| match user.find_first(claim_types::ROLE) {
        Some("admin") => panic!("a bug of the application"),
        _ => Some("everybody".to_owned()),
    };
    let asked = Policy::new().require_user(|_| true);
    let hub = TestHub::builder(Book::new()).policy("Asked", asked).user_id_provider(provider).start();
    let ann = hub.connect(as_role("ann", "guest")).await;
    assert_eq!(ann.refresh(as_role("ann", "admin")).await, Err(RefreshError::UserChanged));
    assert_eq!(who(&ann).await, "everybody guest");
    // And one that knows everybody by one id makes nobody of a stranger.
    assert_eq!(ann.refresh(anonymous()).await, Err(RefreshError::UserChanged));
}

#[actix::test]
async fn a_running_call_keeps_its_user_and_one_that_is_queued_has_the_new() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    book.log();
    send_passes(&ann, &["1", "2"]).await;
    settle().await;
    ann.refresh(as_role("ann", "admin")).await.unwrap();
    book.gate.add_permits(2);
    ann.receive::<String>("Refreshed").await;
    assert_eq!(
        ann.next_record().await.unwrap(),
        r#"{"type":3,"invocationId":"1","result":"guest"}"#,
        "to its end"
    );
    assert_eq!(ann.next_record().await.unwrap(), r#"{"type":3,"invocationId":"2","result":"admin"}"#);
    assert_eq!(book.log(), ["1 guest", "2 admin", "refreshed admin"]);
}

#[actix::test]
async fn a_queued_call_is_authorized_with_the_new_user_whether_it_gains_or_loses() {
    for (before, after) in [("guest", "admin"), ("admin", "guest")] {
        let book = Book::new();
        let hub = start(&book);
        let ann = hub.connect(as_role("ann", before)).await;
        who(&ann).await;
        ann.send_bytes(call("1", "Pass", "\"1\"") + &call("2", "Admin", "")).await;
        settle().await;
        ann.refresh(as_role("ann", after)).await.unwrap();
        book.gate.add_permits(1);
        ann.receive::<String>("Refreshed").await;
        ann.next_record().await.unwrap();
        let second = ann.next_record().await.unwrap();
        assert_eq!(second.contains("ann admin"), after == "admin", "{second}");
        assert_eq!(second.contains("user is unauthorized"), after == "guest", "{second}");
    }
}

#[actix::test]
async fn a_decision_about_the_old_user_is_not_used_for_the_new() {
    for limit in [1, 4] {
        let book = Book::new();
        let hub = start_with(&book, HubOptions::default().maximum_parallel_invocations(limit));
        let ann = hub.connect(as_role("ann", "admin")).await;
        who(&ann).await;
        ann.send_bytes(call("1", "Asked", "")).await;
        settle().await;
        ann.refresh(as_role("ann", "guest")).await.unwrap();
        // Once for the admin, once for the guest.
        book.door.add_permits(2);
        let answer = loop {
            let record = ann.next_record().await.unwrap();
            if record.contains(r#""type":3"#) {
                break record;
            }
        };
        assert!(answer.contains("user is unauthorized"), "{limit}: {answer}");
    }
}

#[actix::test]
async fn a_stream_keeps_its_user_and_the_hook_does_not_wait_for_it() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    ann.send_record(r#"{"type":4,"invocationId":"s","target":"Watch","arguments":[]}"#).await;
    book.gate.add_permits(1);
    assert_eq!(ann.next_record().await.unwrap(), r#"{"type":2,"invocationId":"s","item":"guest"}"#);
    ann.refresh(as_role("ann", "admin")).await.unwrap();
    ann.receive::<String>("Refreshed").await;
    book.gate.add_permits(1);
    assert_eq!(ann.next_record().await.unwrap(), r#"{"type":2,"invocationId":"s","item":"guest"}"#);
}

#[actix::test]
async fn the_hook_lets_the_next_call_pass_and_stands_before_those_behind_it() {
    for is_one_read in [true, false] {
        let book = Book::new();
        let hub = start(&book);
        let ann = ann(&hub).await;
        book.log();
        if is_one_read {
            send_passes(&ann, &["1", "2", "3", "4"]).await;
        } else {
            for name in ["1", "2", "3", "4"] {
                send_passes(&ann, &[name]).await;
                settle().await;
            }
        }
        settle().await;
        ann.refresh(as_role("ann", "admin")).await.unwrap();
        settle().await;
        send_passes(&ann, &["5"]).await;
        book.gate.add_permits(5);
        for _ in 0..6 {
            ann.next_record().await.unwrap();
        }
        assert_eq!(book.log(), ["1 guest", "2 admin", "refreshed admin", "3 admin", "4 admin", "5 admin"]);
    }
}

#[actix::test]
async fn the_hook_stands_before_calls_that_come_after_it() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    book.log();
    send_passes(&ann, &["1"]).await;
    settle().await;
    ann.refresh(as_role("ann", "waits")).await.unwrap();
    settle().await;
    send_passes(&ann, &["2"]).await;
    book.gate.add_permits(1);
    settle().await;
    assert_eq!(book.log(), ["1 guest", "refreshed waits"], "and they wait for it");
    book.gate.add_permits(2);
    settle().await;
    assert_eq!(book.log(), ["2 waits"]);
}

#[actix::test]
async fn hooks_that_have_waited_see_who_the_client_is_then() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    book.log();
    send_passes(&ann, &["1"]).await;
    settle().await;
    for role in ["first", "second", "third"] {
        ann.refresh(as_role("ann", role)).await.unwrap();
    }
    send_passes(&ann, &["2"]).await;
    book.gate.add_permits(2);
    for _ in 0..5 {
        ann.next_record().await.unwrap();
    }
    assert_eq!(book.log(), ["1 guest", "refreshed third", "refreshed third", "refreshed third", "2 third"]);
}

#[actix::test]
async fn with_calls_beside_each_other_the_hook_takes_one_of_their_places() {
    let book = Book::new();
    let hub = start_with(&book, HubOptions::default().maximum_parallel_invocations(2));
    let ann = ann(&hub).await;
    book.log();
    send_passes(&ann, &["1", "2", "3"]).await;
    settle().await;
    ann.refresh(as_role("ann", "waits")).await.unwrap();
    settle().await;
    assert_eq!(book.log(), ["1 guest", "2 guest"]);
    book.gate.add_permits(1);
    settle().await;
    assert_eq!(book.log(), ["3 waits"], "it came before");
    book.gate.add_permits(1);
    settle().await;
    assert_eq!(book.log(), ["refreshed waits"]);
    book.gate.add_permits(2);
    ann.receive::<String>("Refreshed").await;
}

#[actix::test]
async fn a_hook_that_fails_harms_nobody() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    for role in ["fails", "panics", "fine"] {
        ann.refresh(as_role("ann", role)).await.unwrap();
        assert_eq!(who(&ann).await, format!("ann {role}"));
    }
    assert_eq!(ann.receive::<String>("Refreshed").await, "fine");
}

#[actix::test]
async fn the_client_cannot_be_asked_within_the_hook() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    ann.refresh(as_role("ann", "asks")).await.unwrap();
    assert_eq!(who(&ann).await, "ann asks");
    assert!(!ann.has_received("Question"));
    assert!(!ann.has_received("Refreshed"), "the question has failed");
}

#[actix::test]
async fn a_hook_may_end_the_connection() {
    let book = Book::new();
    let hub = start(&book);
    let ann = ann(&hub).await;
    ann.refresh(as_role("ann", "aborts")).await.unwrap();
    assert!(ann.disconnected().await.was_told);
    assert_eq!(ann.refresh(as_role("ann", "guest")).await, Err(RefreshError::Ended));
}

#[actix::test]
async fn before_the_handshake_nobody_is_told_and_the_hub_meets_the_new_user() {
    let book = Book::new();
    let hub = start(&book);
    let ann = hub.client(as_role("ann", "guest")).open().await.unwrap();
    assert_eq!(ann.refresh(as_role("bob", "admin")).await, Err(RefreshError::UserChanged));
    ann.refresh(as_role("ann", "admin")).await.unwrap();
    ann.send_record(r#"{"protocol":"json","version":1}"#).await;
    assert_eq!(ann.next_record().await.as_deref(), Some("{}"));
    assert_eq!(who(&ann).await, "ann admin");
    assert_eq!(book.log(), ["connected admin"]);
}

#[actix::test]
async fn while_the_hub_is_asked_whether_it_takes_the_client_the_hook_waits() {
    let book = Book::new();
    let hub = start(&book);
    let slow = hub.connect(as_role("slow", "guest")).await;
    slow.refresh(as_role("slow", "admin")).await.unwrap();
    settle().await;
    assert!(book.log().is_empty());
    book.gate.add_permits(1);
    assert_eq!(who(&slow).await, "slow admin");
    assert_eq!(book.log(), ["connected guest", "refreshed admin"]);
}

#[actix::test]
async fn the_deadline_moves_in_both_directions() {
    time::pause();
    let book = Book::new();
    let hub = start(&book);
    let ann = hub.client(as_role("ann", "guest")).expires_in(Duration::from_secs(5)).connect().await;
    ann.refresh_for(as_role("ann", "guest"), Duration::from_secs(60)).await.unwrap();
    time::sleep(Duration::from_secs(10)).await;
    assert_eq!(who(&ann).await, "ann guest", "later");
    ann.refresh(as_role("ann", "guest")).await.unwrap();
    time::sleep(Duration::from_secs(120)).await;
    assert_eq!(who(&ann).await, "ann guest", "none");
    ann.refresh_for(as_role("ann", "guest"), Duration::from_secs(3)).await.unwrap();
    time::sleep(Duration::from_secs(5)).await;
    assert!(ann.disconnected().await.allow_reconnect, "sooner");
}
