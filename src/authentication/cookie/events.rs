//! What an application has its say in when somebody signs in or out, or is sent to a page.

use std::{fmt, sync::Arc, time::SystemTime};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::HttpRequest;

use crate::authentication::{
    AnswerEvent, AuthenticationRequest, CookieAuthentication, Denial, Event, event::EventRequest,
};

/// The events of a [`CookieAuthentication`], with the names they have in ASP.NET Core; there, that of redirects is several.
/// [`validate_principal`](CookieAuthentication::validate_principal) is another one.
#[derive(Clone, Debug, Default)]
pub struct CookieEvents {
    /// Before a cookie is made.
    pub on_signing_in: Event<CookieSigningIn>,
    /// When it has been made.
    pub on_signed_in: Event<CookieSignedIn>,
    /// Before a cookie is deleted.
    pub on_signing_out: Event<CookieSigningOut>,
    /// When somebody is sent to a page, or told where it is.
    pub on_redirect: AnswerEvent<CookieRedirect>,
}

impl CookieAuthentication {
    /// What has been set to run at the points where an application has its say.
    #[must_use]
    pub const fn events(&self) -> &CookieEvents {
        &self.events
    }

    /// Runs before somebody is signed in, in place of what was set before: it may add claims, or change when the ticket expires.
    /// If it panics, nobody is signed in.
    ///
    /// ```
    /// use actix_signalr::{ClaimsIdentity, ClaimsPrincipal, CookieAuthentication, KeyRing};
    ///
    /// let cookies = CookieAuthentication::new(KeyRing::new([7; 32])).on_signing_in(async |signing_in| {
    ///     let door = ClaimsIdentity::new("Door").claim("door", "front");
    ///     let identities = signing_in.principal().identities().iter().cloned().chain([door]);
    ///     signing_in.set_principal(ClaimsPrincipal::from_identities(identities));
    /// });
    /// ```
    #[must_use]
    pub fn on_signing_in(mut self, code: impl AsyncFn(&mut CookieSigningIn) + Send + Sync + 'static) -> Self {
        self.events.on_signing_in = Event::new(code);
        self
    }

    /// Runs when somebody has been signed in, in place of what was set before. If it panics, the sign-in has failed.
    ///
    /// With a [session store](Self::session_store) his session begins after it, and the one before is over only then: of a sign-in
    /// that fails here nothing is left in the store. It does not hear that the store fails.
    #[must_use]
    pub fn on_signed_in(mut self, code: impl AsyncFn(&mut CookieSignedIn) + Send + Sync + 'static) -> Self {
        self.events.on_signed_in = Event::new(code);
        self
    }

    /// Runs before somebody is signed out, in place of what was set before. Its panic is logged; he is signed out all the same.
    #[must_use]
    pub fn on_signing_out(
        mut self,
        code: impl AsyncFn(&mut CookieSigningOut) + Send + Sync + 'static,
    ) -> Self {
        self.events.on_signing_out = Event::new(code);
        self
    }

    /// May write another answer to somebody who is sent to the login page or to that of who may not, in place of what was set
    /// before. If it panics, the answer is that without it.
    #[must_use]
    pub fn on_redirect(mut self, code: impl Fn(&mut CookieRedirect) + Send + Sync + 'static) -> Self {
        self.events.on_redirect = AnswerEvent::new(code);
        self
    }
}

/// Somebody who is about to be signed in.
pub struct CookieSigningIn {
    http: HttpRequest,
    principal: Arc<ClaimsPrincipal>,
    expires_at: SystemTime,
}

impl CookieSigningIn {
    pub(super) const fn new(
        http: HttpRequest,
        principal: Arc<ClaimsPrincipal>,
        expires_at: SystemTime,
    ) -> Self {
        Self { http, principal, expires_at }
    }

    /// The request.
    #[must_use]
    pub const fn http(&self) -> &HttpRequest {
        &self.http
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        &self.principal
    }

    /// Signs somebody else in: the same with more claims, say.
    pub fn set_principal(&mut self, principal: impl Into<ClaimsPrincipal>) {
        self.principal = Arc::new(principal.into());
    }

    /// When the ticket expires.
    #[must_use]
    pub const fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// Lets the ticket expire then.
    pub const fn set_expires_at(&mut self, time: SystemTime) {
        self.expires_at = time;
    }

    pub(super) fn into_parts(self) -> (Arc<ClaimsPrincipal>, SystemTime) {
        (self.principal, self.expires_at)
    }
}

/// Somebody whose cookie has been made.
pub struct CookieSignedIn {
    http: HttpRequest,
    principal: Arc<ClaimsPrincipal>,
}

impl CookieSignedIn {
    pub(super) const fn new(http: HttpRequest, principal: Arc<ClaimsPrincipal>) -> Self {
        Self { http, principal }
    }

    /// The request.
    #[must_use]
    pub const fn http(&self) -> &HttpRequest {
        &self.http
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        &self.principal
    }
}

/// Somebody whose cookie is about to be deleted.
pub struct CookieSigningOut {
    http: HttpRequest,
}

impl CookieSigningOut {
    pub(super) const fn new(http: HttpRequest) -> Self {
        Self { http }
    }

    /// The request.
    #[must_use]
    pub const fn http(&self) -> &HttpRequest {
        &self.http
    }
}

/// Which page somebody is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookiePage {
    /// Where he signs in: he is not known.
    Login,
    /// Where he is told that he may not: he is known.
    AccessDenied,
}

/// The answer to somebody who is sent to a page, or told where it is, before it is written.
pub struct CookieRedirect {
    request: EventRequest,
    page: CookiePage,
    denial: Denial,
}

impl CookieRedirect {
    pub(super) fn new(request: &AuthenticationRequest<'_>, page: CookiePage, denial: Denial) -> Self {
        Self { request: EventRequest::new(request), page, denial }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// Which page it is.
    #[must_use]
    pub const fn page(&self) -> CookiePage {
        self.page
    }

    /// The answer, with its status and its `Location`.
    pub const fn denial_mut(&mut self) -> &mut Denial {
        &mut self.denial
    }

    pub(super) fn into_denial(self) -> Denial {
        self.denial
    }
}

impl fmt::Debug for CookieSigningIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSigningIn").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for CookieSignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSignedIn").finish_non_exhaustive()
    }
}

impl fmt::Debug for CookieSigningOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSigningOut").finish_non_exhaustive()
    }
}

impl fmt::Debug for CookieRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieRedirect").field("page", &self.page).finish_non_exhaustive()
    }
}
