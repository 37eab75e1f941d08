//! What a token looks like, what is said of one that is refused, and the header it comes in.

use super::*;

#[test]
fn t16_an_oversized_token_is_not_read() {
    let at_most = "a".repeat(MAX_TOKEN_BYTES);
    let reason = |token: &str| hs256().validate_at(token, now()).unwrap_err().reason().to_owned();
    assert_eq!(reason(&at_most), TokenRefusal::Malformed.reason());
    assert_eq!(reason(&format!("{at_most}a")), TokenRefusal::TooLong.reason());
    assert_refused(&hs256(), &format!("{at_most}a"), None);

    let large = token(&claims_with(&json!({"x": "y".repeat(40_000)})));
    assert!(large.len() > 50_000);
    assert_accepted(&hs256(), &large);
}

#[test]
fn t17_garbage_is_refused_without_a_text() {
    let good = token(&claims());
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let duplicate = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{NOW},"exp":{}}}"#, NOW + 60);
    let garbage = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        "\0.\0.\0".to_owned(),
        "é.é.é".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good},{good}"),
        token_of_payload(&claims_with(&json!({"sub": ["a", "b"]})).to_string()),
        token_of_payload(&claims_with(&json!({"sub": {}})).to_string()),
        format!(" {good}"),
        format!("{header}.{payload}\n.{signature}"),
        format!("{}.{payload}.{signature}", part("null")),
        format!("{}.{payload}.{signature}", part(r#"{"alg":5}"#)),
        token_of_payload(&claims_with(&json!({"sub": true})).to_string()),
        token_of_payload(&claims_with(&json!({"jti": 5})).to_string()),
        token_of_payload(&claims_with(&json!({"azp": ["a"]})).to_string()),
        token_of_payload(&claims_with(&json!({"iat": "soon"})).to_string()),
        format!("{}.{payload}.{signature}", part(r#"{"alg":"HS256","alg":"none"}"#)),
        format!("{}.{payload}.{signature}", part(b"{\"alg\":\"HS256\xff\"}")),
        token_of_payload("null"),
        token_of_payload("[1]"),
        token_of_payload("{"),
        token_of_payload(&deep),
        token_of_payload(&duplicate),
        token_of_payload(&format!("{} trailing", claims())),
        // Encrypted: five parts.
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        sign_raw(
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            &claims().to_string(),
            &EncodingKey::from_secret(SECRET),
            Algorithm::HS256,
        ),
    ];
    for token in garbage {
        assert_refused(&hs256(), &token, None);
        assert_eq!(challenge(&hs256(), &token), r#"Bearer error="invalid_token""#);
    }
    // Padding in what is signed was not signed.
    for sub in ["a", "aa", "aaa"] {
        let good = token(&claims_with(&json!({"sub": sub})));
        let (message, signature) = good.rsplit_once('.').unwrap();
        let padding = "=".repeat((4 - message.split_once('.').unwrap().1.len() % 4) % 4);
        let padded = format!("{message}{padding}.{signature}");
        assert!(padded == good || hs256().validate_at(&padded, now()).unwrap_err().description() == NO_KEY);
    }
    // What cannot be a signature is none of ours.
    for bad in ["=x", "+/", "\0", "\r\n", ", Basic x", "é"] {
        assert_refused(&hs256(), &format!("{good}{bad}"), NO_KEY);
    }
    // A name of an algorithm that nobody knows is no garbage, but fits no key.
    for alg in [json!("HS1"), json!("hs256"), json!(""), json!("ES256K"), json!("dir"), json!(null)] {
        let header = json!({"alg": alg}).to_string();
        let key = EncodingKey::from_secret(SECRET);
        assert_refused(&hs256(), &sign_raw(&header, &claims().to_string(), &key, Algorithm::HS256), NO_KEY);
    }
}

#[test]
fn t17_any_bytes_may_come() {
    let good = token(&claims());
    for at in 0..good.len() {
        let mut cut = good.clone();
        cut.truncate(at);
        assert!(hs256().validate_at(&cut, now()).is_err());
        for byte in ['.', '"', '\0', '_', 'é'] {
            let mut changed = good.clone();
            changed.replace_range(at..=at, &byte.to_string());
            assert!(changed == good || hs256().validate_at(&changed, now()).is_err(), "{at} {byte}");
        }
    }
}

#[test]
fn t18_nothing_can_be_injected_into_a_challenge() {
    let hostile = "x\", realm=\"evil\r\nSet-Cookie: a=b\\é\u{7f}";
    let token = token(&claims_with(&json!({"iss": hostile})));
    assert_eq!(
        challenge(&hs256(), &token),
        "Bearer error=\"invalid_token\", \
         error_description=\"The issuer 'x?, realm=?evil??Set-Cookie: a=b???' is invalid\""
    );
    let long = token_of_payload(&claims_with(&json!({"iss": "y".repeat(30_000)})).to_string());
    assert!(challenge(&hs256(), &long).len() < 400);
}

#[test]
fn a_challenge_says_as_much_as_it_was_told_to() {
    let none = AuthenticateResult::NoResult;
    let expired = token(&claims_with(&json!({"exp": 1, "nbf": null})));
    let text = r#"error="invalid_token", error_description="The token expired at '01/01/1970 00:00:01'""#;

    assert_eq!(challenge_after(&hs256(), &none), "Bearer");
    assert_eq!(challenge(&hs256(), &expired), format!("Bearer {text}"));
    assert_eq!(challenge(&hs256().include_error_details(false), &expired), "Bearer");
    let realm = || hs256().realm("x");
    assert_eq!(challenge_after(&realm(), &none), r#"Bearer realm="x""#);
    assert_eq!(challenge(&realm(), &expired), format!(r#"Bearer realm="x", {text}"#));
    assert_eq!(challenge(&realm().include_error_details(false), &expired), r#"Bearer realm="x""#);

    let http = TestRequest::get().to_http_request();
    let mut denial = Denial::new(actix_web::http::StatusCode::OK);
    hs256().forbid(&AuthenticationRequest::new(&http), &mut denial);
    assert_eq!(denial.status(), 403);
    assert!(denial.headers().is_empty());
}

#[test]
fn t19_the_header_may_be_in_any_case_and_other_schemes_are_none() {
    let good = token(&claims());
    let result = |values: &[String]| {
        let mut request = TestRequest::get();
        for value in values {
            request = request.append_header((AUTHORIZATION, value.as_str()));
        }
        let http = request.to_http_request();
        hs256().result_at(&AuthenticationRequest::new(&http), now())
    };
    assert!(result(&[format!("bearer {good}")]).ticket().is_some());
    assert!(matches!(result(&["Bearer".to_owned()]), AuthenticateResult::NoResult));
    assert!(matches!(result(&["Basic x".to_owned()]), AuthenticateResult::NoResult));
    assert!(matches!(result(&[]), AuthenticateResult::NoResult));
    let twice = format!("Bearer {good}");
    assert!(result(&[twice.clone(), twice]).failure().is_some());
}

#[test]
fn t21_an_encrypted_token_is_refused_and_a_type_counts_where_one_is_asked_for() {
    let good = token(&claims());
    let parts: Vec<_> = good.split('.').collect();
    let header = part(r#"{"alg":"dir","enc":"A128CBC-HS256"}"#);
    assert_refused(&hs256(), &format!("{header}..{}.{}.{}", parts[1], parts[1], parts[2]), None);

    let key = EncodingKey::from_secret(SECRET);
    let typed =
        |typ: Value| sign_claims(&json!({"alg": "HS256", "typ": typ}), &claims(), &key, Algorithm::HS256);
    let access_tokens = hs256().valid_types(["at+jwt"]);
    assert_accepted(&access_tokens, &typed(json!("at+jwt")));
    for typ in [json!("JWT"), json!("AT+JWT"), json!(""), json!(null)] {
        assert_refused(&access_tokens, &typed(typ.clone()), None);
        assert_accepted(&hs256(), &typed(typ));
    }
    for name in ["typ", "cty", "zip", "x5t"] {
        let header = json!({"alg": "HS256", name: 5});
        assert_refused(&hs256(), &sign_claims(&header, &claims(), &key, Algorithm::HS256), None);
    }
    assert_refused(&access_tokens, &good, None);
}

#[test]
fn t16_the_longest_token_may_be_chosen() {
    let good = token(&claims());
    assert_accepted(&hs256().maximum_token_size(good.len()), &good);
    assert_refused(&hs256().maximum_token_size(good.len() - 1), &good, None);
}

#[test]
fn t23_a_short_secret_is_refused_when_the_server_is_built() {
    let short = checked(JwtBearer::hs256(&[1; 16]));
    assert_eq!(short.validate(), Err(ConfigurationError::SecretTooShort { needed: 32, found: 16 }));
    assert_eq!(checked(JwtBearer::hs256(&[1; 32])).validate(), Ok(()));
    assert!(checked(JwtBearer::rs256_pem(b"no key")).validate().is_err());
    let second = hs256().key(VerificationKey::secret(b"short"));
    assert!(second.validate().is_err());
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let good = token(&claims());
    let http = TestRequest::with_uri(&format!("/?access_token={good}"))
        .insert_header((AUTHORIZATION, format!("Bearer {good}")))
        .to_http_request();
    let request = AuthenticationRequest::for_hub(&http, "/chat");
    let good_result = hs256().result_at(&request, now());
    let bad_result = hs256().result_at(&request, now() + Duration::from_secs(9_999));

    let printed = format!("{:?} {request:?} {good_result:?} {bad_result:?}", hs256());

    let signature = good.rsplit('.').next().unwrap();
    for secret in [std::str::from_utf8(SECRET).unwrap(), signature, "ann"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[actix_web::test]
async fn the_clock_is_that_of_the_system() {
    let in_a_minute = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 60;
    let good = token(&claims_with(&json!({"exp": in_a_minute})));
    for (token, accepted) in [(good, true), (token(&claims()), false)] {
        let http =
            TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {token}"))).to_http_request();
        let request = AuthenticationRequest::new(&http);
        assert_eq!(hs256().authenticate(&request).await.ticket().is_some(), accepted);
    }
}
