//! A client that is about to connect.

use std::{fmt, sync::Arc, time::Duration};

use actix::clock::Instant;
use futures::channel::oneshot;

use crate::{
    AuthorizationContext, Authorize, ClaimsPrincipal, ConnectRequest, ConnectionId, Decision, NewConnection,
    Policy, StatefulReconnect,
    protocol::TransferFormat,
    testing::{
        ConnectError, TestClient,
        pipe::Pipe,
        soon,
        test_hub::TestWorker,
        transport::{InProcessTransport, Lease},
    },
    transport::{Flow, TransportKind},
};

/// A client that is about to connect, made by [`TestHub::client`](crate::testing::TestHub::client).
#[must_use = "nobody connects until `connect` is called"]
pub struct TestConnect<'a> {
    workers: &'a [TestWorker],
    worker: usize,
    policy: Option<Arc<Policy>>,
    user: Arc<ClaimsPrincipal>,
    request: ConnectRequest,
    network_buffer: usize,
    maximum_backlog: usize,
    expires_at: Option<Instant>,
}

impl<'a> TestConnect<'a> {
    pub(super) fn new(
        workers: &'a [TestWorker],
        worker: usize,
        policy: Option<Arc<Policy>>,
        user: ClaimsPrincipal,
    ) -> Self {
        Self {
            workers,
            worker,
            policy,
            user: Arc::new(user),
            request: ConnectRequest::new(TransportKind::InProcess, "/hub"),
            network_buffer: NETWORK_BUFFER,
            maximum_backlog: MAXIMUM_BACKLOG,
            expires_at: None,
        }
    }

    /// The request that makes the connection, as hubs and policies see it.
    pub fn request(mut self, request: ConnectRequest) -> Self {
        self.request = request;
        self
    }

    /// The worker that serves the connection, counted from 0; counted over from the first where there are fewer.
    pub const fn on_worker(mut self, worker: usize) -> Self {
        self.worker = worker;
        self
    }

    /// How many bytes the network takes that the client has not read, 1 MiB; with 0 the server gets nothing rid before
    /// the client reads it.
    pub const fn network_buffer(mut self, bytes: usize) -> Self {
        self.network_buffer = bytes;
        self
    }

    /// How many bytes may wait on the server for a client that does not read before it is let go; 1 MiB.
    pub const fn maximum_backlog(mut self, bytes: usize) -> Self {
        self.maximum_backlog = bytes;
        self
    }

    /// How long the credentials are good; when they expire the connection ends and the client may come back. By default
    /// they do not.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_at = Instant::now().checked_add(time);
        self
    }

    /// Connects, with a handshake for the JSON hub protocol.
    ///
    /// # Panics
    /// When the client is not let in.
    pub async fn connect(self) -> TestClient {
        match self.try_connect().await {
            Ok(client) => client,
            Err(err) => panic!("the client is not let in: {err}"),
        }
    }

    /// Connects, if the client is let in.
    ///
    /// # Errors
    /// When it is not.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn try_connect(self) -> Result<TestClient, ConnectError> {
        let client = self.open().await?;
        client.send_record(HANDSHAKE).await;
        match client.next_record().await.as_deref() {
            Some("{}") => Ok(client),
            Some(refusal) => {
                let refusal: serde_json::Value = serde_json::from_str(refusal).unwrap_or_default();
                let error = refusal["error"].as_str().unwrap_or("(no handshake response)");
                Err(ConnectError::Handshake(error.to_owned()))
            }
            None => Err(ConnectError::Ended),
        }
    }

    /// Opens the transport alone; the client has yet to send its handshake.
    ///
    /// # Errors
    /// When the user does not meet what the hub demands.
    ///
    /// # Panics
    /// When the worker has ended.
    pub async fn open(self) -> Result<TestClient, ConnectError> {
        self.authorize().await?;
        let Some(worker) = self.workers.get(self.worker % self.workers.len().max(1)) else {
            return Err(ConnectError::Ended);
        };
        let flow = Flow::new(FLOW_LIMIT, FLOW_LIMIT);
        let pipe = Arc::new(Pipe::new(flow.clone(), self.network_buffer));
        let id = ConnectionId::random();
        let start = {
            let (id, pipe, flow, runtime) = (id.clone(), pipe.clone(), flow.clone(), worker.runtime.clone());
            let (user, request, policy) = (self.user.clone(), self.request, self.policy);
            let (maximum_backlog, expires_at) = (self.maximum_backlog, self.expires_at);
            move || {
                let connection = runtime.connect(NewConnection {
                    id,
                    user,
                    request,
                    policy,
                    transport: InProcessTransport::start_for(pipe.clone()),
                    flow,
                    formats: &[TransferFormat::Text, TransferFormat::Binary],
                    has_inherent_keep_alive: false,
                    maximum_backlog,
                    expires_at,
                    stateful: StatefulReconnect::Off,
                    lease: Box::new(Lease(pipe.clone())),
                });
                pipe.serve(connection.clone());
                connection
            }
        };
        let connection = match &worker.arbiter {
            None => start(),
            Some(arbiter) => {
                let (started, connection) = oneshot::channel();
                arbiter.spawn_fn(move || {
                    let _ = started.send(start());
                });
                match soon(connection).await {
                    Some(Ok(connection)) => connection,
                    _ => panic!("the worker has ended"),
                }
            }
        };
        let naming = worker.runtime.options().naming_policy;
        Ok(TestClient::new(id, pipe, flow, connection, naming, self.user))
    }

    /// Asks what the face of a server asks before it lets a request through.
    async fn authorize(&self) -> Result<(), ConnectError> {
        let Some(worker) = self.workers.first() else { return Err(ConnectError::Ended) };
        if worker.runtime.is_revoked(&self.user) {
            return Err(ConnectError::Unauthorized);
        }
        let Some(policy) = &self.policy else { return Ok(()) };
        let context = AuthorizationContext::for_request(self.user.clone(), self.request.clone());
        let authorization = worker.runtime.authorization();
        match authorization.send(Authorize { policy: policy.clone(), context }).await {
            Ok(Decision::Allowed) => Ok(()),
            Ok(Decision::Denied(_)) if self.user.is_authenticated() => Err(ConnectError::Forbidden),
            Ok(Decision::Denied(_)) => Err(ConnectError::Unauthorized),
            Err(_) => Err(ConnectError::Ended),
        }
    }
}

impl fmt::Debug for TestConnect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestConnect")
            .field("user", &self.user)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// What a client says first.
const HANDSHAKE: &str = r#"{"protocol":"json","version":1}"#;

/// As a server has it by default.
const FLOW_LIMIT: usize = 64 * 1024;

/// As a server has it by default.
const MAXIMUM_BACKLOG: usize = 1024 * 1024;

/// So much that a test is no slow client by accident.
const NETWORK_BUFFER: usize = 1024 * 1024;
