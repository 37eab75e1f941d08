//! Which HTTP request goes where under one path of a hub.

use std::{rc::Rc, time::Instant};

use actix_signalr_actors::{ConnectRequest, NewConnection, transport::TransportKind};
use actix_web::{
    HttpRequest, HttpResponse,
    http::Method,
    web::{self, Payload, ServiceConfig},
};

use crate::{
    authorize::authorize,
    error::ConnectError,
    negotiation,
    query::Parameters,
    server::WorkerEndpoint,
    transports::web_sockets::{self, WebSocketTransport},
};

/// Adds the routes of one endpoint. Paths are compared without case, with or without a slash at their end.
pub(crate) fn configure_endpoint(config: &mut ServiceConfig, at: Rc<WorkerEndpoint>) {
    let negotiate_path = pattern(&format!("{}/negotiate", at.endpoint.path()));
    let hub_path = pattern(at.endpoint.path());
    let negotiating = at.clone();
    config.service(web::resource(negotiate_path).to(move |http| negotiate(negotiating.clone(), http)));
    config.service(web::resource(hub_path).to(move |http, payload| connect(at.clone(), http, payload)));
}

/// The pattern of a path for the router: a regular expression, which alone can leave case aside.
fn pattern(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len() * 2);
    for character in path.trim_start_matches('/').chars() {
        if !(character.is_alphanumeric() || matches!(character, '/' | '-' | '_')) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    format!("/{{hub:(?i:{escaped}/?)}}")
}

/// `POST {hub}/negotiate`.
async fn negotiate(at: Rc<WorkerEndpoint>, http: HttpRequest) -> HttpResponse {
    let parameters = Parameters::of(&http);
    let user = match authorize(&at, &http, || connect_request(&http, parameters.clone())).await {
        Ok(user) => user,
        Err(denial) => return denial,
    };
    if http.method() != Method::POST {
        return ConnectError::MethodNotAllowed.response();
    }
    let options = &at.endpoint.options;
    let requested = parameters.find("negotiateVersion");
    let version = match negotiation::version(requested.as_deref(), options.minimum_protocol_version) {
        Ok(version) => version,
        Err(error) => return negotiation::refused(&error),
    };
    match at.endpoint.connections.negotiate(user, version > 0, Instant::now()) {
        Ok((id, token)) => negotiation::accepted(version, &id, &token, &options.transports),
        Err(err) => err.response(),
    }
}

/// A request to the hub itself: section 2 of the transports says which transport is meant.
async fn connect(at: Rc<WorkerEndpoint>, http: HttpRequest, payload: Payload) -> HttpResponse {
    let parameters = Parameters::of(&http);
    let token = parameters.find("id").filter(|token| !token.is_empty());
    let request = connect_request(&http, parameters);
    let user = match authorize(&at, &http, || request.clone()).await {
        Ok(user) => user,
        Err(denial) => return denial,
    };
    if http.method() != Method::GET {
        return ConnectError::MethodNotAllowed.response();
    }
    let Some(accept) = web_sockets::upgrade::upgrade_key(&http) else {
        return ConnectError::NoId.response();
    };
    let kind = TransportKind::WebSockets;
    let options = &at.endpoint.options;
    if !options.transports.contains(&kind) {
        return ConnectError::TransportNotSupported(kind.name()).response();
    }
    let opened = match token {
        Some(token) => at.endpoint.connections.open(&token, kind, &user, Instant::now()),
        None => Ok(at.endpoint.connections.open_new(kind, user.clone())),
    };
    let (id, lease) = match opened {
        Ok(opened) => opened,
        Err(err) => return err.response(),
    };
    let (runtime, maximum_backlog) = (at.runtime.clone(), options.maximum_backlog);
    WebSocketTransport::respond(accept, payload, options, move |transport, flow| {
        runtime.connect(NewConnection {
            id,
            user,
            request,
            transport,
            flow,
            formats: web_sockets::FORMATS,
            maximum_backlog,
            lease: Box::new(lease),
        })
    })
}

/// The request as data, for hubs and for authorization.
fn connect_request(http: &HttpRequest, parameters: Parameters) -> ConnectRequest {
    let header =
        |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
    ConnectRequest::new(TransportKind::WebSockets, http.path())
        .with_query(parameters.into_pairs())
        .with_headers(http.headers().iter().map(header).collect())
        .with_remote_addr(http.peer_addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pattern_without_case() {
        assert_eq!(pattern("/hubs/chat"), "/{hub:(?i:hubs/chat/?)}");
        assert_eq!(pattern("/v1.0/a+b"), "/{hub:(?i:v1\\.0/a\\+b/?)}");
    }
}
