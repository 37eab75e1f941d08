//! What a scheme made of a request.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use actix_signalr_actors::{CancellationToken, ClaimsPrincipal};

/// What a scheme made of a request.
#[derive(Clone, Debug)]
pub enum AuthenticateResult {
    /// There are no credentials of this kind; the request is anonymous.
    NoResult,
    /// There are some, and they are bad; the request is anonymous, and a challenge may say why.
    Failure(AuthenticationFailure),
    /// They are good.
    Success(AuthenticationTicket),
}

impl AuthenticateResult {
    /// The ticket of a success.
    #[must_use]
    pub const fn ticket(&self) -> Option<&AuthenticationTicket> {
        match self {
            Self::Success(ticket) => Some(ticket),
            Self::NoResult | Self::Failure(_) => None,
        }
    }

    /// Why the credentials were refused.
    #[must_use]
    pub const fn failure(&self) -> Option<&AuthenticationFailure> {
        match self {
            Self::Failure(failure) => Some(failure),
            Self::NoResult | Self::Success(_) => None,
        }
    }
}

/// Somebody who has been authenticated, and for how long.
#[derive(Clone)]
pub struct AuthenticationTicket {
    principal: Arc<ClaimsPrincipal>,
    scheme: String,
    issued_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    revocations: Vec<CancellationToken>,
}

impl AuthenticationTicket {
    /// A ticket without times, from the scheme named.
    pub fn new(principal: Arc<ClaimsPrincipal>, scheme: impl Into<String>) -> Self {
        Self { principal, scheme: scheme.into(), issued_at: None, expires_at: None, revocations: Vec::new() }
    }

    /// The same ticket, valid from a time on; `None` if that is not known.
    #[must_use]
    pub fn with_issued_at(mut self, time: impl Into<Option<SystemTime>>) -> Self {
        self.issued_at = time.into();
        self
    }

    /// The same ticket, valid up to a time; `None` if it does not expire.
    #[must_use]
    pub fn with_expires_at(mut self, time: impl Into<Option<SystemTime>>) -> Self {
        self.expires_at = time.into();
        self
    }

    /// The same ticket, for this principal.
    #[must_use]
    pub fn with_principal(mut self, principal: Arc<ClaimsPrincipal>) -> Self {
        self.principal = principal;
        self
    }

    /// The same ticket, which ceases to be valid when the token is cancelled, or one that it was given before. Connections to
    /// hubs that were made with it end then.
    #[must_use]
    pub fn with_revocation(mut self, token: impl Into<Option<CancellationToken>>) -> Self {
        self.revocations.extend(token.into());
        self
    }

    /// The same ticket, which ceases to be valid when one of the tokens is cancelled.
    pub(crate) fn with_revocations(mut self, tokens: Vec<CancellationToken>) -> Self {
        self.revocations.extend(tokens);
        self
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        &self.principal
    }

    /// The name of the scheme that issued it.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// When it became valid, if that is known.
    #[must_use]
    pub const fn issued_at(&self) -> Option<SystemTime> {
        self.issued_at
    }

    /// When it ceases to be valid, if ever.
    #[must_use]
    pub const fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// One of these is cancelled when it ceases to be valid before its time; none, if nobody can tell.
    #[must_use]
    pub fn revocations(&self) -> &[CancellationToken] {
        &self.revocations
    }
}

impl fmt::Debug for AuthenticationTicket {
    /// Without the claims, which are nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationTicket")
            .field("scheme", &self.scheme)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why credentials were refused. The credentials themselves are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationFailure {
    reason: Cow<'static, str>,
    description: Option<String>,
}

impl AuthenticationFailure {
    /// A failure whose reason stays on the server.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), description: None }
    }

    /// The same failure, with a text that the sender may read.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<Option<String>>) -> Self {
        self.description = description.into();
        self
    }

    /// Why, for logs.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Why, for the sender. It may repeat what he sent: whoever writes it into a header cleans it.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

impl fmt::Display for AuthenticationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for AuthenticationFailure {}
