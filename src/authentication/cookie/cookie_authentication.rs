//! The scheme itself: its options, and what it answers to those it does not know.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HeaderValue, LOCATION},
    },
    web::Query,
};
use futures::future::LocalBoxFuture;

use crate::authentication::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket,
    ConfigurationError, Denial, SchemeError,
    cookie::{
        CookieEvents, CookieHeaders, CookiePage, CookieRedirect, KeyRing, SameSite, SecurePolicy,
        SessionStore, SignInProperties, cookie_form::CookieForm, redirect,
    },
    event::caught_now,
};

/// The scheme for cookies: a ticket that only this server can read and write says who somebody is.
///
/// A clone is the same scheme: one is given to the server, another to the handler of the login page.
///
/// Without HTTPS a cookie can be read on its way. One that has been signed out stays valid until it expires, if somebody
/// has kept a copy of it, unless there is a [`session_store`](Self::session_store); or [`validate_principal`](Self::validate_principal)
/// refuses it.
///
/// Browsers send cookies by themselves, whichever page asks: so a WebSocket that a cookie has authenticated must come from a
/// page of the same origin, or of one that [`HttpConnectionOptions::allowed_origins`](crate::HttpConnectionOptions::allowed_origins) names.
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
///     cookies.sign_in(&request, user, &SignInProperties::new()).await?.add_to(&mut response);
///     Ok(response)
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CookieAuthentication {
    pub(super) name: String,
    pub(super) keys: KeyRing,
    pub(super) form: CookieForm,
    pub(super) lifetime: Duration,
    pub(super) sliding_expiration: bool,
    login_path: String,
    access_denied_path: String,
    allowed_hosts: Vec<String>,
    pub(super) session_store: Option<Arc<dyn SessionStore>>,
    pub(super) validate_principal: Option<Arc<ValidatePrincipal>>,
    pub(super) events: CookieEvents,
}

pub(super) type ValidatePrincipal =
    dyn Fn(AuthenticationTicket) -> LocalBoxFuture<'static, PrincipalCheck> + Send + Sync;

/// What becomes of somebody whose cookie is valid.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PrincipalCheck {
    /// He is let in.
    Keep,
    /// He is let in, and his cookie is renewed, whatever is left of its time.
    Renew,
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
            form: CookieForm::default(),
            lifetime: DEFAULT_LIFETIME,
            sliding_expiration: true,
            login_path: "/Account/Login".to_owned(),
            access_denied_path: "/Account/AccessDenied".to_owned(),
            allowed_hosts: Vec::new(),
            session_store: None,
            validate_principal: None,
            events: CookieEvents::default(),
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
        self.form.name = Some(name.into());
        self
    }

    /// The paths of this server that browsers send the cookie to, with all below it; `/`.
    #[must_use]
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.form.path = path.into();
        self
    }

    /// The domain that browsers send the cookie to, with all its subdomains; by default this host alone.
    #[must_use]
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.form.domain = Some(domain.into());
        self
    }

    /// Which requests from other sites carry the cookie; [`SameSite::Lax`].
    #[must_use]
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.form.same_site = same_site;
        self
    }

    /// When the cookie is for HTTPS alone; [`SecurePolicy::SameAsRequest`].
    #[must_use]
    pub const fn secure(mut self, policy: SecurePolicy) -> Self {
        self.form.secure = policy;
        self
    }

    /// Whether the cookie is hidden from scripts; yes. A script that can read it can send it anywhere.
    #[must_use]
    pub const fn http_only(mut self, http_only: bool) -> Self {
        self.form.http_only = http_only;
        self
    }

    /// How long browsers keep the cookie, in whole seconds, whatever its ticket says; by default until they are closed, or
    /// until it expires if it is [persistent](crate::SignInProperties::persistent). The ticket's own time counts in any case.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.form.max_age = Some(max_age);
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

    /// Keeps tickets in a store on the server: the cookie holds a key to it and nothing else, and a session that is removed
    /// there is over. By default the cookie holds the ticket. Cookies of one way are not good in the other.
    #[must_use]
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.session_store = Some(Arc::new(store));
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

    /// Where the login page is to send somebody back to: what the query's `ReturnUrl` says, if that is a path of this
    /// server and not of another one.
    #[must_use]
    pub fn return_url(&self, http: &HttpRequest) -> Option<String> {
        redirect::return_url(http)
    }

    /// Sends a person to a page; tells a program where it is.
    fn send_to(&self, page: CookiePage, request: &AuthenticationRequest<'_>, denial: &mut Denial) {
        let (path, status) = match page {
            CookiePage::Login => (&self.login_path, StatusCode::UNAUTHORIZED),
            CookiePage::AccessDenied => (&self.access_denied_path, StatusCode::FORBIDDEN),
        };
        let http = request.http();
        let is_for_programs = request.hub_path().is_some() || is_scripted(http);
        denial.set_status(if is_for_programs { status } else { StatusCode::FOUND });
        if let Ok(value) = HeaderValue::try_from(redirect::location(http, path, &self.allowed_hosts)) {
            denial.insert_header(LOCATION, value);
        }
        if self.events.on_redirect.is_set() {
            let mut context = CookieRedirect::new(request, page, denial.clone());
            if caught_now(&self.name, || self.events.on_redirect.raise(&mut context)).is_some() {
                *denial = context.into_denial();
            }
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
        Box::pin(self.authenticate_at(request.http(), std::time::SystemTime::now()))
    }

    fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        _result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        self.send_to(CookiePage::Login, request, denial);
    }

    fn is_sent_by_itself(&self) -> bool {
        true
    }

    fn forbid(&self, request: &AuthenticationRequest<'_>, denial: &mut Denial) {
        self.send_to(CookiePage::AccessDenied, request, denial);
    }

    fn sign_in<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
        principal: ClaimsPrincipal,
        properties: &'a SignInProperties,
    ) -> LocalBoxFuture<'a, Result<CookieHeaders, SchemeError>> {
        Box::pin(async move { Ok(Self::sign_in(self, request.http(), principal, properties).await?) })
    }

    fn sign_out<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<CookieHeaders, SchemeError>> {
        Box::pin(async move { Ok(Self::sign_out(self, request.http()).await?) })
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        let invalid = |option, reason| {
            Err(ConfigurationError::InvalidOption { scheme: self.name.clone(), option, reason })
        };
        if let Err((option, reason)) = self.form.validate(&self.name) {
            return invalid(option, reason);
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
            .field("form", &self.form)
            .field("lifetime", &self.lifetime)
            .field("sliding_expiration", &self.sliding_expiration)
            .field("has_session_store", &self.session_store.is_some())
            .finish_non_exhaustive()
    }
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
const DEFAULT_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);
const REQUESTED_WITH: &str = "x-requested-with";
const XML_HTTP_REQUEST: &str = "XMLHttpRequest";
