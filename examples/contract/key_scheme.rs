//! Credentials without an expiry: the header `X-Key: SUBJECT;ROLE,ROLE`.

use std::sync::Arc;

use actix_signalr::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ClaimsIdentity, claim_types,
};
use futures::future::LocalBoxFuture;

#[derive(Debug)]
pub(crate) struct KeyScheme;

impl AuthenticationScheme for KeyScheme {
    fn name(&self) -> &str {
        "Key"
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        let header =
            request.http().headers().get("x-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut parts = header.split(';');
        let (subject, roles) = (parts.next().unwrap_or_default(), parts.next());
        let result = if subject.is_empty() {
            AuthenticateResult::Failure(AuthenticationFailure::new("no subject"))
        } else {
            let mut identity = ClaimsIdentity::new("Key").claim(claim_types::NAME_IDENTIFIER, subject);
            for role in roles.into_iter().flat_map(|roles| roles.split(',')) {
                identity = identity.claim(claim_types::ROLE, role);
            }
            AuthenticateResult::Success(AuthenticationTicket::new(Arc::new(identity.into()), self.name()))
        };
        Box::pin(async { result })
    }
}
