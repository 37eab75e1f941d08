//! The scheme for JSON Web Tokens: in the header, and in the query of requests to hubs.

mod challenge;
mod events;
mod scheme;

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use self::{
    challenge::{JwtChallenge, JwtForbidden},
    events::{AuthenticationFailed, JwtBearerEvents, MessageReceived, TokenValidated},
};
use crate::authentication::{
    AnswerEvent, Authority, Event, SigningAlgorithm, VerificationKey,
    jwt::{Accepted, ClaimRules, Lifetime, MAX_TOKEN_BYTES, TokenRules},
    openid::Discovery,
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
///
/// Keys and issuer of an identity provider come from its OpenID Connect document: [`with_authority`](Self::with_authority).
///
/// # Events
///
/// An application has its say at five points ([`JwtBearerEvents`]). What somebody else has set before can be wrapped, as
/// ASP.NET Core does it with *post-configuration*:
///
/// ```
/// use actix_signalr::JwtBearer;
///
/// /// Looks into a header of our proxy where a scheme that somebody else has made ready finds no token.
/// fn post_configure(bearer: JwtBearer) -> JwtBearer {
///     let original = bearer.events().on_message_received.clone();
///     bearer.on_message_received(async move |context| {
///         original.raise(context).await;
///         if context.token().is_none() {
///             let http = context.request().http().clone();
///             if let Some(token) = http.headers().get("x-token").and_then(|value| value.to_str().ok()) {
///                 context.set_token(token);
///             }
///         }
///     })
/// }
/// # let bearer = post_configure(JwtBearer::hs256(&[7; 32]));
/// ```
pub struct JwtBearer {
    name: String,
    rules: TokenRules,
    include_error_details: bool,
    realm: Option<String>,
    query_token: QueryToken,
    events: JwtBearerEvents,
    discovery: Option<Arc<Discovery>>,
    refresh_on_key_not_found: bool,
}

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

    /// Tokens of an identity provider: keys and issuer are those of its OpenID Connect document, which is fetched when the first
    /// token comes. Name an [`audience`](Self::audience) all the same.
    #[must_use]
    pub fn with_authority(authority: impl Into<Authority>) -> Self {
        Self { discovery: Some(Arc::new(Discovery::new(authority.into()))), ..Self::with_keys(Vec::new()) }
    }

    /// Tokens verified with this key.
    #[must_use]
    pub fn with_key(key: VerificationKey) -> Self {
        Self::with_keys(vec![key])
    }

    fn with_keys(keys: Vec<VerificationKey>) -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            rules: TokenRules {
                keys,
                algorithms: None,
                issuers: Accepted::OneOf(Vec::new()),
                audiences: Accepted::OneOf(Vec::new()),
                lifetime: Lifetime::Checked,
                clock_skew: DEFAULT_CLOCK_SKEW,
                require_expiration: true,
                types: None,
                maximum_bytes: MAX_TOKEN_BYTES,
                claims: ClaimRules::default(),
            },
            include_error_details: true,
            realm: None,
            query_token: QueryToken::EveryHub,
            events: JwtBearerEvents::default(),
            discovery: None,
            refresh_on_key_not_found: true,
        }
    }

    /// What the scheme is called in policies and defaults; `Bearer`.
    #[must_use]
    pub fn scheme_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Verifies tokens with this key as well, also beside those of an authority.
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

    /// Accepts tokens of the issuers that a function accepts: those of many tenants, say. In place of those that are named,
    /// and of the authority's own.
    #[must_use]
    pub fn issuer_validator(mut self, is_valid: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.rules.issuers = Accepted::If(Arc::new(is_valid));
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

    /// Accepts tokens that name an audience which a function accepts, in place of those that are named.
    #[must_use]
    pub fn audience_validator(mut self, is_valid: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.rules.audiences = Accepted::If(Arc::new(is_valid));
        self
    }

    /// Lets a function say whether a token with this beginning and end is valid now, in place of all other rules for times:
    /// neither skew nor [`require_expiration`](Self::require_expiration) counts then.
    #[must_use]
    pub fn lifetime_validator(
        mut self,
        is_valid: impl Fn(Option<SystemTime>, Option<SystemTime>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.lifetime = Lifetime::If(Arc::new(is_valid));
        self
    }

    /// Accepts only tokens whose header has one of these as `typ`, compared with case: `at+jwt`, say. By default it is not
    /// looked at.
    #[must_use]
    pub fn valid_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.rules.types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// How long a token may be; 64 KiB. A longer one is not read.
    #[must_use]
    pub const fn maximum_token_size(mut self, bytes: usize) -> Self {
        self.rules.maximum_bytes = bytes;
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

    /// Whether a token of an unknown key makes the authority's keys be fetched anew, if they have not just been; yes.
    #[must_use]
    pub const fn refresh_on_key_not_found(mut self, refresh: bool) -> Self {
        self.refresh_on_key_not_found = refresh;
        self
    }

    /// What has been set to run at the points where an application has its say.
    #[must_use]
    pub const fn events(&self) -> &JwtBearerEvents {
        &self.events
    }

    /// Runs before a token is looked for, in place of what was set before. It may find one: that wins over query and header.
    #[must_use]
    pub fn on_message_received(
        mut self,
        code: impl AsyncFn(&mut MessageReceived) + Send + Sync + 'static,
    ) -> Self {
        self.events.on_message_received = Event::new(code);
        self
    }

    /// Has the last word on a valid token, in place of what was set before: whether its user still exists, say.
    #[must_use]
    pub fn on_token_validated(
        mut self,
        code: impl AsyncFn(&mut TokenValidated) + Send + Sync + 'static,
    ) -> Self {
        self.events.on_token_validated = Event::new(code);
        self
    }

    /// Runs when a token is not valid, in place of what was set before.
    #[must_use]
    pub fn on_authentication_failed(
        mut self,
        code: impl AsyncFn(&mut AuthenticationFailed) + Send + Sync + 'static,
    ) -> Self {
        self.events.on_authentication_failed = Event::new(code);
        self
    }

    /// Runs before a challenge is written, in place of what was set before.
    #[must_use]
    pub fn on_challenge(mut self, code: impl Fn(&mut JwtChallenge) + Send + Sync + 'static) -> Self {
        self.events.on_challenge = AnswerEvent::new(code);
        self
    }

    /// Runs when somebody is told that he may not, in place of what was set before.
    #[must_use]
    pub fn on_forbidden(mut self, code: impl Fn(&mut JwtForbidden) + Send + Sync + 'static) -> Self {
        self.events.on_forbidden = AnswerEvent::new(code);
        self
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
            .field("events", &self.events)
            .field("authority", &self.discovery.as_ref().map(|discovery| discovery.authority()))
            .finish_non_exhaustive()
    }
}

const DEFAULT_NAME: &str = "Bearer";

/// What ASP.NET Core allows; most issuers' tokens are valid for much longer.
const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(300);
