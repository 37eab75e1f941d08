//! What an application can have its say in while a token is looked for and validated.

use std::{fmt, sync::Arc};

use actix_signalr_actors::ClaimsPrincipal;

use crate::authentication::{
    AnswerEvent, AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationTicket,
    Event, JwtChallenge, JwtForbidden, event::EventRequest,
};

/// The events of a [`JwtBearer`](crate::JwtBearer), with the names they have in ASP.NET Core.
///
/// One that panics makes the token a bad one, and leaves the answer as it would be without it.
#[derive(Clone, Debug, Default)]
pub struct JwtBearerEvents {
    /// Before a token is looked for.
    pub on_message_received: Event<MessageReceived>,
    /// When a token is valid.
    pub on_token_validated: Event<TokenValidated>,
    /// When a token is not valid.
    pub on_authentication_failed: Event<AuthenticationFailed>,
    /// Before somebody is asked to identify himself.
    pub on_challenge: AnswerEvent<JwtChallenge>,
    /// When somebody is told that he may not.
    pub on_forbidden: AnswerEvent<JwtForbidden>,
}

/// A request of which nothing is known yet.
pub struct MessageReceived {
    request: EventRequest,
    token: Option<String>,
    result: Option<AuthenticateResult>,
}

impl MessageReceived {
    pub(super) fn new(request: &AuthenticationRequest<'_>) -> Self {
        Self { request: EventRequest::new(request), token: None, result: None }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// The token that an event has found; none as long as the query and the header are to be read.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }

    /// Validates this token, whatever the query and the header say. An empty one is none.
    pub fn set_token(&mut self, token: impl Into<String>) {
        self.token = Some(token.into());
    }

    /// Makes this of the request; no token is looked for.
    pub fn set_result(&mut self, result: AuthenticateResult) {
        self.result = Some(result);
    }

    pub(super) fn into_parts(self) -> (Option<String>, Option<AuthenticateResult>) {
        (self.token.filter(|token| !token.is_empty()), self.result)
    }
}

/// A token that is valid.
pub struct TokenValidated {
    request: EventRequest,
    token: String,
    ticket: AuthenticationTicket,
    result: Option<AuthenticateResult>,
}

impl TokenValidated {
    pub(super) fn new(
        request: &AuthenticationRequest<'_>,
        token: String,
        ticket: AuthenticationTicket,
    ) -> Self {
        Self { request: EventRequest::new(request), token, ticket, result: None }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// The token itself. It is a secret.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whose it is, and how long.
    #[must_use]
    pub const fn ticket(&self) -> &AuthenticationTicket {
        &self.ticket
    }

    /// Whose it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        self.ticket.principal()
    }

    /// Lets him in as somebody else: with more claims, say.
    pub fn set_principal(&mut self, principal: impl Into<ClaimsPrincipal>) {
        self.ticket = self.ticket.clone().with_principal(Arc::new(principal.into()));
    }

    /// Refuses the token. The reason is for the log, not for the sender.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.result = Some(AuthenticateResult::Failure(AuthenticationFailure::new(reason.into())));
    }

    /// Makes of the request that there was no token.
    pub fn no_result(&mut self) {
        self.result = Some(AuthenticateResult::NoResult);
    }

    pub(super) fn into_result(self) -> AuthenticateResult {
        self.result.unwrap_or(AuthenticateResult::Success(self.ticket))
    }
}

/// A token that is not valid.
pub struct AuthenticationFailed {
    request: EventRequest,
    failure: AuthenticationFailure,
    result: Option<AuthenticateResult>,
}

impl AuthenticationFailed {
    pub(super) fn new(request: &AuthenticationRequest<'_>, failure: AuthenticationFailure) -> Self {
        Self { request: EventRequest::new(request), failure, result: None }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// Why it is not valid.
    #[must_use]
    pub const fn failure(&self) -> &AuthenticationFailure {
        &self.failure
    }

    /// Makes this of the request, in place of the failure.
    pub fn set_result(&mut self, result: AuthenticateResult) {
        self.result = Some(result);
    }

    pub(super) fn into_result(self) -> AuthenticateResult {
        self.result.unwrap_or(AuthenticateResult::Failure(self.failure))
    }
}

/// Without the token, which is a secret.
macro_rules! debug_without_secrets {
    ($($context:ident),*) => {$(
        impl fmt::Debug for $context {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($context)).field("request", &self.request()).finish_non_exhaustive()
            }
        }
    )*};
}

debug_without_secrets!(MessageReceived, TokenValidated, AuthenticationFailed);
