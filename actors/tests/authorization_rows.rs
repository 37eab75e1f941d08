//! The pitfalls of authorization, by their numbers in the table that this crate is held against. Those that need requests
//! are beside the face.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_signalr_actors::{
    Authorization, AuthorizationContext, AuthorizationHandler, AuthorizeData, ClaimsIdentity,
    ClaimsPrincipal, ClientStream, DescribeError, Hub, HubCallerContext, HubDescriptor, HubInvocation,
    HubOptions, HubResult, HubStream, Operation, Outcome, Policy, PolicyError, Requirement, ResourceHandler,
    SendError, claim_types,
    testing::{ConnectError, TestHub, TestHubBuilder, anonymous, user},
};
use futures::{StreamExt, join, stream};

struct Office;

impl Office {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn numbers(&self, _ctx: HubCallerContext) -> HubStream<u32> {
        HubStream::of(stream::iter(0..3))
    }

    async fn sum(&self, _ctx: HubCallerContext, mut numbers: ClientStream<u32>) -> HubResult<u32> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn tell(&self, ctx: HubCallerContext, user: Option<String>) -> Result<(), SendError> {
        ctx.clients().user(user.unwrap_or_default()).send("Told", (1,)).await
    }
}

impl Hub for Office {
    fn describe(hub: &mut HubDescriptor<Self>) {
        let guarded = || AuthorizeData::policy("Guarded");
        hub.method("Guarded", Self::echo).authorize(guarded());
        hub.method("GuardedNumbers", Self::numbers).authorize(guarded());
        hub.method("GuardedSum", Self::sum).authorize(guarded());
        hub.method("Anonymous", Self::echo).authorize(AuthorizeData::authenticated()).allow_anonymous();
        hub.method("OtherScheme", Self::echo).authorize(AuthorizeData::default().with_schemes("Other"));
        hub.method("Open", Self::echo);
        hub.method("Tell", Self::tell);
    }
}

/// A hub that demands something, and lets everybody in.
struct OpenDoor;

impl Hub for OpenDoor {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::policy("Guarded")).allow_anonymous();
        hub.method("Guarded", Self::echo).authorize(AuthorizeData::policy("Guarded"));
        hub.method("Open", Self::echo);
    }
}

impl OpenDoor {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

/// A hub that demands something.
struct Door;

impl Hub for Door {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::policy("Guarded"));
    }
}

fn office(guarded: Policy) -> TestHubBuilder<Office> {
    TestHub::builder(Office).policy("Guarded", guarded)
}

fn unauthorized(method: &str) -> String {
    format!("Failed to invoke '{method}' because user is unauthorized")
}

/// A requirement, and what handlers say of it.
struct Anything;

impl Requirement for Anything {}

#[derive(Clone)]
struct Says(Outcome, Arc<AtomicUsize>);

impl Says {
    fn new(outcome: Outcome) -> (Self, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        (Self(outcome, asked.clone()), asked)
    }
}

impl AuthorizationHandler<Anything> for Says {
    async fn handle(&self, _: &AuthorizationContext, _: &Anything) -> Outcome {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.clone()
    }
}

struct Panics;

impl AuthorizationHandler<Anything> for Panics {
    async fn handle(&self, _: &AuthorizationContext, _: &Anything) -> Outcome {
        panic!("a bug of the application")
    }
}

/// Holds of calls, and of nothing else.
struct OfCalls;

impl Requirement for OfCalls {}

impl ResourceHandler<Self, HubInvocation> for OfCalls {
    async fn handle(&self, _: &AuthorizationContext, _: &Self, call: &HubInvocation) -> Outcome {
        if call.arguments.at::<String>(0).is_some_and(|text| text == "please") {
            Outcome::Succeed
        } else {
            Outcome::Abstain
        }
    }
}

async fn may(hub: &TestHub<Office>, who: impl Into<ClaimsPrincipal>) -> bool {
    hub.connect(who).await.invoke::<String>("Guarded", ("x",)).await.is_ok()
}

#[actix::test]
async fn a01_a_list_in_one_role_or_a_role_in_another_case_is_no_role() {
    let hub = office(Policy::new().require_role(["Admin"])).start();
    for (role_type, role, is_admin) in [
        (claim_types::ROLE, "Admin", true),
        (claim_types::ROLE, "a,Admin", false),
        (claim_types::ROLE, "admin", false),
        ("role", "Admin", false),
    ] {
        let who = ClaimsIdentity::new("Test").claim(role_type, role);
        assert_eq!(may(&hub, who).await, is_admin, "{role_type} {role}");
    }
    let short = ClaimsIdentity::new("Test").role_claim_type("role").claim("role", "Admin");
    assert!(may(&hub, short).await, "unless that is the type of the identity's roles");
}

#[actix::test]
async fn a02_a_role_of_somebody_unauthenticated_counts_and_the_default_policy_asks_for_more() {
    let claimed = ClaimsIdentity::unauthenticated().claim(claim_types::ROLE, "Admin");
    let roles = Policy::new().require_role(["Admin"]);
    assert!(may(&office(roles.clone()).start(), claimed.clone()).await, "as in the original");
    assert!(!may(&office(roles.require_authenticated_user()).start(), claimed.clone()).await);
    let hub = office(Policy::new().require_authenticated_user()).start();
    let refused = hub.connect(claimed).await.invoke::<String>("Anonymous", ("x",)).await;
    assert_eq!(refused.unwrap_err().to_string(), unauthorized("Anonymous"));
}

#[actix::test]
async fn a05_connections_of_one_user_id_hear_the_same_and_its_case_counts() {
    let hub = office(Policy::new().require_authenticated_user()).start();
    let [first, second, other] =
        [hub.connect(user("ann")), hub.connect(user("ann")), hub.connect(user("Ann"))];
    let (first, second, other) = join!(first, second, other);
    other.invoke::<()>("Tell", ("ann",)).await.unwrap();
    assert_eq!(first.receive::<(i32,)>("Told").await, (1,));
    assert_eq!(second.receive::<(i32,)>("Told").await, (1,));
    other.invoke::<String>("Open", ("x",)).await.unwrap();
    assert!(!other.has_received("Told"));
}

#[actix::test]
async fn a06_a_send_to_nobody_reaches_nobody() {
    let hub = office(Policy::new().require_authenticated_user()).start();
    let (nobody, somebody) = join!(hub.connect(anonymous()), hub.connect(user("ann")));
    somebody.invoke::<()>("Tell", (None::<String>,)).await.unwrap();
    nobody.invoke::<String>("Open", ("x",)).await.unwrap();
    assert!(!nobody.has_received("Told"));
}

#[actix::test]
async fn a07_a_handler_that_panics_denies_and_the_connection_lives() {
    let policy = Policy::new().require_with(Anything, (Says::new(Outcome::Succeed).0, Panics));
    let hub = office(policy.clone()).start();
    let ann = hub.connect(user("ann")).await;
    let refused = ann.invoke::<String>("Guarded", ("x",)).await.unwrap_err();
    assert_eq!(refused.to_string(), unauthorized("Guarded"), "though another handler has said yes");
    assert_eq!(ann.invoke("Open", ("x",)).await, Ok("x".to_owned()));
    let door = TestHub::builder(Door).policy("Guarded", policy).start();
    assert_eq!(door.try_connect(user("ann")).await.unwrap_err(), ConnectError::Forbidden);
    let panicking = Policy::new().require_async_assertion(async |_: &AuthorizationContext| panic!("a bug"));
    assert!(!may(&office(panicking).start(), user("ann")).await);
}

#[actix::test]
async fn a08_a_handler_that_hangs_denies_in_the_end_and_holds_up_nobody_else() {
    tokio::time::pause();
    let policy = Policy::new().require_async_assertion(async |_: &AuthorizationContext| pending().await);
    let options = HubOptions::default().authorization_timeout(Duration::from_secs(3));
    let hub = office(policy).options(options).start();
    let (ann, bob) = join!(hub.connect(user("ann")), hub.connect(user("bob")));
    let (hanging, meanwhile) =
        join!(ann.invoke::<String>("Guarded", ("x",)), bob.invoke::<String>("Open", ("y",)));
    assert_eq!(meanwhile, Ok("y".to_owned()));
    assert_eq!(hanging.unwrap_err().to_string(), unauthorized("Guarded"));
}

#[actix::test]
async fn a09_a_policy_that_does_not_exist_is_found_when_the_hub_is_served_and_never_allows() {
    let unknown = || PolicyError::Unknown("Guarded".into());
    assert_eq!(
        TestHub::builder(Office).try_start().unwrap_err(),
        DescribeError::Policy(Some("Guarded".into()), unknown())
    );
    assert_eq!(TestHub::builder(Door).try_start().unwrap_err(), DescribeError::Policy(None, unknown()));
    let authorization = Authorization::new();
    let ann = Arc::new(user("ann"));
    assert_eq!(authorization.authorize(&ann, (), "Guarded").await, Err(PolicyError::NotBuilt));
    let _hub = office(Policy::new().require_authenticated_user()).authorization(&authorization).start();
    assert!(authorization.authorize(&ann, (), "guarded").await.unwrap().is_allowed());
    let missing = authorization.authorize(&ann, (), "Missing").await;
    assert_eq!(missing, Err(PolicyError::Unknown("Missing".into())));
}

#[actix::test]
async fn a10_a_policy_that_requires_nothing_and_roles_without_a_name_are_found_when_the_hub_is_served() {
    let described = |policy: Policy| office(policy).try_start().unwrap_err();
    let method = || Some("Guarded".into());
    assert_eq!(
        described(Policy::new()),
        DescribeError::Policy(method(), PolicyError::Empty("Guarded".into()))
    );
    let no_roles = Policy::new().require_role(Vec::<String>::new());
    assert_eq!(described(no_roles), DescribeError::Policy(method(), PolicyError::NoRoles));
    let policies = office(Policy::new().require_authenticated_user());
    let empty_default = policies.default_policy(Policy::new()).try_start().unwrap_err();
    let expected = PolicyError::Empty("default".into());
    assert_eq!(empty_default, DescribeError::Policy(Some("Anonymous".into()), expected));
}

#[actix::test]
async fn a11_a_handler_that_says_no_has_the_last_word_whatever_the_order() {
    for asks_all in [true, false] {
        for no_is_first in [true, false] {
            let ((yes, yes_asked), (no, no_asked)) = (Says::new(Outcome::Succeed), Says::new(Outcome::Fail));
            let policy = match no_is_first {
                true => Policy::new().require_with(Anything, (no, yes)),
                false => Policy::new().require_with(Anything, (yes, no)),
            };
            let hub = office(policy).invoke_handlers_after_failure(asks_all).start();
            assert!(!may(&hub, user("ann")).await);
            assert_eq!(no_asked.load(Ordering::SeqCst), 1);
            let is_left_out = no_is_first && !asks_all;
            assert_eq!(yes_asked.load(Ordering::SeqCst), usize::from(!is_left_out));
        }
    }
}

#[actix::test]
async fn a12_a_requirement_of_calls_on_a_hub_is_found_when_the_hub_is_served() {
    let of_calls = || Policy::new().require_on(OfCalls);
    let found = TestHub::builder(Door).policy("Guarded", of_calls()).try_start().unwrap_err();
    let DescribeError::Policy(None, PolicyError::OtherResource { requirement, needs }) = found else {
        panic!("another error: {found}")
    };
    assert!(requirement.ends_with("OfCalls") && needs.ends_with("HubInvocation"), "{requirement} {needs}");
    // On methods it is at home.
    let ann = office(of_calls()).start().connect(user("ann")).await;
    assert!(ann.invoke::<String>("Guarded", ("please",)).await.is_ok());
    assert!(ann.invoke::<String>("Guarded", ("now",)).await.is_err());
    // What looks at the resource by itself cannot be known beforehand: it denies.
    let dynamic = Policy::new().require_assertion(|context| context.hub_invocation().is_some());
    let door = TestHub::builder(Door).policy("Guarded", dynamic).start();
    assert_eq!(door.try_connect(user("ann")).await.unwrap_err(), ConnectError::Forbidden);
}

#[actix::test]
async fn a13_a_handler_speaks_for_its_own_requirement_alone() {
    let (yes, silent) = (Says::new(Outcome::Succeed).0, Says::new(Outcome::Abstain).0);
    let policy = Policy::new().require_with(Anything, yes).require_with(Anything, silent);
    assert!(!may(&office(policy).start(), user("ann")).await);
}

#[actix::test]
async fn a14_allow_anonymous_opens_a_hub_and_no_method() {
    let members = || Policy::new().require_role(["Member"]);
    for builder in [
        TestHub::builder(OpenDoor).policy("Guarded", members()),
        TestHub::builder(OpenDoor).policy("Guarded", members()).fallback_policy(members()),
    ] {
        let nobody = builder.start().connect(anonymous()).await;
        assert_eq!(nobody.invoke("Open", ("x",)).await, Ok("x".to_owned()));
        let refused = nobody.invoke::<String>("Guarded", ("x",)).await.unwrap_err();
        assert_eq!(refused.to_string(), unauthorized("Guarded"));
    }
    let hub = office(members()).start();
    let refused = hub.connect(anonymous()).await.invoke::<String>("Anonymous", ("x",)).await;
    assert_eq!(refused.unwrap_err().to_string(), unauthorized("Anonymous"));
    let closed = office(members()).fallback_policy(members()).start();
    assert_eq!(closed.try_connect(anonymous()).await.unwrap_err(), ConnectError::Unauthorized);
}

#[actix::test]
async fn a15_a_name_in_another_case_is_guarded_and_one_with_blanks_is_none() {
    let hub = office(Policy::new().require_role(["Admin"])).start();
    let ann = hub.connect(user("ann")).await;
    for target in ["guarded", "GUARDED"] {
        let refused = ann.invoke::<String>(target, ("x",)).await.unwrap_err();
        assert_eq!(refused.to_string(), unauthorized("Guarded"));
    }
    for target in ["Guarded ", " Guarded", "Guarded\0"] {
        let unknown = ann.invoke::<String>(target, ("x",)).await.unwrap_err().to_string();
        assert!(!unknown.contains("unauthorized"), "{unknown}");
    }
}

#[actix::test]
async fn a16_a_guarded_method_is_refused_by_whatever_way_it_is_called() {
    let ann = office(Policy::new().require_role(["Admin"])).start().connect(user("ann")).await;
    ann.send("Guarded", ("x",)).await;
    let calls = [
        (r#"{"type":4,"invocationId":"1","target":"GuardedNumbers","arguments":[]}"#, "GuardedNumbers"),
        (
            r#"{"type":1,"invocationId":"2","target":"GuardedSum","arguments":[],"streamIds":["s"]}"#,
            "GuardedSum",
        ),
        (r#"{"type":4,"invocationId":"3","target":"Guarded","arguments":["x"]}"#, "Guarded"),
    ];
    for (id, (call, method)) in (1..).zip(calls) {
        ann.send_record(call).await;
        let refused = format!(r#"{{"type":3,"invocationId":"{id}","error":"{}"}}"#, unauthorized(method));
        assert_eq!(ann.next_record().await, Some(refused));
    }
    // What is uploaded all the same goes nowhere.
    ann.send_record(r#"{"type":2,"invocationId":"s","item":1}"#).await;
    ann.send_record(r#"{"type":3,"invocationId":"s"}"#).await;
    let wrong = ann.invoke::<String>("Guarded", (1,)).await.unwrap_err();
    assert_eq!(wrong.to_string(), "Failed to invoke 'Guarded' due to an error on the server.");
    assert_eq!(ann.invoke("Open", ("x",)).await, Ok("x".to_owned()));
}

#[actix::test]
async fn a17_a_scheme_on_a_method_opens_nothing() {
    let hub = office(Policy::new().require_authenticated_user()).start();
    let refused = hub.connect(anonymous()).await.invoke::<String>("OtherScheme", ("x",)).await;
    assert_eq!(refused.unwrap_err().to_string(), unauthorized("OtherScheme"));
    assert!(hub.connect(user("ann")).await.invoke::<String>("OtherScheme", ("x",)).await.is_ok());
}

#[actix::test]
async fn a18_a_domain_is_the_end_of_a_whole_name_and_nobody_has_none() {
    let domain = |user: &ClaimsPrincipal| user.name().is_some_and(|name| name.ends_with("@example.com"));
    let hub = office(Policy::new().require_user(domain)).start();
    for (who, is_of_it) in [
        (user("ann@example.com"), true),
        (user("evil@example.com.evil"), false),
        (user("x@EXAMPLE.COM"), false),
        (user("x@notexample.com"), false),
        (ClaimsIdentity::new("Test").into(), false),
        (anonymous(), false),
    ] {
        let name = who.to_string();
        assert_eq!(may(&hub, who).await, is_of_it, "{name}");
    }
}

#[actix::test]
async fn a19_what_authorize_names_is_a_policy_and_no_role() {
    let admin = ClaimsIdentity::new("Test").claim(claim_types::ROLE, "Guarded");
    assert!(TestHub::builder(Office).try_start().is_err(), "there is no such policy");
    assert!(!may(&office(Policy::new().require_user_name("ann")).start(), admin).await);
}

#[actix::test]
async fn a24_details_do_not_change_what_a_denied_caller_is_told() {
    let because = Says::new(Outcome::FailBecause("the moon is full".into())).0;
    let policy = Policy::new().require_with(Anything, because);
    let hub = office(policy).options(HubOptions::default().detailed_errors(true)).start();
    let refused = hub.connect(user("ann")).await.invoke::<String>("Guarded", ("x",)).await.unwrap_err();
    assert_eq!(refused.to_string(), unauthorized("Guarded"));
}

struct Document {
    author: &'static str,
}

/// Everybody reads, authors write.
struct Documents;

impl ResourceHandler<Operation, Document> for Documents {
    async fn handle(
        &self,
        ctx: &AuthorizationContext,
        operation: &Operation,
        document: &Document,
    ) -> Outcome {
        match operation.name() {
            "read" => Outcome::Succeed,
            "write" if ctx.user().name() == Some(document.author) => Outcome::Succeed,
            _ => Outcome::FailBecause("only authors write".into()),
        }
    }
}

#[actix::test]
async fn an_application_asks_for_resources_of_its_own_and_hears_why_not() {
    let authorization = Authorization::new();
    let _hub = office(Policy::new().require_authenticated_user())
        .policy("MayRead", Policy::new().require_on_with(Operation::new("read"), Documents))
        .policy("MayWrite", Policy::new().require_on_with(Operation::new("write"), Documents))
        .policy("Panics", Policy::new().require_with(Anything, Panics))
        .policy_provider(|name: &str| {
            let required = name.strip_prefix("Name:")?;
            assert_ne!(required, "", "a bug of the application");
            Some(Policy::new().require_user_name(required))
        })
        .authorization(&authorization)
        .start();
    let (ann, bob) = (Arc::new(user("ann")), Arc::new(user("bob")));
    let document = || Document { author: "ann" };
    assert!(authorization.authorize(&bob, document(), "MayRead").await.unwrap().is_allowed());
    assert!(authorization.authorize(&ann, document(), "MayWrite").await.unwrap().is_allowed());
    let denied = authorization.authorize(&bob, document(), "MayWrite").await.unwrap();
    let failure = denied.failure().unwrap();
    assert!(failure.is_explicit());
    assert_eq!(failure.reasons()[0].message(), "only authors write");
    assert!(failure.failed_requirements()[0].ends_with("Operation"));
    let of_something_else = authorization.authorize(&ann, 7, "MayRead").await.unwrap();
    assert!(!of_something_else.failure().unwrap().is_explicit(), "nobody has said anything");
    assert!(!authorization.authorize(&ann, (), "Panics").await.unwrap().is_allowed());
    // Names that are only known now.
    assert!(authorization.authorize(&ann, (), "Name:ann").await.unwrap().is_allowed());
    assert!(!authorization.authorize(&bob, (), "Name:ann").await.unwrap().is_allowed());
    assert!(
        authorization.authorize(&bob, (), "Name:").await.is_err(),
        "a provider that panics knows no policy"
    );
}

#[actix::test]
async fn a_provider_makes_policies_of_the_names_that_are_written() {
    let policy = |name: &str| name.strip_prefix("Guar").map(|_| Policy::new().require_user_name("ann"));
    let hub = TestHub::builder(Office).policy_provider(policy).start();
    assert!(may(&hub, user("ann")).await);
    assert!(!may(&hub, user("bob")).await);
    assert!(TestHub::builder(Office).policy_provider(|_: &str| None).try_start().is_err());
}

/// A requirement whose handler is counted, and which depends on nobody but the user.
struct Counted(Arc<AtomicUsize>, bool);

impl Requirement for Counted {
    fn depends_only_on_principal(&self) -> bool {
        self.1
    }
}

impl AuthorizationHandler<Self> for Counted {
    async fn handle(&self, context: &AuthorizationContext, _: &Self) -> Outcome {
        self.0.fetch_add(1, Ordering::SeqCst);
        if context.user().is_authenticated() { Outcome::Succeed } else { Outcome::Abstain }
    }
}

#[actix::test]
async fn what_depends_on_the_user_alone_is_decided_once_for_a_connection() {
    for (only_principal, keep, expected) in [(true, true, 1), (false, true, 4), (true, false, 4)] {
        let asked = Arc::<AtomicUsize>::default();
        let hub = office(Policy::new().require(Counted(asked.clone(), only_principal)))
            .options(HubOptions::default().keep_decisions(keep))
            .start();
        let ann = hub.connect(user("ann")).await;
        for _ in 0..4 {
            assert_eq!(ann.invoke("Guarded", ("x",)).await, Ok("x".to_owned()));
        }
        assert_eq!(asked.load(Ordering::SeqCst), expected);
        let nobody = hub.connect(anonymous()).await;
        assert!(nobody.invoke::<String>("Guarded", ("x",)).await.is_err(), "nothing is kept for others");
    }
}

#[actix::test]
async fn handlers_run_at_most_once_a_call_and_decisions_are_counted_by_policy() {
    let hub = office(Policy::new().require_role(["Admin"])).start();
    let admin = ClaimsIdentity::new("Test").claim(claim_types::ROLE, "Admin");
    let (admin, ann) = join!(hub.connect(admin), hub.connect(user("ann")));
    for _ in 0..3 {
        assert!(admin.invoke::<String>("Guarded", ("x",)).await.is_ok());
        assert!(ann.invoke::<String>("Guarded", ("x",)).await.is_err());
    }
    let instruments = hub.metrics().instruments();
    let name = "signalr.server.authorization.decisions";
    let counted = instruments.iter().find(|instrument| instrument.name == name).unwrap();
    let text = format!("{:?}", counted.data);
    for part in
        [r#""Guarded"), ("signalr.authorization.decision", "allowed")], value: 3"#, r#""denied")], value: 3"#]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
