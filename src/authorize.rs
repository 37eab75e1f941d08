//! Finding out who sends a request to a hub, and whether he may.

use std::{sync::Arc, time::SystemTime};

use actix_signalr_actors::{
    AuthorizationContext, Authorize, ClaimsIdentity, ClaimsPrincipal, ConnectRequest, Decision, Policy,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};

use crate::{
    authentication::{AuthenticateResult, AuthenticationRequest, AuthenticationTicket, Denial, SchemeError},
    server::WorkerEndpoint,
};

/// Somebody who may.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) user: Arc<ClaimsPrincipal>,
    /// When the first of his credentials expires.
    pub(crate) expires_at: Option<SystemTime>,
}

/// Who sends a request, if he may; else the answer that tells him so.
///
/// Runs before anything else is looked at, on every request of every route: 401 and 403 come before 400, 404 and 405.
pub(crate) async fn authorize(
    at: &WorkerEndpoint,
    http: &HttpRequest,
    connect_request: impl FnOnce() -> ConnectRequest,
) -> Result<Admitted, HttpResponse> {
    let request = AuthenticationRequest::for_hub(http, at.endpoint.path());
    let policy = at.endpoint.policy.as_ref();
    let results = authenticate(at, &request, policy).await.map_err(|err| err.error_response())?;
    let tickets = results.iter().filter_map(|(_, result)| result.ticket());
    let expires_at = tickets.filter_map(AuthenticationTicket::expires_at).min();
    let admitted = Admitted { user: merge(&results), expires_at };
    let Some(policy) = policy else { return Ok(admitted) };
    let context = AuthorizationContext::for_request(admitted.user.clone(), connect_request());
    let decision = at.runtime.authorization().send(Authorize { policy: policy.clone(), context }).await;
    match decision {
        Ok(Decision::Allowed) => Ok(admitted),
        Ok(Decision::Denied(failed)) => {
            tracing::debug!(path = at.endpoint.path(), ?failed, "connection not authorized");
            let denial = deny(at, &request, &results);
            Err(denial.map_or_else(|err| err.error_response(), Denial::into_response))
        }
        Err(_) => Err(HttpResponse::InternalServerError().finish()),
    }
}

/// What each scheme that is asked makes of the request; the default one is `None`.
type Results = Vec<(Option<String>, AuthenticateResult)>;

/// Asks the schemes of the policy, or else the default one.
async fn authenticate(
    at: &WorkerEndpoint,
    request: &AuthenticationRequest<'_>,
    policy: Option<&Arc<Policy>>,
) -> Result<Results, SchemeError> {
    let schemes = at.server.schemes();
    let named = policy.map_or(&[][..], |policy| policy.authentication_schemes());
    if named.is_empty() {
        return Ok(vec![(None, schemes.authenticate(request).await?)]);
    }
    let mut results = Results::new();
    for name in named {
        if !results.iter().any(|(asked, _)| asked.as_ref() == Some(name)) {
            results.push((Some(name.clone()), schemes.authenticate_with(name, request).await?));
        }
    }
    Ok(results)
}

/// One principal of all successes: the identities of a later scheme come first. Section 2.3 of authentication.
fn merge(results: &Results) -> Arc<ClaimsPrincipal> {
    let mut tickets =
        results.iter().filter_map(|(_, result)| result.ticket()).map(AuthenticationTicket::principal);
    match (tickets.next(), tickets.next()) {
        (None, _) => Arc::default(),
        (Some(only), None) => only.clone(),
        (Some(first), Some(second)) => {
            let mut identities: Vec<ClaimsIdentity> = first.identities().to_vec();
            for principal in std::iter::once(second).chain(tickets) {
                let is_worth_keeping =
                    |identity: &ClaimsIdentity| identity.is_authenticated() || !identity.claims().is_empty();
                let before = std::mem::replace(&mut identities, principal.identities().to_vec());
                identities.extend(before.into_iter().filter(is_worth_keeping));
            }
            Arc::new(ClaimsPrincipal::from_identities(identities))
        }
    }
}

/// Asks an unknown sender who he is, by each scheme; tells a known one that he may not.
fn deny(
    at: &WorkerEndpoint,
    request: &AuthenticationRequest<'_>,
    results: &Results,
) -> Result<Denial, SchemeError> {
    let schemes = at.server.schemes();
    let is_known = results.iter().any(|(_, result)| result.ticket().is_some());
    let mut denial = Denial::new(if is_known { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED });
    for (name, result) in results {
        match (name, is_known) {
            (None, false) => denial = schemes.challenge(request, result)?,
            (None, true) => denial = schemes.forbid(request)?,
            (Some(name), false) => schemes.challenge_with(name, request, result, &mut denial)?,
            (Some(name), true) => schemes.forbid_with(name, request, &mut denial)?,
        }
    }
    Ok(denial)
}
