//! Polls with other credentials than those in force, and the requests beside them.

use crate::{
    http::{Server, call, told},
    start,
};

const OTHER_USER: &str = "403 The user associated with this connection changed.";

fn role(server: Server, token: &str, user: &str) -> String {
    assert_eq!(server.send("/hub", token, user, &[&call("Role")]), "200 ");
    let answer = server.poll("/hub", token, user).body;
    let value: serde_json::Value = serde_json::from_str(answer.trim_end_matches('\u{1e}')).unwrap();
    value["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn a_fresher_poll_refreshes_and_goes_on_as_a_poll() {
    let server = start();
    let token = server.polling("/hub", "ann guest 3600");
    let fresher = server.poll("/hub", &token, "ann admin 7200");
    assert_eq!(fresher.said(), format!("200 {}\u{1e}", told("admin")));
    assert_eq!(role(server, &token, "ann admin 7200"), "admin");
    assert_eq!(role(server, &token, "ann guest 3600"), "admin", "older ones change nothing");
}

#[test]
fn another_user_is_asked_to_refresh_and_an_older_one_sent_away() {
    let server = start();
    let token = server.polling("/hub", "one guest 3600 ann@corp");
    let fresher = server.poll("/hub", &token, "two admin 7200 ann@corp");
    assert_eq!(fresher.said(), r#"409 {"error":"authentication_refresh_required"}"#);
    assert_eq!(fresher.header("content-length").unwrap(), fresher.body.len().to_string());
    assert_eq!(fresher.header("content-type"), Some("application/json"));
    assert_eq!(fresher.header("cache-control"), Some("no-cache, no-store"));
    assert_eq!(server.poll("/hub", &token, "two admin 1800 ann@corp").said(), OTHER_USER);
    assert_eq!(server.poll("/hub", &token, "one admin 7200 bob@corp").said(), OTHER_USER, "to the hub");
    assert_eq!(server.send("/hub", &token, "two admin 7200 ann@corp", &["{\"type\":6}"]), OTHER_USER);
    assert_eq!(role(server, &token, "one guest 3600 ann@corp"), "guest");

    // After the refresh it is the other way round.
    assert!(server.refresh("/hub", &token, "two admin 7200 ann@corp").starts_with("200 "));
    assert_eq!(server.poll("/hub", &token, "two admin 7200 ann@corp").body, told("admin") + "\u{1e}");
    assert_eq!(role(server, &token, "two admin 7200 ann@corp"), "admin");
    assert_eq!(server.send("/hub", &token, "one guest 3600 ann@corp", &["{\"type\":6}"]), OTHER_USER);
    assert_eq!(server.poll("/hub", &token, "one guest 3600 ann@corp").said(), OTHER_USER);
    let equal = server.poll("/hub", &token, "one guest 7200 ann@corp");
    assert_eq!(equal.said(), r#"409 {"error":"authentication_refresh_required"}"#, "they end no sooner");
    let delete = server.request("DELETE", &format!("/hub?id={token}"), "one guest 3600 ann@corp", "", "");
    assert_eq!(delete.said(), OTHER_USER);
}

#[test]
fn a_refused_poll_does_not_disturb_the_one_that_waits() {
    let server = start();
    let token = server.polling("/hub", "ann guest 3600");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.poll("/hub", &token, "ann guest 3600").said());
        // Whichever comes first, the one that waits is not ended by it.
        assert_eq!(server.poll("/hub", &token, "bob admin 7200").status, 409);
        assert_eq!(server.poll("/hub", &token, "bob admin 1800").status, 403);
        assert_eq!(server.send("/hub", &token, "ann guest 3600", &[&call("Role")]), "200 ");
        assert!(waiting.join().unwrap().contains(r#""result":"guest""#));
    });
}

#[test]
fn an_old_poll_of_equal_expiry_does_not_take_back_what_was_refreshed() {
    let server = start();
    let token = server.polling("/hub", "ann guest 3600");
    assert!(server.refresh("/hub", &token, "ann admin 3600").starts_with("200 "));
    assert_eq!(server.poll("/hub", &token, "ann guest 3600").body, told("admin") + "\u{1e}");
    assert_eq!(role(server, &token, "ann guest 3600"), "admin");
    // What only polls have brought, a poll may replace.
    let token = server.polling("/hub", "ann guest 3600");
    assert_eq!(server.poll("/hub", &token, "ann admin 3600").body, told("admin") + "\u{1e}");
    assert_eq!(server.poll("/hub", &token, "ann guest 3600").body, told("guest") + "\u{1e}");
}

#[test]
fn the_first_poll_does_not_take_back_what_was_refreshed() {
    let server = start();
    for (shown, role_then) in
        [("ann guest 3600", "admin"), ("ann later 9000", "later"), ("ann same 7200", "admin")]
    {
        let token = server.negotiate("/hub", "ann guest 3600");
        assert!(server.refresh("/hub", &token, "ann admin 7200").starts_with("200 "));
        assert_eq!(server.poll("/hub", &token, shown).said(), "200 ");
        assert_eq!(server.send("/hub", &token, shown, &[crate::http::HANDSHAKE]), "200 ");
        assert_eq!(server.poll("/hub", &token, shown).said(), "200 {}\u{1e}");
        assert_eq!(role(server, &token, shown), role_then, "{shown}");
    }
}

#[test]
fn an_unchanged_ticket_is_no_refresh_where_there_is_a_maximum() {
    let server = start();
    let token = server.polling("/short", "ann guest 3600");
    // Each poll is good for longer than the one before, and still the hub is told nothing.
    for _ in 0..2 {
        assert_eq!(server.send("/short", &token, "ann guest 3600", &[&call("Role")]), "200 ");
        let answer = server.poll("/short", &token, "ann guest 3600").body;
        assert!(answer.starts_with(r#"{"type":3"#) && !answer.contains("Refreshed"), "{answer}");
    }
    assert!(server.refresh("/short", &token, "ann admin 7200").starts_with("200 "));
    assert_eq!(server.poll("/short", &token, "ann guest 3600").body, told("admin") + "\u{1e}");
    assert_eq!(server.send("/short", &token, "ann guest 3600", &[&call("Role")]), "200 ");
    let answer = server.poll("/short", &token, "ann guest 3600").body;
    assert!(answer.contains(r#""result":"admin""#), "nor does an old ticket take it back: {answer}");
}

#[test]
fn without_refreshes_the_hubs_user_stays_the_first() {
    let server = start();
    let token = server.polling("/off", "ann guest 3600");
    assert_eq!(server.send("/off", &token, "ann admin 7200", &[&call("Role")]), "200 ");
    let answer = server.poll("/off", &token, "ann admin 7200").body;
    assert_eq!(answer, "{\"type\":3,\"invocationId\":\"1\",\"result\":\"guest\"}\u{1e}");
    assert_eq!(server.poll("/off", &token, "bob admin 7200").said(), OTHER_USER);
}
