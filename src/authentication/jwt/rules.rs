//! What makes a token valid. Specification of authentication, 3.3.

use std::time::{Duration, SystemTime};

use actix_signalr_actors::ClaimsIdentity;

use crate::authentication::jwt::{
    algorithm::SigningAlgorithm,
    claims::ClaimRules,
    json::{Json, Members},
    key::VerificationKey,
    refusal::TokenRefusal,
    token::{Token, string},
};

/// What makes a token valid.
#[derive(Clone, Debug)]
pub(in crate::authentication) struct TokenRules {
    pub(in crate::authentication) keys: Vec<VerificationKey>,
    /// If any are named, no other is used.
    pub(in crate::authentication) algorithms: Option<Vec<SigningAlgorithm>>,
    pub(in crate::authentication) issuers: Accepted,
    pub(in crate::authentication) audiences: Accepted,
    pub(in crate::authentication) clock_skew: Duration,
    pub(in crate::authentication) require_expiration: bool,
    pub(in crate::authentication) claims: ClaimRules,
}

/// Which values of a claim are accepted. In the beginning it is none.
#[derive(Clone, Debug)]
pub(in crate::authentication) enum Accepted {
    /// All, and its absence too.
    Any,
    /// These.
    OneOf(Vec<String>),
}

impl Accepted {
    /// Accepts this value too, and no longer all.
    pub(in crate::authentication) fn add(&mut self, value: String) {
        match self {
            Self::Any => *self = Self::OneOf(vec![value]),
            Self::OneOf(values) => values.push(value),
        }
    }

    /// The values accepted; none if all are.
    pub(in crate::authentication) fn values(&self) -> &[String] {
        match self {
            Self::Any => &[],
            Self::OneOf(values) => values,
        }
    }

    /// Whether nothing would be accepted.
    pub(in crate::authentication) const fn is_nothing(&self) -> bool {
        matches!(self, Self::OneOf(values) if values.is_empty())
    }
}

/// What a valid token says.
#[derive(Debug)]
pub(in crate::authentication) struct ValidToken {
    pub(in crate::authentication) identity: ClaimsIdentity,
    pub(in crate::authentication) not_before: Option<SystemTime>,
    pub(in crate::authentication) expires: Option<SystemTime>,
}

impl TokenRules {
    /// Reads a token and applies every rule in order; the first that is broken decides.
    pub(in crate::authentication) fn validate_at(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<ValidToken, TokenRefusal> {
        let token = Token::parse(token)?;
        let claims = RegisteredClaims::read(&token.payload)?;
        match self.check_signature(&token) {
            // A key that is not known could be published later; that would not help this token.
            Err(TokenRefusal::KeyNotFound) if token.kid.is_some() => {
                let worth_a_key = self.check_claims(&claims, now).is_ok();
                let refusal =
                    if worth_a_key { TokenRefusal::KeyNotFound } else { TokenRefusal::BadSignature };
                return Err(refusal);
            }
            outcome => outcome?,
        }
        self.check_claims(&claims, now)?;
        Ok(ValidToken {
            identity: self.claims.identity(token.payload, claims.issuer),
            not_before: claims.not_before.and_then(NumericDate::time),
            expires: claims.expires.and_then(NumericDate::time),
        })
    }

    /// Whether a key can be used at all.
    pub(in crate::authentication) fn has_usable_key(&self) -> bool {
        let permitted = |algorithm| self.algorithms.as_ref().is_none_or(|list| list.contains(&algorithm));
        self.keys.iter().any(|key| key.bound_to().iter().copied().any(permitted))
    }

    fn check_signature(&self, token: &Token<'_>) -> Result<(), TokenRefusal> {
        if token.is_unsigned() {
            return Err(TokenRefusal::BadSignature);
        }
        let named = |key: &&VerificationKey| token.kid.is_some() && key.id() == token.kid.as_deref();
        let is_named = self.keys.iter().any(|key| named(&key));
        // ASP.NET Core tries all keys for an id that it does not know. We do so only where keys
        // have no ids: an id that fits none is a token for somebody else.
        let ids_count = token.kid.is_some() && self.keys.iter().any(|key| key.id().is_some());

        let algorithm = SigningAlgorithm::from_name(&token.algorithm)
            .filter(|found| self.algorithms.as_ref().is_none_or(|list| list.contains(found)));
        let verified = algorithm.is_some_and(|algorithm| {
            self.keys.iter().filter(|key| !ids_count || named(key)).any(|key| {
                let signature = token.signature.as_deref();
                signature.is_some_and(|signature| key.verifies(algorithm, token.message, signature))
            })
        });
        match (verified, is_named) {
            (true, _) => Ok(()),
            (false, true) => Err(TokenRefusal::BadSignature),
            (false, false) => Err(TokenRefusal::KeyNotFound),
        }
    }

    fn check_claims(&self, claims: &RegisteredClaims, now: SystemTime) -> Result<(), TokenRefusal> {
        self.check_lifetime(claims, now)?;
        self.check_audience(claims)?;
        self.check_issuer(claims)
    }

    fn check_lifetime(&self, claims: &RegisteredClaims, now: SystemTime) -> Result<(), TokenRefusal> {
        if claims.expires.is_none() && self.require_expiration {
            return Err(TokenRefusal::NoExpiration);
        }
        if let (Some(NumericDate(not_before)), Some(NumericDate(expires))) =
            (claims.not_before, claims.expires)
            && not_before > expires
        {
            return Err(TokenRefusal::Lifetime { not_before, expires });
        }
        // A sum that no clock can show lies beyond every token.
        if let Some(not_before) = claims.not_before
            && now.checked_add(self.clock_skew).is_some_and(|latest| not_before.is_after(latest))
        {
            return Err(TokenRefusal::NotYetValid { not_before: not_before.0 });
        }
        if let Some(expires) = claims.expires
            && expires.time().and_then(|time| time.checked_add(self.clock_skew)).is_some_and(|end| end < now)
        {
            return Err(TokenRefusal::Expired { expires: expires.0 });
        }
        Ok(())
    }

    fn check_audience(&self, claims: &RegisteredClaims) -> Result<(), TokenRefusal> {
        let Accepted::OneOf(valid) = &self.audiences else { return Ok(()) };
        let meant = |found: &String| {
            !found.trim().is_empty() && valid.iter().any(|valid| same_but_for_a_slash(found, valid))
        };
        if claims.audiences.iter().any(meant) {
            return Ok(());
        }
        Err(TokenRefusal::Audience { is_named: !claims.audiences.is_empty() })
    }

    fn check_issuer(&self, claims: &RegisteredClaims) -> Result<(), TokenRefusal> {
        let Accepted::OneOf(valid) = &self.issuers else { return Ok(()) };
        match &claims.issuer {
            Some(issuer) if !issuer.trim().is_empty() && valid.contains(issuer) => Ok(()),
            issuer => Err(TokenRefusal::Issuer(issuer.clone())),
        }
    }
}

/// The claims that decide whether a token is valid.
#[derive(Debug)]
struct RegisteredClaims {
    issuer: Option<String>,
    audiences: Vec<String>,
    not_before: Option<NumericDate>,
    expires: Option<NumericDate>,
}

impl RegisteredClaims {
    fn read(payload: &Members) -> Result<Self, TokenRefusal> {
        let audiences = match payload.find("aud") {
            None => Vec::new(),
            Some(Json::Array(values)) => values.iter().map(audience).collect::<Result<_, _>>()?,
            Some(value) => vec![audience(value)?],
        };
        // One subject, or the user would be one of several.
        if matches!(payload.find("sub"), Some(Json::Array(_) | Json::Object(_))) {
            return Err(TokenRefusal::Malformed);
        }
        Ok(Self {
            issuer: string(payload, "iss")?,
            audiences,
            not_before: NumericDate::read(payload, "nbf")?,
            expires: NumericDate::read(payload, "exp")?,
        })
    }
}

fn audience(value: &Json) -> Result<String, TokenRefusal> {
    match value {
        Json::String(text) => Ok(text.clone()),
        _ => Err(TokenRefusal::Malformed),
    }
}

/// Seconds since 1970, within the years that can be written.
#[derive(Clone, Copy, Debug)]
struct NumericDate(u64);

impl NumericDate {
    /// Fractions of a second are dropped. A number may come as a string. What is before 1970 or after 9999 is taken for
    /// the first or the last second that can be written.
    fn read(payload: &Members, name: &str) -> Result<Option<Self>, TokenRefusal> {
        let seconds = match payload.member(name) {
            None => return Ok(None),
            Some(Json::Number(number)) => match (number.as_i64(), number.as_u64()) {
                (Some(seconds), _) => Some(u64::try_from(seconds).unwrap_or(0)),
                (None, Some(seconds)) => Some(seconds),
                (None, None) => number.as_f64().and_then(whole_seconds),
            },
            Some(Json::String(text)) => text.parse::<i64>().ok().map(|s| u64::try_from(s).unwrap_or(0)),
            Some(_) => None,
        };
        seconds.map(|seconds| Some(Self(seconds.min(LAST_SECOND)))).ok_or(TokenRefusal::Malformed)
    }

    /// `None` if the clock of this system does not reach so far.
    fn time(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0))
    }

    fn is_after(self, time: SystemTime) -> bool {
        self.time().is_none_or(|own| own > time)
    }
}

fn whole_seconds(seconds: f64) -> Option<u64> {
    // Both bounds are exact in an `f64`, so the cast cannot cut anything but the fraction.
    (0.0..=LAST_SECOND as f64).contains(&seconds).then_some(seconds as u64)
}

/// Audiences are addresses, which people end with a slash or not.
fn same_but_for_a_slash(a: &str, b: &str) -> bool {
    a == b || a.strip_suffix('/') == Some(b) || b.strip_suffix('/') == Some(a)
}

/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
