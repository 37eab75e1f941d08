//! What a hub method holds of its caller, and what the rest of an application holds of a hub.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use actix::{Message, Recipient};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::{
    ClaimsPrincipal, ConnectRequest, ConnectionId, GroupManager, HubCallerClients, HubClients, Items,
    registry::Registry,
};

/// Who calls a hub, and what can be reached from the call.
///
/// Cheap to clone, and good for as long as somebody holds it: what is sent to a connection that is over goes nowhere.
#[derive(Clone)]
pub struct HubCallerContext {
    connection: Arc<Connection>,
    user: Arc<ClaimsPrincipal>,
}

/// What is the same for all calls of a connection.
pub(crate) struct Connection {
    id: ConnectionId,
    registry: Registry,
    request: ConnectRequest,
    user: RwLock<Arc<ClaimsPrincipal>>,
    user_id: OnceLock<Option<Arc<str>>>,
    items: Items,
    aborted: CancellationToken,
    abort_requested: AtomicBool,
    abort: Recipient<AbortConnection>,
}

/// A hub asks for the end of a connection.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum AbortConnection {
    /// It has just been asked for.
    Requested,
    /// What was on its way to the connection then has come.
    Due,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        registry: Registry,
        request: ConnectRequest,
        user: Arc<ClaimsPrincipal>,
        abort: Recipient<AbortConnection>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            registry,
            request,
            user: RwLock::new(user),
            user_id: OnceLock::new(),
            items: Items::default(),
            aborted: CancellationToken::new(),
            abort_requested: AtomicBool::new(false),
            abort,
        })
    }

    pub(crate) const fn id(&self) -> &ConnectionId {
        &self.id
    }

    pub(crate) fn user(&self) -> Arc<ClaimsPrincipal> {
        self.user.read().clone()
    }

    /// Sets the user id, once.
    pub(crate) fn set_user_id(&self, user_id: Option<Arc<str>>) {
        let _ = self.user_id.set(user_id);
    }

    pub(crate) fn user_id(&self) -> Option<&Arc<str>> {
        self.user_id.get()?.as_ref()
    }

    pub(crate) const fn aborted(&self) -> &CancellationToken {
        &self.aborted
    }
}

impl HubCallerContext {
    /// The context of a call that starts now: with the principal as it is now.
    pub(crate) fn of_call(connection: &Arc<Connection>) -> Self {
        Self { connection: connection.clone(), user: connection.user() }
    }

    /// The public id of the connection.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.connection.id
    }

    pub(crate) const fn principal(&self) -> &Arc<ClaimsPrincipal> {
        &self.user
    }

    /// Who calls; anonymous, if nobody is known.
    #[must_use]
    pub fn user(&self) -> &ClaimsPrincipal {
        &self.user
    }

    /// The user id that the [`UserIdProvider`](crate::UserIdProvider) gave when the connection was made.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.connection.user_id().map(|user_id| &**user_id)
    }

    /// What the application keeps with this connection.
    #[must_use]
    pub fn items(&self) -> &Items {
        &self.connection.items
    }

    /// The request that made the connection.
    #[must_use]
    pub fn request(&self) -> &ConnectRequest {
        &self.connection.request
    }

    /// Whom to send to.
    #[must_use]
    pub fn clients(&self) -> HubCallerClients {
        HubCallerClients::new(self.connection.registry.clone(), self.connection.id.clone())
    }

    /// Adds connections to groups and removes them.
    #[must_use]
    pub fn groups(&self) -> GroupManager {
        GroupManager::new(self.connection.registry.clone())
    }

    /// Ends the connection, in good order and without asking the client to come back. Calls that run go on; they can
    /// see it by [`aborted`](Self::aborted).
    pub fn abort(&self) {
        if !self.connection.abort_requested.swap(true, Ordering::SeqCst) {
            self.connection.aborted.cancel();
            self.connection.abort.do_send(AbortConnection::Requested);
        }
    }

    /// Waits until the connection is over, for work that is of no use then.
    pub async fn aborted(&self) {
        self.connection.aborted.cancelled().await;
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.connection.aborted.is_cancelled()
    }
}

impl fmt::Debug for HubCallerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubCallerContext")
            .field("connection_id", &self.connection.id)
            .field("user_id", &self.user_id())
            .finish_non_exhaustive()
    }
}

/// A hub seen from outside of its methods: from a request handler, a timer, another actor.
///
/// Cheap to clone; usable on any thread.
pub struct HubContext<H> {
    registry: Registry,
    hub: PhantomData<fn() -> H>,
}

impl<H> HubContext<H> {
    pub(crate) const fn new(registry: Registry) -> Self {
        Self { registry, hub: PhantomData }
    }

    /// Whom to send to.
    #[must_use]
    pub fn clients(&self) -> HubClients {
        HubClients::new(self.registry.clone())
    }

    /// Adds connections to groups and removes them.
    #[must_use]
    pub fn groups(&self) -> GroupManager {
        GroupManager::new(self.registry.clone())
    }

    /// How many connections the hub has now, on all workers of this process.
    pub async fn connection_count(&self) -> usize {
        self.registry.count().await
    }
}

impl<H> Clone for HubContext<H> {
    fn clone(&self) -> Self {
        Self::new(self.registry.clone())
    }
}

impl<H> fmt::Debug for HubContext<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubContext").field("registry", &self.registry).finish()
    }
}
