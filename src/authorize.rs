//! Finding out who sends a request to a hub, and whether he may.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use actix_signalr_actors::{
    AuthorizationContext, Authorize, CancellationToken, ClaimsIdentity, ClaimsPrincipal, ConnectRequest,
    Decision, Policy,
};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{Method, StatusCode},
};

use crate::{
    authentication::{
        AuthenticateResult, AuthenticationRequest, AuthenticationTicket, Denial, SchemeError, Schemes,
    },
    query::Parameters,
    server::{Endpoint, WorkerEndpoint},
};

/// Somebody who may.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) user: Arc<ClaimsPrincipal>,
    /// Whether he has shown any credentials that are good.
    pub(crate) is_known: bool,
    /// When the first of his credentials expires.
    pub(crate) expires_at: Option<SystemTime>,
    /// One of these is cancelled when his credentials are revoked, where somebody can tell.
    pub(crate) revocations: Vec<CancellationToken>,
    /// Whether his browser has sent credentials by itself, whichever page has asked it.
    pub(crate) is_sent_by_itself: bool,
}

impl Admitted {
    fn of(results: &Results, schemes: &Schemes) -> Self {
        let tickets = || results.iter().filter_map(|(_, result)| result.ticket());
        Self {
            user: merge(results),
            is_known: tickets().next().is_some(),
            expires_at: tickets().filter_map(AuthenticationTicket::expires_at).min(),
            revocations: tickets().flat_map(AuthenticationTicket::revocations).cloned().collect(),
            is_sent_by_itself: tickets().any(|ticket| schemes.is_sent_by_itself(ticket.scheme())),
        }
    }

    /// What stands for him once, at this route.
    pub(crate) fn into_ticket(self) -> AuthenticationTicket {
        AuthenticationTicket::new(self.user, TICKETS)
            .with_expires_at(self.expires_at)
            .with_revocations(self.revocations)
    }
}

/// Who sends a request to a hub, if he may; else the answer that tells him so.
///
/// Runs before anything else is looked at, on every request of every route: 401 and 403 come before 400, 404 and 405.
pub(crate) async fn authorize(
    at: &WorkerEndpoint,
    http: &HttpRequest,
    connect_request: impl FnOnce() -> ConnectRequest,
) -> Result<Admitted, HttpResponse> {
    let request = AuthenticationRequest::for_hub(http, at.endpoint.path());
    let ticket = redeem(at, http).map_err(|UnknownTicket| HttpResponse::Unauthorized().finish())?;
    let Endpoint { policy, schemes, .. } = &*at.endpoint;
    admit(
        at.server.schemes(),
        &request,
        Demand { policy: policy.as_ref(), schemes },
        ticket,
        async |policy, user| {
            let (policy, context) =
                (policy.clone(), AuthorizationContext::for_request(user, connect_request()));
            at.runtime.authorization().send(Authorize { policy, context }).await.ok()
        },
    )
    .await
}

/// What is demanded of who sends a request.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'a> {
    /// Nothing, without one.
    pub(crate) policy: Option<&'a Arc<Policy>>,
    /// By what it is found out who he is; none is the default scheme.
    pub(crate) schemes: &'a [String],
}

impl<'a> Demand<'a> {
    /// That a policy is met.
    pub(crate) fn of(policy: &'a Arc<Policy>) -> Self {
        Self { policy: Some(policy), schemes: policy.authentication_schemes() }
    }
}

/// Who sends a request, if he meets a demand; else the answer that tells him so. `decide` says whether he meets the policy; where
/// it cannot, that is an error of the server. A one-time ticket that has been redeemed speaks for all schemes. Whose credentials
/// are revoked is asked for others.
pub(crate) async fn admit(
    schemes: &Schemes,
    request: &AuthenticationRequest<'_>,
    demand: Demand<'_>,
    ticket: Option<AuthenticationTicket>,
    decide: impl AsyncFnOnce(&Arc<Policy>, Arc<ClaimsPrincipal>) -> Option<Decision>,
) -> Result<Admitted, HttpResponse> {
    let results = match ticket {
        None => authenticate(schemes, request, demand.schemes).await.map_err(|err| err.error_response())?,
        Some(ticket) => vec![(None, AuthenticateResult::Success(ticket))],
    };
    let admitted = Admitted::of(&results, schemes);
    if schemes.keep_out(&admitted.user) {
        let asked = deny(schemes, request, &results, false);
        return Err(asked.map_or_else(|_| HttpResponse::Unauthorized().finish(), Denial::into_response));
    }
    let Some(policy) = demand.policy else { return Ok(admitted) };
    match decide(policy, admitted.user.clone()).await {
        Some(Decision::Allowed) => Ok(admitted),
        Some(Decision::Denied(_)) => {
            let is_known = results.iter().any(|(_, result)| result.ticket().is_some());
            let denial = deny(schemes, request, &results, is_known);
            Err(denial.map_or_else(|err| err.error_response(), Denial::into_response))
        }
        None => Err(HttpResponse::InternalServerError().finish()),
    }
}

/// A ticket that has been redeemed, has expired, or never was.
struct UnknownTicket;

/// Whom the request's one-time ticket stands for; `None` where there is none, or the route has none.
///
/// Only the request that opens a connection shows one: the others can have headers. A ticket that is no good does not
/// become an anonymous request, not even where that would be let in.
fn redeem(at: &WorkerEndpoint, http: &HttpRequest) -> Result<Option<AuthenticationTicket>, UnknownTicket> {
    if !at.endpoint.options.one_time_tickets || http.method() != Method::GET {
        return Ok(None);
    }
    let Some(ticket) = Parameters::of(http).find("ticket").filter(|ticket| !ticket.is_empty()) else {
        return Ok(None);
    };
    at.endpoint.tickets.redeem(&ticket, Instant::now()).map(Some).ok_or(UnknownTicket)
}

/// What each scheme that is asked makes of the request; the default one is `None`.
type Results = Vec<(Option<String>, AuthenticateResult)>;

/// Asks the schemes that are named, or else the default one.
async fn authenticate(
    schemes: &Schemes,
    request: &AuthenticationRequest<'_>,
    named: &[String],
) -> Result<Results, SchemeError> {
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
    schemes: &Schemes,
    request: &AuthenticationRequest<'_>,
    results: &Results,
    is_known: bool,
) -> Result<Denial, SchemeError> {
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

/// Which scheme a one-time ticket says it is from: one that cannot be added to a server.
const TICKETS: &str = "";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;
    use futures::future::{LocalBoxFuture, ready};

    use super::*;
    use crate::authentication::AuthenticationScheme;

    /// Lets everybody in under its own name, for some seconds or for ever.
    struct Open(&'static str, Option<u64>);

    impl AuthenticationScheme for Open {
        fn name(&self) -> &str {
            self.0
        }

        fn authenticate<'a>(
            &'a self,
            _request: &'a AuthenticationRequest<'a>,
        ) -> LocalBoxFuture<'a, AuthenticateResult> {
            let ticket = AuthenticationTicket::new(Arc::new(ClaimsIdentity::new(self.0).into()), self.0);
            let end = self.1.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            Box::pin(ready(AuthenticateResult::Success(ticket.with_expires_at(end))))
        }
    }

    #[actix_web::test]
    async fn of_several_schemes_the_smallest_expiry_counts_and_the_later_identity_comes_first() {
        let mut schemes = Schemes::new();
        for scheme in [Open("late", Some(20)), Open("soon", Some(10)), Open("never", None)] {
            schemes.add(Arc::new(scheme)).unwrap();
        }
        let http = TestRequest::get().to_http_request();
        for (names, seconds, order) in [
            (vec!["late", "soon", "never"], Some(10), vec!["never", "soon", "late"]),
            (vec!["never", "late"], Some(20), vec!["late", "never"]),
            (vec!["never", "never"], None, vec!["never"]),
        ] {
            let policy = Arc::new(Policy::new().require_authenticated_user().schemes(names));
            let request = AuthenticationRequest::new(&http);
            let decide = async |_: &Arc<Policy>, _| Some(Decision::Allowed);
            let admitted = admit(&schemes, &request, Demand::of(&policy), None, decide).await.unwrap();
            let end = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(admitted.expires_at, end);
            let kinds = admitted.user.identities().iter().filter_map(ClaimsIdentity::authentication_type);
            assert_eq!(kinds.collect::<Vec<_>>(), order);
        }
    }
}
