//! The decision on one policy, and the question of a connection that wants it decided. Guarded calls are in `dispatch`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, Authorize, ClaimsIdentity, ClaimsPrincipal, ConnectRequest,
    DefaultUserIdProvider, Hub, HubDescriptor, HubOptions, HubServer, Outcome, Policies, Policy, Requirement,
    claim_types, transport::TransportKind,
};
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;

/// A handler that waits for nothing.
struct OfDomain(&'static str);

impl Requirement for OfDomain {}

impl AuthorizationHandler<Self> for OfDomain {
    async fn handle(&self, context: &AuthorizationContext, requirement: &Self) -> Outcome {
        let is_of_domain = context.user().name().is_some_and(|name| name.ends_with(requirement.0));
        if is_of_domain { Outcome::Succeed } else { Outcome::Abstain }
    }
}

fn policies() -> [(&'static str, Policy, bool); 6] {
    let signed_in = || Policy::new().require_authenticated_user();
    [
        ("authenticated user", signed_in(), true),
        ("one of three roles", signed_in().require_role(["owner", "admin", "writer"]), true),
        (
            "three requirements",
            signed_in().require_claim("plan").require_user(|user| user.has_claim("plan", "large")),
            true,
        ),
        ("handler", Policy::new().require(OfDomain("@example.com")), true),
        ("async assertion", Policy::new().require_async_assertion(async |_: &_| true), true),
        ("denied", signed_in().require_claim_value("plan", ["small"]), false),
    ]
}

/// Somebody of whom as much is known as tokens usually say.
fn somebody() -> Arc<ClaimsPrincipal> {
    let claims = [
        (claim_types::NAME, "ann@example.com"),
        (claim_types::NAME_IDENTIFIER, "17"),
        (claim_types::EMAIL, "ann@example.com"),
        (claim_types::ROLE, "reader"),
        (claim_types::ROLE, "writer"),
        ("plan", "large"),
    ];
    let identity = claims
        .into_iter()
        .fold(ClaimsIdentity::new("Bearer"), |identity, (kind, value)| identity.claim(kind, value));
    Arc::new(identity.into())
}

fn request() -> ConnectRequest {
    ConnectRequest::new(TransportKind::InProcess, "/hub")
}

/// Without actors: none of these policies waits.
fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("authorization/decide");
    let context = AuthorizationContext::for_request(somebody(), request());
    for (name, policy, is_allowed) in policies() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let decision = policy.evaluate(&context).now_or_never();
                assert_eq!(decision.map(|decision| decision.is_allowed()), Some(is_allowed));
            });
        });
    }
    group.finish();
}

struct Quiet;

impl Hub for Quiet {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// As transports ask, before a connection is let in.
fn ask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("authorization/ask");
    for (name, policy, is_allowed) in policies() {
        let policy = Arc::new(policy);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| measure(&policy, is_allowed, iterations));
        });
    }
    group.finish();
}

fn measure(policy: &Arc<Policy>, is_allowed: bool, iterations: u64) -> Duration {
    actix_rt::System::new().block_on(async {
        let options = HubOptions::default();
        let server = HubServer::new(Quiet, options, &Policies::default(), Arc::new(DefaultUserIdProvider));
        let Ok(server) = server else { panic!("the hub can be served") };
        let runtime = server.start();
        let (user, request) = (somebody(), request());
        let start = Instant::now();
        for _ in 0..iterations {
            let context = AuthorizationContext::for_request(user.clone(), request.clone());
            let question = Authorize { policy: policy.clone(), context };
            let decision = runtime.authorization().send(question).await;
            assert_eq!(decision.map(|decision| decision.is_allowed()).ok(), Some(is_allowed));
        }
        start.elapsed()
    })
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = config();
    targets = decide, ask
}
criterion_main!(benches);
