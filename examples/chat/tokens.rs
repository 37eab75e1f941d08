//! The tokens that the sign-in gives and the hub asks for: JSON Web Tokens, signed with a key that only this
//! server has.

use std::{
    env, io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_signalr::JwtBearer;
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

/// Makes tokens, and the scheme that verifies them.
pub(crate) struct Tokens {
    /// Outlives a restart, and with it the tokens: open windows come back by themselves.
    key: Vec<u8>,
}

impl Tokens {
    /// With the key in `CHAT_KEY`, or else with one that everybody can read in this file.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let key = match env::var_os("CHAT_KEY") {
            Some(key) => key.into_encoded_bytes(),
            None => {
                eprintln!(
                    "WARNING: CHAT_KEY is not set, so tokens are signed with a key that everybody knows.\n\
                     WARNING: This is for trying out only: with it anybody can sign in as anybody."
                );
                DEMO_KEY.to_vec()
            }
        };
        if key.len() < SHORTEST_KEY {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "CHAT_KEY needs at least 32 bytes"));
        }
        Ok(Self { key })
    }

    /// What the hub asks who connects.
    pub(crate) fn scheme(&self) -> JwtBearer {
        JwtBearer::hs256(&self.key).issuer(ISSUER).audience(AUDIENCE)
    }

    /// A token for somebody, good for half a day.
    pub(crate) fn issue(&self, name: &str) -> jsonwebtoken::errors::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let exp = (now + LIFETIME).as_secs();
        let claims =
            Claims { sub: name, unique_name: name, jti: Uuid::new_v4(), iss: ISSUER, aud: AUDIENCE, exp };
        jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(&self.key))
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    /// What the hub sees as the name of its caller.
    unique_name: &'a str,
    jti: Uuid,
    iss: &'static str,
    aud: &'static str,
    /// Seconds since 1970.
    exp: u64,
}

const ISSUER: &str = "chat";
const AUDIENCE: &str = "chat";
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Bytes: as many as the hash of HS256 has.
const SHORTEST_KEY: usize = 32;
const DEMO_KEY: &[u8] = b"for trying out only: everybody knows this key";
