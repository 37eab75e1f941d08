//! Who may connect, and who may call what.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, AuthorizeData, ClaimsIdentity, ClaimsPrincipal,
    ConnectRequest, DescribeError, Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult, Outcome,
    Policy, PolicyError, Requirement, claim_types,
    testing::{ConnectError, TestHub, anonymous, user},
    transport::TransportKind,
};
use futures::join;
use tokio::{sync::Semaphore, time};

/// Only people of one mail domain; trainees may look but not ban.
#[derive(Clone, Debug)]
struct DomainRestricted {
    domain: &'static str,
}

impl Requirement for DomainRestricted {}

impl AuthorizationHandler<Self> for DomainRestricted {
    async fn handle(&self, context: &AuthorizationContext, requirement: &Self) -> Outcome {
        let (Some(name), Some(call)) = (context.user().name(), context.hub_invocation()) else {
            return Outcome::Abstain;
        };
        let too_early = name.starts_with("trainee.") && call.method == "BanUser";
        match name.ends_with(requirement.domain) && !too_early {
            true => Outcome::Succeed,
            false => Outcome::Abstain,
        }
    }
}

/// What the handlers of these tests say, by name.
#[derive(Clone)]
struct Says {
    how: &'static str,
    gate: Arc<Semaphore>,
}

impl Requirement for Says {}

impl AuthorizationHandler<Self> for Says {
    async fn handle(&self, _: &AuthorizationContext, _: &Self) -> Outcome {
        match self.how {
            "succeeds" => Outcome::Succeed,
            "abstains" => Outcome::Abstain,
            "fails" => Outcome::Fail,
            "panics" => panic!("a bug of the application"),
            "panics late" => {
                tokio::task::yield_now().await;
                panic!("a bug of the application")
            }
            "asks" => {
                let Ok(permit) = self.gate.acquire().await else { return Outcome::Fail };
                permit.forget();
                Outcome::Succeed
            }
            _ => pending().await,
        }
    }
}

#[derive(Clone, Default)]
struct Office {
    banned: Arc<AtomicBool>,
}

impl Office {
    async fn view_user_history(&self, _ctx: HubCallerContext, user: String) -> HubResult<String> {
        Ok(format!("history of {user}"))
    }

    async fn ban_user(&self, _ctx: HubCallerContext, user: String) -> HubResult<String> {
        self.banned.store(true, Ordering::SeqCst);
        Ok(format!("banned {user}"))
    }

    async fn step_down(&self, ctx: HubCallerContext) -> HubResult {
        ctx.items().insert(SteppedDown);
        Ok(())
    }

    async fn open(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

#[derive(Clone)]
struct SteppedDown;

/// A hub that demands something itself.
struct MembersOnly;

impl MembersOnly {
    async fn open(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for MembersOnly {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::policy("Members"));
        hub.method("Open", Self::open);
    }
}

impl Hub for Office {
    fn describe(hub: &mut HubDescriptor<Self>) {
        let domain = || AuthorizeData::policy("DomainRestricted");
        hub.method("ViewUserHistory", Self::view_user_history).authorize(domain());
        hub.method("BanUser", Self::ban_user).authorize(domain());
        hub.method("StepDown", Self::step_down);
        hub.method("Guarded", Self::open).authorize(AuthorizeData::policy("Asked"));
        hub.method("SignedIn", Self::open).authorize(AuthorizeData::authenticated());
        hub.method("Admins", Self::open).authorize(AuthorizeData::roles("Admin, Owner"));
        hub.method("Both", Self::open)
            .authorize(AuthorizeData::roles("Admin"))
            .authorize(AuthorizeData::policy("Red"));
        hub.method("Open", Self::open);
    }
}

/// A hub where the policy `Asked` is the one given.
fn office(asked: Policy, options: HubOptions) -> TestHub<Office> {
    TestHub::builder(Office::default())
        .options(options)
        .policy("DomainRestricted", Policy::new().require(DomainRestricted { domain: "@example.com" }))
        .policy("Asked", asked)
        .policy("Red", Policy::new().require_claim_value("team", ["red"]))
        .start()
}

fn says(how: &'static str) -> (Policy, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    (Policy::new().require(Says { how, gate: gate.clone() }), gate)
}

fn unauthorized(method: &str) -> String {
    format!("Failed to invoke '{method}' because user is unauthorized")
}

fn with_claims(claims: &[(&'static str, &str)]) -> ClaimsPrincipal {
    claims
        .iter()
        .fold(ClaimsIdentity::new("Test"), |identity, (kind, value)| identity.claim(*kind, *value))
        .into()
}

#[actix::test]
async fn people_of_a_domain_may_and_trainees_may_not_ban() {
    let hub = office(says("succeeds").0, HubOptions::default());
    for (name, may_view, may_ban) in [
        ("ann@example.com", true, true),
        ("trainee.bob@example.com", true, false),
        ("eve@elsewhere.org", false, false),
    ] {
        let client = hub.connect(user(name)).await;
        let viewed = client.invoke::<String>("ViewUserHistory", ("joe",)).await;
        let banned = client.invoke::<String>("banuser", ("joe",)).await;
        assert_eq!(viewed.is_ok(), may_view, "{name}: {viewed:?}");
        assert_eq!(banned.is_ok(), may_ban, "{name}: {banned:?}");
        if let Err(err) = viewed {
            assert_eq!(err.to_string(), unauthorized("ViewUserHistory"));
        }
    }
    let stranger = hub.connect(anonymous()).await;
    let refused = stranger.invoke::<String>("BanUser", ("joe",)).await.unwrap_err();
    assert_eq!(refused.to_string(), unauthorized("BanUser"));
    assert_eq!(stranger.invoke("Open", ("x",)).await, Ok("x".to_owned()), "the connection goes on");
}

#[actix::test]
async fn a_handler_must_succeed_whatever_it_says_otherwise() {
    for (how, may) in
        [("succeeds", true), ("abstains", false), ("fails", false), ("panics", false), ("panics late", false)]
    {
        let hub = office(says(how).0, HubOptions::default().detailed_errors(true));
        let ann = hub.connect(user("ann")).await;
        let answer = ann.invoke::<String>("Guarded", ("x",)).await;
        assert_eq!(answer.is_ok(), may, "{how}");
        if let Err(err) = answer {
            assert_eq!(err.to_string(), unauthorized("Guarded"), "no details, ever");
        }
        assert_eq!(ann.invoke("Open", ("x",)).await, Ok("x".to_owned()));
    }
}

#[actix::test]
async fn a_handler_may_ask_elsewhere_and_holds_up_its_own_connection_alone() {
    let (policy, gate) = says("asks");
    let hub = office(policy, HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    let bob = hub.connect(user("bob")).await;
    let (guarded, behind, ()) = join!(
        ann.invoke::<String>("Guarded", ("first",)),
        ann.invoke::<String>("Open", ("second",)),
        async {
            assert_eq!(bob.invoke("Open", ("x",)).await, Ok("x".to_owned()));
            gate.add_permits(1);
        }
    );
    assert_eq!((guarded, behind), (Ok("first".to_owned()), Ok("second".to_owned())));
}

#[actix::test]
async fn a_handler_that_never_answers_denies_in_the_end() {
    time::pause();
    let options = HubOptions::default().authorization_timeout(Duration::from_secs(7));
    let hub = office(says("hangs").0, options);
    let ann = hub.connect(user("ann")).await;
    let started = time::Instant::now();
    let (guarded, behind) =
        join!(ann.invoke::<String>("Guarded", ("x",)), ann.invoke::<String>("Open", ("y",)));
    assert_eq!(guarded.unwrap_err().to_string(), unauthorized("Guarded"));
    assert_eq!(behind, Ok("y".to_owned()));
    assert_eq!(started.elapsed().as_secs(), 7);
}

#[actix::test]
async fn a_call_sees_in_authorization_what_the_call_before_it_did() {
    let asked = Policy::new().require_assertion(|context| {
        context.hub_invocation().is_some_and(|call| call.ctx.items().get::<SteppedDown>().is_none())
    });
    for parallel in [1, 4] {
        let options = HubOptions::default().maximum_parallel_invocations(parallel);
        let hub = office(asked.clone(), options);
        let ann = hub.connect(user("ann")).await;
        // All three in one read.
        ann.send_bytes(
            "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Guarded\",\"arguments\":[\"a\"]}\x1e\
             {\"type\":1,\"target\":\"StepDown\",\"arguments\":[]}\x1e\
             {\"type\":1,\"invocationId\":\"2\",\"target\":\"Guarded\",\"arguments\":[\"b\"]}\x1e",
        )
        .await;
        assert_eq!(ann.next_record().await.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"a"}"#));
        let refused = format!(r#"{{"type":3,"invocationId":"2","error":"{}"}}"#, unauthorized("Guarded"));
        assert_eq!(ann.next_record().await, Some(refused), "{parallel} at a time");
    }
}

#[actix::test]
async fn a_handler_sees_the_call_as_the_hub_declares_it() {
    let asked = Policy::new().require_assertion(|context| {
        let Some(call) = context.hub_invocation() else { return false };
        call.method == "Guarded"
            && call.arguments.len() == 1
            && call.arguments.at::<String>(0).is_some_and(|text| text == "open sesame")
            && call.ctx.user().name() == Some("ann")
            && context.request().is_none()
    });
    let hub = office(asked, HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    assert_eq!(ann.invoke("GUARDED", ("open sesame",)).await, Ok("open sesame".to_owned()));
    let refused = ann.invoke::<String>("Guarded", ("please",)).await.unwrap_err();
    assert_eq!(refused.to_string(), unauthorized("Guarded"));
}

#[actix::test]
async fn arguments_that_do_not_fit_are_told_before_authorization_is_asked() {
    let hub = office(says("hangs").0, HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    let refused = ann.invoke::<String>("Guarded", (1,)).await.unwrap_err();
    assert_eq!(refused.to_string(), "Failed to invoke 'Guarded' due to an error on the server.");
}

#[actix::test]
async fn an_unauthorized_call_is_refused_before_its_mode_is_looked_at() {
    let hub = office(says("fails").0, HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.send_record(r#"{"type":4,"invocationId":"1","target":"Guarded","arguments":["x"]}"#).await;
    let refused = format!(r#"{{"type":3,"invocationId":"1","error":"{}"}}"#, unauthorized("Guarded"));
    assert_eq!(ann.next_record().await, Some(refused));
}

#[actix::test]
async fn an_unauthorized_call_without_an_id_is_not_answered_and_does_not_run() {
    let banned = Arc::<AtomicBool>::default();
    let domain = Policy::new().require(DomainRestricted { domain: "@example.com" });
    let hub = TestHub::builder(Office { banned: banned.clone() })
        .policy("DomainRestricted", domain)
        .policy("Asked", says("fails").0)
        .policy("Red", Policy::new().require_claim("team"))
        .start();
    let eve = hub.connect(user("eve@elsewhere.org")).await;
    eve.send("BanUser", ("joe",)).await;
    eve.send_record(r#"{"type":1,"invocationId":"1","target":"Open","arguments":["x"]}"#).await;
    let next = eve.next_record().await;
    assert_eq!(next.as_deref(), Some(r#"{"type":3,"invocationId":"1","result":"x"}"#));
    assert!(!banned.load(Ordering::SeqCst));
}

#[actix::test]
async fn demands_on_a_method_add_up() {
    let hub = office(says("succeeds").0, HubOptions::default());
    let role = |role| (claim_types::ROLE, role);
    for (who, signed_in, admin, both) in [
        (anonymous(), false, false, false),
        (user("ann"), true, false, false),
        (with_claims(&[role("Admin")]), true, true, false),
        (with_claims(&[role("Owner"), ("team", "red")]), true, true, false),
        (with_claims(&[role("Admin"), ("team", "red")]), true, true, true),
        (with_claims(&[role("admin"), ("team", "red")]), true, false, false),
    ] {
        let text = format!("{who:?}");
        let client = hub.connect(who).await;
        for (method, may) in [("SignedIn", signed_in), ("Admins", admin), ("Both", both)] {
            let answer = client.invoke::<String>(method, ("x",)).await;
            assert_eq!(answer.is_ok(), may, "{method}: {text}");
        }
    }
}

#[actix::test]
async fn who_does_not_meet_the_demand_of_a_hub_does_not_connect() {
    let members = Policy::new().require_role(["Member"]);
    let hub = TestHub::with_policies(MembersOnly, [("members", members)]);
    assert_eq!(hub.try_connect(anonymous()).await.unwrap_err(), ConnectError::Unauthorized);
    assert_eq!(hub.try_connect(user("ann")).await.unwrap_err(), ConnectError::Forbidden);
    let member = hub.connect(with_claims(&[(claim_types::ROLE, "Member")])).await;
    assert_eq!(member.invoke("Open", ("x",)).await, Ok("x".to_owned()));
}

#[actix::test]
async fn the_demand_of_a_hub_sees_the_request_and_no_call() {
    let members = Policy::new().require_assertion(|context| {
        context.hub_invocation().is_none()
            && context.request().and_then(|request| request.query("code")).as_deref() == Some("7")
    });
    let hub = TestHub::with_policies(MembersOnly, [("Members", members)]);
    let request = |code: &str| {
        let query = vec![("code".to_owned(), code.to_owned())];
        ConnectRequest::new(TransportKind::InProcess, "/office").with_query(query)
    };
    let refused = hub.client(user("ann")).request(request("8")).try_connect().await;
    assert_eq!(refused.unwrap_err(), ConnectError::Forbidden);
    assert!(hub.client(user("ann")).request(request("7")).try_connect().await.is_ok());
}

#[actix::test]
async fn a_demand_nobody_can_meet_is_an_error_when_the_hub_is_served() {
    let unknown = TestHub::builder(MembersOnly).try_start().unwrap_err();
    assert_eq!(unknown, DescribeError::Policy(None, PolicyError::Unknown("Members".into())));
    let without = TestHub::builder(Office::default())
        .policy("DomainRestricted", Policy::new().require(DomainRestricted { domain: "@example.com" }))
        .policy("Asked", Policy::new())
        .try_start()
        .unwrap_err();
    assert_eq!(without, DescribeError::Policy(Some("Guarded".into()), PolicyError::Empty("Asked".into())));
}

#[actix::test]
async fn the_default_policy_is_what_a_bare_demand_means() {
    let hub = TestHub::builder(Office::default())
        .policy("DomainRestricted", Policy::new().require(DomainRestricted { domain: "@example.com" }))
        .policy("Asked", says("succeeds").0)
        .policy("Red", Policy::new().require_claim("team"))
        .default_policy(Policy::new().require_user_name("ann"))
        .start();
    assert!(hub.connect(user("ann")).await.invoke::<String>("SignedIn", ("x",)).await.is_ok());
    assert!(hub.connect(user("bob")).await.invoke::<String>("SignedIn", ("x",)).await.is_err());
}

#[actix::test]
async fn who_has_gone_while_he_was_asked_about_is_forgotten() {
    let (policy, gate) = says("asks");
    let hub = office(policy, HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.send("Guarded", ("x",)).await;
    ann.vanish().await;
    assert_eq!(hub.context().connection_count().await, 0);
    gate.add_permits(1);
    let bob = hub.connect(user("bob")).await;
    assert_eq!(bob.invoke("Open", ("x",)).await, Ok("x".to_owned()));
}
