//! What makes a token valid. Specification of authentication, 3.3.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

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
    pub(in crate::authentication) lifetime: Lifetime,
    pub(in crate::authentication) clock_skew: Duration,
    pub(in crate::authentication) require_expiration: bool,
    /// If any are named, the header's `typ` has to be one of them.
    pub(in crate::authentication) types: Option<Vec<String>>,
    pub(in crate::authentication) maximum_bytes: usize,
    pub(in crate::authentication) claims: ClaimRules,
}

/// What an identity provider says of itself, in addition to what has been configured.
#[derive(Clone, Debug)]
pub(in crate::authentication) struct Discovered {
    pub(in crate::authentication) issuer: String,
    pub(in crate::authentication) keys: Vec<VerificationKey>,
}

/// Which values of a claim are accepted. In the beginning it is none.
#[derive(Clone)]
pub(in crate::authentication) enum Accepted {
    /// All, and its absence too.
    Any,
    /// These.
    OneOf(Vec<String>),
    /// Those that a function of the application accepts.
    If(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// What is asked of the times of a token.
#[derive(Clone)]
pub(in crate::authentication) enum Lifetime {
    /// That they make sense, and that it is valid now.
    Checked,
    /// What a function of the application says of its beginning and its end, and nothing else.
    If(Arc<LifetimeValidator>),
}

pub(in crate::authentication) type LifetimeValidator =
    dyn Fn(Option<SystemTime>, Option<SystemTime>) -> bool + Send + Sync;

impl Accepted {
    /// Accepts this value too, and no longer all.
    pub(in crate::authentication) fn add(&mut self, value: String) {
        match self {
            Self::Any | Self::If(_) => *self = Self::OneOf(vec![value]),
            Self::OneOf(values) => values.push(value),
        }
    }

    /// The values accepted; none if that is not a matter of values.
    pub(in crate::authentication) fn values(&self) -> &[String] {
        match self {
            Self::Any | Self::If(_) => &[],
            Self::OneOf(values) => values,
        }
    }

    /// Whether nothing would be accepted.
    pub(in crate::authentication) const fn is_nothing(&self) -> bool {
        matches!(self, Self::OneOf(values) if values.is_empty())
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::OneOf(values) => f.debug_list().entries(values).finish(),
            Self::If(_) => f.write_str("If(..)"),
        }
    }
}

impl fmt::Debug for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checked => "Checked",
            Self::If(_) => "If(..)",
        })
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
        discovered: Option<&Discovered>,
    ) -> Result<ValidToken, TokenRefusal> {
        if token.len() > self.maximum_bytes {
            return Err(TokenRefusal::TooLong);
        }
        let token = Token::parse(token)?;
        let claims = RegisteredClaims::read(&token.payload)?;
        let issuer = discovered.map(|discovered| discovered.issuer.as_str());
        match self.check_signature(&token, discovered) {
            // A key that is not known may be published by now. That is worth a look only if nothing else is wrong.
            Err(TokenRefusal::KeyNotFound { .. }) => {
                let otherwise = self.check_claims(&token, &claims, now, issuer);
                if token.kid.is_some() && !self.has_no_key(discovered) {
                    self.check_unverified(&claims, now, issuer)?;
                }
                return Err(TokenRefusal::KeyNotFound { is_wanted: otherwise.is_ok() });
            }
            outcome => outcome?,
        }
        self.check_claims(&token, &claims, now, issuer)?;
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

    fn has_no_key(&self, discovered: Option<&Discovered>) -> bool {
        self.keys.is_empty() && discovered.is_none_or(|discovered| discovered.keys.is_empty())
    }

    fn check_signature(
        &self,
        token: &Token<'_>,
        discovered: Option<&Discovered>,
    ) -> Result<(), TokenRefusal> {
        if token.is_unsigned() {
            return Err(TokenRefusal::BadSignature);
        }
        let keys = || self.keys.iter().chain(discovered.into_iter().flat_map(|discovered| &discovered.keys));
        let named = |key: &&VerificationKey| token.kid.is_some() && key.id() == token.kid.as_deref();
        let is_named = keys().any(|key| named(&key));
        // ASP.NET Core tries all keys for an id that it does not know. We do so only where keys
        // have no ids: an id that fits none is a token for somebody else.
        let ids_count = token.kid.is_some() && keys().any(|key| key.id().is_some());

        let algorithm = token.algorithm.as_deref().and_then(SigningAlgorithm::from_name);
        let algorithm =
            algorithm.filter(|found| self.algorithms.as_ref().is_none_or(|list| list.contains(found)));
        let verified = algorithm.is_some_and(|algorithm| {
            keys().filter(|key| !ids_count || named(key)).any(|key| {
                let signature = token.signature.as_deref();
                signature.is_some_and(|signature| key.verifies(algorithm, token.message, signature))
            })
        });
        match (verified, is_named) {
            (true, _) => Ok(()),
            (false, true) => Err(TokenRefusal::BadSignature),
            (false, false) => Err(TokenRefusal::KeyNotFound { is_wanted: false }),
        }
    }

    fn check_claims(
        &self,
        token: &Token<'_>,
        claims: &RegisteredClaims,
        now: SystemTime,
        discovered_issuer: Option<&str>,
    ) -> Result<(), TokenRefusal> {
        self.check_lifetime(claims, now)?;
        self.check_audience(claims)?;
        self.check_issuer(claims, discovered_issuer)?;
        self.check_type(token)
    }

    /// What else is wrong with a token whose key is not there is told first, and in another order, as ASP.NET Core does. It says
    /// nothing that its sender has not written himself.
    fn check_unverified(
        &self,
        claims: &RegisteredClaims,
        now: SystemTime,
        discovered_issuer: Option<&str>,
    ) -> Result<(), TokenRefusal> {
        self.check_lifetime(claims, now)?;
        self.check_issuer(claims, discovered_issuer)?;
        self.check_audience(claims)
    }

    fn check_lifetime(&self, claims: &RegisteredClaims, now: SystemTime) -> Result<(), TokenRefusal> {
        let (not_before, expires) = (claims.not_before, claims.expires);
        let lifetime = || TokenRefusal::Lifetime {
            not_before: not_before.map(|NumericDate(seconds)| seconds),
            expires: expires.map(|NumericDate(seconds)| seconds),
        };
        if let Lifetime::If(holds) = &self.lifetime {
            let times = (not_before.and_then(NumericDate::time), expires.and_then(NumericDate::time));
            return if holds(times.0, times.1) { Ok(()) } else { Err(lifetime()) };
        }
        if claims.expires.is_none() && self.require_expiration {
            return Err(TokenRefusal::NoExpiration);
        }
        if let (Some(NumericDate(not_before)), Some(NumericDate(expires))) = (not_before, expires)
            && not_before > expires
        {
            return Err(lifetime());
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
        let is_meant = |found: &str| match &self.audiences {
            Accepted::Any => true,
            Accepted::OneOf(valid) => valid.iter().any(|valid| same_but_for_a_slash(found, valid)),
            Accepted::If(holds) => holds(found),
        };
        let mut named = claims.audiences.iter().filter(|found| !found.trim().is_empty());
        if matches!(self.audiences, Accepted::Any) || named.any(|found| is_meant(found)) {
            return Ok(());
        }
        Err(TokenRefusal::Audience { is_named: !claims.audiences.is_empty() })
    }

    fn check_issuer(&self, claims: &RegisteredClaims, discovered: Option<&str>) -> Result<(), TokenRefusal> {
        let is_valid = |issuer: &String| match &self.issuers {
            Accepted::Any => true,
            Accepted::OneOf(valid) => valid.contains(issuer) || discovered == Some(issuer),
            Accepted::If(holds) => holds(issuer),
        };
        let named = claims.issuer.as_ref().filter(|issuer| !issuer.trim().is_empty());
        if matches!(self.issuers, Accepted::Any) || named.is_some_and(is_valid) {
            return Ok(());
        }
        Err(TokenRefusal::Issuer(claims.shown_issuer.clone()))
    }

    fn check_type(&self, token: &Token<'_>) -> Result<(), TokenRefusal> {
        let is_valid = |types: &Vec<String>| token.kind.as_ref().is_some_and(|kind| types.contains(kind));
        if self.types.as_ref().is_none_or(is_valid) { Ok(()) } else { Err(TokenRefusal::Type) }
    }
}

/// The claims that decide whether a token is valid.
#[derive(Debug)]
struct RegisteredClaims {
    issuer: Option<String>,
    /// How a refusal names it.
    shown_issuer: Option<String>,
    audiences: Vec<String>,
    not_before: Option<NumericDate>,
    expires: Option<NumericDate>,
}

impl RegisteredClaims {
    fn read(payload: &Members) -> Result<Self, TokenRefusal> {
        let audiences = match payload.find("aud") {
            None => Vec::new(),
            Some(Json::Array(values)) => {
                let named = values.iter().filter(|value| **value != Json::Null);
                named.map(audience).collect::<Result<_, _>>()?
            }
            Some(value) => vec![audience(value)?],
        };
        // One subject, or the user would be one of several.
        if matches!(payload.find("sub"), Some(Json::Array(_) | Json::Object(_) | Json::Bool(_))) {
            return Err(TokenRefusal::Malformed);
        }
        for texts in ["jti", "azp"] {
            string(payload, texts)?;
        }
        // Not asked of anything; but a token that has a time in it which is none has been made by mistake.
        NumericDate::read(payload, "iat")?;
        let issuer = string(payload, "iss")?;
        let is_null = payload.member("iss") == Some(&Json::Null);
        Ok(Self {
            shown_issuer: issuer.clone().or_else(|| (!is_null).then(String::new)),
            issuer,
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
    /// To the nearest second, and of two that are as near the even one. A number may come as a text, blanks around it. What is
    /// before 1970 or after 9999 is taken for the first or the last second that can be written.
    fn read(payload: &Members, name: &str) -> Result<Option<Self>, TokenRefusal> {
        let seconds = match payload.member(name) {
            None => return Ok(None),
            Some(Json::Number(number)) => number.as_i64().or_else(|| number.as_f64().and_then(whole_seconds)),
            Some(Json::String(text)) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().and_then(whole_seconds))
            }
            Some(_) => None,
        };
        let seconds = seconds.ok_or(TokenRefusal::Malformed)?;
        Ok(Some(Self(u64::try_from(seconds).unwrap_or(0).min(LAST_SECOND))))
    }

    /// `None` if the clock of this system does not reach so far.
    fn time(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0))
    }

    fn is_after(self, time: SystemTime) -> bool {
        self.time().is_none_or(|own| own > time)
    }
}

fn whole_seconds(seconds: f64) -> Option<i64> {
    // Both bounds are exact in an `f64`, and what is no number is between no bounds.
    (-BEYOND_I64..BEYOND_I64).contains(&seconds).then(|| seconds.round_ties_even() as i64)
}

/// Audiences are addresses, which people end with a slash or not.
fn same_but_for_a_slash(a: &str, b: &str) -> bool {
    a == b || a.strip_suffix('/') == Some(b) || b.strip_suffix('/') == Some(a)
}

/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// The first number that no `i64` can be.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;
