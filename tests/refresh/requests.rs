//! `POST {hub}/refresh`: its decisions in their order, and what an accepted one changes.

use std::time::Duration;

use actix_signalr::{BuildError, HttpConnectionOptions, HubRoutes};

use crate::{
    WhoHub, builder,
    http::{HANDSHAKE, Server, told},
    start,
};

const NOT_FOUND: &str = r#"404 {"error":"connection_not_found"}"#;
const USER_CHANGED: &str = r#"403 {"error":"user_changed"}"#;

fn lifetime(said: &str) -> u32 {
    let seconds =
        said.strip_prefix(r#"200 {"tokenLifetimeSeconds":"#).and_then(|rest| rest.strip_suffix('}'));
    seconds.unwrap_or_else(|| panic!("'{said}' says no lifetime")).parse().unwrap()
}

/// Within a minute, the longest that the tests may take.
fn assert_close(seconds: u32, expected: u32) {
    assert!((expected - 60..=expected).contains(&seconds), "{seconds} is not {expected}");
}

#[test]
fn an_accepted_refresh_changes_who_calls_and_keeps_whose_connection_it_is() {
    let server = start();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600 ann@corp");
    assert_eq!(ann.call("Admin"), "Failed to invoke 'Admin' because user is unauthorized");
    let header = format!("X-SignalR-Connection-Token: {token}\r\n");
    let answer = server.request("POST", "/hub/refresh", "ann admin 7200 ann@corp", &header, "not read");
    assert_close(lifetime(&answer.said()), 7200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
    assert_eq!(answer.header("cache-control"), None);
    assert_eq!(ann.receive().unwrap(), told("admin"));
    assert_eq!(ann.call("Admin"), "admin");
    assert_eq!(ann.call("UserId"), "ann@corp");
}

#[test]
fn every_refusal_has_its_code_and_changes_nothing() {
    let server = start();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    let (elsewhere, _keep) = server.connect("/open", "ann guest 3600");
    let ask = |method: &str, uri: &str, user: &str, token: &str| {
        let header =
            if token == "none" { String::new() } else { format!("X-SignalR-Connection-Token: {token}\r\n") };
        server.request(method, uri, user, &header, "").said()
    };
    let twice = format!("{token}\r\nX-SignalR-Connection-Token: {token}");
    let with_empty = format!("\r\nX-SignalR-Connection-Token: {token}");
    let table = [
        ("nobody", "POST", "/hub/refresh", "", &*token, "401 "),
        ("nobody, another verb", "GET", "/hub/refresh", "", &token, "401 "),
        ("nobody, no token", "POST", "/hub/refresh", "", "none", "401 "),
        ("another verb", "GET", "/hub/refresh", "ann admin 7200", &token, "405 "),
        ("another verb, no token", "PUT", "/hub/refresh", "ann admin 7200", "none", "405 "),
        ("no such route", "POST", "/off/refresh", "ann admin 7200", &token, "404 "),
        (
            "no token",
            "POST",
            "/hub/refresh",
            "ann admin 7200",
            "none",
            r#"400 {"error":"missing_connection_token"}"#,
        ),
        (
            "empty token",
            "POST",
            "/hub/refresh",
            "ann admin 7200",
            "",
            r#"400 {"error":"missing_connection_token"}"#,
        ),
        ("unknown", "POST", "/hub/refresh", "ann admin 7200", "unknown", NOT_FOUND),
        ("of another route", "POST", "/hub/refresh", "ann admin 7200", &elsewhere, NOT_FOUND),
        ("twice", "POST", "/hub/refresh", "ann admin 7200", &twice, NOT_FOUND),
        ("another user", "POST", "/hub/refresh", "bob admin 7200", &token, USER_CHANGED),
        ("another user, sooner", "POST", "/hub/refresh", "bob admin 1800", &token, USER_CHANGED),
    ];
    for (case, method, uri, user, token, expected) in table {
        assert_eq!(ask(method, uri, user, token), expected, "{case}");
    }
    let in_query = server.request("POST", &format!("/hub/refresh?id={token}"), "ann admin 7200", "", "");
    assert_eq!(in_query.said(), r#"400 {"error":"missing_connection_token"}"#, "in the query");
    assert_eq!(ann.call("Role"), "guest");
    assert_close(lifetime(&ask("POST", "/HUB/Refresh/", "ann admin 7200", &with_empty)), 7200);
    assert_eq!(ann.receive().unwrap(), told("admin"));
}

#[test]
fn a_connection_without_a_secret_is_not_refreshed_whoever_asks() {
    let server = start();
    let answer = server.request("POST", "/hub/negotiate", "ann guest 3600", "", "");
    let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let id = value["connectionId"].as_str().unwrap();
    let refused = r#"400 {"error":"unsupported_negotiate_version"}"#;
    assert_eq!(server.refresh("/hub", id, "ann admin 7200"), refused);
    assert_eq!(server.refresh("/hub", id, "bob admin 7200"), refused);
}

#[test]
fn who_is_known_by_his_tcp_connection_is_not_refreshed_nor_becomes_so() {
    let server = start();
    let refused = r#"400 {"error":"windows_identity_not_supported"}"#;
    let (token, _ann) = server.connect("/hub", "ann guest 3600");
    assert_eq!(server.refresh("/hub", &token, "ann domain never"), refused);
    let (token, mut bob) = server.connect("/hub", "bob domain never");
    assert_eq!(server.refresh("/hub", &token, "bob guest 3600"), refused);
    assert_eq!(bob.call("Role"), "domain");
}

#[test]
fn negotiation_says_how_long_the_credentials_are_good() {
    let server = start();
    let says = |hub: &str, user: &str| {
        let answer = server.request("POST", &format!("{hub}/negotiate?negotiateVersion=1"), user, "", "");
        let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let (before, _) = answer.body.split_once(r#","availableTransports""#).unwrap();
        let seconds = value.get("tokenLifetimeSeconds").map(|seconds| seconds.as_u64().unwrap());
        assert!(
            seconds.is_none_or(|seconds| before.ends_with(&format!(r#","tokenLifetimeSeconds":{seconds}"#)))
        );
        seconds.map(|seconds| seconds.try_into().unwrap())
    };
    assert_close(says("/hub", "ann guest 3600").unwrap(), 3600);
    assert_eq!(says("/hub", "ann guest 0"), Some(0));
    assert_eq!(says("/hub", "ann guest 9000000000"), Some(i32::MAX.unsigned_abs()));
    assert_close(says("/short", "ann guest 3600").unwrap(), 60);
    assert_close(says("/short", "ann guest never").unwrap(), 60);
    assert_eq!(says("/hub", "ann guest never"), None);
    assert_eq!(says("/open", ""), None);
    assert_eq!(says("/off", "ann guest 3600"), None);
}

#[test]
fn an_earlier_expiry_is_dropped_and_the_answer_says_how_long_it_is_good() {
    let server = start();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    assert_close(lifetime(&server.refresh("/hub", &token, "ann admin 1800")), 1800);
    assert_eq!(ann.call("Role"), "guest");
    assert_eq!(server.refresh("/hub", &token, "ann first never"), "200 {}");
    assert_eq!(ann.receive().unwrap(), told("first"));
    assert_close(lifetime(&server.refresh("/hub", &token, "ann second 1800")), 1800);
    assert_eq!(ann.receive().unwrap(), told("second"), "what does not expire is not later");
}

#[test]
fn the_same_user_is_who_the_hub_knows_once_it_knows_him() {
    let server = start();
    let (token, mut ann) = server.connect("/hub", "one guest 3600 ann@corp");
    lifetime(&server.refresh("/hub", &token, "two first 7200 ann@corp"));
    assert_eq!(ann.receive().unwrap(), told("first"), "another subject");
    assert_eq!(server.refresh("/hub", &token, "two second 7300 bob@corp"), USER_CHANGED);
    assert_eq!(ann.call("UserId"), "ann@corp");

    // Before the handshake and before connecting it is the subject that counts.
    let token = server.negotiate("/hub", "one guest 3600 ann@corp");
    assert_eq!(server.refresh("/hub", &token, "two first 7200 ann@corp"), USER_CHANGED);
    let mut ann = server.upgrade("/hub", &token, "one guest 3600 ann@corp");
    assert_eq!(server.refresh("/hub", &token, "two first 7200 ann@corp"), USER_CHANGED);
    lifetime(&server.refresh("/hub", &token, "one first 7200 anna@corp"));
    ann.send(HANDSHAKE);
    assert_eq!(ann.receive().unwrap(), "{}");
    assert_eq!(ann.call("UserId"), "anna@corp", "and nobody is told");
}

#[test]
fn nobody_stays_nobody() {
    let server = start();
    let (token, nobody) = {
        let token = server.negotiate("/open", "");
        assert_eq!(server.poll("/open", &token, "").said(), "200 ");
        assert_eq!(server.send("/open", &token, "", &[HANDSHAKE]), "200 ");
        assert_eq!(server.poll("/open", &token, "").said(), "200 {}\u{1e}");
        (token.clone(), move || server.poll("/open", &token, "").body)
    };
    assert_eq!(server.refresh("/open", &token, "ann admin 7200"), USER_CHANGED);
    assert_eq!(server.refresh("/open", &token, ""), "200 {}");
    assert_eq!(nobody(), told("none") + "\u{1e}");
    let (token, _ann) = server.connect("/open", "ann guest 3600");
    assert_eq!(server.refresh("/open", &token, ""), USER_CHANGED);
}

#[test]
fn who_connects_brings_his_own_credentials() {
    let server = start();
    let token = server.negotiate("/hub", "ann guest 3600");
    lifetime(&server.refresh("/hub", &token, "ann admin 7200"));
    let mut ann = server.connect_with("/hub", &token, "ann guest 3600");
    assert_eq!(ann.call("Role"), "guest", "older ones count");
    assert_close(lifetime(&server.refresh("/hub", &token, "ann first 5400")), 5400);
    assert_eq!(ann.receive().unwrap(), told("first"), "and are what is compared with");
}

#[test]
fn an_ended_connection_is_not_found() {
    let server = start();
    let (token, mut ann) = server.connect("/hub", "ann guest 3600");
    ann.send(r#"{"type":7}"#);
    while ann.receive().is_some() {}
    // The close frame comes before all of the connection is gone.
    let is_gone = || server.refresh("/hub", &token, "ann guest 3600") == NOT_FOUND;
    assert!((0..1000).any(|_| is_gone()));
}

#[test]
fn an_expiration_of_no_time_is_found_when_the_server_is_built() {
    let options = HttpConnectionOptions::default().maximum_authentication_expiration(Duration::ZERO);
    let built = builder().hub_routes(HubRoutes::new(WhoHub).route("/hub", options)).build();
    let Err(err @ BuildError::NoAuthenticationExpiration { .. }) = built else { panic!("it was built") };
    assert_eq!(err.to_string(), "the maximum_authentication_expiration of '/hub' is not longer than zero");
    let never = HttpConnectionOptions::default().maximum_authentication_expiration(None);
    Server::start(builder().hub_routes(HubRoutes::new(WhoHub).route("/hub", never)).build().unwrap());
}
