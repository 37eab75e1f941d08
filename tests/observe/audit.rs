//! What is recorded of decisions.

use actix_signalr::{Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult, Policy};
use actix_signalr_actors::{
    AuthorizeData, ClaimsIdentity, claim_types,
    testing::{TestHub, user},
};

use crate::capture::{Capture, Traced};

struct Archive;

impl Archive {
    async fn read(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }
}

impl Hub for Archive {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.authorize(AuthorizeData::authenticated());
        hub.method("Read", Self::read).authorize(AuthorizeData::policy("Reader"));
    }
}

fn archive(options: HubOptions) -> TestHub<Archive> {
    TestHub::builder(Archive)
        .options(options)
        .policy("Reader", Policy::new().require_role(["Reader"]))
        .start()
}

fn field<'a>(event: &'a Traced, name: &str) -> &'a str {
    event.fields.get(name).map_or("", String::as_str)
}

#[actix_web::test]
async fn a_decision_says_who_what_and_why_and_nothing_that_was_sent() {
    let capture = Capture::of_events();
    let hub = archive(HubOptions::default());
    let ann = hub.connect(user("ann")).await;
    ann.invoke::<String>("read", ("SECRET",)).await.unwrap_err();
    let reader = ClaimsIdentity::new("Test").claim(claim_types::ROLE, "Reader").claim("sub", "bob");
    hub.connect(reader).await.invoke::<String>("Read", ("SECRET",)).await.unwrap();
    let seen = capture.seen();
    let events = seen.events_of("authorization");
    let [connect, denied, _, allowed] = events[..] else { panic!("four decisions: {events:?}") };
    assert_eq!((connect.level, denied.level), (tracing::Level::DEBUG, tracing::Level::INFO));
    for (name, value) in
        [("decision", "allowed"), ("policy", "default"), ("user", "ann"), ("method", "(connect)")]
    {
        assert_eq!(field(connect, name), value);
    }
    for (name, value) in [
        ("decision", "denied"),
        ("policy", "Reader"),
        ("failed", "role"),
        ("user", "ann"),
        ("method", "Read"),
        ("connection_id", ann.connection_id()),
    ] {
        assert_eq!(field(denied, name), value);
    }
    assert!(field(denied, "hub").ends_with("Archive"));
    assert_eq!((field(allowed, "decision"), field(allowed, "user")), ("allowed", "bob"));
    assert!(!seen.text.contains("SECRET"));
}

#[actix_web::test]
async fn allowed_decisions_are_sampled_and_denied_ones_are_not() {
    for (every, expected) in [(0, 0), (1, 7), (3, 3)] {
        let capture = Capture::of_events();
        let hub = archive(HubOptions::default().audit_allowed_every(every));
        let reader = ClaimsIdentity::new("Test").claim(claim_types::ROLE, "Reader");
        let reader = hub.connect(reader).await;
        for _ in 0..6 {
            reader.invoke::<String>("Read", ("x",)).await.unwrap();
        }
        let ann = hub.client(user("ann")).open().await.unwrap();
        drop(ann);
        let seen = capture.seen();
        let allowed = |event: &&&Traced| field(event, "decision") == "allowed";
        let count = seen.events_of("authorization").iter().filter(allowed).count();
        // Ann's connection is one more where all are recorded.
        assert_eq!(count, expected + usize::from(every == 1), "one of {every}");
    }
}
