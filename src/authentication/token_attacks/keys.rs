//! Which key may say what: unsigned tokens, keys of the wrong kind, keys that come with the token.

use super::*;

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
fn t01_an_unsigned_token_is_refused() {
    let payload = part(claims().to_string());
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = part(json!({"alg": alg}).to_string());
        assert_refused(&hs256(), &format!("{header}.{payload}."), BAD_SIGNATURE);
        assert_refused(&hs256(), &format!("{header}.{payload}.AAAA"), NO_KEY);
        let key = EncodingKey::from_secret(SECRET);
        let signed = sign_claims(&json!({"alg": alg}), &claims(), &key, Algorithm::HS256);
        assert_refused(&hs256(), &signed, NO_KEY);
        assert_refused(&hs256(), &format!("{header}.{payload}"), None);
    }
    let (message, _) = token(&claims()).rsplit_once('.').map(|(m, s)| (m.to_owned(), s.len())).unwrap();
    assert_refused(&hs256(), &format!("{message}."), BAD_SIGNATURE);
    assert_refused(&hs256(), &message, None);
}

#[test]
fn t02_a_public_key_is_no_shared_secret() {
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
fn t03_keys_of_both_kinds_do_not_mix() {
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
fn t03_a_key_is_used_for_the_algorithms_it_is_bound_to_alone() {
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap();
    let rs512 = sign_claims(&json!({"alg": "RS512"}), &claims(), &rsa, Algorithm::RS512);
    assert_refused(&rs256(), &rs512, NO_KEY);

    let narrowed = rs256().key(VerificationKey::secret(SECRET)).valid_algorithms([SigningAlgorithm::Rs256]);
    assert_accepted(&narrowed, &rsa_token(&json!({"alg": "RS256"})));
    assert_refused(&narrowed, &token(&claims()), NO_KEY);
}

#[test]
fn t04_keys_in_the_header_are_not_used() {
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
fn t13_what_else_is_wrong_is_told_before_that_a_key_was_not_found() {
    let theirs = EncodingKey::from_rsa_pem(OTHER_RSA_PRIVATE).unwrap();
    let forged = |kid: Value, changes: Value| {
        sign_claims(&json!({"alg": "RS256", "kid": kid}), &claims_with(&changes), &theirs, Algorithm::RS256)
    };
    assert_refused(&rs256(), &forged(json!("x"), json!({})), NO_KEY);
    let expired = Some("The token expired at '01/01/1970 00:00:01'");
    assert_refused(&rs256(), &forged(json!("x"), json!({"exp": 1, "nbf": 0, "iss": "y"})), expired);
    let audience = Some("The audience '(null)' is invalid");
    assert_refused(&rs256(), &forged(json!("x"), json!({"aud": "y"})), audience);
    let issuer = Some("The issuer 'y' is invalid");
    assert_refused(&rs256(), &forged(json!("x"), json!({"aud": "y", "iss": "y"})), issuer);
    assert_refused(&rs256(), &forged(json!("x"), json!({"iss": null})), Some("The issuer '' is invalid"));
    assert_refused(&rs256(), &forged(json!(null), json!({"aud": "y"})), NO_KEY);

    let named = checked(JwtBearer::with_key(VerificationKey::rsa_pem(RSA_PUBLIC).kid("x")));
    assert_refused(&named, &forged(json!("x"), json!({})), BAD_SIGNATURE);
}
