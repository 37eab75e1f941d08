//! Decisions of the authorization actor against a model of ten lines, for random policies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_signalr_actors::{
    AuthorizationContext, AuthorizationHandler, Authorize, AuthorizeData, ClaimsIdentity, ClaimsPrincipal,
    DefaultUserIdProvider, Hub, HubDescriptor, HubOptions, HubServer, Outcome, Policies, Policy, Requirement,
    claim_types,
};

/// What a handler says of its requirement.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    Succeeds,
    SucceedsLate,
    Abstains,
    Fails,
    FailsBecause,
    Panics,
}

/// The rules of ASP.NET Core: all requirements must hold; one holds if any handler says so; none may have said no.
fn model(requirements: &[Vec<Says>]) -> bool {
    let (mut pending, mut has_succeeded, mut has_failed) = (0, false, false);
    for handlers in requirements {
        let holds = handlers.iter().any(|says| matches!(says, Says::Succeeds | Says::SucceedsLate));
        has_succeeded |= holds;
        pending += usize::from(!holds);
        has_failed |=
            handlers.iter().any(|says| matches!(says, Says::Fails | Says::FailsBecause | Says::Panics));
    }
    !has_failed && has_succeeded && pending == 0
}

struct Nothing;

impl Requirement for Nothing {}

struct Handler {
    says: Says,
    asked: Arc<AtomicUsize>,
}

impl AuthorizationHandler<Nothing> for Handler {
    async fn handle(&self, _: &AuthorizationContext, _: &Nothing) -> Outcome {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.says {
            Says::Succeeds => Outcome::Succeed,
            Says::SucceedsLate => {
                tokio::task::yield_now().await;
                Outcome::Succeed
            }
            Says::Abstains => Outcome::Abstain,
            Says::Fails => Outcome::Fail,
            Says::FailsBecause => Outcome::FailBecause("it does not hold".into()),
            Says::Panics => std::panic::resume_unwind(Box::new("a bug of the application")),
        }
    }
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Half of them succeed, so that whole policies do.
    fn says(&mut self) -> Says {
        use Says::{Abstains, Fails, FailsBecause, Panics, Succeeds, SucceedsLate};
        [
            Succeeds,
            Succeeds,
            Succeeds,
            SucceedsLate,
            SucceedsLate,
            Abstains,
            Abstains,
            Fails,
            FailsBecause,
            Panics,
        ][self.below(10)]
    }
}

struct Silent;

impl Hub for Silent {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

#[actix::test]
async fn decisions_are_those_of_the_model() {
    let mut numbers = Numbers(0x5eed_1234_5678_9abc);
    let ann: Arc<ClaimsPrincipal> =
        Arc::new(ClaimsIdentity::new("Test").claim(claim_types::ROLE, "a").into());
    let user_ids = Arc::new(DefaultUserIdProvider);
    let server = HubServer::new(Silent, HubOptions::default(), &Policies::default(), user_ids).unwrap();
    let runtime = server.start();
    let mut allowed = 0;
    for case in 0..3000 {
        let asked = Arc::<AtomicUsize>::default();
        let asks_all = numbers.below(2) == 0;
        let mut policies = Policies::default();
        policies.invoke_handlers_after_failure(asks_all);
        let (mut policy, mut requirements) = (Policy::new(), Vec::new());
        let mut handlers = 0;
        for _ in 0..=numbers.below(4) {
            let handler = |says: Says| Handler { says, asked: asked.clone() };
            let says: Vec<_> = (0..=numbers.below(4)).map(|_| numbers.says()).collect();
            policy = match *says {
                // One of the built-in ones, which says what it says of the user.
                [says, _, _, _] => {
                    let holds = matches!(says, Says::Succeeds | Says::SucceedsLate);
                    requirements.push(vec![if holds { Says::Succeeds } else { Says::Abstains }]);
                    policy = policy.require_role([if holds { "a" } else { "b" }]);
                    continue;
                }
                [one] => policy.require_with(Nothing, handler(one)),
                [one, two] => policy.require_with(Nothing, (handler(one), handler(two))),
                [one, two, three] => {
                    policy.require_with(Nothing, (handler(one), handler(two), handler(three)))
                }
                _ => unreachable!("there are one to four"),
            };
            handlers += says.len();
            requirements.push(says);
        }
        policies.insert("Policy", policy);
        let policy = policies.combine(&[AuthorizeData::policy("Policy")]).unwrap().unwrap();
        let context = AuthorizationContext::new(ann.clone());
        let decision = runtime.authorization().send(Authorize { policy, context }).await.unwrap();
        assert_eq!(decision.is_allowed(), model(&requirements), "case {case}: {requirements:?}");
        if asks_all {
            assert_eq!(asked.load(Ordering::SeqCst), handlers, "every handler is asked once");
        }
        allowed += usize::from(decision.is_allowed());
    }
    assert!((300..2700).contains(&allowed), "both happen often: {allowed}");
}
