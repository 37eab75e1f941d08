//! A request to a hub itself: the beginning of a connection, another transport of one, what it is sent, and its end.

use std::{any::Any, cell::Cell, rc::Rc, sync::Arc, time::Instant};

use actix::{Addr, Recipient};
use actix_signalr_actors::{
    ConnectRequest, ConnectionActor, ConnectionId, Expires, NewConnection, Reconnect, ReconnectTerms,
    StatefulReconnect,
    protocol::TransferFormat,
    transport::{Attachment, Flow, Outbound, TransportKind},
};
use actix_web::{HttpRequest, HttpResponse, http::header::HeaderValue, web::Payload};

use crate::{
    connections::{Known, Lease, Opening, ReconnectDoor},
    credentials::Credentials,
    error::ConnectError,
    refresh,
    revocation::Revocation,
    server::{Endpoint, WorkerEndpoint},
    subprotocol,
    transports::{
        RequestDoor,
        long_polling::{self, Delete, LongPollingTransport, NOT_TO_BE_KEPT, Poll, Polled},
        server_sent_events::{self, ServerSentEventsTransport},
        web_sockets::{self, Upgrade, WebSocketTransport, upgrade::sub_protocol},
    },
    write_clock::WriteLimit,
};

/// A request to a hub, from somebody who may.
pub(super) struct Incoming {
    pub(super) at: Rc<WorkerEndpoint>,
    pub(super) token: Option<String>,
    /// What he has shown of himself.
    pub(super) shown: Credentials,
    /// Whether a browser has sent it by itself.
    pub(super) is_sent_by_itself: bool,
    pub(super) request: ConnectRequest,
    /// What the writes of the answer are held to.
    pub(super) limit: WriteLimit,
}

impl Incoming {
    pub(super) async fn web_socket(
        self,
        http: &HttpRequest,
        accept: HeaderValue,
        payload: Payload,
    ) -> HttpResponse {
        let kind = TransportKind::WebSockets;
        let Endpoint { options, origins, connections, .. } = &*self.at.endpoint;
        if !origins.permits(http, self.is_sent_by_itself) {
            let refused = connections.count_refusal::<()>(Err(ConnectError::OriginNotAllowed));
            return refused
                .map_or_else(ConnectError::response_without_type, |()| HttpResponse::Ok().finish());
        }
        let opened = match &self.token {
            Some(_) => self.open(kind),
            None if !self.at.endpoint.options.transports.contains(&kind) => {
                Err(ConnectError::TransportNotSupported(kind.name()))
            }
            None => {
                let (id, lease) = self.at.endpoint.connections.open_new(kind, self.shown.clone());
                Ok(Opening::First(id, lease, self.shown.clone()))
            }
        };
        let opened = match opened {
            Ok(Opening::Resuming(known)) => self.resume(http, &known).await,
            opened => opened,
        };
        let chosen = options.sub_protocol.as_ref().and_then(|selector| sub_protocol(http, selector));
        let plain = || subprotocol::selected(http).filter(|_| options.subprotocol_token);
        let upgrade = Upgrade {
            accept,
            sub_protocol: chosen.or_else(plain),
            payload,
            close_timeout: options.close_timeout,
            limit: self.limit.clone(),
            kept: None,
        };
        match opened {
            Ok(Opening::First(id, lease, with)) => {
                let flow = self.flow_of_socket(lease.is_stateful());
                let connect = self.connect(kind, id, lease, with, web_sockets::FORMATS);
                WebSocketTransport::respond(upgrade, flow, Attachment::default(), connect)
            }
            Ok(Opening::Reconnect(door, expires_at)) => {
                self.reconnect(upgrade, door, expires_at).await.unwrap_or_else(ConnectError::response)
            }
            Ok(_) => ConnectError::AlreadyConnected.response(),
            Err(err @ ConnectError::UnknownId) => err.response_without_type(),
            Err(err) => err.response(),
        }
    }

    /// Gives a connection another socket, if it still takes one.
    async fn reconnect(
        self,
        upgrade: Upgrade,
        door: ReconnectDoor,
        expires_at: Option<actix_rt::time::Instant>,
    ) -> Result<HttpResponse, ConnectError> {
        let ReconnectDoor { connection, by } = door;
        let flow = self.flow_of_socket(true);
        let revocation = Revocation::by(self.shown.revocations());
        // Another socket comes with credentials of its own, which are looked at then.
        let kept = revocation.as_ref().map(Revocation::kept_by_connection);
        let transport = Rc::new(Cell::new(None));
        let (started, served) = (transport.clone(), connection.clone());
        let upgrade = Upgrade { kept: kept.map(|kept| Box::new(kept) as Box<dyn Any>), ..upgrade };
        let response = WebSocketTransport::respond(upgrade, flow.clone(), by, move |transport, _| {
            started.set(Some(transport));
            served
        });
        let transport = transport.take().ok_or(ConnectError::Gone)?;
        let request = self.request.by(TransportKind::WebSockets);
        match connection.send(Reconnect { by, transport, flow, request, expires_at }).await {
            Ok(true) => {
                if let Some(revocation) = revocation {
                    revocation.watch(connection);
                }
                Ok(response)
            }
            Ok(false) => Err(ConnectError::Superseded),
            Err(_) => Err(ConnectError::Gone),
        }
    }

    /// The bounds of a socket. Where the connection may be resumed, a client need not have read all it has called for
    /// until what it acknowledges is found.
    fn flow_of_socket(&self, is_stateful: bool) -> Flow {
        let options = &self.at.endpoint.options;
        let inbound = match options.application_max_buffer_size {
            0 => 0,
            limit if is_stateful => limit.max(self.at.runtime.options().read_ahead_size()),
            limit => limit,
        };
        let flow = Flow::new(inbound, options.transport_max_buffer_size);
        // A socket that resumes may be on another worker, and all that goes to it has to pass by what keeps it.
        if is_stateful { flow } else { flow.with_outlet() }
    }

    pub(super) fn events(self) -> HttpResponse {
        let kind = TransportKind::ServerSentEvents;
        let (id, lease, with) = match self.open(kind) {
            Ok(Opening::First(id, lease, with)) => (id, lease, with),
            Ok(_) => return ConnectError::AlreadyConnected.response(),
            Err(err) => return err.response(),
        };
        let (at, token, limit) = (self.at.clone(), lease.token(), self.limit.clone());
        let connect = self.connect(kind, id, lease.clone(), with, server_sent_events::FORMATS);
        let (response, door) =
            ServerSentEventsTransport::respond(&at.endpoint.options, lease, limit, connect);
        at.endpoint.connections.attach(token.expose(), door);
        response
    }

    pub(super) async fn poll(self, http: &HttpRequest) -> HttpResponse {
        let kind = TransportKind::LongPolling;
        let opened = match self.open(kind) {
            Ok(Opening::Fresher(door, known)) => self.refresh(http, door, &known).await.map(Opening::Again),
            opened => opened,
        };
        match opened {
            Ok(Opening::First(id, lease, with)) => {
                let (at, token, limit) = (self.at.clone(), lease.token(), self.limit.clone());
                let connect = self.connect(kind, id, lease.clone(), with, long_polling::FORMATS);
                let door = LongPollingTransport::start(&at.endpoint.options, lease, connect);
                let connection = door.connection.clone();
                at.endpoint.connections.attach(token.expose(), door);
                Polled::First.response(limit, connection)
            }
            Ok(Opening::Again(RequestDoor { polls: Some(polls), connection, .. })) => {
                Poll::ask(&polls).await.response(self.limit, connection)
            }
            Ok(_) => not_to_be_kept(ConnectError::Gone),
            Err(err @ ConnectError::RefreshFailed) => err.response(),
            Err(err) => not_to_be_kept(err),
        }
    }

    /// Puts the fresher credentials of a poll in force.
    async fn refresh(
        &self,
        http: &HttpRequest,
        door: RequestDoor,
        known: &Known,
    ) -> Result<RequestDoor, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        let end = || {
            if let Some(polls) = &door.polls {
                polls.do_send(Delete);
            }
        };
        refresh::by_another_request(&self.at, http, token, known, &self.shown, end).await?;
        Ok(door)
    }

    /// Puts the fresher credentials of another socket in force, before the connection is resumed by it.
    async fn resume(&self, http: &HttpRequest, known: &Known) -> Result<Opening, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        let end = || {
            if let Some(connection) = &known.connection {
                connection.do_send(Expires(Some(actix_rt::time::Instant::now())));
            }
        };
        refresh::by_another_request(&self.at, http, token, known, &self.shown, end).await?;
        self.at.endpoint.connections.resume_refreshed(token)
    }

    pub(super) async fn send(self, payload: Payload) -> Result<HttpResponse, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        let door = self.at.endpoint.connections.door_to_send(token, &self.shown, Instant::now())?;
        door.send(payload).await?;
        Ok(HttpResponse::Ok().content_type("text/plain").body(""))
    }

    pub(super) fn delete(self) -> Result<HttpResponse, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        match self.at.endpoint.connections.door_to_end(token, &self.shown, Instant::now())? {
            RequestDoor { polls: Some(polls), .. } => {
                polls.do_send(Delete);
                Ok(HttpResponse::Accepted().content_type("text/plain").body(""))
            }
            _ => Err(ConnectError::CannotDelete),
        }
    }

    fn open(&self, kind: TransportKind) -> Result<Opening, ConnectError> {
        let token = self.token.as_deref().ok_or(ConnectError::NoId)?;
        let is_supported = self.at.endpoint.options.transports.contains(&kind);
        self.at.endpoint.connections.open(token, kind, is_supported, &self.shown, Instant::now())
    }

    /// What starts the connection once its transport is there.
    fn connect(
        self,
        kind: TransportKind,
        id: ConnectionId,
        lease: Arc<Lease>,
        with: Credentials,
        formats: &'static [TransferFormat],
    ) -> impl FnOnce(Recipient<Outbound>, Flow) -> Addr<ConnectionActor> + use<> {
        let Self { at, request, .. } = self;
        move |transport, flow| {
            let is_resumable = lease.is_stateful() && kind == TransportKind::WebSockets;
            let stateful = match lease.is_stateful() {
                false => StatefulReconnect::Off,
                true if is_resumable => StatefulReconnect::Resumable(ReconnectTerms {
                    window: at.endpoint.options.disconnect_timeout,
                    place: lease.clone(),
                }),
                true => StatefulReconnect::Acknowledging,
            };
            let (connections, token) = (&at.endpoint.connections, lease.token());
            let revocation = Revocation::by(with.revocations());
            let kept = revocation.as_ref().map(Revocation::kept_by_connection);
            let connection = at.runtime.connect(NewConnection {
                id,
                user: with.user.clone(),
                request: request.by(kind),
                policy: at.endpoint.policy.clone(),
                transport,
                flow,
                formats,
                has_inherent_keep_alive: kind == TransportKind::LongPolling,
                maximum_backlog: at.endpoint.options.maximum_backlog,
                expires_at: connections.deadline(&with),
                stateful,
                lease: Box::new((lease.clone(), kept)),
            });
            if is_resumable {
                lease.offer_reconnect(connection.clone());
            }
            if let Some(revocation) = revocation {
                revocation.watch(connection.clone());
            }
            connections.begun(token.expose(), &connection, &with);
            connection
        }
    }
}

/// A refusal of a poll.
fn not_to_be_kept(err: ConnectError) -> HttpResponse {
    let mut response = err.response();
    for (name, value) in NOT_TO_BE_KEPT {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
