//! A server: the cheap handle that applications hold.

use std::{fmt, io, pin::pin, rc::Rc, sync::Arc, time::Duration};

use actix_signalr_actors::{
    Authorization, Hub, HubContext, HubRuntime, HubServer, Policy, Users, metrics::Metrics,
    transport::TransportKind,
};
use actix_web::{
    dev::Server,
    web::{Data, ServiceConfig},
};
use futures::future::{Either, LocalBoxFuture, join, select};
use uuid::Uuid;

use crate::{
    authentication::Schemes,
    builder::SignalRBuilder,
    connections::Connections,
    error::BuildError,
    one_time_tickets::OneTimeTickets,
    options::HttpConnectionOptions,
    origin::AllowedOrigins,
    pending::PendingConnections,
    routes::{configure_endpoints, configure_fallback},
    worker::Worker,
    write_clock::WriteClock,
};

/// A server of hubs. Cheap to clone; starts nothing by itself.
///
/// ```no_run
/// use actix_signalr::{Hub, HubCallerContext, HubDescriptor, SendError, SignalR};
/// use actix_web::{App, HttpServer};
///
/// struct ChatHub;
///
/// impl ChatHub {
///     async fn send(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
///         ctx.clients().all().send("Receive", (text,)).await
///     }
/// }
///
/// impl Hub for ChatHub {
///     fn describe(hub: &mut HubDescriptor<Self>) {
///         hub.method("Send", Self::send);
///     }
/// }
///
/// #[actix_web::main]
/// async fn main() -> std::io::Result<()> {
///     let signalr = SignalR::builder().hub("/chat", ChatHub).build()?;
///     HttpServer::new(move || App::new().configure(signalr.routes()))
///         .bind(("127.0.0.1", 8080))?
///         .run()
///         .await
/// }
/// ```
#[derive(Clone)]
pub struct SignalR(Arc<Inner>);

struct Inner {
    /// Tells servers apart that share a thread.
    id: Uuid,
    hubs: Vec<Box<dyn AnyHub>>,
    endpoints: Vec<Arc<Endpoint>>,
    schemes: Schemes,
    metrics: Arc<Metrics>,
    authorization: Authorization,
    /// What is demanded of requests that no route takes.
    fallback: Option<Arc<Policy>>,
}

impl SignalR {
    /// Begins to put a server together.
    pub fn builder() -> SignalRBuilder {
        SignalRBuilder::default()
    }

    pub(crate) fn new(
        hubs: Vec<Box<dyn AnyHub>>,
        endpoints: Vec<Endpoint>,
        schemes: Schemes,
        metrics: Arc<Metrics>,
        authorization: Authorization,
        fallback: Option<Arc<Policy>>,
    ) -> Self {
        let endpoints = endpoints.into_iter().map(Arc::new).collect();
        let id = Uuid::new_v4();
        Self(Arc::new(Inner { id, hubs, endpoints, schemes, metrics, authorization, fallback }))
    }

    /// What to give to `App::configure`: the routes of all hubs, a `web::Data<HubContext<H>>` for each, a
    /// `web::Data<Authorization>` and a `web::Data<Schemes>`. Called on each worker; starts that worker's actors.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let server = self.clone();
        move |config| {
            let Inner { id, hubs, endpoints, .. } = &*server.0;
            let worker = Worker::of_thread(*id, || hubs.iter().map(|hub| hub.start()).collect());
            config.app_data(Data::new(server.0.authorization.clone()));
            config.app_data(Data::new(server.0.schemes.clone()));
            for hub in hubs {
                hub.register(config);
            }
            if let Some(fallback) = &server.0.fallback {
                configure_fallback(config, &server, fallback);
            }
            let at = |endpoint: &Arc<Endpoint>| {
                Some(Rc::new(WorkerEndpoint {
                    endpoint: endpoint.clone(),
                    runtime: worker.runtime(endpoint.hub)?.clone(),
                    server: server.clone(),
                    write_clock: worker.write_clock().clone(),
                }))
            };
            configure_endpoints(config, &endpoints.iter().filter_map(at).collect::<Vec<_>>());
        }
    }

    /// A hub seen from outside of its methods; `None` if this server does not serve it.
    #[must_use]
    pub fn hub_context<H: Hub>(&self) -> Option<HubContext<H>> {
        self.0
            .hubs
            .iter()
            .find_map(|hub| hub.as_any().downcast_ref::<ServedHub<H>>())
            .map(|hub| hub.0.context())
    }

    /// Ends all connections, telling their clients that they may come back, and waits until their hubs have been told, and what
    /// they send to other servers is out; at the most 5 s. Connections that come later are ended as well.
    pub async fn shut_down(&self) {
        self.0.metrics.shut_down();
        let ended = futures::future::join_all(self.0.hubs.iter().map(|hub| hub.shut_down()));
        if actix_rt::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("connections were still open, or messages not out, when the server ended");
        }
    }

    /// Runs an HTTP server until it is asked to end by SIGINT or SIGTERM: then the connections are
    /// [shut down](Self::shut_down) first, and the server stops in good order.
    ///
    /// Build it with `disable_signals()`, or it stops by itself and the connections are cut.
    ///
    /// ```no_run
    /// # use actix_signalr::{HttpServerExt, SignalR};
    /// # use actix_web::{App, HttpServer};
    /// # async fn run(signalr: SignalR) -> std::io::Result<()> {
    /// let routes = signalr.clone();
    /// let server = HttpServer::new(move || App::new().configure(routes.routes()))
    ///     .for_hubs()
    ///     .disable_signals()
    ///     .bind(("127.0.0.1", 8080))?
    ///     .run();
    /// signalr.run(server).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the server, and when the signals cannot be listened to.
    pub async fn run(&self, server: Server) -> io::Result<()> {
        let handle = server.handle();
        let asked = pin!(asked_to_end());
        match select(server, asked).await {
            Either::Left((ended, _)) => ended,
            Either::Right((asked, server)) => {
                asked?;
                self.shut_down().await;
                // The server has to be polled to stop.
                join(server, handle.stop(true)).await.0
            }
        }
    }

    /// The ways in which this server finds out who connects.
    #[must_use]
    pub fn schemes(&self) -> &Schemes {
        &self.0.schemes
    }

    /// The people who are connected to any hub of this server, to take rights away; `None` where there is no hub.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use actix_signalr::{ConnectionSelector, SignalR};
    /// # async fn dismiss(signalr: SignalR) {
    /// let ann = ConnectionSelector::user("ann");
    /// if let Some(users) = signalr.users() {
    ///     let ended = users.revoke(&ann, Duration::from_secs(3600)).await;
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn users(&self) -> Option<Users> {
        self.0.hubs.iter().map(|hub| hub.users()).reduce(Users::and)
    }

    /// What asks the policies of this server about resources of the application's own.
    #[must_use]
    pub fn authorization(&self) -> &Authorization {
        &self.0.authorization
    }

    /// What is counted of all hubs on all workers. With the feature `metrics` there is a route for it, too.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl fmt::Debug for SignalR {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalR")
            .field("endpoints", &self.0.endpoints)
            .field("schemes", &self.0.schemes)
            .finish_non_exhaustive()
    }
}

/// Ready when the process is asked to end.
async fn asked_to_end() -> io::Result<()> {
    let interrupted = pin!(actix_rt::signal::ctrl_c());
    #[cfg(unix)]
    {
        use actix_rt::signal::unix::{SignalKind, signal};

        let mut terminated = signal(SignalKind::terminate())?;
        match select(interrupted, pin!(terminated.recv())).await {
            Either::Left((interrupted, _)) => interrupted,
            Either::Right(_) => Ok(()),
        }
    }
    #[cfg(not(unix))]
    interrupted.await
}

/// As long as ASP.NET Core waits for its connections.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// One path of a hub, on all workers.
pub(crate) struct Endpoint {
    /// The hub's place in the server.
    hub: usize,
    path: String,
    pub(crate) options: HttpConnectionOptions,
    /// What it takes to connect.
    pub(crate) policy: Option<Arc<Policy>>,
    /// By what it is found out who connects; none is the default scheme.
    pub(crate) schemes: Vec<String>,
    pub(crate) connections: Arc<Connections>,
    /// The pages that may open WebSockets.
    pub(crate) origins: AllowedOrigins,
    pub(crate) tickets: Arc<OneTimeTickets>,
}

impl Endpoint {
    pub(crate) fn new(
        hub: usize,
        path: String,
        options: HttpConnectionOptions,
        (policy, schemes): (Option<Arc<Policy>>, Vec<String>),
        pending: Arc<PendingConnections>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BuildError> {
        if !path.starts_with('/') || path.contains(['?', '#', '{', '}']) {
            return Err(BuildError::InvalidPath { path });
        }
        if options.maximum_authentication_expiration.is_some_and(|maximum| maximum.is_zero()) {
            return Err(BuildError::NoAuthenticationExpiration { path });
        }
        let path = path.trim_end_matches('/').to_owned();
        let origins = AllowedOrigins::parse(&options.allowed_origins)
            .map_err(|origin| BuildError::InvalidOrigin { origin })?;
        let tickets = Arc::default();
        let connections = Arc::new(Connections::new(&options, pending, metrics));
        Ok(Self { hub, path, options, policy, schemes, connections, origins, tickets })
    }

    /// Warns of a hub that wants to know who connects and where browsers cannot say it: its path is not the one that tokens in
    /// the query are read for, most likely by mistake.
    pub(crate) fn warn_of_missed_browsers(&self, schemes: &Schemes) {
        let options = &self.options;
        let has_another_way = options.one_time_tickets || options.subprotocol_token;
        let is_only_polled = options.transports.iter().all(|kind| *kind == TransportKind::LongPolling);
        if self.policy.is_none() || has_another_way || is_only_polled {
            return;
        }
        if let Some(scheme) = schemes.missing_browsers_at(&self.path, &self.schemes) {
            let path = &self.path;
            tracing::warn!(
                path,
                scheme,
                "no token is read from the query here: browsers cannot use WebSockets"
            );
        }
    }

    /// Where it is mapped, without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("path", &self.path)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// One path of a hub, on one worker.
#[derive(Debug)]
pub(crate) struct WorkerEndpoint {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) runtime: Arc<HubRuntime>,
    pub(crate) server: SignalR,
    pub(crate) write_clock: WriteClock,
}

/// A hub of a server, its type forgotten.
pub(crate) trait AnyHub: Send + Sync {
    fn start(&self) -> Arc<HubRuntime>;
    fn register(&self, config: &mut ServiceConfig);
    fn as_any(&self) -> &dyn std::any::Any;
    fn shut_down(&self) -> LocalBoxFuture<'_, ()>;
    fn users(&self) -> Users;
}

pub(crate) struct ServedHub<H>(pub(crate) HubServer<H>);

impl<H: Hub> AnyHub for ServedHub<H> {
    fn start(&self) -> Arc<HubRuntime> {
        self.0.start()
    }

    fn register(&self, config: &mut ServiceConfig) {
        config.app_data(Data::new(self.0.context()));
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn shut_down(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.0.shut_down())
    }

    fn users(&self) -> Users {
        self.0.users()
    }
}
