//! The scheme for JSON Web Tokens: in the header, and in the query of requests to hubs.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::http::{
    StatusCode,
    header::{HeaderValue, WWW_AUTHENTICATE},
};
use futures::future::LocalBoxFuture;

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ConfigurationError, Denial, SigningAlgorithm, VerificationKey, bearer_token,
    jwt::{Accepted, ClaimRules, TokenRules, ValidToken},
};

/// The scheme for JSON Web Tokens.
///
/// It takes the token from `Authorization: Bearer <token>` and, in requests that routing has given
/// to a hub, from the query's `access_token`, which wins: browsers cannot give a WebSocket or an
/// event source a header.
///
/// Issuer, audience, lifetime and signature are checked. Whoever names no issuer or audience has
/// to switch the check off in so many words; otherwise the server is not built.
///
/// ```
/// use actix_signalr::JwtBearer;
///
/// # let secret = [7; 32];
/// let bearer = JwtBearer::hs256(&secret).issuer("https://login.example.com").audience("chat");
/// ```
pub struct JwtBearer {
    name: String,
    rules: TokenRules,
    include_error_details: bool,
    realm: Option<String>,
    query_token: QueryToken,
    on_message_received: Option<Box<OnMessageReceived>>,
    on_token_validated: Option<Box<OnTokenValidated>>,
}

type OnMessageReceived = dyn Fn(&AuthenticationRequest<'_>) -> Option<String> + Send + Sync;
type OnTokenValidated = dyn Fn(&AuthenticationTicket) -> Result<(), String> + Send + Sync;

/// Where the query may carry a token.
#[derive(Debug)]
enum QueryToken {
    Nowhere,
    EveryHub,
    HubsUnder(String),
}

impl JwtBearer {
    /// Tokens signed with a secret of at least 32 bytes that is shared with the issuer.
    #[must_use]
    pub fn hs256(secret: &[u8]) -> Self {
        Self::with_key(VerificationKey::secret(secret))
    }

    /// Tokens signed with RS256, verified with this public key in PEM form.
    #[must_use]
    pub fn rs256_pem(pem: &[u8]) -> Self {
        Self::with_key(VerificationKey::rsa_pem(pem))
    }

    /// Tokens signed with ES256, verified with this public key in PEM form.
    #[must_use]
    pub fn es256_pem(pem: &[u8]) -> Self {
        Self::with_key(VerificationKey::es256_pem(pem))
    }

    /// Tokens signed with EdDSA, verified with this Ed25519 public key in PEM form.
    #[must_use]
    pub fn ed_pem(pem: &[u8]) -> Self {
        Self::with_key(VerificationKey::ed_pem(pem))
    }

    /// Tokens verified with this key.
    #[must_use]
    pub fn with_key(key: VerificationKey) -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            rules: TokenRules {
                keys: vec![key],
                algorithms: None,
                issuers: Accepted::OneOf(Vec::new()),
                audiences: Accepted::OneOf(Vec::new()),
                clock_skew: DEFAULT_CLOCK_SKEW,
                require_expiration: true,
                claims: ClaimRules::default(),
            },
            include_error_details: true,
            realm: None,
            query_token: QueryToken::EveryHub,
            on_message_received: None,
            on_token_validated: None,
        }
    }

    /// What the scheme is called in policies and defaults; `Bearer`.
    #[must_use]
    pub fn scheme_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Verifies tokens with this key as well.
    #[must_use]
    pub fn key(mut self, key: VerificationKey) -> Self {
        self.rules.keys.push(key);
        self
    }

    /// Uses none but these algorithms, whatever the keys are bound to. By default all.
    #[must_use]
    pub fn valid_algorithms(mut self, algorithms: impl IntoIterator<Item = SigningAlgorithm>) -> Self {
        self.rules.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts tokens of this issuer, compared with case. May be called for several.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuers.add(issuer.into());
        self
    }

    /// Accepts tokens of any issuer, provided that a key verifies them.
    #[must_use]
    pub fn without_issuer_check(mut self) -> Self {
        self.rules.issuers = Accepted::Any;
        self
    }

    /// Accepts tokens for this audience, compared with case and without a slash at the end. May be
    /// called for several; a token has to name one of them.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.add(audience.into());
        self
    }

    /// Accepts tokens for any audience, thus those that were issued for another application.
    #[must_use]
    pub fn without_audience_check(mut self) -> Self {
        self.rules.audiences = Accepted::Any;
        self
    }

    /// By how much the clocks of issuer and server may differ; 300 seconds.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.rules.clock_skew = skew;
        self
    }

    /// Whether a token has to say when it expires; yes.
    #[must_use]
    pub fn require_expiration(mut self, required: bool) -> Self {
        self.rules.require_expiration = required;
        self
    }

    /// Whether short names of claims, such as `sub`, become long ones, such as
    /// [`NAME_IDENTIFIER`](actix_signalr_actors::claim_types::NAME_IDENTIFIER); yes.
    ///
    /// Without that the default user id finds nothing, and roles are found only after
    /// [`role_claim_type`](Self::role_claim_type).
    #[must_use]
    pub fn map_inbound_claims(mut self, map: bool) -> Self {
        self.rules.claims.map_inbound = map;
        self
    }

    /// Which claim is the user's name;
    /// [`claim_types::NAME`](actix_signalr_actors::claim_types::NAME).
    #[must_use]
    pub fn name_claim_type(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.rules.claims.name_claim_type = kind.into();
        self
    }

    /// Which claims are roles;
    /// [`claim_types::ROLE`](actix_signalr_actors::claim_types::ROLE).
    #[must_use]
    pub fn role_claim_type(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.rules.claims.role_claim_type = kind.into();
        self
    }

    /// Whether a challenge says what is wrong with a token; yes.
    #[must_use]
    pub fn include_error_details(mut self, include: bool) -> Self {
        self.include_error_details = include;
        self
    }

    /// The realm that a challenge names; none.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Reads the query's token only for hubs that are mapped at this path or below it, compared
    /// without case. By default it is read for every hub.
    #[must_use]
    pub fn query_token_under(mut self, path: impl Into<String>) -> Self {
        self.query_token = QueryToken::HubsUnder(path.into());
        self
    }

    /// Never reads a token from the query. Browsers then have to use long polling.
    #[must_use]
    pub fn without_query_token(mut self) -> Self {
        self.query_token = QueryToken::Nowhere;
        self
    }

    /// Looks for the token elsewhere first. A token that is found so wins over query and header;
    /// `None`, or an empty one, leaves it to them.
    #[must_use]
    pub fn on_message_received(
        mut self,
        find: impl Fn(&AuthenticationRequest<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.on_message_received = Some(Box::new(find));
        self
    }

    /// Has the last word on a valid token: whether its user still exists, say. The text of an
    /// error is for the log, not for the sender.
    #[must_use]
    pub fn on_token_validated(
        mut self,
        check: impl Fn(&AuthenticationTicket) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.on_token_validated = Some(Box::new(check));
        self
    }

    /// What the scheme makes of a request at a time.
    pub(super) fn authenticate_at(
        &self,
        request: &AuthenticationRequest<'_>,
        now: SystemTime,
    ) -> AuthenticateResult {
        match self.token_of(request) {
            None => AuthenticateResult::NoResult,
            Some(token) => match self.validate_at(&token, now) {
                Ok(ticket) => AuthenticateResult::Success(ticket),
                Err(failure) => AuthenticateResult::Failure(failure),
            },
        }
    }

    /// What the scheme makes of a token at a time.
    pub(super) fn validate_at(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<AuthenticationTicket, AuthenticationFailure> {
        let valid = self.rules.validate_at(token, now);
        let ValidToken { identity, not_before, expires } = valid.map_err(|refusal| {
            AuthenticationFailure::new(refusal.reason()).with_description(refusal.description())
        })?;
        let principal = Arc::new(ClaimsPrincipal::from(identity));
        let ticket = AuthenticationTicket::new(principal, self.name.clone())
            .with_issued_at(not_before)
            .with_expires_at(expires);
        if let Some(check) = &self.on_token_validated {
            check(&ticket).map_err(AuthenticationFailure::new)?;
        }
        Ok(ticket)
    }

    fn token_of(&self, request: &AuthenticationRequest<'_>) -> Option<String> {
        let found = self.on_message_received.as_ref().and_then(|find| find(request));
        found
            .filter(|token| !token.is_empty())
            .or_else(|| self.query_token_of(request))
            .or_else(|| bearer_token::from_headers(request.http().headers()))
    }

    /// Whether the query counts depends on where routing has sent the request: a decision on the
    /// path as it came could be led astray by its spelling.
    fn query_token_of(&self, request: &AuthenticationRequest<'_>) -> Option<String> {
        let hub_path = request.hub_path()?;
        let counts = match &self.query_token {
            QueryToken::Nowhere => false,
            QueryToken::EveryHub => true,
            QueryToken::HubsUnder(prefix) => bearer_token::is_under(hub_path, prefix),
        };
        counts.then(|| bearer_token::from_query(request.http().query_string())).flatten()
    }

    /// The value of `WWW-Authenticate`. Specification of authentication, 3.7.
    fn challenge_value(&self, failure: Option<&AuthenticationFailure>) -> String {
        let mut parameters = Vec::new();
        parameters.extend(self.realm.as_deref().map(|realm| parameter("realm", realm)));
        if let Some(failure) = failure.filter(|_| self.include_error_details) {
            parameters.push(parameter("error", "invalid_token"));
            parameters.extend(failure.description().map(|text| parameter("error_description", text)));
        }
        if parameters.is_empty() {
            return CHALLENGE.to_owned();
        }
        format!("{CHALLENGE} {}", parameters.join(", "))
    }

    fn invalid_option(&self, option: &'static str, reason: &'static str) -> ConfigurationError {
        ConfigurationError::InvalidOption { scheme: self.name.clone(), option, reason }
    }
}

impl AuthenticationScheme for JwtBearer {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(async move { self.authenticate_at(request, SystemTime::now()) })
    }

    fn challenge(
        &self,
        _request: &AuthenticationRequest<'_>,
        result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        denial.set_status(StatusCode::UNAUTHORIZED);
        if let Ok(value) = HeaderValue::from_str(&self.challenge_value(result.failure())) {
            denial.append_header(WWW_AUTHENTICATE, value);
        }
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        let scheme = || self.name.clone();
        self.rules.keys.iter().try_for_each(VerificationKey::validate)?;
        if !self.rules.has_usable_key() {
            return Err(ConfigurationError::NoKey { scheme: scheme() });
        }
        if self.rules.issuers.is_nothing() {
            return Err(ConfigurationError::NoIssuer { scheme: scheme() });
        }
        if self.rules.audiences.is_nothing() {
            return Err(ConfigurationError::NoAudience { scheme: scheme() });
        }
        for (option, values) in [("issuer", &self.rules.issuers), ("audience", &self.rules.audiences)] {
            if values.values().iter().any(|value| value.trim().is_empty()) {
                return Err(self.invalid_option(option, "must not be empty"));
            }
        }
        if self.realm.as_deref().is_some_and(|realm| !realm.chars().all(is_harmless)) {
            return Err(self.invalid_option("realm", "must be printable ASCII without quotes"));
        }
        Ok(())
    }
}

impl fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearer")
            .field("name", &self.name)
            .field("rules", &self.rules)
            .field("include_error_details", &self.include_error_details)
            .field("realm", &self.realm)
            .field("query_token", &self.query_token)
            .finish_non_exhaustive()
    }
}

/// A parameter of a challenge. What would end its quotes, or the header, becomes `?`.
fn parameter(name: &str, value: &str) -> String {
    let value: String = value.chars().map(|c| if is_harmless(c) { c } else { '?' }).collect();
    format!("{name}=\"{value}\"")
}

const fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}

const DEFAULT_NAME: &str = "Bearer";
const CHALLENGE: &str = "Bearer";

/// What ASP.NET Core allows; most issuers' tokens are valid for much longer.
const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(300);
