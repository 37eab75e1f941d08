//! A way to find out who sent a request.

use std::{borrow::Cow, fmt, future::ready};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::{HttpRequest, http::StatusCode};
use futures::future::LocalBoxFuture;

use crate::authentication::{
    AuthenticateResult, ConfigurationError, CookieHeaders, Denial, SchemeError, SignInProperties,
};

/// A way to find out who sent a request, and to say how to identify oneself.
///
/// One value serves all worker threads; its futures stay on the thread that made them.
///
/// ```
/// use std::sync::Arc;
///
/// use actix_signalr::{AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket};
/// use actix_signalr_actors::{ClaimsIdentity, claim_types};
/// use futures::future::LocalBoxFuture;
///
/// /// Trusts a header that a proxy in front sets.
/// struct ProxyUser;
///
/// impl AuthenticationScheme for ProxyUser {
///     fn name(&self) -> &str {
///         "ProxyUser"
///     }
///
///     fn authenticate<'a>(
///         &'a self,
///         request: &'a AuthenticationRequest<'a>,
///     ) -> LocalBoxFuture<'a, AuthenticateResult> {
///         Box::pin(async move {
///             let headers = request.http().headers();
///             let Some(user) = headers.get("x-user").and_then(|value| value.to_str().ok()) else {
///                 return AuthenticateResult::NoResult;
///             };
///             let identity = ClaimsIdentity::new("Proxy").claim(claim_types::NAME, user);
///             AuthenticateResult::Success(AuthenticationTicket::new(Arc::new(identity.into()), self.name()))
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an authentication scheme",
    note = "implement `AuthenticationScheme`, or use one that exists, such as `JwtBearer`"
)]
pub trait AuthenticationScheme: Send + Sync + 'static {
    /// What it is called in policies and defaults; compared with case, unique in a server.
    fn name(&self) -> &str;

    /// Who sent the request. A result of [`Failure`](AuthenticateResult::Failure) leaves the
    /// request anonymous, as [`NoResult`](AuthenticateResult::NoResult) does.
    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult>;

    /// Asks the sender to identify himself. `result` is what this scheme made of the request.
    ///
    /// Several schemes may write into one denial: the last status counts, headers that are
    /// appended add up. By default the status becomes 401.
    fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        let _ = (request, result);
        denial.set_status(StatusCode::UNAUTHORIZED);
    }

    /// Tells a known sender that he may not. By default the status becomes 403.
    fn forbid(&self, request: &AuthenticationRequest<'_>, denial: &mut Denial) {
        let _ = request;
        denial.set_status(StatusCode::FORBIDDEN);
    }

    /// The headers that make somebody known to later requests. By default there is no way to do so: an error.
    fn sign_in<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
        principal: ClaimsPrincipal,
        properties: &'a SignInProperties,
    ) -> LocalBoxFuture<'a, Result<CookieHeaders, SchemeError>> {
        let _ = (request, principal, properties);
        Box::pin(ready(Err(SchemeError::CannotSignIn { scheme: self.name().to_owned() })))
    }

    /// The headers that undo it. By default there is no way to do so: an error.
    fn sign_out<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, Result<CookieHeaders, SchemeError>> {
        let _ = request;
        Box::pin(ready(Err(SchemeError::CannotSignIn { scheme: self.name().to_owned() })))
    }

    /// The name of the scheme that does this operation in its place; by default, and for its own
    /// name, none.
    fn forward_to(
        &self,
        request: &AuthenticationRequest<'_>,
        operation: SchemeOperation,
    ) -> Option<Cow<'_, str>> {
        let _ = (request, operation);
        None
    }

    /// Whether browsers send these credentials by themselves, whichever page asks: cookies, or what the operating system knows
    /// of its user. A WebSocket that such a scheme has authenticated must come from a page of the same origin, or of an
    /// [allowed](crate::HttpConnectionOptions::allowed_origins) one. By default they do not.
    fn is_sent_by_itself(&self) -> bool {
        false
    }

    /// Whether browsers, which can give neither a WebSocket nor a stream of events a header, have no way to show it their
    /// credentials at the hub of a path, though they do elsewhere. Asked when a server is built, for hubs that want to know who
    /// connects; a yes is logged as a warning, since it may be meant. By default it is a no.
    fn misses_browsers_at(&self, hub_path: &str) -> bool {
        let _ = hub_path;
        false
    }

    /// Whether it can work at all; asked once, when it is added to a server.
    ///
    /// # Errors
    ///
    /// What is missing or unsafe in its configuration. By default nothing is.
    fn validate(&self) -> Result<(), ConfigurationError> {
        Ok(())
    }
}

impl fmt::Debug for dyn AuthenticationScheme {
    /// The name alone: a scheme may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthenticationScheme").field(&self.name()).finish()
    }
}

/// What a scheme may be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemeOperation {
    /// Find out who sent the request.
    Authenticate,
    /// Ask the sender to identify himself.
    Challenge,
    /// Tell a known sender that he may not.
    Forbid,
    /// Make a sender known to later requests.
    SignIn,
    /// Undo that.
    SignOut,
}

impl SchemeOperation {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Challenge => "challenge",
            Self::Forbid => "forbid",
            Self::SignIn => "sign in",
            Self::SignOut => "sign out",
        }
    }
}

/// A request, as authentication sees it.
#[derive(Clone, Copy)]
pub struct AuthenticationRequest<'a> {
    http: &'a HttpRequest,
    hub_path: Option<&'a str>,
}

impl<'a> AuthenticationRequest<'a> {
    /// A request that does not go to a hub.
    #[must_use]
    pub const fn new(http: &'a HttpRequest) -> Self {
        Self { http, hub_path: None }
    }

    /// A request that routing has given to the hub mapped at `hub_path`, such as `/hubs/chat`.
    #[must_use]
    pub const fn for_hub(http: &'a HttpRequest, hub_path: &'a str) -> Self {
        Self { http, hub_path: Some(hub_path) }
    }

    /// The request.
    #[must_use]
    pub const fn http(&self) -> &'a HttpRequest {
        self.http
    }

    /// Where the hub is mapped that the request goes to; `None` elsewhere. It is what routing has
    /// decided, not what the request says: the path of the request is no base for such decisions.
    #[must_use]
    pub const fn hub_path(&self) -> Option<&'a str> {
        self.hub_path
    }
}

impl fmt::Debug for AuthenticationRequest<'_> {
    /// Without headers and query, which may hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationRequest")
            .field("method", self.http.method())
            .field("path", &self.http.path())
            .field("hub_path", &self.hub_path)
            .finish()
    }
}
