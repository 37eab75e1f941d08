//! What a hub method holds of its caller, and what the rest of an application holds of a hub.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::{
    ClaimsPrincipal, ConnectRequest, ConnectionId, GroupManager, HubCallerClients, HubClients, HubError,
    HubResult, Items, registry::Registry,
};

/// Who calls a hub, and what can be reached from the call.
///
/// Cheap to clone, and good for as long as somebody holds it: what is sent to a connection that is over goes nowhere.
#[derive(Clone)]
pub struct HubCallerContext {
    connection: Arc<Connection>,
    user: Arc<ClaimsPrincipal>,
    caller: Caller,
}

/// What part of an application has a context, which decides whether it may ask clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A call, by its number on the connection.
    Call(u64),
    /// `on_connected`, during which the client is not listened to.
    OnConnected,
    /// `on_disconnected`.
    OnDisconnected,
}

/// What is the same for all calls of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    registry: Registry,
    request: ConnectRequest,
    user: RwLock<Arc<ClaimsPrincipal>>,
    user_id: OnceLock<Option<Arc<str>>>,
    items: Items,
    aborted: CancellationToken,
    abort_requested: AtomicBool,
    calls: AtomicU64,
    turns: Mutex<Turns>,
    /// Whether there is anything in `turns`, so that calls that never wait need not look.
    has_turns: AtomicBool,
}

/// Which calls have given up their turn before their end, since they wait for the client; and what to wake when one does.
#[derive(Debug, Default)]
struct Turns {
    given_up: Vec<u64>,
    running: Vec<(u64, Waker)>,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        registry: Registry,
        request: ConnectRequest,
        user: Arc<ClaimsPrincipal>,
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
            calls: AtomicU64::new(0),
            turns: Mutex::default(),
            has_turns: AtomicBool::new(false),
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

    /// A call gives up its turn, so that what its client answers can be read.
    fn give_up_turn(&self, call: u64) {
        self.has_turns.store(true, Ordering::Relaxed);
        let mut turns = self.turns.lock();
        if let Some(at) = turns.running.iter().position(|(running, _)| *running == call) {
            turns.running.swap_remove(at).1.wake();
        }
        if !turns.given_up.contains(&call) {
            turns.given_up.push(call);
        }
    }

    /// Whether a call that has to wait has given up its turn; if not, it is polled again when it does.
    pub(crate) fn has_given_up_turn(&self, ctx: &HubCallerContext, waker: &Waker) -> bool {
        let Caller::Call(call) = ctx.caller else { return false };
        self.has_turns.store(true, Ordering::Relaxed);
        let mut turns = self.turns.lock();
        if let Some(at) = turns.given_up.iter().position(|given_up| *given_up == call) {
            turns.given_up.swap_remove(at);
            return true;
        }
        match turns.running.iter_mut().find(|(running, _)| *running == call) {
            Some((_, before)) => before.clone_from(waker),
            None => turns.running.push((call, waker.clone())),
        }
        false
    }

    /// A call is over.
    pub(crate) fn ended(&self, ctx: &HubCallerContext) {
        let Caller::Call(call) = ctx.caller else { return };
        if !self.has_turns.load(Ordering::Relaxed) {
            return;
        }
        let mut turns = self.turns.lock();
        turns.given_up.retain(|given_up| *given_up != call);
        turns.running.retain(|(running, _)| *running != call);
    }

    /// Whether a hub has asked for the end: what is answered from then on is not sent any more.
    pub(crate) fn is_abort_requested(&self) -> bool {
        self.abort_requested.load(Ordering::SeqCst)
    }

    pub(crate) const fn aborted(&self) -> &CancellationToken {
        &self.aborted
    }
}

impl HubCallerContext {
    /// The context of a call that starts now: with the principal as it is now.
    pub(crate) fn of_call(connection: &Arc<Connection>) -> Self {
        let call = connection.calls.fetch_add(1, Ordering::Relaxed);
        Self { connection: connection.clone(), user: connection.user(), caller: Caller::Call(call) }
    }

    /// The context of one of the two hooks.
    pub(crate) fn of_hook(connection: &Arc<Connection>, caller: Caller) -> Self {
        Self { connection: connection.clone(), user: connection.user(), caller }
    }

    /// Says whether the client may be asked, and gives up the turn of the call that does.
    ///
    /// # Errors
    /// While the client is not listened to.
    pub(crate) fn before_asking(&self) -> HubResult {
        match self.caller {
            Caller::Call(call) => self.connection.give_up_turn(call),
            Caller::OnConnected => {
                let text = "Client results inside OnConnectedAsync Hub methods are not allowed.";
                return Err(HubError::internal("InvalidOperationException", text));
            }
            Caller::OnDisconnected => {}
        }
        Ok(())
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
        HubCallerClients::new(self.connection.registry.clone(), self.clone())
    }

    /// Adds connections to groups and removes them.
    #[must_use]
    pub fn groups(&self) -> GroupManager {
        GroupManager::new(self.connection.registry.clone())
    }

    /// Ends the connection, in good order and without asking the client to come back: what was sent to it before still
    /// arrives. Calls that run go on; they can see it by [`aborted`](Self::aborted).
    pub fn abort(&self) {
        if !self.connection.abort_requested.swap(true, Ordering::SeqCst) {
            self.connection.registry.abort(self.connection.id.clone());
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
