//! What may be tried with tokens, at a fixed time. Specification of authentication, 13.1 and 13.2;
//! the numbers are those of its tables.

use std::time::{Duration, SystemTime};

use actix_web::{http::header::AUTHORIZATION, test::TestRequest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::{Value, json};

use crate::authentication::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, ConfigurationError, Denial, JwtBearer,
    SigningAlgorithm, VerificationKey,
    jwt::{MAX_TOKEN_BYTES, TokenRefusal},
};

const NOW: u64 = 1_700_000_000;
const SECRET: &[u8] = b"a secret of thirty-two bytes ...";
const ISSUER: &str = "https://issuer";
const AUDIENCE: &str = "chat";
const NO_KEY: Option<&str> = Some("The signature key was not found");
const BAD_SIGNATURE: Option<&str> = Some("The signature is invalid");

const RSA_PUBLIC: &[u8] = include_bytes!("../../tests/keys/rsa_public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../../tests/keys/rsa_private.pem");
const OTHER_RSA_PRIVATE: &[u8] = include_bytes!("../../tests/keys/other_rsa_private.pem");
const EC256_PUBLIC: &[u8] = include_bytes!("../../tests/keys/ec256_public.pem");
const EC256_PRIVATE: &[u8] = include_bytes!("../../tests/keys/ec256_private.pem");
const EC384_PUBLIC: &[u8] = include_bytes!("../../tests/keys/ec384_public.pem");
const EC384_PRIVATE: &[u8] = include_bytes!("../../tests/keys/ec384_private.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../../tests/keys/ed_public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../tests/keys/ed_private.pem");

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn checked(scheme: JwtBearer) -> JwtBearer {
    scheme.issuer(ISSUER).audience(AUDIENCE)
}

fn hs256() -> JwtBearer {
    checked(JwtBearer::hs256(SECRET))
}

fn rs256() -> JwtBearer {
    checked(JwtBearer::rs256_pem(RSA_PUBLIC))
}

/// The claims of a good token.
fn claims() -> Value {
    json!({"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 60, "nbf": NOW - 60})
}

/// A good token's claims, but for some; null takes one away.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token whose header and payload may be anything, signed with the primitive given.
fn sign_raw(header: &str, payload: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn sign_claims(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    sign_raw(&header.to_string(), &claims.to_string(), key, algorithm)
}

/// Signed with the secret.
fn token(claims: &Value) -> String {
    token_of_payload(&claims.to_string())
}

fn token_of_payload(payload: &str) -> String {
    sign_raw(r#"{"alg":"HS256"}"#, payload, &EncodingKey::from_secret(SECRET), Algorithm::HS256)
}

/// Signed with the RSA key that is trusted.
fn rsa_token(header: &Value) -> String {
    sign_claims(header, &claims(), &EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(), Algorithm::RS256)
}

#[track_caller]
fn assert_accepted(scheme: &JwtBearer, token: &str) {
    let outcome = scheme.validate_at(token, now());
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// The text that the sender is told.
#[track_caller]
fn assert_refused(scheme: &JwtBearer, token: &str, description: Option<&str>) {
    let failure = scheme.validate_at(token, now()).unwrap_err();
    assert_eq!(failure.description(), description, "{failure}");
}

fn challenge(scheme: &JwtBearer, token: &str) -> String {
    let failure = scheme.validate_at(token, now()).unwrap_err();
    challenge_after(scheme, &AuthenticateResult::Failure(failure))
}

fn challenge_after(scheme: &JwtBearer, result: &AuthenticateResult) -> String {
    let http = TestRequest::get().to_http_request();
    let mut denial = Denial::new(actix_web::http::StatusCode::OK);
    scheme.challenge(&AuthenticationRequest::new(&http), result, &mut denial);
    assert_eq!(denial.status(), 401);
    let values: Vec<_> = denial.headers().get_all("www-authenticate").collect();
    assert_eq!(values.len(), 1);
    values[0].to_str().unwrap().to_owned()
}

#[test]
fn a_good_token_becomes_a_ticket() {
    let ticket = hs256().validate_at(&token(&claims()), now()).unwrap();

    assert_eq!(ticket.scheme(), "Bearer");
    assert_eq!(ticket.expires_at(), Some(now() + Duration::from_secs(60)));
    assert_eq!(ticket.issued_at(), Some(now() - Duration::from_secs(60)));
    let user = ticket.principal();
    assert!(user.is_authenticated());
    let id = user.claims().find(|claim| claim.value() == "ann").unwrap();
    assert_eq!(id.claim_type(), actix_signalr_actors::claim_types::NAME_IDENTIFIER);
    assert_eq!(id.issuer(), ISSUER);
}

#[test]
fn every_kind_of_key_verifies_its_own_algorithm() {
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap();
    let es384 = VerificationKey::es384_pem(EC384_PUBLIC);
    let pss = VerificationKey::rsa_pem(RSA_PUBLIC).algorithms([SigningAlgorithm::Ps256]);
    let long = VerificationKey::secret(&[9; 64]).algorithms([SigningAlgorithm::Hs512]);
    let table = [
        (JwtBearer::hs256(SECRET), EncodingKey::from_secret(SECRET), Algorithm::HS256),
        (JwtBearer::with_key(long), EncodingKey::from_secret(&[9; 64]), Algorithm::HS512),
        (JwtBearer::rs256_pem(RSA_PUBLIC), rsa.clone(), Algorithm::RS256),
        (JwtBearer::with_key(pss), rsa, Algorithm::PS256),
        (
            JwtBearer::es256_pem(EC256_PUBLIC),
            EncodingKey::from_ec_pem(EC256_PRIVATE).unwrap(),
            Algorithm::ES256,
        ),
        (JwtBearer::with_key(es384), EncodingKey::from_ec_pem(EC384_PRIVATE).unwrap(), Algorithm::ES384),
        (JwtBearer::ed_pem(ED_PUBLIC), EncodingKey::from_ed_pem(ED_PRIVATE).unwrap(), Algorithm::EdDSA),
    ];
    for (scheme, key, algorithm) in table {
        let scheme = checked(scheme);
        assert_eq!(scheme.validate(), Ok(()));
        let good = sign_claims(&json!({"alg": algorithm}), &claims(), &key, algorithm);
        assert_accepted(&scheme, &good);

        let (message, signature) = good.rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        signature[3] ^= 1;
        assert_refused(&scheme, &format!("{message}.{}", part(signature)), NO_KEY);
        assert_refused(&scheme, &good.replacen("eyJ", "eyK", 1), None);
    }
}

#[test]
fn t1_an_unsigned_token_is_refused() {
    let payload = part(claims().to_string());
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = part(json!({"alg": alg}).to_string());
        assert_refused(&hs256(), &format!("{header}.{payload}."), BAD_SIGNATURE);
        assert_refused(&hs256(), &format!("{header}.{payload}.AAAA"), BAD_SIGNATURE);
        assert_refused(&hs256(), &format!("{header}.{payload}"), None);
    }
    let (message, _) = token(&claims()).rsplit_once('.').map(|(m, s)| (m.to_owned(), s.len())).unwrap();
    assert_refused(&hs256(), &format!("{message}."), BAD_SIGNATURE);
    assert_refused(&hs256(), &message, None);
}

#[test]
fn t2_a_public_key_is_no_shared_secret() {
    let pem = EncodingKey::from_secret(RSA_PUBLIC);
    let der = pem_contents(RSA_PUBLIC);
    for key in [pem, EncodingKey::from_secret(&der)] {
        let forged = sign_claims(&json!({"alg": "HS256"}), &claims(), &key, Algorithm::HS256);
        assert_refused(&rs256(), &forged, NO_KEY);

        // That an algorithm is valid does not make it one of this key.
        let named = checked(JwtBearer::with_key(VerificationKey::rsa_pem(RSA_PUBLIC).kid("k")))
            .valid_algorithms([SigningAlgorithm::Rs256, SigningAlgorithm::Hs256]);
        let known = sign_claims(&json!({"alg": "HS256", "kid": "k"}), &claims(), &key, Algorithm::HS256);
        assert_refused(&named, &known, BAD_SIGNATURE);
        // The algorithm that the header claims does not fit the signature either.
        let lying = sign_claims(&json!({"alg": "RS256", "kid": "k"}), &claims(), &key, Algorithm::HS256);
        assert_refused(&named, &lying, BAD_SIGNATURE);
    }
}

fn pem_contents(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

#[test]
fn t3_keys_of_both_kinds_do_not_mix() {
    let both = rs256().key(VerificationKey::secret(SECRET));
    assert_accepted(&both, &token(&claims()));
    assert_accepted(&both, &rsa_token(&json!({"alg": "RS256"})));

    let forged = sign_claims(
        &json!({"alg": "HS256"}),
        &claims(),
        &EncodingKey::from_secret(RSA_PUBLIC),
        Algorithm::HS256,
    );
    assert_refused(&both, &forged, NO_KEY);
}

#[test]
fn t3_a_key_is_used_for_the_algorithms_it_is_bound_to_alone() {
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap();
    let rs512 = sign_claims(&json!({"alg": "RS512"}), &claims(), &rsa, Algorithm::RS512);
    assert_refused(&rs256(), &rs512, NO_KEY);

    let narrowed = rs256().key(VerificationKey::secret(SECRET)).valid_algorithms([SigningAlgorithm::Rs256]);
    assert_accepted(&narrowed, &rsa_token(&json!({"alg": "RS256"})));
    assert_refused(&narrowed, &token(&claims()), NO_KEY);
}

#[test]
fn t4_keys_in_the_header_are_not_used() {
    let theirs = EncodingKey::from_rsa_pem(OTHER_RSA_PRIVATE).unwrap();
    let jwk =
        serde_json::to_value(jsonwebtoken::jwk::Jwk::from_encoding_key(&theirs, Algorithm::RS256).unwrap())
            .unwrap();
    for header in [
        json!({"alg": "RS256", "jwk": jwk}),
        json!({"alg": "RS256", "jku": "https://evil.example/jwks"}),
        json!({"alg": "RS256", "x5c": ["MIIB"], "x5u": "https://evil.example/cert"}),
        json!({"alg": "RS256", "jwk": 5}),
    ] {
        let forged = sign_claims(&header, &claims(), &theirs, Algorithm::RS256);
        assert_refused(&rs256(), &forged, NO_KEY);
        assert_accepted(&rs256(), &rsa_token(&header));
    }
}

#[test]
fn t5_a_token_ends_after_the_skew() {
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
fn t6_a_token_begins_before_the_skew() {
    let from = |ahead: u64| token(&claims_with(&json!({"nbf": NOW + ahead, "exp": NOW + 9_999})));
    assert_accepted(&hs256(), &from(300));
    assert_refused(&hs256(), &from(301), Some("The token is not valid before '11/14/2023 22:18:21'"));
}

#[test]
fn t7_times_have_to_make_sense() {
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
            "\"1.5\"",
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
    for far in ["253402300800", "9000000000000000", "18446744073709551615"] {
        assert_eq!(end(far), Ok(last), "{far}");
    }
    assert_eq!(end("\"1700000100\""), Ok(Some(now() + Duration::from_secs(100))));
    for past in ["-1", "\"-1\"", "-9223372036854775808"] {
        let text = "The token expired at '01/01/1970 00:00:00'";
        assert_eq!(end(past).unwrap_err().description(), Some(text), "{past}");
    }
    let fraction = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{NOW}.75,"nbf":1.7e9}}"#);
    let ticket = hs256().validate_at(&token_of_payload(&fraction), now()).unwrap();
    assert_eq!(ticket.expires_at(), Some(now()));
}

#[test]
fn t8_a_token_is_for_its_audience() {
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
fn t9_a_token_is_from_its_issuer() {
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
fn t13_an_id_that_no_key_has_is_refused_where_keys_have_ids() {
    let with_id = |kid: &str| rsa_token(&json!({"alg": "RS256", "kid": kid}));
    let named = checked(JwtBearer::with_key(VerificationKey::rsa_pem(RSA_PUBLIC).kid("k1")));
    assert_accepted(&named, &with_id("k1"));
    assert_refused(&named, &with_id("k2"), NO_KEY);
    assert_refused(&named, &with_id("K1"), NO_KEY);
    assert_accepted(&named, &rsa_token(&json!({"alg": "RS256"})));
    assert_accepted(&named, &with_id(""));
    assert_refused(&named, &rsa_token(&json!({"alg": "RS256", "kid": 1})), None);

    // Where no key has an id, all are tried.
    assert_accepted(&rs256(), &with_id("k2"));
}

#[test]
fn t13_a_key_not_found_is_told_only_of_tokens_worth_a_key() {
    let theirs = EncodingKey::from_rsa_pem(OTHER_RSA_PRIVATE).unwrap();
    let forged = |kid: Value, changes: Value| {
        sign_claims(&json!({"alg": "RS256", "kid": kid}), &claims_with(&changes), &theirs, Algorithm::RS256)
    };
    assert_refused(&rs256(), &forged(json!("x"), json!({})), NO_KEY);
    assert_refused(&rs256(), &forged(json!("x"), json!({"exp": 1, "nbf": 0})), BAD_SIGNATURE);
    assert_refused(&rs256(), &forged(json!("x"), json!({"aud": "y"})), BAD_SIGNATURE);
    assert_refused(&rs256(), &forged(json!(null), json!({"aud": "y"})), NO_KEY);

    let named = checked(JwtBearer::with_key(VerificationKey::rsa_pem(RSA_PUBLIC).kid("x")));
    assert_refused(&named, &forged(json!("x"), json!({})), BAD_SIGNATURE);
}

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
        format!("{header}..{signature}"),
        format!("{header}.{payload}\n.{signature}"),
        format!("{}.{payload}.{signature}", part("null")),
        format!("{}.{payload}.{signature}", part("{}")),
        format!("{}.{payload}.{signature}", part(r#"{"alg":5}"#)),
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
    for bad in ["=", "+/", "\0", "\r\n", ", Basic x", "é"] {
        assert_refused(&hs256(), &format!("{good}{bad}"), NO_KEY);
    }
    // A name of an algorithm that nobody knows is no garbage, but fits no key.
    for alg in ["HS1", "hs256", "", "ES256K", "dir"] {
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
        hs256().authenticate_at(&AuthenticationRequest::new(&http), now())
    };
    assert!(result(&[format!("bearer {good}")]).ticket().is_some());
    assert!(matches!(result(&["Bearer".to_owned()]), AuthenticateResult::NoResult));
    assert!(matches!(result(&["Basic x".to_owned()]), AuthenticateResult::NoResult));
    assert!(matches!(result(&[]), AuthenticateResult::NoResult));
    let twice = format!("Bearer {good}");
    assert!(result(&[twice.clone(), twice]).failure().is_some());
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

/// The user id that a request is given. `JWT` in the query becomes a token of the user `query`; the
/// header, if there is one, is a token of the user `header`.
fn user_of(scheme: &JwtBearer, hub: Option<&str>, query: &str, header: bool) -> Option<String> {
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
    let result = scheme.authenticate_at(&request, now());
    let id = actix_signalr_actors::claim_types::NAME_IDENTIFIER;
    result.ticket().and_then(|ticket| ticket.principal().find_first(id)).map(str::to_owned)
}

#[test]
fn q1_the_query_counts_only_where_routing_found_a_hub() {
    assert_eq!(user_of(&hs256(), None, "access_token=JWT", false), None);
    let user = user_of(&hs256(), Some("/chat"), "access_token=JWT", false);
    assert_eq!(user.as_deref(), Some("query"));
    assert_eq!(user_of(&hs256().without_query_token(), Some("/chat"), "access_token=JWT", false), None);
}

#[test]
fn q2_q3_the_query_may_be_confined_to_a_part_of_the_hubs() {
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
fn q6_on_a_hub_the_query_wins_and_elsewhere_the_header() {
    let user = |hub| user_of(&hs256(), hub, "access_token=JWT", true);
    assert_eq!(user(Some("/chat")).as_deref(), Some("query"));
    assert_eq!(user(None).as_deref(), Some("header"));
}

#[test]
fn q6_a_bad_token_in_the_query_is_not_made_good_by_the_header() {
    assert_eq!(user_of(&hs256(), Some("/chat"), "access_token=bad", true), None);
}

#[test]
fn q7_an_empty_query_token_is_none_and_two_are_a_bad_one() {
    let user = |query: &str| user_of(&hs256(), Some("/chat"), query, true);
    assert_eq!(user("access_token=").as_deref(), Some("header"));
    assert_eq!(user("access_token=JWT&access_token=JWT"), None);
    assert_eq!(user("ACCESS_TOKEN=JWT").as_deref(), Some("query"));
    for bad in ["access_token=JWT%00", "access_token=+JWT", "access_token=%00", "access_token=%zz"] {
        assert_eq!(user(bad), None, "{bad}");
    }
}

#[test]
fn a_token_found_by_the_application_wins() {
    let found = token(&claims_with(&json!({"sub": "cookie"})));
    let scheme = hs256().on_message_received(move |request| {
        request.http().query_string().contains("cookie").then(|| found.clone())
    });
    let user = |query: &str| user_of(&scheme, Some("/chat"), query, true);
    assert_eq!(user("access_token=JWT&cookie").as_deref(), Some("cookie"));
    assert_eq!(user("access_token=JWT").as_deref(), Some("query"));

    let empty = hs256().on_message_received(|_| Some(String::new()));
    assert_eq!(user_of(&empty, None, "", true).as_deref(), Some("header"));
}

#[test]
fn the_application_has_the_last_word_and_its_reason_stays_here() {
    let scheme = hs256().on_token_validated(|ticket| {
        if ticket.principal().has_claim(actix_signalr_actors::claim_types::NAME_IDENTIFIER, "ann") {
            return Err("ann was dismissed".to_owned());
        }
        Ok(())
    });
    assert_accepted(&scheme, &token(&claims_with(&json!({"sub": "bob"}))));
    let failure = scheme.validate_at(&token(&claims()), now()).unwrap_err();
    assert_eq!(failure.reason(), "ann was dismissed");
    assert_eq!(challenge(&scheme, &token(&claims())), r#"Bearer error="invalid_token""#);
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let good = token(&claims());
    let http = TestRequest::with_uri(&format!("/?access_token={good}"))
        .insert_header((AUTHORIZATION, format!("Bearer {good}")))
        .to_http_request();
    let request = AuthenticationRequest::for_hub(&http, "/chat");
    let good_result = hs256().authenticate_at(&request, now());
    let bad_result = hs256().authenticate_at(&request, now() + Duration::from_secs(9_999));

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
