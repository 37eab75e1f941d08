//! Which HTTP request goes where under one path of a hub.

use std::{
    convert::Infallible,
    rc::Rc,
    sync::Arc,
    time::{Instant, SystemTime},
};

use actix::{Addr, Recipient};
use actix_signalr_actors::{
    ClaimsPrincipal, ConnectRequest, ConnectionActor, ConnectionId, Expires, NewConnection,
    protocol::TransferFormat,
    transport::{Flow, Outbound, TransportKind},
};
use actix_web::{
    HttpRequest, HttpResponse,
    body::{self, BodyStream, BoxBody, MessageBody},
    http::{
        Method,
        header::{ACCEPT, HeaderName, HeaderValue, UPGRADE},
    },
    web::{self, Payload, ServiceConfig},
};
use futures::stream;

use crate::{
    authorize::{Admitted, authorize},
    connections::{Lease, Opening},
    error::ConnectError,
    negotiation,
    query::Parameters,
    server::WorkerEndpoint,
    transports::{
        RequestDoor,
        long_polling::{self, Delete, LongPollingTransport, NOT_TO_BE_KEPT, Poll, Polled},
        server_sent_events::{self, ServerSentEventsTransport},
        web_sockets::{self, WebSocketTransport, upgrade::upgrade_key},
    },
};

/// Adds the routes of one endpoint. Paths are compared without case, with or without a slash at their end.
pub(crate) fn configure_endpoint(config: &mut ServiceConfig, at: Rc<WorkerEndpoint>) {
    let negotiate_path = pattern(&format!("{}/negotiate", at.endpoint.path()));
    let hub_path = pattern(at.endpoint.path());
    let negotiating = at.clone();
    config.service(web::resource(negotiate_path).to(move |http| negotiate(negotiating.clone(), http)));
    config.service(web::resource(hub_path).to(move |http, payload| serve(at.clone(), http, payload)));
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
        Ok(admitted) => admitted.user,
        Err(denial) => return denial,
    };
    if http.method() != Method::POST {
        return not_allowed(&http);
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

/// A request to the hub itself.
async fn serve(at: Rc<WorkerEndpoint>, http: HttpRequest, payload: Payload) -> HttpResponse {
    let parameters = Parameters::of(&http);
    let token = parameters.find("id").filter(|token| !token.is_empty());
    let request = connect_request(&http, parameters);
    let Admitted { user, expires_at } = match authorize(&at, &http, || request.clone()).await {
        Ok(admitted) => admitted,
        Err(denial) => return denial,
    };
    let expires_at =
        expires_at.filter(|_| at.endpoint.options.close_on_authentication_expiration).and_then(instant_of);
    let incoming = Incoming { at, token, user, expires_at, request };
    let response = match *http.method() {
        Method::GET if accepts_events(&http) => incoming.events(),
        Method::GET => match upgrade_key(&http) {
            Some(accept) => incoming.web_socket(accept, payload),
            None => incoming.poll().await,
        },
        Method::POST => incoming.send(payload).await.unwrap_or_else(ConnectError::response),
        Method::DELETE => incoming.delete().unwrap_or_else(ConnectError::response),
        _ => not_allowed(&http),
    };
    // What is answered to an upgrade in place of a socket cannot be in chunks.
    let is_whole = http.headers().contains_key(UPGRADE) || http.method() == Method::HEAD;
    if is_whole { response } else { in_one_chunk(response) }
}

/// A refusal with a text is sent in one chunk, without a length, as the original sends it.
fn in_one_chunk(response: HttpResponse) -> HttpResponse {
    if !response.status().is_client_error() {
        return response;
    }
    response.map_body(|_, body| match body.try_into_bytes() {
        Ok(text) if text.is_empty() => BoxBody::new(text),
        Ok(text) => BoxBody::new(BodyStream::new(stream::iter([Ok::<_, Infallible>(text)]))),
        Err(body) => body,
    })
}

/// The answer to a verb the route does not have. To HEAD nothing is said of a length.
fn not_allowed(http: &HttpRequest) -> HttpResponse {
    let response = ConnectError::MethodNotAllowed.response();
    if http.method() == Method::HEAD {
        response.map_body(|_, _| BoxBody::new(body::None::new()))
    } else {
        response
    }
}

/// A request to a hub, from somebody who may.
struct Incoming {
    at: Rc<WorkerEndpoint>,
    token: Option<String>,
    user: Arc<ClaimsPrincipal>,
    /// When his credentials expire, if that ends the connection.
    expires_at: Option<actix_rt::time::Instant>,
    request: ConnectRequest,
}

impl Incoming {
    fn web_socket(self, accept: HeaderValue, payload: Payload) -> HttpResponse {
        let kind = TransportKind::WebSockets;
        let opened = match &self.token {
            Some(_) => self.open(kind),
            None if !self.at.endpoint.options.transports.contains(&kind) => {
                Err(ConnectError::TransportNotSupported(kind.name()))
            }
            None => {
                let (id, lease) = self.at.endpoint.connections.open_new(kind, self.user.clone());
                Ok(Opening::First(id, lease))
            }
        };
        let (id, lease) = match opened {
            Ok(Opening::First(id, lease)) => (id, lease),
            Ok(Opening::Again(_)) => return ConnectError::AlreadyConnected.response(),
            Err(err @ ConnectError::UnknownId) => return err.response_without_type(),
            Err(err) => return err.response(),
        };
        let at = self.at.clone();
        let connect = self.connect(kind, id, lease, web_sockets::FORMATS);
        WebSocketTransport::respond(accept, payload, &at.endpoint.options, connect)
    }

    fn events(self) -> HttpResponse {
        let kind = TransportKind::ServerSentEvents;
        let (id, lease) = match self.open(kind) {
            Ok(Opening::First(id, lease)) => (id, lease),
            Ok(Opening::Again(_)) => return ConnectError::AlreadyConnected.response(),
            Err(err) => return err.response(),
        };
        let (at, token) = (self.at.clone(), lease.token());
        let connect = self.connect(kind, id, lease.clone(), server_sent_events::FORMATS);
        let (response, door) = ServerSentEventsTransport::respond(&at.endpoint.options, lease, connect);
        at.endpoint.connections.attach(token.expose(), door);
        response
    }

    async fn poll(self) -> HttpResponse {
        let kind = TransportKind::LongPolling;
        match self.open(kind) {
            Ok(Opening::First(id, lease)) => {
                let (at, token) = (self.at.clone(), lease.token());
                let connect = self.connect(kind, id, lease.clone(), long_polling::FORMATS);
                let door = LongPollingTransport::start(&at.endpoint.options, lease, connect);
                at.endpoint.connections.attach(token.expose(), door);
                Polled::First.response()
            }
            Ok(Opening::Again(RequestDoor { polls: Some(polls), connection, .. })) => {
                connection.do_send(Expires(self.expires_at));
                Poll::ask(&polls).await.response()
            }
            Ok(Opening::Again(_)) => not_to_be_kept(ConnectError::Gone),
            Err(err) => not_to_be_kept(err),
        }
    }

    async fn send(self, payload: Payload) -> Result<HttpResponse, ConnectError> {
        match self.door()? {
            (Some(TransportKind::WebSockets), _) => Err(ConnectError::SendOnWebSocket),
            (_, Some(door)) => {
                door.send(payload).await?;
                Ok(HttpResponse::Ok().content_type("text/plain").body(""))
            }
            (_, None) => Err(ConnectError::NotConnected),
        }
    }

    fn delete(self) -> Result<HttpResponse, ConnectError> {
        match self.door()? {
            (_, Some(RequestDoor { polls: Some(polls), .. })) => {
                polls.do_send(Delete);
                Ok(HttpResponse::Accepted().content_type("text/plain").body(""))
            }
            _ => Err(ConnectError::CannotDelete),
        }
    }

    fn door(&self) -> Result<(Option<TransportKind>, Option<RequestDoor>), ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        self.at.endpoint.connections.door(token, &self.user, Instant::now())
    }

    fn open(&self, kind: TransportKind) -> Result<Opening, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        let is_supported = self.at.endpoint.options.transports.contains(&kind);
        self.at.endpoint.connections.open(token, kind, is_supported, &self.user, Instant::now())
    }

    /// What starts the connection once its transport is there.
    fn connect(
        self,
        kind: TransportKind,
        id: ConnectionId,
        lease: Arc<Lease>,
        formats: &'static [TransferFormat],
    ) -> impl FnOnce(Recipient<Outbound>, Flow) -> Addr<ConnectionActor> + use<> {
        let Self { at, user, expires_at, request, .. } = self;
        move |transport, flow| {
            at.runtime.connect(NewConnection {
                id,
                user,
                request: request.by(kind),
                transport,
                flow,
                formats,
                has_inherent_keep_alive: kind == TransportKind::LongPolling,
                maximum_backlog: at.endpoint.options.maximum_backlog,
                expires_at,
                lease: Box::new(lease),
            })
        }
    }
}

/// A time of day on the clock that only goes forward; `None` where it is out of reach.
fn instant_of(time: SystemTime) -> Option<actix_rt::time::Instant> {
    let left = time.duration_since(SystemTime::now()).unwrap_or_default();
    actix_rt::time::Instant::now().checked_add(left)
}

/// Whether `Accept` has the bare media type among others.
fn accepts_events(http: &HttpRequest) -> bool {
    let mut types =
        http.headers().get_all(ACCEPT).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    types.any(|media_type| media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// A refusal of a poll.
fn not_to_be_kept(err: ConnectError) -> HttpResponse {
    let mut response = err.response();
    for (name, value) in NOT_TO_BE_KEPT {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The request as data, for hubs and for authorization.
fn connect_request(http: &HttpRequest, parameters: Parameters) -> ConnectRequest {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
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
