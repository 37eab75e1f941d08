//! What an `HttpServer` needs for connections that last.

mod client_socket;

#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::{any::Any, rc::Rc, time::Duration};

use actix_http::Request;
use actix_rt::net::TcpStream;
use actix_service::IntoServiceFactory;
use actix_web::{
    Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, Extensions, Response, Service, ServiceFactory},
};
#[cfg(unix)]
use rustix::process::{Resource, getrlimit};
use socket2::SockRef;

pub(crate) use crate::http_server::client_socket::{ClientSocket, drop_what_is_left};

/// Sets an `HttpServer` up for hubs.
pub trait HttpServerExt: Sized {
    /// For connections that last and carry small messages:
    ///
    /// - `tcp_nodelay(true)`: a small message does not wait until the one before it is acknowledged, which with most
    ///   clients is 40 ms.
    /// - `h1_allow_half_closed(false)`: that a client has gone is noticed while nothing is sent to it, so that the
    ///   connection ends for its hub too.
    /// - `client_disconnect_timeout(0)`: the end of a WebSocket is not held up for a client that waits for it itself.
    /// - `shutdown_timeout(5)`: a server that ends waits for what is left five seconds, not thirty. An HTTP/2 connection that a
    ///   browser keeps open, though nothing is asked on it, would hold it up until then.
    /// - `on_connect(keep_socket)`, so that a client that does not take what it is sent can be cut off. An `on_connect` of
    ///   your own takes its place, and should call [`keep_socket`] too.
    ///
    /// ```no_run
    /// # use actix_signalr::{HttpServerExt, SignalR};
    /// # use actix_web::{App, HttpServer};
    /// # async fn run(signalr: SignalR) -> std::io::Result<()> {
    /// HttpServer::new(move || App::new().configure(signalr.routes()))
    ///     .for_hubs()
    ///     .bind(("127.0.0.1", 8080))?
    ///     .run()
    ///     .await
    /// # }
    /// ```
    ///
    /// Call it before `bind`.
    #[must_use]
    fn for_hubs(self) -> Self;
}

impl<F, I, S, B> HttpServerExt for HttpServer<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    fn for_hubs(self) -> Self {
        self.tcp_nodelay(true)
            .h1_allow_half_closed(false)
            .client_disconnect_timeout(Duration::ZERO)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .on_connect(keep_socket)
    }
}

/// As long as connections of hubs are waited for.
pub(crate) const SHUTDOWN_SECONDS: u64 = 5;

/// Keeps a second handle of a client's socket, by which a client that does not take what it is sent can be cut off; the HTTP
/// layer cannot do that while it waits for room. [`HttpServerExt::for_hubs`] has it called for each connection.
///
/// It takes one file descriptor more for each connection, and is left out where half of those that the process may have are in
/// use, so that there are some for other clients. Without it such a client is let go by its hub, and its TCP connection
/// stays until the operating system gives it up. So it is with TLS, but for that of `bind_rustls_0_23` and with the feature
/// `rustls-0_23`.
///
/// ```no_run
/// # use actix_signalr::{HttpServerExt, NegotiateConnection, SignalR, keep_socket};
/// # use actix_web::{App, HttpServer};
/// # fn server(signalr: SignalR) {
/// HttpServer::new(move || App::new().configure(signalr.routes())).for_hubs().on_connect(|io, data| {
///     keep_socket(io, data);
///     NegotiateConnection::begin(io, data);
/// });
/// # }
/// ```
pub fn keep_socket(io: &dyn Any, data: &mut Extensions) {
    if let Some(tcp) = tcp_of(io) {
        let handle = has_room(tcp).then(|| SockRef::from(tcp).try_clone().ok()).flatten();
        data.insert(Rc::new(ClientSocket::new(handle)));
    }
}

/// Whether fewer than half of the files that the process may open are in use: a new one is given the lowest number that is free.
#[cfg(unix)]
fn has_room(tcp: &TcpStream) -> bool {
    let number = u64::try_from(tcp.as_raw_fd()).unwrap_or_default();
    getrlimit(Resource::Nofile).current.is_none_or(|most| number < most / 2)
}

/// Sockets are no files here.
#[cfg(not(unix))]
const fn has_room(_: &TcpStream) -> bool {
    true
}

/// What is below a connection, where it is known.
fn tcp_of(io: &dyn Any) -> Option<&TcpStream> {
    #[cfg(feature = "rustls-0_23")]
    if let Some(tls) = io.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>() {
        return Some(tls.get_ref().0);
    }
    io.downcast_ref()
}
