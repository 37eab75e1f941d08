//! What somebody without a valid token is answered. Specification of authentication, 3.7.

use std::fmt;

use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};

use crate::authentication::{AuthenticationFailure, AuthenticationRequest, Denial, event::EventRequest};

/// The answer to somebody who is asked to identify himself, before it is written.
pub struct JwtChallenge {
    request: EventRequest,
    failure: Option<AuthenticationFailure>,
    error: Option<String>,
    description: Option<String>,
    uri: Option<String>,
    is_handled: bool,
    denial: Denial,
}

impl JwtChallenge {
    pub(super) fn new(
        request: &AuthenticationRequest<'_>,
        failure: Option<&AuthenticationFailure>,
        include_details: bool,
        denial: Denial,
    ) -> Self {
        let told = failure.filter(|_| include_details);
        Self {
            request: EventRequest::new(request),
            failure: failure.cloned(),
            error: told.map(|_| "invalid_token".to_owned()),
            description: told.and_then(AuthenticationFailure::description).map(str::to_owned),
            uri: None,
            is_handled: false,
            denial,
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// Why the token was refused; none if there was none.
    #[must_use]
    pub const fn failure(&self) -> Option<&AuthenticationFailure> {
        self.failure.as_ref()
    }

    /// The header's `error`: `invalid_token`, or none.
    pub fn set_error(&mut self, error: impl Into<Option<String>>) {
        self.error = error.into();
    }

    /// The header's `error_description`: the text for the sender.
    pub fn set_error_description(&mut self, description: impl Into<Option<String>>) {
        self.description = description.into();
    }

    /// The header's `error_uri`: where one can read more.
    pub fn set_error_uri(&mut self, uri: impl Into<Option<String>>) {
        self.uri = uri.into();
    }

    /// The answer, for headers and a status of its own.
    pub const fn denial_mut(&mut self) -> &mut Denial {
        &mut self.denial
    }

    /// Leaves the answer as it is now: no `WWW-Authenticate` is added to it.
    pub const fn handled(&mut self) {
        self.is_handled = true;
    }

    /// The answer, with the header in it unless the event has seen to it.
    pub(super) fn into_denial(mut self, realm: Option<&str>) -> Denial {
        if !self.is_handled
            && let Ok(value) = HeaderValue::from_str(&self.value(realm))
        {
            self.denial.append_header(WWW_AUTHENTICATE, value);
        }
        self.denial
    }

    fn value(&self, realm: Option<&str>) -> String {
        let parameters = [
            ("realm", realm),
            ("error", self.error.as_deref()),
            ("error_description", self.description.as_deref()),
            ("error_uri", self.uri.as_deref()),
        ];
        let written = parameters.into_iter().filter_map(|(name, value)| Some(parameter(name, value?)));
        let written: Vec<_> = written.collect();
        if written.is_empty() { CHALLENGE.to_owned() } else { format!("{CHALLENGE} {}", written.join(", ")) }
    }
}

impl fmt::Debug for JwtChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtChallenge").field("denial", &self.denial).finish_non_exhaustive()
    }
}

/// The answer to somebody who may not.
pub struct JwtForbidden {
    request: EventRequest,
    denial: Denial,
}

impl JwtForbidden {
    pub(super) fn new(request: &AuthenticationRequest<'_>, denial: Denial) -> Self {
        Self { request: EventRequest::new(request), denial }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// The answer: 403, to which headers and a body may be added.
    pub const fn denial_mut(&mut self) -> &mut Denial {
        &mut self.denial
    }

    pub(super) fn into_denial(self) -> Denial {
        self.denial
    }
}

impl fmt::Debug for JwtForbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtForbidden").field("denial", &self.denial).finish_non_exhaustive()
    }
}

/// A parameter of a challenge. What would end its quotes, or the header, becomes `?`.
fn parameter(name: &str, value: &str) -> String {
    let value: String = value.chars().map(|c| if is_harmless(c) { c } else { '?' }).collect();
    format!("{name}=\"{value}\"")
}

pub(super) const fn is_harmless(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\')
}

const CHALLENGE: &str = "Bearer";
