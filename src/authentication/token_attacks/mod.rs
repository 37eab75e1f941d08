//! What may be tried with tokens, at a fixed time. Specification of authentication, 13.1 and 13.2;
//! the numbers are those of its tables.

mod claims;
mod events;
mod form;
mod keys;
mod query;

use std::time::{Duration, SystemTime};

use actix_web::{http::header::AUTHORIZATION, test::TestRequest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::FutureExt;
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::{Value, json};

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ConfigurationError, Denial, JwtBearer, SigningAlgorithm, VerificationKey,
    jwt::{MAX_TOKEN_BYTES, TokenRefusal},
};

const NOW: u64 = 1_700_000_000;
const SECRET: &[u8] = b"a secret of thirty-two bytes ...";
const ISSUER: &str = "https://issuer";
const AUDIENCE: &str = "chat";
const NO_KEY: Option<&str> = Some("The signature key was not found");
const BAD_SIGNATURE: Option<&str> = Some("The signature is invalid");

const RSA_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/rsa_public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/rsa_private.pem");
const OTHER_RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/other_rsa_private.pem");
const EC256_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/ec256_public.pem");
const EC256_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ec256_private.pem");
const EC384_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/ec384_public.pem");
const EC384_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ec384_private.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/ed_public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ed_private.pem");

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

/// Schemes that have nothing to wait for.
trait AtOnce {
    fn validate_at(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<AuthenticationTicket, AuthenticationFailure>;
    fn result_at(&self, request: &AuthenticationRequest<'_>, now: SystemTime) -> AuthenticateResult;
}

impl AtOnce for JwtBearer {
    fn validate_at(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<AuthenticationTicket, AuthenticationFailure> {
        self.validate_token(token, now).now_or_never().unwrap()
    }

    fn result_at(&self, request: &AuthenticationRequest<'_>, now: SystemTime) -> AuthenticateResult {
        self.authenticate_at(request, now).now_or_never().unwrap()
    }
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
