//! A server for applications with hubs, in which WebSockets have their sockets to themselves.

mod shared_app;
mod socket_payload;
mod tunnel;
mod upgrades;

use std::{
    any::Any,
    convert::Infallible,
    fmt, io,
    marker::PhantomData,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Request};
use actix_rt::net::TcpStream;
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Extensions, Response, Server, Service, ServiceFactory},
};
use futures::FutureExt;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    http_server::{SHUTDOWN_SECONDS, keep_socket},
    hub_http_server::{shared_app::SharedApp, upgrades::serve},
};

/// An HTTP server for applications with hubs, which takes half of the memory for each WebSocket.
///
/// It serves the same applications as actix-web's `HttpServer`, on the same workers, and plain requests in the same way. What
/// differs is what becomes of a connection that turns into a WebSocket: `HttpServer` goes on to drive it as a request whose body
/// and response never end, with a buffer of 8 kB for each. Here those buffers are given back, and the socket is read and written
/// for the WebSocket alone, also that of another crate; the second handle of [`keep_socket`] is given back as well.
///
/// It speaks HTTP/1.1 without TLS, as what stands behind a proxy does; for the rest there is `HttpServer` with
/// [`for_hubs`](crate::HttpServerExt::for_hubs). All that `for_hubs` sets is set. To an application it says of itself what
/// `AppConfig::default()` does.
///
/// ```no_run
/// # use actix_signalr::{HubHttpServer, SignalR};
/// # use actix_web::App;
/// # async fn run(signalr: SignalR) -> std::io::Result<()> {
/// let routes = signalr.clone();
/// let server = HubHttpServer::new(move || App::new().configure(routes.routes()))
///     .disable_signals()
///     .bind(("127.0.0.1", 8080))?
///     .run();
/// signalr.run(server).await
/// # }
/// ```
pub struct HubHttpServer<F, I, S, B>
where
    F: Fn() -> I,
{
    factory: F,
    builder: ServerBuilder,
    backlog: i32,
    settings: Settings,
    addresses: Vec<SocketAddr>,
    _app: PhantomData<(S, B)>,
}

/// What each connection is served with.
#[derive(Clone)]
struct Settings {
    keep_alive: KeepAlive,
    request_timeout: Duration,
    on_connect: OnConnect,
}

type OnConnect = Arc<dyn Fn(&dyn Any, &mut Extensions) + Send + Sync>;

impl<F, I, S, B> HubHttpServer<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    /// A server of the application that `factory` makes, once for each worker and address.
    pub fn new(factory: F) -> Self {
        let on_connect = Arc::new(keep_socket);
        let settings =
            Settings { keep_alive: KeepAlive::default(), request_timeout: REQUEST_TIMEOUT, on_connect };
        let builder = Server::build().shutdown_timeout(SHUTDOWN_SECONDS);
        Self { factory, builder, backlog: BACKLOG, settings, addresses: Vec::new(), _app: PhantomData }
    }

    /// How many workers there are, each a thread; as many as there are processors by default. Call it before `bind`.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.builder = self.builder.workers(workers);
        self
    }

    /// How long a connection is kept for a next request; 5 s by default. Call it before `bind`.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<KeepAlive>) -> Self {
        self.settings.keep_alive = keep_alive.into();
        self
    }

    /// How long a client may take for the head of its first request; 5 s by default, none is zero. Call it before `bind`.
    #[must_use]
    pub fn client_request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How many connections wait in the system until a worker takes them; 1024 by default. Call it before `bind`.
    #[must_use]
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self
    }

    /// How many connections a worker has at once; 25,600 by default. What comes beyond that waits.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.builder = self.builder.max_concurrent_connections(connections);
        self
    }

    /// How long a server that ends waits for connections, in seconds; 5 by default. One that is kept for a next request is closed
    /// at once, one with a request behind the answer. So what is waited for is answers and open WebSockets.
    #[must_use]
    pub fn shutdown_timeout(mut self, seconds: u64) -> Self {
        self.builder = self.builder.shutdown_timeout(seconds);
        self
    }

    /// Leaves SIGINT and SIGTERM to others, as to [`SignalR::run`](crate::SignalR::run).
    #[must_use]
    pub fn disable_signals(mut self) -> Self {
        self.builder = self.builder.disable_signals();
        self
    }

    /// Called with the socket of each connection, and with what its requests have from
    /// [`conn_data`](actix_web::HttpRequest::conn_data); besides [`keep_socket`], which is always called. Call it before `bind`.
    ///
    /// The socket is an [`actix_web::rt::net::TcpStream`].
    #[must_use]
    pub fn on_connect(
        mut self,
        callback: impl Fn(&dyn Any, &mut Extensions) + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_connect = Arc::new(move |io, data| {
            keep_socket(io, data);
            callback(io, data);
        });
        self
    }

    /// The addresses it is bound to.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Listens on addresses.
    ///
    /// # Errors
    /// When no address can be had; where there are several, one is enough.
    pub fn bind(mut self, addresses: impl ToSocketAddrs) -> io::Result<Self> {
        let (mut listeners, mut failed) = (Vec::new(), None);
        for address in addresses.to_socket_addrs()? {
            match listen(address, self.backlog) {
                Ok(listener) => listeners.push(listener),
                Err(err) => failed = Some(err),
            }
        }
        if listeners.is_empty() {
            return Err(failed.unwrap_or_else(|| io::Error::other("there is no address to listen on")));
        }
        for listener in listeners {
            self = self.listen(listener)?;
        }
        Ok(self)
    }

    /// Serves what comes in by a listener.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn listen(mut self, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        self.addresses.push(address);
        let Self { factory, settings, .. } = &self;
        let (factory, settings) = (factory.clone(), settings.clone());
        let stopping = self.builder.graceful_shutdown_signal();
        self.builder = self.builder.listen("actix-signalr", listener, move || {
            let Settings { keep_alive, request_timeout, on_connect } = settings.clone();
            let app = factory().into_factory().map_err(|err| err.into().error_response());
            let app = SharedApp::new(map_config(app, |()| AppConfig::default()));
            let same = app.clone();
            let upgrades = fn_factory(move || {
                let app = same.new_service(());
                async move {
                    let app = app.await?;
                    Ok::<_, ()>(fn_service(move |(request, framed)| {
                        let served = serve(app.clone(), request, framed);
                        served.map(Ok::<_, Infallible>).boxed_local()
                    }))
                }
            });
            let stopping = stopping.clone();
            HttpService::build()
                // Not in the docs of actix-http, but no version of it can be without what released ones of actix-web call.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(keep_alive)
                .client_request_timeout(request_timeout)
                .client_disconnect_timeout(Duration::ZERO)
                .h1_allow_half_closed(false)
                .tcp_nodelay(true)
                .local_addr(address)
                .on_connect_ext(move |io: &TcpStream, data: &mut Extensions| on_connect(io, data))
                .upgrade(upgrades)
                .finish(app)
                .tcp()
        })?;
        Ok(self)
    }

    /// The server, which runs when it is awaited.
    ///
    /// # Panics
    /// Where it has no address.
    pub fn run(self) -> Server {
        self.builder.run()
    }
}

impl<F: Fn() -> I, I, S, B> fmt::Debug for HubHttpServer<F, I, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubHttpServer").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Elsewhere it would let a second process have the same address.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// As actix-web has it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// As actix-web has it.
const BACKLOG: i32 = 1024;
