//! What an exchange adds to the answer of a request.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{HeaderValue, WWW_AUTHENTICATE},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::authentication::AuthenticateResult;

/// What one scheme made of a request, in the request's extensions: a token is taken once, however often a request is looked at.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) scheme: String,
    pub(super) result: AuthenticateResult,
    pub(super) kind: ReplyKind,
}

/// What is to be written.
#[derive(Clone, Default)]
pub(super) enum ReplyKind {
    /// Nothing but what a challenge says anyway.
    #[default]
    Nothing,
    /// The client is to go on.
    Continue(HeaderValue),
    /// What the client sent is no token.
    BadRequest,
    /// The client is known, and may make sure of the server.
    Final(HeaderValue),
}

#[derive(Default)]
struct Replies(Vec<Reply>);

impl Reply {
    pub(super) fn of(http: &HttpRequest, scheme: &str) -> Option<Self> {
        let extensions = http.extensions();
        extensions.get::<Replies>()?.0.iter().find(|reply| reply.scheme == scheme).cloned()
    }

    pub(super) fn keep(self, http: &HttpRequest) {
        let mut extensions = http.extensions_mut();
        if extensions.get::<Replies>().is_none() {
            extensions.insert(Replies::default());
        }
        if let Some(Replies(replies)) = extensions.get_mut::<Replies>() {
            replies.push(self);
        }
    }
}

/// The value of `WWW-Authenticate`, which is not for logs.
pub(super) fn header(token: &[u8]) -> HeaderValue {
    let value = HeaderValue::try_from(format!("{NEGOTIATE} {}", STANDARD.encode(token)));
    // Base64 is what a header can hold.
    let mut value = value.unwrap_or(HeaderValue::from_static(NEGOTIATE));
    value.set_sensitive(true);
    value
}

/// Writes the last token of an exchange into the answer, once, unless that is a refusal.
pub(in crate::authentication) fn write_final_token<B>(http: &HttpRequest, response: &mut HttpResponse<B>) {
    if response.status().as_u16() >= 400 {
        return;
    }
    let extensions = http.extensions();
    for reply in extensions.get::<Replies>().into_iter().flat_map(|Replies(replies)| replies) {
        if let ReplyKind::Final(value) = &reply.kind
            && !response.headers().get_all(WWW_AUTHENTICATE).any(|written| written == value)
        {
            response.headers_mut().append(WWW_AUTHENTICATE, value.clone());
        }
    }
}

pub(super) const NEGOTIATE: &str = "Negotiate";
