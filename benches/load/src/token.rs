//! Bearer tokens, made before the load begins.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value};

/// Long enough for any load.
const LIFETIME_SECONDS: u64 = 86_400;

/// A claim as it is given: `name=text`, or `name:=json`.
pub(crate) fn claim(given: &str) -> Result<(String, Value), String> {
    let wrong = || format!("the claim {given} is neither name=text nor name:=json");
    let (name, value) = given.split_once('=').ok_or_else(wrong)?;
    let (name, value) = match name.strip_suffix(':') {
        Some(name) => (name, serde_json::from_str(value).map_err(|_| wrong())?),
        None => (name, Value::from(value)),
    };
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), value)) }
}

/// A token for a user, signed with HS256.
pub(crate) fn mint(secret: &str, user: &str, claims: &[(String, Value)]) -> Result<String, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let own = [
        ("sub", Value::from(user)),
        ("iat", Value::from(now)),
        ("nbf", Value::from(now.saturating_sub(5))),
        ("exp", Value::from(now + LIFETIME_SECONDS)),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let claims: Map<_, _> = own.chain(claims.iter().cloned()).collect();
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .map_err(|_| "no token can be signed with this secret".to_owned())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

    use super::*;

    const SECRET: &str = "a secret that is long enough for HS256";

    #[test]
    fn claims_are_texts_or_json() {
        assert_eq!(claim("role=a=b"), Ok(("role".to_owned(), Value::from("a=b"))));
        assert_eq!(claim("level:=3"), Ok(("level".to_owned(), Value::from(3))));
        for wrong in ["nothing", "=x", ":=1", "a:=b"] {
            assert!(claim(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_says_who_it_is_for_and_what_was_asked() {
        let token = mint(SECRET, "user-7", &[claim("aud=chat").unwrap()]).unwrap();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&["chat"]);
        validation.validate_nbf = true;
        let key = DecodingKey::from_secret(SECRET.as_bytes());
        let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["sub"], "user-7");
    }
}
