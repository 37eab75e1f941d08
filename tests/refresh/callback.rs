//! What the application says to new credentials, how long it may take, and what happens meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_signalr::{AuthenticationRefreshContext, HttpConnectionOptions, HubError, HubResult, claim_types};
use futures::channel::oneshot;

use crate::{
    http::{Server, call, told},
    start_asking,
};

const REJECTED: &str = r#"403 {"error":"permission_change_rejected"}"#;

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn new_role(refresh: &AuthenticationRefreshContext) -> String {
    refresh.new_user().find_first(claim_types::ROLE).unwrap_or_default().to_owned()
}

/// Does as the new role says.
async fn obey(refresh: AuthenticationRefreshContext) -> HubResult<bool> {
    match &*new_role(&refresh) {
        "rejected" => Ok(false),
        "fails" => Err(HubError::new("no")),
        "panics" => panic!("a bug of the application"),
        "hangs" => {
            std::future::pending::<()>().await;
            Ok(true)
        }
        _ => Ok(true),
    }
}

fn obeying(patience: Duration) -> Server {
    start_asking(HttpConnectionOptions::default().on_authentication_refresh(obey), patience)
}

#[test]
fn a_callback_that_says_no_or_says_nothing_refuses_and_the_connection_stays_as_it_is() {
    let server = obeying(Duration::from_millis(100));
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    for (role, said) in [("rejected", REJECTED), ("fails", "500 "), ("panics", "500 "), ("hangs", "500 ")] {
        assert_eq!(server.refresh("/hub", &token, &format!("ann {role} 7200")), said, "{role}");
        assert_eq!(ann.call("Role"), "guest");
    }
    assert!(server.refresh("/hub", &token, "ann fine 7200").starts_with("200 "));
    assert_eq!(ann.receive().unwrap(), told("fine"));
}

#[test]
fn a_poll_that_is_refused_ends_the_connection_and_one_that_nobody_answers_does_not() {
    let server = obeying(PATIENCE);
    let token = server.polling("/hub", "ann guest 3600");
    for role in ["fails", "panics"] {
        let refused = server.poll("/hub", &token, &format!("ann {role} 7200"));
        assert_eq!(refused.said(), "500 ", "{role}");
    }
    assert_eq!(server.send("/hub", &token, "ann guest 3600", &[&call("Role")]), "200 ");
    assert!(server.poll("/hub", &token, "ann guest 3600").body.contains("guest"));
    let refused = server.poll("/hub", &token, "ann rejected 7200");
    assert_eq!(refused.said(), REJECTED);
    assert_eq!(refused.header("cache-control"), Some("no-cache, no-store"));
    assert_eq!(server.poll("/hub", &token, "ann guest 3600").said(), "404 No Connection with that ID");
    assert_eq!(server.refresh("/hub", &token, "ann guest 3600"), r#"404 {"error":"connection_not_found"}"#);
}

#[test]
fn a_callback_sees_who_it_was_and_who_it_is_to_be_and_nobody_else() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let options = HttpConnectionOptions::default().on_authentication_refresh(move |refresh| {
        let roles = refresh.previous_user().find_first(claim_types::ROLE).unwrap_or_default().to_owned();
        let line = format!(
            "{} {}: {roles} -> {}, {}",
            refresh.http().method(),
            refresh.http().path(),
            new_role(&refresh),
            if refresh.new_expiration().is_some() { "expires" } else { "does not expire" }
        );
        assert!(!refresh.connection_id().is_empty());
        assert!(!format!("{refresh:?}").contains("ann"), "it is no secret's way into a log");
        log.lock().unwrap().push(line);
        async { Ok(true) }
    });
    let server = start_asking(options, PATIENCE);
    let token = server.polling("/hub", "ann guest 3600");
    assert_eq!(server.refresh("/hub", &token, "bob admin 7200").split(' ').next(), Some("403"));
    assert!(server.refresh("/hub", &token, "ann sooner 1800").starts_with("200 "));
    assert!(server.refresh("/hub", &token, "ann first 7200").starts_with("200 "));
    assert_eq!(server.poll("/hub", &token, "ann second never").status, 200);
    let expected =
        ["POST /hub/refresh: guest -> first, expires", "GET /hub: first -> second, does not expire"];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// A server whose callback holds up those in the role `slow`, and what lets them pass: first a word that one is there.
fn holding() -> (Server, std::sync::mpsc::Receiver<oneshot::Sender<bool>>) {
    let (here, held) = std::sync::mpsc::channel();
    let here = Mutex::new(here);
    let options = HttpConnectionOptions::default().on_authentication_refresh(move |refresh| {
        let (pass, passed) = oneshot::channel();
        if new_role(&refresh) == "slow" {
            here.lock().unwrap().send(pass).unwrap();
        } else {
            pass.send(true).unwrap();
        }
        async { Ok(passed.await?) }
    });
    (start_asking(options, PATIENCE), held)
}

/// What a slow refresh is answered when something happens between its beginning and its decision.
fn meanwhile(
    server: Server,
    held: &std::sync::mpsc::Receiver<oneshot::Sender<bool>>,
    token: &str,
    slow: (&str, bool),
    act: impl FnOnce(),
) -> String {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| server.refresh("/hub", token, slow.0));
        let pass = held.recv_timeout(PATIENCE).unwrap();
        act();
        pass.send(slow.1).unwrap();
        asked.join().unwrap()
    })
}

#[test]
fn of_two_refreshes_at_once_the_later_expiry_wins_whichever_is_decided_first() {
    let (server, held) = holding();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    let quick = |user: &str| assert!(server.refresh("/hub", &token, user).starts_with("200 "), "{user}");

    let answer = meanwhile(server, &held, &token, ("ann slow 7200", true), || {
        quick("ann quick 5400");
        assert_eq!(ann.receive().unwrap(), told("quick"));
    });
    assert!(answer.contains(":71") || answer.contains(":7200"), "{answer}");
    assert_eq!(ann.receive().unwrap(), told("slow"));

    let answer = meanwhile(server, &held, &token, ("ann slow 8000", true), || quick("ann quick 9000"));
    assert!(answer.contains(":79") || answer.contains(":8000"), "what the client goes on with: {answer}");
    assert_eq!(ann.receive().unwrap(), told("quick"));
    assert_eq!(ann.call("Role"), "quick", "and the slow one is dropped");
}

#[test]
fn a_refusal_that_comes_too_late_to_matter_is_none() {
    let (server, held) = holding();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    let quick = |user: &str| assert!(server.refresh("/hub", &token, user).starts_with("200 "), "{user}");
    let answer = meanwhile(server, &held, &token, ("ann slow 7200", false), || quick("ann quick 8000"));
    assert!(answer.starts_with("200 "), "{answer}");
    let answer = meanwhile(server, &held, &token, ("ann slow 9000", false), || quick("ann quick 8500"));
    assert_eq!(answer, REJECTED);
    assert_eq!([ann.receive().unwrap(), ann.receive().unwrap()], [told("quick"), told("quick")]);
    assert_eq!(ann.call("Role"), "quick");
}

#[test]
fn a_refresh_of_a_connection_that_ends_meanwhile_changes_nothing_any_more() {
    let (server, held) = holding();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    let answer = meanwhile(server, &held, &token, ("ann slow 7200", true), || {
        ann.send(r#"{"type":7}"#);
        while ann.receive().is_some() {}
    });
    assert!(answer.starts_with("200 "), "{answer}");
}

#[test]
fn who_connects_while_his_refresh_is_decided_has_the_refreshed_credentials_then() {
    let (server, held) = holding();
    let token = server.negotiate("/hub", "ann guest 3600");
    let mut ann = None;
    let answer = meanwhile(server, &held, &token, ("ann slow 7200", true), || {
        ann = Some(server.connect_with("/hub", &token, "ann guest 3600"));
    });
    assert!(answer.starts_with("200 "), "{answer}");
    let mut ann = ann.unwrap();
    assert_eq!(ann.receive().unwrap(), told("slow"));
    assert_eq!(ann.call("Role"), "slow");
}

#[test]
fn of_two_fresher_polls_at_once_both_go_on_and_the_later_expiry_counts() {
    let (server, held) = holding();
    let token = server.polling("/hub", "ann guest 3600");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.poll("/hub", &token, "ann slow 7200"));
        let pass = held.recv_timeout(PATIENCE).unwrap();
        assert_eq!(server.poll("/hub", &token, "ann quick 8000").body, told("quick") + "\u{1e}");
        pass.send(true).unwrap();
        // The slow one is older now: it goes on as a poll, which a call answers.
        assert_eq!(server.send("/hub", &token, "ann quick 8000", &[&call("Role")]), "200 ");
        assert!(slow.join().unwrap().body.contains(r#""result":"quick""#));
    });
}
