//! Writes a response into its socket, whatever length it has.

use std::{
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_codec::Encoder;
use actix_http::{
    ConnectionType, Response, StatusCode,
    body::BodySize,
    h1::{Codec, Message},
};
use actix_web::{
    body::MessageBody,
    web::{Buf, Bytes, BytesMut},
};
use tokio::{
    io::AsyncWrite,
    net::{TcpStream, tcp::OwnedWriteHalf},
};

use crate::http_server::{ClientSocket, drop_what_is_left};

/// A response on its way into a socket, until its body ends; then the socket is closed.
///
/// All of a WebSocket that is idle is in its body, and in what the HTTP layer keeps for every connection.
pub(super) struct Tunnel<B> {
    socket: OwnedWriteHalf,
    /// What is being written.
    bytes: Bytes,
    body: Option<Pin<Box<B>>>,
    /// Puts the body into the form that the head promises; after an upgrade it goes out as it is.
    codec: Option<Box<Codec>>,
    client: Option<Rc<ClientSocket>>,
}

impl<B: MessageBody> Tunnel<B> {
    /// `written` goes out before the response, and `client` may say that what is written is not read. Behind a response that is
    /// no upgrade the connection closes, as nobody can say where in what follows the next request would begin.
    ///
    /// # Errors
    /// When the head cannot be written.
    pub(super) fn new(
        socket: OwnedWriteHalf,
        mut codec: Codec,
        mut response: Response<B>,
        mut written: BytesMut,
        client: Option<Rc<ClientSocket>>,
    ) -> io::Result<Self> {
        let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if !is_upgrade {
            response.head_mut().set_connection_type(ConnectionType::Close);
            // For such a request the codec would promise chunks, and not write them.
            response.head_mut().no_chunking(true);
        }
        let (head, body) = response.into_parts();
        let size = body.size();
        codec.encode(Message::Item((head, size)), &mut written)?;
        let body = (!matches!(size, BodySize::None | BodySize::Sized(0))).then(|| Box::pin(body));
        let codec = (!is_upgrade).then(|| Box::new(codec));
        // Of no more memory than it takes, as it is kept until the client has taken it.
        Ok(Self { socket, bytes: Bytes::copy_from_slice(&written), body, codec, client })
    }

    /// The next part of the body, if there is one.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let chunk = match ready!(body.as_mut().poll_next(cx)) {
            Some(Ok(chunk)) => Some(chunk),
            Some(Err(err)) => {
                let err: Box<dyn std::error::Error> = err.into();
                return Poll::Ready(Err(io::Error::other(err.to_string())));
            }
            None => {
                self.body = None;
                None
            }
        };
        self.bytes = match &mut self.codec {
            Some(codec) => {
                let mut encoded = BytesMut::new();
                codec.encode(Message::Chunk(chunk), &mut encoded)?;
                encoded.freeze()
            }
            None => chunk.unwrap_or_default(),
        };
        Poll::Ready(Ok(()))
    }
}

impl<B: MessageBody> Future for Tunnel<B> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            while !this.bytes.is_empty() {
                match pin!(&mut this.socket).poll_write(cx, &this.bytes)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(written) => this.bytes.advance(written),
                    Poll::Pending
                        if this.client.as_ref().is_some_and(|client| client.is_to_be_cut_off(cx.waker())) =>
                    {
                        drop_what_is_left(&this.socket.as_ref().into());
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            // Even what is empty may hold on to memory.
            this.bytes = Bytes::new();
            if this.body.is_none() {
                return pin!(&mut this.socket).poll_shutdown(cx);
            }
            match this.poll_body(cx) {
                Poll::Ready(read) => read?,
                // What follows a request that is answered and not granted is nobody's.
                Poll::Pending if this.codec.is_some() => return discard(this.socket.as_ref(), cx).map(Ok),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Reads until there is no more; is ready when the client has gone.
fn discard(socket: &TcpStream, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        if ready!(socket.poll_read_ready(cx)).is_err() {
            return Poll::Ready(());
        }
        match socket.try_read(&mut [0; 1024]) {
            Ok(0) => return Poll::Ready(()),
            Ok(_) => {}
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Poll::Ready(()),
        }
    }
}
