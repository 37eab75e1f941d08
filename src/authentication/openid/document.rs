//! What an identity provider says of itself.

use std::{
    fmt,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Deserialize;

use crate::authentication::{
    jwt::{Discovered, read_key_set},
    openid::{Authority, BackchannelError},
};

/// The document of an identity provider with its keys, as it was when it was fetched.
#[derive(Debug)]
pub(super) struct ProviderConfiguration {
    pub(super) discovered: Discovered,
    /// When it last verified a token.
    last_good: Mutex<Option<Instant>>,
}

impl ProviderConfiguration {
    pub(super) const fn new(discovered: Discovered) -> Self {
        Self { discovered, last_good: Mutex::new(None) }
    }

    /// It has verified a token.
    pub(super) fn was_good(&self, now: Instant) {
        *self.last_good.lock() = Some(now);
    }

    /// Whether it has verified a token lately.
    pub(super) fn is_good(&self, now: Instant, lifetime: Duration) -> bool {
        self.last_good.lock().is_some_and(|last| now.saturating_duration_since(last) < lifetime)
    }
}

/// Fetches the document and the keys.
pub(super) async fn fetch(authority: &Authority) -> Result<Discovered, FetchError> {
    let document = get(authority, &authority.metadata_address).await?;
    let Metadata { issuer, jwks_uri } =
        serde_json::from_slice(&document).map_err(|_| FetchError::Unreadable("document"))?;
    if issuer.trim().is_empty() {
        return Err(FetchError::Unreadable("issuer"));
    }
    let keys = get(authority, &jwks_uri).await?;
    let keys = read_key_set(&keys).map_err(|_| FetchError::Unreadable("key set"))?;
    if keys.is_empty() {
        return Err(FetchError::NoKey);
    }
    Ok(Discovered { issuer, keys })
}

async fn get(authority: &Authority, address: &str) -> Result<bytes::Bytes, FetchError> {
    if !authority.allows(address) {
        return Err(FetchError::Address);
    }
    let body = authority.backchannel.get(address, MAXIMUM_BYTES).await.map_err(FetchError::Backchannel)?;
    if body.len() > MAXIMUM_BYTES { Err(FetchError::TooLong) } else { Ok(body) }
}

/// What of the document matters here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Why there is no new configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Backchannel(BackchannelError),
    /// The provider names an address that is not to be used.
    Address,
    TooLong,
    Unreadable(&'static str),
    NoKey,
    Timeout,
    /// The worker that fetched has ended.
    Abandoned,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backchannel(err) => err.fmt(f),
            Self::Address => f.write_str("an address is not one of HTTPS"),
            Self::TooLong => write!(f, "a document is longer than {MAXIMUM_BYTES} bytes"),
            Self::Unreadable(what) => write!(f, "the {what} cannot be read"),
            Self::NoKey => f.write_str("there is no key that verifies tokens"),
            Self::Timeout => f.write_str("it took too long"),
            Self::Abandoned => f.write_str("the worker that fetched it has ended"),
        }
    }
}

/// Far more than providers have: some kilobytes.
const MAXIMUM_BYTES: usize = 1024 * 1024;
