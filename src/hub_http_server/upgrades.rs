//! Requests that may become something else than HTTP.

use std::{future::pending, io, pin::pin, rc::Rc};

use actix_codec::{Framed, FramedParts};
use actix_http::{Payload, Request, Response, h1::Codec};
use actix_rt::net::TcpStream;
use actix_service::Service;
use actix_web::{
    body::{BoxBody, EitherBody, MessageBody},
    web::Bytes,
};
use futures::future::{Either, select};
use tokio::io::Interest;

use crate::{
    http_server::ClientSocket,
    hub_http_server::{socket_payload::SocketPayload, tunnel::Tunnel},
};

/// Has the application answer a request that asks for an upgrade, as it answers any other, and serves the socket from then on:
/// as what the application has made of it, or until the answer is out. A client that goes before that is not answered. Errors end
/// the connection, and nothing else.
pub(super) async fn serve<S, B>(app: Rc<S>, request: Request, framed: Framed<TcpStream, Codec>)
where
    S: Service<Request> + 'static,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    // Boxed, so that what it takes to answer is not kept for as long as the socket is open.
    let tunnel = Box::pin(answer(app, request, framed)).await;
    let served = match tunnel {
        Ok(tunnel) => tunnel.await,
        Err(err) => Err(err),
    };
    if let Err(err) = served {
        tracing::debug!(error = %err, "connection broken off");
    }
}

async fn answer<S, B>(
    app: Rc<S>,
    mut request: Request,
    framed: Framed<TcpStream, Codec>,
) -> io::Result<Tunnel<EitherBody<B>>>
where
    S: Service<Request>,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let FramedParts { io, codec, read_buf, write_buf, .. } = framed.into_parts();
    let (reading, writing) = io.into_split();
    // A copy, as the buffers are of eight kilobytes each, and are given back.
    let payload = Box::pin(SocketPayload::new(reading, Bytes::copy_from_slice(&read_buf)));
    drop(read_buf);
    *request.payload() = Payload::Stream { payload };
    let client = request.conn_data::<Rc<ClientSocket>>().cloned();
    if let Some(client) = &client {
        client.hand_over();
    }
    let Either::Left((answered, _)) = select(pin!(app.call(request)), pin!(closed(writing.as_ref()))).await
    else {
        return Err(io::ErrorKind::ConnectionAborted.into());
    };
    let response = match answered {
        Ok(response) => response.into().map_body(|_, body| EitherBody::left(body)),
        Err(err) => err.into().map_body(|_, body| EitherBody::right(body)),
    };
    Tunnel::new(writing, codec, response, write_buf, client)
}

/// Is ready when the client sends nothing more: as elsewhere, it counts as gone. Nothing is read, and as this waits beside who
/// reads, it takes no wake-up from it.
async fn closed(socket: &TcpStream) {
    loop {
        match socket.ready(CLOSED).await {
            // What was there has been read.
            Ok(ready) if ready.is_empty() => {}
            // What is there stays, and would be told again at once.
            Ok(ready) if !ready.is_read_closed() => pending().await,
            _ => return,
        }
    }
}

/// Comes when the client closes its end, and with nothing else: there is no urgent data where nobody has registered for it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOSED: Interest = Interest::PRIORITY;

/// Comes with bytes, too, so that a client which has sent some that nobody reads is not seen to go.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOSED: Interest = Interest::READABLE;
