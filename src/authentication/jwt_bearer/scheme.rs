//! What the scheme for tokens makes of requests, and what it answers.

use std::{sync::Arc, time::SystemTime};

use actix_signalr_actors::ClaimsPrincipal;
use actix_web::http::StatusCode;
use futures::future::LocalBoxFuture;

use super::{
    AuthenticationFailed, JwtBearer, JwtChallenge, JwtForbidden, MessageReceived, QueryToken, TokenValidated,
    challenge::is_harmless,
};
use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ConfigurationError, Denial, VerificationKey, bearer_token,
    event::{caught, caught_now},
    jwt::{TokenRefusal, ValidToken},
};

impl JwtBearer {
    /// What the scheme makes of a request at a time.
    pub(in crate::authentication) async fn authenticate_at(
        &self,
        request: &AuthenticationRequest<'_>,
        now: SystemTime,
    ) -> AuthenticateResult {
        let panicked = || AuthenticateResult::Failure(AuthenticationFailure::new("an event panicked"));
        caught(&self.name, self.authenticate_unguarded(request, now)).await.unwrap_or_else(panicked)
    }

    async fn authenticate_unguarded(
        &self,
        request: &AuthenticationRequest<'_>,
        now: SystemTime,
    ) -> AuthenticateResult {
        let mut found = None;
        if self.events.on_message_received.is_set() {
            let mut context = MessageReceived::new(request);
            self.events.on_message_received.raise(&mut context).await;
            match context.into_parts() {
                (_, Some(result)) => return result,
                (token, None) => found = token,
            }
        }
        let found = found
            .or_else(|| self.query_token_of(request))
            .or_else(|| bearer_token::from_headers(request.http().headers()));
        let Some(token) = found else { return AuthenticateResult::NoResult };
        match self.validate_token(&token, now).await {
            Ok(ticket) if self.events.on_token_validated.is_set() => {
                let mut context = TokenValidated::new(request, token, ticket);
                self.events.on_token_validated.raise(&mut context).await;
                context.into_result()
            }
            Ok(ticket) => AuthenticateResult::Success(ticket),
            Err(failure) => {
                let mut context = AuthenticationFailed::new(request, failure);
                self.events.on_authentication_failed.raise(&mut context).await;
                context.into_result()
            }
        }
    }

    /// What the scheme makes of a token at a time.
    pub(in crate::authentication) async fn validate_token(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<AuthenticationTicket, AuthenticationFailure> {
        let valid = match &self.discovery {
            None => self.rules.validate_at(token, now, None),
            Some(discovery) => {
                discovery.validate(&self.rules, token, now, self.refresh_on_key_not_found).await
            }
        };
        valid.map(|valid| self.ticket_of(valid)).map_err(|refusal| failure_of(&refusal))
    }

    fn ticket_of(&self, valid: ValidToken) -> AuthenticationTicket {
        let ValidToken { identity, not_before, expires } = valid;
        AuthenticationTicket::new(Arc::new(ClaimsPrincipal::from(identity)), self.name.clone())
            .with_issued_at(not_before)
            .with_expires_at(expires)
    }

    /// Whether the query counts depends on where routing has sent the request: a decision on the
    /// path as it came could be led astray by its spelling.
    fn query_token_of(&self, request: &AuthenticationRequest<'_>) -> Option<String> {
        let hub_path = request.hub_path()?;
        let counts = match &self.query_token {
            QueryToken::Nowhere => false,
            QueryToken::EveryHub => true,
            QueryToken::HubsUnder(prefix) => bearer_token::is_under(hub_path, prefix),
        };
        counts.then(|| bearer_token::from_query(request.http().query_string())).flatten()
    }

    fn invalid_option(&self, option: &'static str, reason: &'static str) -> ConfigurationError {
        ConfigurationError::InvalidOption { scheme: self.name.clone(), option, reason }
    }
}

impl AuthenticationScheme for JwtBearer {
    fn name(&self) -> &str {
        &self.name
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        Box::pin(self.authenticate_at(request, SystemTime::now()))
    }

    fn challenge(
        &self,
        request: &AuthenticationRequest<'_>,
        result: &AuthenticateResult,
        denial: &mut Denial,
    ) {
        denial.set_status(StatusCode::UNAUTHORIZED);
        let realm = self.realm.as_deref();
        let new = || JwtChallenge::new(request, result.failure(), self.include_error_details, denial.clone());
        let written = caught_now(&self.name, || {
            let mut context = new();
            self.events.on_challenge.raise(&mut context);
            context.into_denial(realm)
        });
        *denial = written.unwrap_or_else(|| new().into_denial(realm));
    }

    fn forbid(&self, request: &AuthenticationRequest<'_>, denial: &mut Denial) {
        denial.set_status(StatusCode::FORBIDDEN);
        if self.events.on_forbidden.is_set() {
            let mut context = JwtForbidden::new(request, denial.clone());
            if caught_now(&self.name, || self.events.on_forbidden.raise(&mut context)).is_some() {
                *denial = context.into_denial();
            }
        }
    }

    fn misses_browsers_at(&self, hub_path: &str) -> bool {
        matches!(&self.query_token, QueryToken::HubsUnder(prefix) if !bearer_token::is_under(hub_path, prefix))
    }

    fn validate(&self) -> Result<(), ConfigurationError> {
        let scheme = || self.name.clone();
        self.rules.keys.iter().try_for_each(VerificationKey::validate)?;
        match &self.discovery {
            Some(discovery) => {
                discovery.authority().validate().map_err(|(option, why)| self.invalid_option(option, why))?;
            }
            None if !self.rules.has_usable_key() => {
                return Err(ConfigurationError::NoKey { scheme: scheme() });
            }
            None if self.rules.issuers.is_nothing() => {
                return Err(ConfigurationError::NoIssuer { scheme: scheme() });
            }
            None => {}
        }
        if self.rules.audiences.is_nothing() {
            return Err(ConfigurationError::NoAudience { scheme: scheme() });
        }
        for (option, values) in [("issuer", &self.rules.issuers), ("audience", &self.rules.audiences)] {
            if values.values().iter().any(|value| value.trim().is_empty()) {
                return Err(self.invalid_option(option, "must not be empty"));
            }
        }
        if self.realm.as_deref().is_some_and(|realm| !realm.chars().all(is_harmless)) {
            return Err(self.invalid_option("realm", "must be printable ASCII without quotes"));
        }
        Ok(())
    }
}

fn failure_of(refusal: &TokenRefusal) -> AuthenticationFailure {
    AuthenticationFailure::new(refusal.reason()).with_description(refusal.description())
}
