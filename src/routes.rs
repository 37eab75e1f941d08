//! Which HTTP request goes where under one path of a hub.

mod incoming;

use std::{
    convert::Infallible,
    rc::Rc,
    sync::Arc,
    time::{Instant, SystemTime},
};

use actix_signalr_actors::{AuthorizationContext, ConnectRequest, Policy, transport::TransportKind};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{self, BodyStream, BoxBody, MessageBody},
    dev::Service,
    http::{
        ConnectionType, Method, Version,
        header::{ACCEPT, CONTENT_TYPE, UPGRADE},
    },
    web::{self, Payload, ServiceConfig},
};
use futures::stream;

use crate::{
    authentication::{AuthenticationRequest, write_pending},
    authorize::{Admitted, Demand, admit, authorize},
    credentials::Credentials,
    error::ConnectError,
    http_server::ClientSocket,
    negotiation, one_time_tickets,
    query::Parameters,
    refresh,
    routes::incoming::Incoming,
    server::{SignalR, WorkerEndpoint},
    subprotocol,
    transports::web_sockets::upgrade::upgrade_key,
};

/// Adds the routes of all endpoints. Paths are compared without case, with or without a slash at their end.
///
/// The router looks at one route after another, and a pattern that does not fit costs it 2,100 instructions. Nearly all requests
/// spell a path as the server does, so all are compared with the paths as they are, which costs next to nothing, before the
/// first pattern.
pub(crate) fn configure_endpoints(config: &mut ServiceConfig, endpoints: &[Rc<WorkerEndpoint>]) {
    for write in [as_it_is, pattern] {
        for at in endpoints {
            configure_endpoint(config, at, write);
        }
    }
}

/// Adds the routes of one endpoint, its paths written in one way, if they can be.
fn configure_endpoint(config: &mut ServiceConfig, at: &Rc<WorkerEndpoint>, write: WritePath) {
    let options = &at.endpoint.options;
    let below = |name: &str| write(&format!("{}/{name}", at.endpoint.path())).map(web::resource);
    if let Some(resource) = below("refresh").filter(|_| options.enable_authentication_refresh) {
        let at = at.clone();
        config.service(resource.to(move |http| refresh(at.clone(), http)));
    }
    if let Some(resource) = below("negotiate") {
        let at = at.clone();
        config.service(resource.to(move |http| negotiate(at.clone(), http)));
    }
    if let Some(resource) = below("ticket").filter(|_| options.one_time_tickets) {
        let at = at.clone();
        config.service(resource.to(move |http| issue_ticket(at.clone(), http)));
    }
    if let Some(resource) = write(at.endpoint.path()).map(web::resource) {
        let (at, has_tokens) = (at.clone(), options.subprotocol_token);
        let hub = resource.to(move |http, payload| serve(at.clone(), http, payload));
        if has_tokens {
            config.service(hub.wrap_fn(|mut request, next| {
                subprotocol::unwrap_token(&mut request);
                next.call(request)
            }));
        } else {
            config.service(hub);
        }
    }
}

/// How a path is written for the router.
type WritePath = fn(&str) -> Option<String>;

/// Requests that no route takes: who does not meet the fallback policy is told so, others that there is nothing.
pub(crate) fn configure_fallback(config: &mut ServiceConfig, server: &SignalR, fallback: &Arc<Policy>) {
    let (server, fallback) = (server.clone(), fallback.clone());
    config.default_service(web::to(move |http: HttpRequest| {
        let (server, fallback) = (server.clone(), fallback.clone());
        async move {
            let admitted = admit_by(&server, &http, &fallback).await;
            admitted.map_or_else(|denial| denial, |_| HttpResponse::NotFound().finish())
        }
    }));
}

/// Who sends a request that goes to no hub, if he meets a policy.
pub(crate) async fn admit_by(
    server: &SignalR,
    http: &HttpRequest,
    policy: &Arc<Policy>,
) -> Result<Admitted, HttpResponse> {
    let request = AuthenticationRequest::new(http);
    admit(server.schemes(), &request, Demand::of(policy), None, async |policy, user| {
        let request = connect_request(http, Parameters::of(http));
        let context = AuthorizationContext::for_request(user, request);
        server.authorization().evaluate(policy, &context).await.ok()
    })
    .await
}

/// The path as text, where nothing in it means something else to the router.
fn as_it_is(path: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    let path = path.trim_start_matches('/').trim_end_matches('/');
    path.chars().all(is_plain).then(|| format!("/{path}"))
}

/// The path as a regular expression, which alone can leave case aside.
fn pattern(path: &str) -> Option<String> {
    let mut escaped = String::with_capacity(path.len() * 2);
    for character in path.trim_start_matches('/').chars() {
        if !(character.is_alphanumeric() || matches!(character, '/' | '-' | '_')) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Some(format!("/{{hub:(?i:{escaped}/?)}}"))
}

/// `POST {hub}/negotiate`.
async fn negotiate(at: Rc<WorkerEndpoint>, http: HttpRequest) -> HttpResponse {
    let mut response = negotiated(at, &http).await;
    write_pending(&http, &mut response);
    response
}

/// `POST {hub}/refresh`, where the route has it.
async fn refresh(at: Rc<WorkerEndpoint>, http: HttpRequest) -> HttpResponse {
    let mut response = match admitted(&at, &http, || connect_request(&http, Parameters::of(&http))).await {
        Ok(_) if !has_verb(&http, &Method::POST) => not_allowed(&http),
        Ok(admitted) => refresh::respond(&at, &http, credentials(&at, admitted)).await,
        Err(denial) => denial,
    };
    write_pending(&http, &mut response);
    response
}

/// Who sends a request, if he may.
async fn admitted(
    at: &WorkerEndpoint,
    http: &HttpRequest,
    connect_request: impl FnOnce() -> ConnectRequest,
) -> Result<Admitted, HttpResponse> {
    authorize(at, http, connect_request).await.map_err(|denial| to_head(http, denial))
}

/// What he has shown of himself, and for how long it is good here.
fn credentials(at: &WorkerEndpoint, admitted: Admitted) -> Credentials {
    let Admitted { user, is_known, expires_at, revocations, .. } = admitted;
    let maximum = at.endpoint.options.maximum_authentication_expiration;
    Credentials::new(user, is_known, expires_at, maximum, SystemTime::now()).with_revocations(revocations)
}

/// `POST {hub}/ticket`: what stands for the request's credentials once, in the query of the request that connects.
async fn issue_ticket(at: Rc<WorkerEndpoint>, http: HttpRequest) -> HttpResponse {
    let mut response = issued(at, &http).await;
    write_pending(&http, &mut response);
    response
}

async fn issued(at: Rc<WorkerEndpoint>, http: &HttpRequest) -> HttpResponse {
    let admitted = match admitted(&at, http, || connect_request(http, Parameters::of(http))).await {
        Ok(admitted) => admitted,
        Err(denial) => return denial,
    };
    if !has_verb(http, &Method::POST) {
        return not_allowed(http);
    }
    if !admitted.user.is_authenticated() {
        return HttpResponse::Unauthorized().finish();
    }
    match at.endpoint.tickets.issue(admitted.into_ticket(), Instant::now()) {
        Ok(ticket) => one_time_tickets::response(&ticket),
        Err(err) => err.response(),
    }
}

/// A request to the hub itself.
async fn serve(at: Rc<WorkerEndpoint>, http: HttpRequest, payload: Payload) -> HttpResponse {
    let mut response = served(at, &http, payload).await;
    write_pending(&http, &mut response);
    response
}

async fn negotiated(at: Rc<WorkerEndpoint>, http: &HttpRequest) -> HttpResponse {
    let parameters = Parameters::of(http);
    let shown = match admitted(&at, http, || connect_request(http, parameters.clone())).await {
        Ok(admitted) => credentials(&at, admitted),
        Err(denial) => return denial,
    };
    if !has_verb(http, &Method::POST) {
        return not_allowed(http);
    }
    let options = &at.endpoint.options;
    let requested = parameters.find("negotiateVersion");
    let version = match negotiation::version(requested.as_deref(), options.minimum_protocol_version) {
        Ok(version) => version,
        Err(error) => return negotiation::refused(&error),
    };
    let lifetime = shown.lifetime_seconds(SystemTime::now());
    let lifetime = lifetime.filter(|_| options.enable_authentication_refresh);
    let is_stateful = options.allow_stateful_reconnects
        && negotiation::wants_stateful_reconnect(parameters.find("useStatefulReconnect").as_deref());
    let connections = &at.endpoint.connections;
    match connections.negotiate(shown, http.peer_addr(), version > 0, is_stateful, Instant::now()) {
        Ok((id, token)) => {
            connections.keep_swept();
            negotiation::accepted(version, is_stateful, &id, &token, lifetime, &options.transports)
        }
        Err(err) => err.response(),
    }
}

async fn served(at: Rc<WorkerEndpoint>, http: &HttpRequest, payload: Payload) -> HttpResponse {
    let parameters = Parameters::of(http);
    let token = parameters.find("id").filter(|token| !token.is_empty());
    let request = connect_request(http, parameters);
    let admitted = match admitted(&at, http, || request.clone()).await {
        Ok(admitted) => admitted,
        Err(denial) => return denial,
    };
    let is_sent_by_itself = admitted.is_sent_by_itself;
    let shown = credentials(&at, admitted);
    let limit = at.write_clock.limit(at.endpoint.options.transport_send_timeout, ClientSocket::of(http));
    let incoming = Incoming { at, token, shown, is_sent_by_itself, request, limit };
    let is = |verb| has_verb(http, &verb);
    let connects = is(Method::GET) || is(Method::CONNECT);
    let response = if connects && accepts_events(http) {
        to_be_streamed(http, incoming.events())
    } else if connects {
        match upgrade_key(http) {
            Some(accept) => incoming.web_socket(http, accept, payload).await,
            None => incoming.poll(http).await,
        }
    } else if is(Method::POST) {
        incoming.send(payload).await.unwrap_or_else(ConnectError::response)
    } else if is(Method::DELETE) {
        incoming.delete().unwrap_or_else(ConnectError::response)
    } else {
        not_allowed(http)
    };
    if takes_chunks(http) && http.method() != Method::HEAD { in_one_chunk(response) } else { response }
}

/// Verbs are compared without case, as in the original.
fn has_verb(http: &HttpRequest, verb: &Method) -> bool {
    http.method().as_str().eq_ignore_ascii_case(verb.as_str())
}

/// Whether the HTTP layer sends what it is given in chunks, if it has no length: not to a client that knows none, nor where a
/// socket was asked for.
fn takes_chunks(http: &HttpRequest) -> bool {
    http.version() >= Version::HTTP_11
        && http.method() != Method::CONNECT
        && !http.headers().contains_key(UPGRADE)
}

/// A response without a length, ended by the end of its connection where it cannot be in chunks.
fn to_be_streamed(http: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    if response.status().is_success() && !takes_chunks(http) {
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// A refusal with a text is sent in one chunk, without a length, as the original sends it; one for programs is not.
fn in_one_chunk(response: HttpResponse) -> HttpResponse {
    let is_text = response.headers().get(CONTENT_TYPE).is_none_or(|value| value != "application/json");
    if !response.status().is_client_error() || !is_text {
        return response;
    }
    response.map_body(|_, body| match body.try_into_bytes() {
        Ok(text) if text.is_empty() => BoxBody::new(text),
        Ok(text) => BoxBody::new(BodyStream::new(stream::iter([Ok::<_, Infallible>(text)]))),
        Err(body) => body,
    })
}

/// The answer to a verb the route does not have.
fn not_allowed(http: &HttpRequest) -> HttpResponse {
    to_head(http, ConnectError::MethodNotAllowed.response())
}

/// To HEAD nothing is said of a length.
fn to_head(http: &HttpRequest, response: HttpResponse) -> HttpResponse {
    if http.method() == Method::HEAD {
        response.map_body(|_, _| BoxBody::new(body::None::new()))
    } else {
        response
    }
}

/// Whether `Accept` has the bare media type among others.
fn accepts_events(http: &HttpRequest) -> bool {
    let mut types =
        http.headers().get_all(ACCEPT).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    types.any(is_event_stream)
}

/// Whether that is the media type of events, without a parameter.
fn is_event_stream(media_type: &[u8]) -> bool {
    let mut parts = media_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let names = parts.next().unwrap_or_default();
    let mut names = names.split(|byte| *byte == b'/').map(<[u8]>::trim_ascii);
    let mut is_next =
        |name: &str| names.next().is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
    let is_bare = parts.next().is_none_or(<[u8]>::is_empty) && parts.next().is_none();
    is_next("text") && is_next("event-stream") && names.next().is_none() && is_bare
}

/// The request as data, for hubs and for authorization.
fn connect_request(http: &HttpRequest, parameters: Parameters) -> ConnectRequest {
    let headers =
        http.headers().iter().map(|(name, value)| (name, String::from_utf8_lossy(value.as_bytes())));
    ConnectRequest::new(TransportKind::WebSockets, http.path())
        .with_query(parameters.into_pairs())
        .with_headers(headers)
        .with_remote_addr(http.peer_addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pattern_without_case() {
        assert_eq!(pattern("/hubs/chat").unwrap(), "/{hub:(?i:hubs/chat/?)}");
        assert_eq!(pattern("/v1.0/a+b").unwrap(), "/{hub:(?i:v1\\.0/a\\+b/?)}");
    }

    #[test]
    fn a_path_is_text_where_it_has_no_signs_of_a_pattern() {
        assert_eq!(as_it_is("/v1.0/a-b_c/negotiate").as_deref(), Some("/v1.0/a-b_c/negotiate"));
        for other in ["/{tail}", "/a+b", "/a%20b", "/\u{e4}"] {
            assert_eq!(as_it_is(other), None, "{other}");
        }
    }

    #[test]
    fn events_are_asked_for_by_their_bare_media_type() {
        for yes in [
            "text/event-stream",
            "TEXT/Event-Stream",
            " text / event-stream ",
            "text/event-stream;",
            "text/event-stream ; ",
        ] {
            assert!(is_event_stream(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "*/*",
            "text/*",
            "text/event-stream;q=0.9",
            "text/event-stream; charset=utf-8",
            "text/event-stream;;",
            "text/event-stream/x",
            "text",
            "\"text/event-stream\"",
            "text/event-stream text/html",
            "text/event-stream+xml",
        ] {
            assert!(!is_event_stream(no.as_bytes()), "{no}");
        }
    }
}
