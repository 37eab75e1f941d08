//! What a token says: from when to when, for whom, from whom.

use super::*;

#[test]
fn t05_a_token_ends_after_the_skew() {
    for (age, description) in
        [(299, None), (300, None), (301, Some("The token expired at '11/14/2023 22:08:19'"))]
    {
        let token = token(&claims_with(&json!({"exp": NOW - age, "nbf": null})));
        match description {
            None => assert_accepted(&hs256(), &token),
            some => assert_refused(&hs256(), &token, some),
        }
    }
    let just_over = token(&claims_with(&json!({"exp": NOW - 300, "nbf": null})));
    assert!(hs256().validate_at(&just_over, now() + Duration::from_nanos(1_000)).is_err());

    let strict = hs256().clock_skew(Duration::ZERO);
    assert_accepted(&strict, &token(&claims_with(&json!({"exp": NOW}))));
    assert!(strict.validate_at(&token(&claims_with(&json!({"exp": NOW - 1}))), now()).is_err());
    assert_accepted(
        &hs256().clock_skew(Duration::MAX),
        &token(&claims_with(&json!({"exp": 1, "nbf": null}))),
    );
}

#[test]
fn t06_a_token_begins_before_the_skew() {
    let from = |ahead: u64| token(&claims_with(&json!({"nbf": NOW + ahead, "exp": NOW + 9_999})));
    assert_accepted(&hs256(), &from(300));
    assert_refused(&hs256(), &from(301), Some("The token is not valid before '11/14/2023 22:18:21'"));
}

#[test]
fn t07_times_have_to_make_sense() {
    let no_end = token(&claims_with(&json!({"exp": null})));
    assert_refused(&hs256(), &no_end, Some("The token has no expiration"));
    let lenient = hs256().require_expiration(false);
    let ticket = lenient.validate_at(&no_end, now()).unwrap();
    assert_eq!(ticket.expires_at(), None);

    let reversed = token(&claims_with(&json!({"nbf": NOW + 2, "exp": NOW + 1})));
    let text =
        "The token lifetime is invalid; NotBefore: '11/14/2023 22:13:22', Expires: '11/14/2023 22:13:21'";
    assert_refused(&hs256(), &reversed, Some(text));

    for name in ["exp", "nbf"] {
        for time in [
            "\"\"",
            "\"soon\"",
            "\"1,5\"",
            "\"NaN\"",
            "\"1e400\"",
            "null",
            "true",
            "[]",
            "{}",
            "-1e300",
            "1e300",
            "1e999",
            "99999999999999999999999",
            "NaN",
        ] {
            let payload = format!(
                r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","{name}":{time},"{}":{}}}"#,
                if name == "exp" { "nbf" } else { "exp" },
                NOW
            );
            assert_refused(&lenient, &token_of_payload(&payload), None);
        }
    }
    let end = |time: &str| {
        let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{time}}}"#);
        hs256().validate_at(&token_of_payload(&payload), now()).map(|ticket| ticket.expires_at())
    };
    let last = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(253_402_300_799));
    for far in ["253402300800", "9000000000000000", "9223372036854775807", "\"1e18\""] {
        assert_eq!(end(far), Ok(last), "{far}");
    }
    for beyond in ["9223372036854775808", "18446744073709551615"] {
        assert_eq!(end(beyond).unwrap_err().description(), None, "{beyond}");
    }
    // To the nearest second, and to the even one between two.
    for (written, seconds) in [
        ("1700000100.4", 100),
        ("1700000100.5", 100),
        ("1700000101.5", 102),
        ("\" 1700000100.75\\t\"", 101),
        ("\"1.7000001e9\"", 100),
        ("1.7000001e9", 100),
    ] {
        assert_eq!(end(written), Ok(Some(now() + Duration::from_secs(seconds))), "{written}");
    }
    assert_eq!(end("\"1700000100\""), Ok(Some(now() + Duration::from_secs(100))));
    for past in ["-1", "\"-1\"", "-9223372036854775808"] {
        let text = "The token expired at '01/01/1970 00:00:00'";
        assert_eq!(end(past).unwrap_err().description(), Some(text), "{past}");
    }
    let fraction = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{NOW}.75,"nbf":1.7e9}}"#);
    let ticket = hs256().validate_at(&token_of_payload(&fraction), now()).unwrap();
    assert_eq!(ticket.expires_at(), Some(now() + Duration::from_secs(1)));
}

#[test]
fn t08_a_token_is_for_its_audience() {
    let url = hs256().audience("https://chat.example/");
    for aud in [
        json!("chat"),
        json!(["x", "chat"]),
        json!("chat/"),
        json!("https://chat.example"),
        json!("https://chat.example/"),
    ] {
        assert_accepted(&url, &token(&claims_with(&json!({"aud": aud}))));
    }
    for (aud, text) in [
        (json!("other"), Some("The audience '(null)' is invalid")),
        (json!(["a", "b"]), Some("The audience '(null)' is invalid")),
        (json!(null), Some("The audience 'empty' is invalid")),
        (json!([null]), Some("The audience 'empty' is invalid")),
        (json!([]), Some("The audience 'empty' is invalid")),
        (json!(""), Some("The audience '(null)' is invalid")),
        (json!("Chat"), Some("The audience '(null)' is invalid")),
        (json!("chat//"), Some("The audience '(null)' is invalid")),
        (json!("chat "), Some("The audience '(null)' is invalid")),
        (json!("chatter"), Some("The audience '(null)' is invalid")),
        (json!(5), None),
        (json!(["chat", 5]), None),
        (json!({"chat": 1}), None),
    ] {
        assert_refused(&hs256(), &token(&claims_with(&json!({"aud": aud}))), text);
    }
    // A slash more or less does not make an audience out of nothing.
    assert!(hs256().audience("/").validate_at(&token(&claims_with(&json!({"aud": ""}))), now()).is_err());
    let open = JwtBearer::hs256(SECRET).issuer(ISSUER).without_audience_check();
    assert_accepted(&open, &token(&claims_with(&json!({"aud": null}))));
}

#[test]
fn t09_a_token_is_from_its_issuer() {
    let null = format!(r#"{{"iss":null,"aud":"{AUDIENCE}","exp":{NOW}}}"#);
    assert_refused(&hs256(), &token_of_payload(&null), Some("The issuer '(null)' is invalid"));
    for (iss, text) in [
        (json!("https://evil"), Some("The issuer 'https://evil' is invalid")),
        (json!(null), Some("The issuer '' is invalid")),
        (json!(""), Some("The issuer '' is invalid")),
        (json!("https://Issuer"), Some("The issuer 'https://Issuer' is invalid")),
        (json!("https://issuer/"), Some("The issuer 'https://issuer/' is invalid")),
        (json!("https://issue"), Some("The issuer 'https://issue' is invalid")),
        (json!(["https://issuer"]), None),
    ] {
        assert_refused(&hs256(), &token(&claims_with(&json!({"iss": iss}))), text);
    }
    let two = hs256().issuer("https://second");
    assert_accepted(&two, &token(&claims_with(&json!({"iss": "https://second"}))));

    let open = JwtBearer::hs256(SECRET).audience(AUDIENCE).without_issuer_check();
    let ticket = open.validate_at(&token(&claims_with(&json!({"iss": null}))), now()).unwrap();
    let issuers: Vec<_> = ticket.principal().claims().map(|claim| claim.issuer()).collect();
    assert!(issuers.iter().all(|issuer| *issuer == "LOCAL AUTHORITY"), "{issuers:?}");
}

#[test]
fn t10_nothing_configured_accepts_nothing_and_is_an_error() {
    let no_issuer = JwtBearer::hs256(SECRET).audience(AUDIENCE);
    assert_refused(&no_issuer, &token(&claims()), Some("The issuer 'https://issuer' is invalid"));
    assert_eq!(no_issuer.validate(), Err(ConfigurationError::NoIssuer { scheme: "Bearer".to_owned() }));

    let no_audience = JwtBearer::hs256(SECRET).issuer(ISSUER);
    assert_refused(&no_audience, &token(&claims()), Some("The audience '(null)' is invalid"));
    assert_eq!(no_audience.validate(), Err(ConfigurationError::NoAudience { scheme: "Bearer".to_owned() }));

    assert_eq!(hs256().validate(), Ok(()));
    assert_eq!(JwtBearer::hs256(SECRET).without_issuer_check().without_audience_check().validate(), Ok(()));
    assert!(hs256().audience(" ").validate().is_err());
    assert!(hs256().issuer("").validate().is_err());
    assert!(hs256().realm("a\"b").validate().is_err());
    assert!(hs256().valid_algorithms([SigningAlgorithm::Rs256]).validate().is_err());
}

#[test]
fn the_later_of_naming_and_switching_off_counts() {
    let named_last = JwtBearer::hs256(SECRET).audience(AUDIENCE).without_issuer_check().issuer("https://x");
    assert_refused(&named_last, &token(&claims()), Some("The issuer 'https://issuer' is invalid"));
    assert_accepted(&named_last.without_issuer_check(), &token(&claims()));
}

#[test]
fn t07_a_function_may_judge_the_times_in_place_of_all_rules() {
    let never = hs256().lifetime_validator(|_, _| false);
    let text =
        "The token lifetime is invalid; NotBefore: '11/14/2023 22:12:20', Expires: '11/14/2023 22:14:20'";
    assert_refused(&never, &token(&claims()), Some(text));
    let no_times = token(&claims_with(&json!({"exp": null, "nbf": null})));
    let text = "The token lifetime is invalid; NotBefore: '(null)', Expires: '(null)'";
    assert_refused(&never, &no_times, Some(text));

    let by_the_year = hs256().lifetime_validator(|_, expires| expires.is_some_and(|end| end > now() - YEAR));
    assert_accepted(&by_the_year, &token(&claims_with(&json!({"exp": NOW - 9_999, "nbf": NOW + 9_999}))));
    assert!(by_the_year.validate_at(&no_times, now()).is_err());
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

#[test]
fn t08_t09_functions_may_judge_audience_and_issuer() {
    let tenants = JwtBearer::hs256(SECRET)
        .issuer_validator(|issuer| issuer.starts_with("https://login/"))
        .audience_validator(|audience| audience.ends_with("-chat"));
    assert_eq!(tenants.validate(), Ok(()));
    let good = claims_with(&json!({"iss": "https://login/7", "aud": ["x", "a-chat"]}));
    assert_accepted(&tenants, &token(&good));
    for (changes, text) in [
        (json!({"iss": "https://login/7"}), "The audience '(null)' is invalid"),
        (json!({"iss": "https://login/7", "aud": null}), "The audience 'empty' is invalid"),
        (json!({"aud": "a-chat"}), "The issuer 'https://issuer' is invalid"),
        (json!({"aud": "a-chat", "iss": null}), "The issuer '' is invalid"),
    ] {
        assert_refused(&tenants, &token(&claims_with(&changes)), Some(text));
    }
    // A function that accepts everything is not asked about nothing.
    let everything = JwtBearer::hs256(SECRET).issuer_validator(|_| true).audience_validator(|_| true);
    assert_refused(&everything, &token(&claims_with(&json!({"iss": ""}))), Some("The issuer '' is invalid"));
}
