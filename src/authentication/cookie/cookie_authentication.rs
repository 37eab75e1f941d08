//! The scheme itself: who a cookie says somebody is, and how he gets one.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HeaderValue, HttpDate, LOCATION},
    },
    web::Query,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::LocalBoxFuture;

use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ConfigurationError, Denial,
    cookie::{
        CookieError, CookieHeaders, KeyRing, SameSite, SecurePolicy, SignInProperties,
        chunks::{self, Attributes, Found},
        redirect,
        response_headers::{renew, supersede},
        ticket::Ticket,
    },
};

/// The scheme for cookies: a ticket that only this server can read and write says who somebody is.
///
/// A clone is the same scheme: one is given to the server, another to the handler of the login page.
///
/// Without HTTPS a cookie can be read on its way. One that has been signed out stays valid until it expires, if somebody
/// has kept a copy of it; [`validate_principal`](Self::validate_principal) is where to refuse it.
///
/// ```
/// use actix_signalr::{ClaimsIdentity, CookieAuthentication, KeyRing, SignInProperties, claim_types};
/// use actix_web::{HttpRequest, HttpResponse, web::Data};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cookies = CookieAuthentication::new(KeyRing::random()?).login_path("/login");
///
/// async fn log_in(
///     request: HttpRequest,
///     cookies: Data<CookieAuthentication>,
/// ) -> actix_web::Result<HttpResponse> {
///     // ... once the password has been checked:
///     let user = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, "ann");
///     let mut response = HttpResponse::Ok().finish();
///     cookies.sign_in(&request, user, &SignInProperties::new())?.add_to(&mut response);
///     Ok(response)
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CookieAuthentication {
    name: String,
    keys: KeyRing,
    cookie_name: Option<String>,
    same_site: SameSite,
    secure: SecurePolicy,
    lifetime: Duration,
    sliding_expiration: bool,
    login_path: String,
    access_denied_path: String,
    allowed_hosts: Vec<String>,
    validate_principal: Option<Arc<ValidatePrincipal>>,
}

type ValidatePrincipal =
    dyn Fn(AuthenticationTicket) -> LocalBoxFuture<'static, PrincipalCheck> + Send + Sync;

/// What becomes of somebody whose cookie is valid.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PrincipalCheck {
    /// He is let in.
    Keep,
    /// He is not; the request is anonymous.
    Reject,
    /// He is let in as this principal, and his cookie is renewed to say so.
    Replace(Arc<ClaimsPrincipal>),
}

impl CookieAuthentication {
    /// A scheme named `Cookies` whose tickets are encrypted with these keys.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            keys,
            cookie_name: None,
            same_site: SameSite::default(),
            secure: SecurePolicy::default(),
            lifetime: DEFAULT_LIFETIME,
            sliding_expiration: true,
            login_path: "/Account/Login".to_owned(),
            access_denied_path: "/Account/AccessDenied".to_owned(),
            allowed_hosts: Vec::new(),
            validate_principal: None,
        }
    }

    /// What the scheme is called in policies and defaults; `Cookies`. A cookie of one scheme is none of another.
    #[must_use]
    pub fn scheme_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of the cookie; `.AspNetCore.` and the name of the scheme.
    #[must_use]
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Which requests from other sites carry the cookie; [`SameSite::Lax`].
    #[must_use]
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// When the cookie is for HTTPS alone; [`SecurePolicy::SameAsRequest`].
    #[must_use]
    pub const fn secure(mut self, policy: SecurePolicy) -> Self {
        self.secure = policy;
        self
    }

    /// How long somebody stays signed in; 14 days.
    #[must_use]
    pub const fn expires_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Whether a cookie that is used is renewed when more than half of its time is over; yes. Renewal takes a response: a
    /// WebSocket renews nothing while it is open.
    #[must_use]
    pub const fn sliding_expiration(mut self, sliding: bool) -> Self {
        self.sliding_expiration = sliding;
        self
    }

    /// Where somebody signs in; `/Account/Login`.
    #[must_use]
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.login_path = path.into();
        self
    }

    /// Where somebody is told that he may not; `/Account/AccessDenied`.
    #[must_use]
    pub fn access_denied_path(mut self, path: impl Into<String>) -> Self {
        self.access_denied_path = path.into();
        self
    }

    /// The hosts, with their ports, that redirects may name. For others, and so for a forged `Host`, they name none. By
    /// default all hosts are allowed.
    #[must_use]
    pub fn allowed_hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Has the last word on a valid cookie, on every request that shows it: whether its user still exists, say, or has
    /// signed out meanwhile.
    #[must_use]
    pub fn validate_principal<F: Future<Output = PrincipalCheck> + 'static>(
        mut self,
        check: impl Fn(AuthenticationTicket) -> F + Send + Sync + 'static,
    ) -> Self {
        self.validate_principal = Some(Arc::new(move |ticket| Box::pin(check(ticket))));
        self
    }

    /// The headers that sign somebody in.
    ///
    /// # Errors
    /// The principal is not authenticated, has too many claims, or the cookie cannot be encrypted.
    pub fn sign_in(
        &self,
        http: &HttpRequest,
        principal: impl Into<ClaimsPrincipal>,
        properties: &SignInProperties,
    ) -> Result<CookieHeaders, CookieError> {
        self.sign_in_at(http, principal.into(), properties, SystemTime::now())
    }

    /// The headers that sign somebody out: his browser forgets the cookie.
    pub fn sign_out(&self, http: &HttpRequest) -> CookieHeaders {
        supersede(http, &self.name);
        let name = self.name_of_cookie();
        let Attributes(attributes) = self.attributes(http, Some(SystemTime::UNIX_EPOCH));
        let names = std::iter::once(name.clone()).chain(chunks::names(http.headers(), &name));
        // The configuration has been checked, so that there is nothing in it that a header cannot hold.
        CookieHeaders::new(names.map(|name| format!("{name}={attributes}"))).unwrap_or_default()
    }

    /// Where the login page is to send somebody back to: what the query's `ReturnUrl` says, if that is a path of this
    /// server and not of another one.
    #[must_use]
    pub fn return_url(&self, http: &HttpRequest) -> Option<String> {
        redirect::return_url(http)
    }

    pub(super) fn sign_in_at(
        &self,
        http: &HttpRequest,
        principal: ClaimsPrincipal,
        properties: &SignInProperties,
        now: SystemTime,
    ) -> Result<CookieHeaders, CookieError> {
        if !principal.is_authenticated() {
            return Err(CookieError::NotAuthenticated);
        }
        let ticket = Ticket {
            principal: Arc::new(principal),
            issued_at: now,
            // A time out of reach is one that nobody lives to see.
            expires_at: properties
                .expires_at
                .or_else(|| now.checked_add(self.lifetime))
                .unwrap_or_else(last_time),
            is_persistent: properties.is_persistent,
            allow_refresh: !properties.forbid_refresh,
        };
        let headers = self.headers_of(http, &ticket)?;
        supersede(http, &self.name);
        Ok(headers)
    }

    pub(super) async fn authenticate_at(&self, http: &HttpRequest, now: SystemTime) -> AuthenticateResult {
        let failure = |reason: &'static str| AuthenticateResult::Failure(AuthenticationFailure::new(reason));
        let value = match chunks::find(http.headers(), &self.name_of_cookie()) {
            Found::Nothing => return AuthenticateResult::NoResult,
            Found::Incomplete => return failure("a part of the cookie is missing"),
            Found::Value(value) => value,
        };
        let Some(ticket) = self.read(&value) else { return failure("the cookie cannot be read") };
        if ticket.expires_at < now {
            return failure("the cookie has expired");
        }
        let mut renewed = ticket.renewed(now).filter(|_| self.sliding_expiration);
        let mut accepted = self.accepted(renewed.as_ref().unwrap_or(&ticket));
        if let Some(check) = &self.validate_principal {
            match check(accepted.clone()).await {
                PrincipalCheck::Keep => {}
                PrincipalCheck::Reject => return failure("the principal was rejected"),
                PrincipalCheck::Replace(principal) => {
                    let replaced = Ticket { principal, ..ticket.starting_at(now) };
                    accepted = self.accepted(&replaced);
                    renewed = Some(replaced);
                }
            }
        }
        if let Some(ticket) = renewed {
            match self.headers_of(http, &ticket) {
                Ok(headers) => renew(http, &self.name, headers),
                Err(err) => tracing::warn!(scheme = %self.name, error = %err, "cookie not renewed"),
            }
        }
        AuthenticateResult::Success(accepted)
    }

    fn accepted(&self, ticket: &Ticket) -> AuthenticationTicket {
        AuthenticationTicket::new(ticket.principal.clone(), self.name.clone())
            .with_issued_at(ticket.issued_at)
            .with_expires_at(ticket.expires_at)
    }

    fn read(&self, value: &str) -> Option<Ticket> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        Ticket::from_bytes(&self.keys.unprotect(&self.name, &sealed)?)
    }

    fn headers_of(&self, http: &HttpRequest, ticket: &Ticket) -> Result<CookieHeaders, CookieError> {
        let value = URL_SAFE_NO_PAD.encode(self.keys.protect(&self.name, &ticket.to_bytes())?);
        let name = self.name_of_cookie();
        let attributes = self.attributes(http, ticket.is_persistent.then_some(ticket.expires_at));
        let mut cookies = chunks::split(&name, &value, &attributes).ok_or(CookieError::TooLarge)?;
        // Parts of a longer one before it are of no use any more.
        let Attributes(deleted) = self.attributes(http, Some(SystemTime::UNIX_EPOCH));
        let kept = cookies.len().saturating_sub(1);
        let left_over = chunks::names(http.headers(), &name).into_iter().skip(kept);
        cookies.extend(left_over.map(|part| format!("{part}={deleted}")));
        CookieHeaders::new(cookies).ok_or(CookieError::Encryption)
    }

    fn attributes(&self, http: &HttpRequest, expires: Option<SystemTime>) -> Attributes {
        let mut text = String::new();
        if let Some(time) = expires {
            text.push_str(&format!(
                "; expires={}",
                HttpDate::from(time.clamp(SystemTime::UNIX_EPOCH, last_time()))
            ));
        }
        text.push_str("; path=/");
        let is_secure = self.secure == SecurePolicy::Always
            || self.same_site == SameSite::None
            || redirect::is_secure(http);
        if is_secure {
            text.push_str("; secure");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; samesite=strict",
            SameSite::Lax => "; samesite=lax",
            SameSite::None => "; samesite=none",
        });
        text.push_str("; httponly");
        Attributes(text)
    }

    fn name_of_cookie(&self) -> String {
        let default = || format!("{NAME_PREFIX}{}", redirect::escape(&self.name));
        self.cookie_name.clone().unwrap_or_else(default)
    }

    /// Sends a person to a page; tells a program where it is.
    fn send_to(
        &self,
        path: &str,
        status: StatusCode,
        request: &AuthenticationRequest<'_>,
        denial: &mut Denial,
    ) {
        let http = request.http();
        let is_for_programs = request.hub_path().is_some() || is_scripted(http);
        denial.set_status(if is_for_programs { status } else { StatusCode::FOUND });
        if let Ok(value) = HeaderValue::try_from(redirect::location(http, path, &self.allowed_hosts)) {
            denial.insert_header(LOCATION, value);
        }
    }
}

impl AuthenticationScheme for CookieAuthentication {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(self.authenticate_at(request.http(), SystemTime::now()))
    }

    fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        _result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        self.send_to(&self.login_path, StatusCode::UNAUTHORIZED, request, denial);
    }

    fn forbid(&self, request: &AuthenticationRequest<'_>, denial: &mut Denial) {
        self.send_to(&self.access_denied_path, StatusCode::FORBIDDEN, request, denial);
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        let invalid = |option, reason| {
            Err(ConfigurationError::InvalidOption { scheme: self.name.clone(), option, reason })
        };
        let name = self.name_of_cookie();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > MAXIMUM_NAME || !name.bytes().all(is_name) {
            return invalid("cookie_name", "must be up to 255 characters that a cookie's name may have");
        }
        for (option, path) in
            [("login_path", &self.login_path), ("access_denied_path", &self.access_denied_path)]
        {
            if !redirect::is_local(path) || !path.is_ascii() || path.contains(['?', '#', ' ']) {
                return invalid(option, "must be a path of this server");
            }
        }
        if self.lifetime < Duration::from_secs(1) {
            return invalid("expires_after", "must be a second or more");
        }
        Ok(())
    }
}

impl fmt::Debug for CookieAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieAuthentication")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .field("cookie_name", &self.cookie_name)
            .field("same_site", &self.same_site)
            .field("secure", &self.secure)
            .field("lifetime", &self.lifetime)
            .field("sliding_expiration", &self.sliding_expiration)
            .finish_non_exhaustive()
    }
}

/// The end of the year 9999: no date of HTTP is later.
fn last_time() -> SystemTime {
    let last = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(253_402_300_799));
    last.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whether a script says that it asks: it cannot do anything with a page.
fn is_scripted(http: &HttpRequest) -> bool {
    let in_header = http.headers().get(REQUESTED_WITH).is_some_and(|value| value == XML_HTTP_REQUEST);
    let in_query = || {
        let parsed = Query::<Vec<(String, String)>>::from_query(http.query_string());
        parsed.is_ok_and(|Query(pairs)| {
            let is_it = |(name, value): &(String, String)| {
                name.eq_ignore_ascii_case(REQUESTED_WITH) && value == XML_HTTP_REQUEST
            };
            pairs.iter().any(is_it)
        })
    };
    in_header || in_query()
}

const DEFAULT_NAME: &str = "Cookies";
const NAME_PREFIX: &str = ".AspNetCore.";
const DEFAULT_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);
const REQUESTED_WITH: &str = "x-requested-with";
const XML_HTTP_REQUEST: &str = "XMLHttpRequest";

/// So that there is room for a value.
const MAXIMUM_NAME: usize = 255;
