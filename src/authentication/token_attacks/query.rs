//! Tokens in the query: where they count, and against what.

use super::*;

/// The user id that a request is given. `JWT` in the query becomes a token of the user `query`; the
/// header, if there is one, is a token of the user `header`.
pub(super) fn user_of(scheme: &JwtBearer, hub: Option<&str>, query: &str, header: bool) -> Option<String> {
    let for_user = |name: &str| token(&claims_with(&json!({"sub": name})));
    let uri = format!("/any/path?{}", query.replace("JWT", &for_user("query")));
    let mut request = TestRequest::with_uri(&uri);
    if header {
        request = request.insert_header((AUTHORIZATION, format!("Bearer {}", for_user("header"))));
    }
    let http = request.to_http_request();
    let request = match hub {
        Some(path) => AuthenticationRequest::for_hub(&http, path),
        None => AuthenticationRequest::new(&http),
    };
    let result = scheme.result_at(&request, now());
    let id = actix_signalr_actors::claim_types::NAME_IDENTIFIER;
    result.ticket().and_then(|ticket| ticket.principal().find_first(id)).map(str::to_owned)
}

#[test]
fn q01_the_query_counts_only_where_routing_found_a_hub() {
    assert_eq!(user_of(&hs256(), None, "access_token=JWT", false), None);
    let user = user_of(&hs256(), Some("/chat"), "access_token=JWT", false);
    assert_eq!(user.as_deref(), Some("query"));
    assert_eq!(user_of(&hs256().without_query_token(), Some("/chat"), "access_token=JWT", false), None);
}

#[test]
fn q02_q03_the_query_may_be_confined_to_a_part_of_the_hubs() {
    let confined = hs256().query_token_under("/hubs");
    for hub in ["/hubs", "/hubs/", "/HUBS/chat", "/hubs/chat"] {
        assert!(user_of(&confined, Some(hub), "access_token=JWT", false).is_some(), "{hub}");
    }
    for hub in ["/hubsevil", "/hubs-evil/x", "/x/hubs/chat", "/hubs.", "/chat"] {
        assert!(user_of(&confined, Some(hub), "access_token=JWT", false).is_none(), "{hub}");
        let user = user_of(&confined, Some(hub), "access_token=JWT", true);
        assert_eq!(user.as_deref(), Some("header"), "{hub}");
    }
}

#[test]
fn q06_on_a_hub_the_query_wins_and_elsewhere_the_header() {
    let user = |hub| user_of(&hs256(), hub, "access_token=JWT", true);
    assert_eq!(user(Some("/chat")).as_deref(), Some("query"));
    assert_eq!(user(None).as_deref(), Some("header"));
}

#[test]
fn q06_a_bad_token_in_the_query_is_not_made_good_by_the_header() {
    assert_eq!(user_of(&hs256(), Some("/chat"), "access_token=bad", true), None);
}

#[test]
fn q07_an_empty_query_token_is_none_and_two_are_a_bad_one() {
    let user = |query: &str| user_of(&hs256(), Some("/chat"), query, true);
    assert_eq!(user("access_token=").as_deref(), Some("header"));
    assert_eq!(user("access_token=JWT&access_token=JWT"), None);
    assert_eq!(user("ACCESS_TOKEN=JWT").as_deref(), Some("query"));
    for bad in ["access_token=JWT%00", "access_token=+JWT", "access_token=%00", "access_token=%zz"] {
        assert_eq!(user(bad), None, "{bad}");
    }
}
