//! The scheme itself: who a client's tokens say that it is.

use std::{fmt, sync::Arc};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::{
    HttpRequest,
    http::{
        StatusCode, Version,
        header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::LocalBoxFuture;

use super::reply::{NEGOTIATE, Reply, ReplyKind, header};
use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, Denial, Event, NegotiateConnection, NegotiateError, NegotiateProcessor,
    NegotiateStep, NegotiateUser,
    event::{EventRequest, caught},
};

/// The scheme `Negotiate`, with which browsers and .NET clients in a domain identify themselves without a login page.
///
/// The users it finds have a name and no name identifier: with the default user id provider they have no user id. They do not
/// expire. It works over HTTP/1.0 and 1.1 alone.
///
/// ```
/// use actix_signalr::{NameUserIdProvider, NegotiateAuthentication, NegotiateProcessor, SignalR};
///
/// fn server(kerberos: impl NegotiateProcessor) -> actix_signalr::SignalRBuilder {
///     SignalR::builder()
///         .authentication(NegotiateAuthentication::new(kerberos))
///         .user_id_provider(NameUserIdProvider)
/// }
/// ```
pub struct NegotiateAuthentication {
    name: String,
    processor: Box<dyn NegotiateProcessor>,
    persist_credentials: bool,
    on_authenticated: Event<NegotiateUserFound>,
}

impl NegotiateAuthentication {
    /// A scheme named `Negotiate`, whose tokens the processor understands.
    #[must_use]
    pub fn new(processor: impl NegotiateProcessor) -> Self {
        Self {
            name: NEGOTIATE.to_owned(),
            processor: Box::new(processor),
            persist_credentials: false,
            on_authenticated: Event::default(),
        }
    }

    /// What the scheme is called in policies and defaults; `Negotiate`.
    #[must_use]
    pub fn scheme_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether later requests on a TCP connection are those of whoever has identified himself on it; no. It needs
    /// [`NegotiateConnection`]. **Never switch it on behind a proxy that lets several users share a connection.**
    #[must_use]
    pub const fn persist_credentials(mut self, persist: bool) -> Self {
        self.persist_credentials = persist;
        self
    }

    /// Runs on every request of somebody who is known. Here roles are found, in a directory say: write names into its queries
    /// as data, never as text.
    #[must_use]
    pub fn on_authenticated(
        mut self,
        code: impl AsyncFn(&mut NegotiateUserFound) + Send + Sync + 'static,
    ) -> Self {
        self.on_authenticated = Event::new(code);
        self
    }

    async fn accept(&self, request: &AuthenticationRequest<'_>) -> (AuthenticateResult, ReplyKind) {
        let http = request.http();
        let connection = NegotiateConnection::of(http);
        let token = match token_of(http.headers()) {
            Credentials::None => return (self.without_token(request, connection).await, ReplyKind::Nothing),
            Credentials::Unreadable => {
                connection.and_then(NegotiateConnection::take_exchange);
                return (failure("what was sent is not base64"), ReplyKind::BadRequest);
            }
            Credentials::Token(token) => token,
        };
        let exchange = connection.and_then(NegotiateConnection::take_exchange);
        let exchange = exchange.unwrap_or_else(|| self.processor.begin());
        let step = caught(&self.name, exchange.accept(token)).await;
        match step.unwrap_or_else(|| Err(NegotiateError::Refused("the processor panicked".to_owned()))) {
            Ok(NegotiateStep::Continue { token, exchange }) => {
                let Some(connection) = connection else {
                    tracing::warn!(
                        scheme = self.name,
                        "an exchange that goes on needs `NegotiateConnection`"
                    );
                    return (failure("nothing is kept with the connection"), ReplyKind::Nothing);
                };
                connection.keep_exchange(exchange);
                (failure("the exchange goes on"), ReplyKind::Continue(header(&token)))
            }
            Ok(NegotiateStep::Complete { user, token }) => {
                if let Some(connection) = connection.filter(|_| self.persist_credentials) {
                    connection.keep_user(user.clone());
                }
                let reply = token.map_or(ReplyKind::Nothing, |token| ReplyKind::Final(header(&token)));
                (self.known(request, &user).await, reply)
            }
            Err(NegotiateError::Malformed(reason)) => (failure(reason), ReplyKind::BadRequest),
            Err(NegotiateError::Refused(reason)) => (failure(reason), ReplyKind::Nothing),
        }
    }

    async fn without_token(
        &self,
        request: &AuthenticationRequest<'_>,
        connection: Option<&NegotiateConnection>,
    ) -> AuthenticateResult {
        let Some(connection) = connection else { return AuthenticateResult::NoResult };
        if connection.goes_on() {
            connection.take_exchange();
            return failure("a request without the next token came in the middle of an exchange");
        }
        match connection.user().filter(|_| self.persist_credentials) {
            Some(user) if !request.http().headers().contains_key(AUTHORIZATION) => {
                self.known(request, &user).await
            }
            Some(_) | None => AuthenticateResult::NoResult,
        }
    }

    async fn known(&self, request: &AuthenticationRequest<'_>, user: &NegotiateUser) -> AuthenticateResult {
        let principal = Arc::new(ClaimsPrincipal::from(user.identity()));
        let ticket = AuthenticationTicket::new(principal, self.name.clone());
        if !self.on_authenticated.is_set() {
            return AuthenticateResult::Success(ticket);
        }
        let mut context = NegotiateUserFound { request: EventRequest::new(request), ticket, failure: None };
        if caught(&self.name, self.on_authenticated.raise(&mut context)).await.is_none() {
            return failure("an event panicked");
        }
        match context.failure {
            Some(failure) => AuthenticateResult::Failure(failure),
            None => AuthenticateResult::Success(context.ticket),
        }
    }

    async fn authenticate_once(&self, request: &AuthenticationRequest<'_>) -> AuthenticateResult {
        let http = request.http();
        if http.version() > Version::HTTP_11 {
            return AuthenticateResult::NoResult;
        }
        if let Some(reply) = Reply::of(http, &self.name) {
            return reply.result;
        }
        let (result, kind) = self.accept(request).await;
        Reply { scheme: self.name.clone(), result: result.clone(), kind }.keep(http);
        result
    }

    fn reply_to(&self, http: &HttpRequest) -> ReplyKind {
        Reply::of(http, &self.name).map(|reply| reply.kind).unwrap_or_default()
    }
}

impl AuthenticationScheme for NegotiateAuthentication {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(self.authenticate_once(request))
    }

    fn is_sent_by_itself(&self) -> bool {
        true
    }

    fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        _result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        let value = match self.reply_to(request.http()) {
            ReplyKind::BadRequest => return denial.set_status(StatusCode::BAD_REQUEST),
            ReplyKind::Continue(value) => value,
            ReplyKind::Nothing | ReplyKind::Final(_) => HeaderValue::from_static(NEGOTIATE),
        };
        denial.set_status(StatusCode::UNAUTHORIZED);
        denial.append_header(WWW_AUTHENTICATE, value);
    }
}

impl fmt::Debug for NegotiateAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateAuthentication")
            .field("name", &self.name)
            .field("persist_credentials", &self.persist_credentials)
            .finish_non_exhaustive()
    }
}

/// Somebody who has identified himself, for [`NegotiateAuthentication::on_authenticated`].
pub struct NegotiateUserFound {
    request: EventRequest,
    ticket: AuthenticationTicket,
    failure: Option<AuthenticationFailure>,
}

impl NegotiateUserFound {
    /// The request.
    #[must_use]
    pub fn request(&self) -> AuthenticationRequest<'_> {
        self.request.get()
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        self.ticket.principal()
    }

    /// Lets him in as somebody else: with roles, say.
    pub fn set_principal(&mut self, principal: impl Into<ClaimsPrincipal>) {
        self.ticket = self.ticket.clone().with_principal(Arc::new(principal.into()));
    }

    /// Refuses him. The reason is for the log, not for the sender.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.failure = Some(AuthenticationFailure::new(reason.into()));
    }
}

impl fmt::Debug for NegotiateUserFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegotiateUserFound").field("request", &self.request()).finish_non_exhaustive()
    }
}

/// Whether somebody has identified himself by the scheme `Negotiate`. Such an identity is that of a TCP connection: it does not
/// expire, and is not renewed while a connection lasts.
#[must_use]
pub fn has_windows_identity(user: &ClaimsPrincipal) -> bool {
    let is_one = |kind: &str| ["Kerberos", "NTLM", NEGOTIATE].contains(&kind);
    user.identities().iter().any(|identity| identity.authentication_type().is_some_and(is_one))
}

enum Credentials {
    None,
    Token(Vec<u8>),
    Unreadable,
}

/// The token in `Authorization: Negotiate <token>`; the name of the scheme in any case. Several such headers are none that
/// can be read.
fn token_of(headers: &HeaderMap) -> Credentials {
    let mut values = headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let (first, second) = (values.next(), values.next());
    let is_ours = |value: &[u8]| {
        let (name, rest) = value.split_at_checked(NEGOTIATE.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(NEGOTIATE.as_bytes()) && rest.first().is_none_or(|byte| *byte == b' ')
    };
    match (first, second) {
        (Some(value), None) if is_ours(value) => {
            let encoded = value[NEGOTIATE.len()..].trim_ascii();
            match STANDARD.decode(encoded) {
                Ok(token) if !token.is_empty() => Credentials::Token(token),
                Ok(_) | Err(_) => Credentials::Unreadable,
            }
        }
        (Some(first), Some(second)) if is_ours(first) || is_ours(second) => Credentials::Unreadable,
        _ => Credentials::None,
    }
}

fn failure(reason: impl Into<std::borrow::Cow<'static, str>>) -> AuthenticateResult {
    AuthenticateResult::Failure(AuthenticationFailure::new(reason))
}
