//! What an `HttpServer` needs for connections that last.

use std::time::Duration;

use actix_http::Request;
use actix_service::IntoServiceFactory;
use actix_web::{
    Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, Response, Service, ServiceFactory},
};

/// Sets an `HttpServer` up for hubs.
pub trait HttpServerExt: Sized {
    /// For connections that last and carry small messages:
    ///
    /// - `tcp_nodelay(true)`: a small message does not wait until the one before it is acknowledged, which with most
    ///   clients is 40 ms.
    /// - `h1_allow_half_closed(false)`: that a client has gone is noticed while nothing is sent to it, so that the
    ///   connection ends for its hub too.
    /// - `client_disconnect_timeout(0)`: the end of a WebSocket is not held up for a client that waits for it itself.
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
        self.tcp_nodelay(true).h1_allow_half_closed(false).client_disconnect_timeout(Duration::ZERO)
    }
}
