//! A server on a thread of its own, and a hub that says what happens to it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
    time::Duration,
};

use actix_signalr::{
    HttpConnectionOptions, HttpServerExt, Hub, HubCallerContext, HubDescriptor, HubError, HubHttpServer,
    HubOptions, HubResult, HubRoutes, SendError, SignalR, SignalRBuilder,
};
use actix_web::{
    App, HttpServer,
    dev::{self, ServerHandle},
};
use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

/// Any free port.
const LOOPBACK: (&str, u16) = ("127.0.0.1", 0);

/// How long a test waits for one event before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A hub's methods: `Echo`, `Push`, which also sends what it answers, `Large`, which answers with a long text, and `Wait`, which waits until the test opens the gate.
pub(crate) struct Recorder {
    events: Mutex<Sender<Event>>,
    gate: Arc<Gate>,
}

/// What a hub was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Connected,
    Disconnected(Option<String>),
}

/// What holds calls of `Wait` and, if it is to, hooks; and how many calls of `Wait` and `Large` there were.
struct Gate {
    opened: Semaphore,
    holds_end: bool,
    calls: Mutex<usize>,
    called: Condvar,
}

impl Gate {
    fn one_more_call(&self) {
        *self.calls.lock() += 1;
        self.called.notify_all();
    }
}

impl Recorder {
    async fn echo(&self, _ctx: HubCallerContext, text: String) -> HubResult<String> {
        Ok(text)
    }

    async fn push(&self, ctx: HubCallerContext, text: String) -> Result<String, SendError> {
        ctx.clients().caller().send("Pushed", (&text,)).await?;
        Ok(text)
    }

    async fn large(&self, _ctx: HubCallerContext, length: usize) -> HubResult<String> {
        self.gate.one_more_call();
        Ok("x".repeat(length))
    }

    async fn wait(&self, _ctx: HubCallerContext, text: String) -> HubResult<usize> {
        self.gate.one_more_call();
        self.gate.opened.acquire().await.map_err(|err| HubError::new(err.to_string()))?.forget();
        Ok(text.len())
    }
}

impl Hub for Recorder {
    fn describe(hub: &mut HubDescriptor<Self>) {
        hub.method("Echo", Self::echo);
        hub.method("Push", Self::push);
        hub.method("Large", Self::large);
        hub.method("Wait", Self::wait);
    }

    async fn on_connected(&self, _ctx: HubCallerContext) -> HubResult {
        let _ = self.events.lock().send(Event::Connected);
        Ok(())
    }

    async fn on_disconnected(&self, _ctx: HubCallerContext, error: Option<HubError>) -> HubResult {
        let _ = self.events.lock().send(Event::Disconnected(error.map(|err| err.to_string())));
        if self.gate.holds_end {
            futures::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// What may serve a hub. With TLS and HTTP/2 it is actix-web's own in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    HubHttpServer,
    HttpServer,
}

impl By {
    pub(crate) const ALL: [Self; 2] = [Self::HubHttpServer, Self::HttpServer];
}

/// What a test says of its server.
pub(crate) struct Setup {
    pub(crate) hub: HubOptions,
    pub(crate) route: HttpConnectionOptions,
    pub(crate) workers: usize,
    pub(crate) holds_end: bool,
    /// By what it is served.
    pub(crate) by: By,
    /// Whether clients may speak HTTP/2 from the first byte.
    #[cfg(feature = "rustls-0_23")]
    pub(crate) is_http2: bool,
    #[cfg(feature = "rustls-0_23")]
    pub(crate) tls: Option<rustls::ServerConfig>,
    pub(crate) with: fn(SignalRBuilder) -> SignalRBuilder,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            hub: HubOptions::default(),
            route: HttpConnectionOptions::default(),
            workers: 1,
            holds_end: false,
            by: By::HubHttpServer,
            #[cfg(feature = "rustls-0_23")]
            is_http2: false,
            #[cfg(feature = "rustls-0_23")]
            tls: None,
            with: |builder| builder,
        }
    }
}

impl Setup {
    fn serve(self, signalr: SignalR) -> (SocketAddr, dev::Server) {
        let Self { workers, .. } = self;
        let app = move || App::new().configure(signalr.routes());
        // Longer than a test waits: what holds up the end is found.
        let seconds = 60;
        #[cfg(feature = "rustls-0_23")]
        let by = if self.is_http2 || self.tls.is_some() { By::HttpServer } else { self.by };
        #[cfg(not(feature = "rustls-0_23"))]
        let by = self.by;
        if by == By::HubHttpServer {
            let server = HubHttpServer::new(app).workers(workers).shutdown_timeout(seconds).disable_signals();
            let server = server.bind(LOOPBACK).unwrap();
            return (server.addrs()[0], server.run());
        }
        let server =
            HttpServer::new(app).workers(workers).for_hubs().shutdown_timeout(seconds).disable_signals();
        #[cfg(feature = "rustls-0_23")]
        let server = match self.tls {
            Some(tls) => server.bind_rustls_0_23(LOOPBACK, tls),
            None if self.is_http2 => server.bind_auto_h2c(LOOPBACK),
            None => server.bind(LOOPBACK),
        };
        #[cfg(not(feature = "rustls-0_23"))]
        let server = server.bind(LOOPBACK);
        let server = server.unwrap();
        (server.addrs()[0], server.run())
    }
}

/// A running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) signalr: SignalR,
    gate: Arc<Gate>,
    events: Receiver<Event>,
    handle: ServerHandle,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the hub at `/hub`.
    pub(crate) fn start(setup: Setup) -> Self {
        let (events, received) = mpsc::channel();
        let (calls, called) = (Mutex::new(0), Condvar::new());
        let gate = Arc::new(Gate { opened: Semaphore::new(0), holds_end: setup.holds_end, calls, called });
        let hub = Recorder { events: Mutex::new(events), gate: gate.clone() };
        let routes = HubRoutes::new(hub).options(setup.hub.clone()).route("/hub", setup.route.clone());
        let signalr = (setup.with)(SignalR::builder()).hub_routes(routes).build().unwrap();
        let ((started, start), (end, ended)) = (mpsc::channel(), mpsc::channel());
        let served = signalr.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (address, server) = setup.serve(served);
                started.send((address, server.handle())).unwrap();
                server.await.unwrap();
                let _ = end.send(());
            });
        });
        let (address, handle) = start.recv_timeout(PATIENCE).unwrap();
        Self { address, signalr, gate, events: received, handle, ended, thread: Some(thread) }
    }

    /// Ends the HTTP server in good order: it waits until nobody uses it any more.
    pub(crate) fn stop(self) {
        drop(self.handle.stop(true));
        self.ended.recv_timeout(PATIENCE).expect("nobody holds up the end");
    }

    /// The next thing the hub is told.
    pub(crate) fn event(&self) -> Event {
        self.events.recv_timeout(PATIENCE).expect("the hub is told something")
    }

    /// The next end that the hub is told of.
    pub(crate) fn end(&self) -> Option<String> {
        loop {
            if let Event::Disconnected(error) = self.event() {
                return error;
            }
        }
    }

    /// Lets so many calls of `Wait` go on.
    pub(crate) fn open_gate(&self, calls: usize) {
        self.gate.opened.add_permits(calls);
    }

    /// How many calls of `Wait` and `Large` have been started.
    pub(crate) fn calls(&self) -> usize {
        *self.gate.calls.lock()
    }

    /// Waits until so many have been.
    pub(crate) fn wait_for_calls(&self, wanted: usize) {
        let mut calls = self.gate.calls.lock();
        while *calls < wanted {
            assert!(!self.gate.called.wait_for(&mut calls, PATIENCE).timed_out(), "{calls} calls have come");
        }
    }

    /// The sum of the points of a count that have the tag.
    pub(crate) fn count(&self, instrument: &str, tag: &str) -> u64 {
        let of = |data| match data {
            actix_signalr::MetricData::Counter(points) => points,
            _ => Vec::new(),
        };
        let all = self.signalr.metrics().instruments().into_iter();
        let points = all.filter(|one| one.name == instrument).flat_map(|one| of(one.data));
        points
            .filter(|point| tag.is_empty() || point.tags.iter().any(|(_, value)| *value == tag))
            .map(|point| point.value)
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}
