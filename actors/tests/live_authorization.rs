//! Rights that are taken away while connections are open.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, AuthorizeData, ClaimsIdentity, ConnectionSelector,
    GroupDemands, GroupName, Hub, HubCallerContext, HubDescriptor, HubError, HubOptions, HubResult, Outcome,
    Policy, Requirement, ResourceHandler, RevocationError, SendError,
    backplane::Receiver,
    claim_types,
    testing::{Closed, ConnectError, TestClient, TestHub, TestHubBuilder, TestNetwork, anonymous, user},
};
use bytes::Bytes;
use futures::{future::join_all, join};
use tokio::sync::Semaphore;

/// What its hooks have heard.
#[derive(Clone, Default)]
struct Club {
    connected: Arc<AtomicUsize>,
    over: Arc<AtomicUsize>,
    ran: Arc<AtomicUsize>,
}

impl Club {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        Ok(text)
    }

    async fn join(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.groups().add(ctx.connection_id(), group).await
    }

    async fn add(&self, ctx: HubCallerContext, id: String, group: String) -> HubResult<bool> {
        match ctx.groups().add(id, group).await {
            Ok(()) => Ok(true),
            Err(SendError::NotAuthorized) => Ok(false),
            Err(err) => Err(err.into()),
        }
    }

    async fn tell(&self, ctx: HubCallerContext, group: String) -> Result<(), SendError> {
        ctx.clients().group(group).send("Told", (1,)).await
    }

    async fn dismiss(&self, ctx: HubCallerContext, user: String) -> HubResult<usize> {
        Ok(ctx.users().disconnect(&ConnectionSelector::user(user)).await?)
    }
}

impl Hub for Club {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::policy("Members"));
        hub.method("Echo", Self::echo);
        hub.method("Asked", Self::echo).authorize(AuthorizeData::policy("Asked"));
        hub.method("Join", Self::join);
        hub.method("Add", Self::add);
        hub.method("Tell", Self::tell);
        hub.method("Dismiss", Self::dismiss);
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        self.connected.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, _error: Option<HubError>) -> HubResult {
        tokio::task::yield_now().await;
        self.over.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Holds while a switch is on, for whoever asks.
#[derive(Clone)]
struct On(Arc<AtomicBool>);

impl On {
    fn yes() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn off(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Requirement for On {}

impl AuthorizationHandler<Self> for On {
    async fn handle(&self, context: &AuthorizationContext, _: &Self) -> Outcome {
        let holds = self.0.load(Ordering::SeqCst) || context.user().is_in_role("Admin");
        if holds { Outcome::Succeed } else { Outcome::Abstain }
    }
}

fn club(hub: Club) -> TestHubBuilder<Club> {
    TestHub::builder(hub)
        .policy("Members", Policy::new().require_claim("member"))
        .policy("Asked", Policy::new().require_authenticated_user())
}

fn member(name: &str) -> ClaimsIdentity {
    ClaimsIdentity::new("Test")
        .claim(claim_types::NAME_IDENTIFIER, name.to_owned())
        .claim("member", "yes")
        .claim("jti", format!("token of {name}"))
        .claim("tenant", if name.len() > 3 { "long" } else { "short" })
}

/// Not to come back, and nothing was wrong.
fn told_to_go() -> Closed {
    let mut closed = Closed::default();
    closed.was_told = true;
    closed
}

/// A selector, by the first of the clients.
type Select = fn(&TestClient) -> ConnectionSelector;

async fn is_there(client: &TestClient) -> bool {
    client.invoke::<String>("Echo", ("x",)).await.is_ok()
}

#[actix::test]
async fn who_is_meant_is_disconnected_and_told_and_nobody_else() {
    let selectors: [(Select, [bool; 3]); 6] = [
        (|first| ConnectionSelector::connection(first.connection_id()), [true, false, false]),
        (|_| ConnectionSelector::user("ann"), [true, true, false]),
        (|_| ConnectionSelector::claim("JTI", "token of robert"), [false, false, true]),
        (|_| ConnectionSelector::claim("tenant", "short"), [true, true, false]),
        (|_| ConnectionSelector::matching(|user| user.has_claim("tenant", "long")), [false, false, true]),
        (|_| ConnectionSelector::all(), [true, true, true]),
    ];
    for workers in [0, 2] {
        for (selector, meant) in &selectors {
            let told = Club::default();
            let hub = club(told.clone()).workers(workers).start();
            let clients = ["ann", "ann", "robert"].map(|name| hub.connect(member(name)));
            let clients = join_all(clients).await;
            for client in &clients {
                assert!(is_there(client).await);
            }
            let selector = selector(&clients[0]);
            let ended = hub.users().disconnect(&selector).await.unwrap();
            let expected = meant.iter().filter(|meant| **meant).count();
            assert_eq!((ended, told.over.load(Ordering::SeqCst)), (expected, expected), "{selector:?}");
            for (client, meant) in clients.iter().zip(meant) {
                if *meant {
                    assert_eq!(client.disconnected().await, told_to_go());
                } else {
                    assert!(is_there(client).await);
                }
            }
            assert_eq!(hub.users().disconnect(&selector).await, Ok(0));
            assert!(hub.try_connect(member("ann")).await.is_ok(), "it is not for ever");
        }
    }
}

#[actix::test]
async fn a_revoked_token_stays_out_and_another_of_the_user_does_not() {
    let hub = club(Club::default()).start();
    let ann = hub.connect(member("ann")).await;
    let token = ConnectionSelector::claim("jti", "token of ann");
    assert_eq!(hub.users().revoke(&token, Duration::from_secs(60)).await, Ok(1));
    assert_eq!(ann.disconnected().await, told_to_go());
    assert_eq!(hub.try_connect(member("ann")).await.unwrap_err(), ConnectError::Unauthorized);
    let renewed = ClaimsIdentity::new("Test")
        .claim(claim_types::NAME_IDENTIFIER, "ann")
        .claim("member", "yes")
        .claim("jti", "another");
    assert!(hub.try_connect(renewed.clone()).await.is_ok());
    let of_ann = ConnectionSelector::user("ann");
    assert!(hub.users().revoke(&of_ann, Duration::from_secs(60)).await.is_ok());
    assert_eq!(hub.try_connect(renewed.clone()).await.unwrap_err(), ConnectError::Unauthorized);
    hub.users().reinstate(&of_ann).await.unwrap();
    assert!(hub.try_connect(renewed).await.is_ok());
}

#[actix::test]
async fn a_connection_that_is_being_made_does_not_slip_through() {
    let told = Club::default();
    let hub = club(told.clone()).start();
    // Let in, and the handshake has not come.
    let ann = hub.client(member("ann")).open().await.unwrap();
    let by_id = hub.client(member("bob")).open().await.unwrap();
    let minute = Duration::from_secs(60);
    let token = ConnectionSelector::claim("jti", "token of ann");
    assert_eq!(hub.users().revoke(&token, minute).await, Ok(0));
    let connection = ConnectionSelector::connection(by_id.connection_id());
    assert_eq!(hub.users().revoke(&connection, minute).await, Ok(0));
    for client in [ann, by_id] {
        client.send_record(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(client.disconnected().await, told_to_go());
    }
    assert_eq!(told.connected.load(Ordering::SeqCst), 0, "the hub has not heard of them");
    assert_eq!(hub.context().connection_count().await, 0);
}

#[actix::test]
async fn a_call_that_waits_for_its_decision_does_not_run_when_its_user_is_revoked() {
    let told = Club::default();
    let gate = Arc::new(Semaphore::new(0));
    let open = gate.clone();
    let asked = Policy::new().require_async_assertion(async move |_: &AuthorizationContext| {
        open.acquire().await.is_ok_and(|permit| {
            permit.forget();
            true
        })
    });
    let hub = club(told.clone()).policy("Asked", asked).start();
    let (ann, bob) = join!(hub.connect(member("ann")), hub.connect(member("bob")));
    ann.send("Asked", ("x",)).await;
    assert!(is_there(&bob).await);
    hub.users().disconnect(&ConnectionSelector::user("ann")).await.unwrap();
    gate.add_permits(2);
    assert_eq!(bob.invoke("Asked", ("y",)).await, Ok("y".to_owned()));
    assert_eq!(told.ran.load(Ordering::SeqCst), 2, "bob's two calls");
}

#[actix::test]
async fn who_does_not_meet_the_demand_of_the_hub_any_more_goes_when_it_is_asked_again() {
    let on = On::yes();
    let hub = club(Club::default()).policy("Members", Policy::new().require(on.clone())).start();
    let admin = member("eve").claim(claim_types::ROLE, "Admin");
    let (ann, eve) = join!(hub.connect(member("ann")), hub.connect(admin));
    let all = ConnectionSelector::all();
    assert_eq!(hub.users().reauthorize(&all).await, Ok(0));
    on.off();
    assert!(is_there(&ann).await, "nobody has asked");
    assert_eq!(hub.users().reauthorize(&ConnectionSelector::user("eve")).await, Ok(0));
    assert_eq!(hub.users().reauthorize(&all).await, Ok(1));
    assert_eq!(ann.disconnected().await, told_to_go());
    assert!(is_there(&eve).await);
}

#[actix::test]
async fn what_is_known_of_a_user_is_forgotten_when_it_is_asked_again() {
    /// Breaks its word: what it says changes without the principal.
    struct Fickle(On);
    impl Requirement for Fickle {
        fn depends_only_on_principal(&self) -> bool {
            true
        }
    }
    impl AuthorizationHandler<Self> for Fickle {
        async fn handle(&self, context: &AuthorizationContext, _: &Self) -> Outcome {
            self.0.handle(context, &self.0).await
        }
    }
    let on = On::yes();
    let hub = club(Club::default()).policy("Asked", Policy::new().require(Fickle(on.clone()))).start();
    let ann = hub.connect(member("ann")).await;
    assert!(ann.invoke::<String>("Asked", ("x",)).await.is_ok());
    on.off();
    assert!(ann.invoke::<String>("Asked", ("x",)).await.is_ok(), "it is kept");
    hub.users().reauthorize(&ConnectionSelector::user("ann")).await.unwrap();
    assert!(ann.invoke::<String>("Asked", ("x",)).await.is_err());
}

/// Groups of the name of a role are for those who have it.
struct OfRole;

impl Requirement for OfRole {}

impl ResourceHandler<Self, GroupName> for OfRole {
    async fn handle(&self, context: &AuthorizationContext, _: &Self, group: &GroupName) -> Outcome {
        let role = group.as_str().trim_start_matches("role/");
        if context.user().is_in_role(role) { Outcome::Succeed } else { Outcome::Abstain }
    }
}

fn guarded(hub: Club, on: &On) -> TestHubBuilder<Club> {
    let groups = GroupDemands::new()
        .group("staff", AuthorizeData::policy("Staff"))
        .groups_with_prefix("role/", AuthorizeData::policy("OfRole"));
    club(hub)
        .policy("Staff", Policy::new().require(on.clone()))
        .policy("OfRole", Policy::new().require_on(OfRole))
        .groups(groups)
}

#[actix::test]
async fn a23_who_may_not_be_in_a_group_any_more_leaves_it_by_himself_and_an_unguarded_one_is_the_applications()
 {
    for workers in [0, 2] {
        let on = On::yes();
        let hub = guarded(Club::default(), &on).workers(workers).start();
        let (ann, bob) = join!(hub.connect(member("ann")), hub.connect(member("bob")));
        for group in ["staff", "open"] {
            ann.invoke::<()>("Join", (group,)).await.unwrap();
            assert_eq!(ann.invoke("Add", (bob.connection_id(), group)).await, Ok(true));
        }
        on.off();
        assert_eq!(hub.users().reauthorize(&ConnectionSelector::user("bob")).await, Ok(0));
        ann.invoke::<()>("Tell", ("staff",)).await.unwrap();
        ann.receive::<(i32,)>("Told").await;
        ann.invoke::<()>("Tell", ("open",)).await.unwrap();
        bob.receive::<(i32,)>("Told").await;
        assert!(is_there(&bob).await);
        assert!(!bob.has_received("Told"), "one of two has reached him");
    }
}

#[actix::test]
async fn a_guarded_group_takes_only_those_who_meet_its_demand_whoever_adds_them() {
    for workers in [0, 2] {
        let on = On::yes();
        let hub = guarded(Club::default(), &on).workers(workers).start();
        let admin = member("eve").claim(claim_types::ROLE, "Admin");
        let (ann, eve) = join!(hub.connect(member("ann")), hub.connect(admin));
        assert!(is_there(&ann).await && is_there(&eve).await);
        for (client, group, may) in [
            (&ann, "role/Admin", false),
            (&eve, "role/Admin", true),
            (&ann, "role/Other", false),
            (&ann, "staff", true),
            (&ann, "Staff", true),
            (&ann, "anything", true),
        ] {
            let added = eve.invoke::<bool>("Add", (client.connection_id(), group)).await;
            assert_eq!(added, Ok(may), "{group}");
        }
        eve.invoke::<()>("Tell", ("role/Admin",)).await.unwrap();
        eve.receive::<(i32,)>("Told").await;
        assert!(is_there(&ann).await);
        assert!(!ann.has_received("Told"));
        assert_eq!(eve.invoke("Add", ("nobody", "staff")).await, Ok(true), "who is not there is no error");
    }
    let wrong = GroupDemands::new().group("staff", AuthorizeData::policy("Missing"));
    assert!(club(Club::default()).groups(wrong).try_start().is_err());
}

#[actix::test]
async fn whose_principal_is_replaced_leaves_the_guarded_groups_that_are_not_his_any_more() {
    let hub = guarded(Club::default(), &On::yes()).start();
    let eve = hub.connect(member("eve").claim(claim_types::ROLE, "Admin")).await;
    for group in ["role/Admin", "staff"] {
        eve.invoke::<()>("Join", (group,)).await.unwrap();
    }
    eve.refresh(member("eve")).await.unwrap();
    // It leaves as soon as it has been asked; nobody waits for that.
    for attempt in 0.. {
        eve.invoke::<()>("Tell", ("role/Admin",)).await.unwrap();
        if !eve.has_received("Told") {
            break;
        }
        eve.receive::<(i32,)>("Told").await;
        assert!(attempt < 1000, "it has not left");
    }
    eve.invoke::<()>("Tell", ("staff",)).await.unwrap();
    assert_eq!(eve.receive::<(i32,)>("Told").await, (1,));
}

#[actix::test]
async fn a_revoked_token_does_not_take_the_place_of_a_good_one() {
    let hub = club(Club::default()).start();
    let ann = hub.connect(member("ann")).await;
    let stolen = || member("ann").claim("jti", "stolen");
    let token = ConnectionSelector::claim("jti", "stolen");
    assert_eq!(hub.users().revoke(&token, Duration::from_secs(60)).await, Ok(0));
    let _ = ann.refresh(stolen()).await;
    assert_eq!(ann.disconnected().await, told_to_go());
}

#[actix::test]
async fn a_new_connection_ends_the_older_ones_of_its_user_where_that_is_wanted() {
    let options = HubOptions::default().single_session_per_user(true);
    let hub = club(Club::default()).policy("Members", Policy::new().require_user(|_| true));
    let hub = hub.options(options).workers(2).start();
    let first = hub.connect(user("ann")).await;
    let other = hub.connect(user("bob")).await;
    let nobody = [hub.connect(anonymous()).await, hub.connect(anonymous()).await];
    let second = hub.connect(user("ann")).await;
    assert_eq!(first.disconnected().await, told_to_go());
    for client in [&second, &other, &nobody[0], &nobody[1]] {
        assert!(is_there(client).await);
    }
    // However many come at once, one stays.
    let crowd = join_all((0..8).map(|_| hub.connect(user("ann")))).await;
    assert_eq!(second.disconnected().await, told_to_go());
    let mut left = 0;
    for client in &crowd {
        // Answered, or ended: the order of both is not known.
        left += usize::from(is_there(client).await);
    }
    let patience = Instant::now() + Duration::from_secs(30);
    while left > 1 {
        assert!(Instant::now() < patience, "{left} stay");
        left = 0;
        for client in &crowd {
            left += usize::from(is_there(client).await);
        }
    }
    assert_eq!(left, 1);
    let hub = club(Club::default()).start();
    let (first, second) = join!(hub.connect(member("ann")), hub.connect(member("ann")));
    assert!(is_there(&first).await && is_there(&second).await, "it is off by default");
}

#[actix::test]
async fn a_hub_may_dismiss_its_own_caller() {
    let hub = club(Club::default()).start();
    let ann = hub.connect(member("ann")).await;
    ann.send("Dismiss", ("ann",)).await;
    assert_eq!(ann.disconnected().await, told_to_go());
}

#[actix::test]
async fn what_is_ordered_holds_on_all_servers() {
    let network = TestNetwork::default();
    let on = On::yes();
    let started = |on: &On| guarded(Club::default(), on).backplane(network.server()).workers(2).start();
    let (here, there) = (started(&on), started(&on));
    let admin = || member("eve").claim(claim_types::ROLE, "Admin");
    let (ann, eve) = join!(there.connect(member("ann")), there.connect(admin()));
    let carl = here.connect(member("carl")).await;
    assert!(is_there(&ann).await && is_there(&eve).await && is_there(&carl).await);

    // Groups that are guarded where the connection is.
    ann.invoke::<()>("Join", ("staff",)).await.unwrap();
    on.off();
    assert_eq!(here.users().reauthorize(&ConnectionSelector::all()).await, Ok(0));
    carl.invoke::<()>("Tell", ("staff",)).await.unwrap();
    assert!(is_there(&ann).await);
    assert!(!ann.has_received("Told"));

    assert_eq!(here.users().disconnect(&ConnectionSelector::claim("tenant", "long")).await, Ok(1));
    assert_eq!(carl.disconnected().await, told_to_go());
    let minute = Duration::from_secs(60);
    assert_eq!(here.users().revoke(&ConnectionSelector::user("ann"), minute).await, Ok(1));
    assert_eq!(ann.disconnected().await, told_to_go());
    assert_eq!(there.try_connect(member("ann")).await.unwrap_err(), ConnectError::Unauthorized);
    assert_eq!(here.try_connect(member("ann")).await.unwrap_err(), ConnectError::Unauthorized);
    here.users().reinstate(&ConnectionSelector::user("ann")).await.unwrap();
    assert!(there.try_connect(member("ann")).await.is_ok());

    let everybody = ConnectionSelector::matching(|_| true);
    assert_eq!(here.users().disconnect(&everybody).await, Ok(0), "a function stays where it is");
    assert!(is_there(&eve).await);
}

/// A server that listens and says nothing.
struct Deaf;

impl Receiver for Deaf {
    fn receive(&self, _: Bytes) {}
}

#[actix::test]
async fn a_server_that_does_not_answer_is_said_to_be_missing() {
    let network = TestNetwork::default();
    let options = HubOptions::default().backplane_hub_name("club");
    let here = club(Club::default()).options(options).backplane(network.server()).start();
    network.server().subscribe("club:x:control", Arc::new(Deaf)).await;
    let ann = here.connect(member("ann")).await;
    assert!(is_there(&ann).await);
    tokio::time::pause();
    let missing = here.users().disconnect(&ConnectionSelector::user("ann")).await;
    assert_eq!(missing, Err(RevocationError::Incomplete { ended: 1 }));
}

/// Measures, and prints; it fails only where something hangs.
#[actix::test]
async fn the_last_of_many_connections_is_gone_soon() {
    const MANY: usize = 2000;
    for on_two_servers in [false, true] {
        let network = TestNetwork::default();
        let told = Club::default();
        let start = || {
            let builder = club(told.clone()).workers(2);
            if on_two_servers { builder.backplane(network.server()).start() } else { builder.start() }
        };
        let hubs = [start(), start()];
        let hubs = if on_two_servers { &hubs[..] } else { &hubs[..1] };
        let mut clients = Vec::new();
        for number in 0..MANY {
            clients.push(hubs[number % hubs.len()].connect(member("ann")).await);
        }
        join_all(clients.iter().map(is_there)).await;
        let began = Instant::now();
        let token = ConnectionSelector::claim("jti", "token of ann");
        let ended = hubs[0].users().revoke(&token, Duration::from_secs(60)).await;
        let took = began.elapsed();
        println!("{MANY} connections on {} servers were gone after {took:?}", hubs.len());
        assert_eq!(ended, Ok(MANY));
        assert_eq!(told.over.load(Ordering::SeqCst), MANY);
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}
