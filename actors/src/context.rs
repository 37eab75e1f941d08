//! What a hub method holds of its caller, and what the rest of an application holds of a hub.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{
    ClaimsPrincipal, ConnectRequest, ConnectionId, GroupManager, HubCallerClients, HubClients, HubError,
    HubResult, Items, SendError, Users,
    backplane::Backplane,
    protocol::NamingPolicy,
    registry::{Age, Connected, Control, Registry, Role, Shards},
};

/// Who calls a hub, and what can be reached from the call.
///
/// Cheap to clone, and good for as long as somebody holds it: what is sent to a connection that is over goes nowhere.
#[derive(Clone)]
pub struct HubCallerContext {
    connection: Arc<Connection>,
    user: Arc<ClaimsPrincipal>,
    caller: Caller,
    /// Taken when it is asked for, which few calls do.
    request: OnceLock<Arc<ConnectRequest>>,
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
    /// `on_authentication_refreshed`, which has the turn of a call, and gives it up to nobody.
    OnAuthenticationRefreshed,
}

/// What is the same for all calls of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    /// When it began, in microseconds since 1970.
    since: u64,
    registry: Registry,
    request: Mutex<Arc<ConnectRequest>>,
    /// As whom the next calls are made. Calls get it from their connection's actor, which need not lock it.
    user: Mutex<Arc<ClaimsPrincipal>>,
    /// How often the client has replaced its credentials.
    refreshes: AtomicU64,
    user_id: OnceLock<Option<Arc<str>>>,
    items: Items,
    aborted: CancellationToken,
    /// Of the request that the connection was made by, where somebody listens.
    request_span: Option<Box<Span>>,
    abort_requested: AtomicBool,
    calls: AtomicU64,
    /// Nothing, until a call has to wait, as those of most connections never do.
    turns: Mutex<Option<Box<Turns>>>,
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
    /// Runs code of one of its calls, in front of which there may be answers that have not been sent.
    pub(crate) fn run<T>(&self, has_unsent: bool, code: impl FnOnce() -> T) -> T {
        match self.registry.connected() {
            Some(connected) => connected.run(has_unsent, code),
            None => code(),
        }
    }

    /// Whether that code goes on as soon as those answers have been sent.
    pub(crate) fn is_behind_answers(&self) -> bool {
        self.registry.connected().is_some_and(Connected::is_behind)
    }

    /// To be called within the request that makes it.
    pub(crate) fn new(
        id: ConnectionId,
        registry: Registry,
        request: ConnectRequest,
        user: Arc<ClaimsPrincipal>,
    ) -> Arc<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Arc::new(Self {
            since: u64::try_from(since).unwrap_or(u64::MAX),
            id,
            registry,
            request: Mutex::new(Arc::new(request)),
            user: Mutex::new(user),
            refreshes: AtomicU64::new(0),
            user_id: OnceLock::new(),
            items: Items::default(),
            aborted: CancellationToken::new(),
            request_span: Some(Span::current()).filter(|span| !span.is_none()).map(Box::new),
            abort_requested: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            turns: Mutex::default(),
            has_turns: AtomicBool::new(false),
        })
    }

    pub(crate) const fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// When it began.
    pub(crate) fn age(&self) -> Age {
        Age { since: self.since, id: self.id.as_str().to_owned() }
    }

    /// The request that the client last came by.
    pub(crate) fn request(&self) -> ConnectRequest {
        (**self.request.lock()).clone()
    }

    pub(crate) fn user(&self) -> Arc<ClaimsPrincipal> {
        self.user.lock().clone()
    }

    /// The client has replaced its credentials: what has not begun is begun as this user.
    pub(crate) fn refresh(&self, user: Arc<ClaimsPrincipal>) {
        *self.user.lock() = user;
        self.refreshes.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the client has replaced its credentials. Only its own worker asks, and changes it.
    pub(crate) fn refreshes(&self) -> u64 {
        self.refreshes.load(Ordering::Relaxed)
    }

    /// The client has come back by another request.
    pub(crate) fn set_request(&self, request: ConnectRequest) {
        *self.request.lock() = Arc::new(request);
    }

    /// Sets the user id, once.
    pub(crate) fn set_user_id(&self, user_id: Option<Arc<str>>) {
        let _ = self.user_id.set(user_id);
    }

    pub(crate) fn user_id(&self) -> Option<&Arc<str>> {
        self.user_id.get()?.as_ref()
    }

    /// The span of the request it was made by.
    pub(crate) fn request_span(&self) -> Option<&Span> {
        self.request_span.as_deref()
    }

    /// A call gives up its turn, so that what its client answers can be read.
    fn give_up_turn(&self, call: u64) {
        self.has_turns.store(true, Ordering::Relaxed);
        let mut turns = self.turns.lock();
        let turns = turns.get_or_insert_default();
        if let Some(at) = turns.running.iter().position(|(running, _)| *running == call) {
            turns.running.swap_remove(at).1.wake();
        }
        if !turns.given_up.contains(&call) {
            turns.given_up.push(call);
        }
    }

    /// Whether a call that has to wait has given up its turn; if not, it is polled again when it does.
    pub(crate) fn has_given_up_turn(&self, caller: Caller, waker: &Waker) -> bool {
        let Caller::Call(call) = caller else { return false };
        self.has_turns.store(true, Ordering::Relaxed);
        let mut turns = self.turns.lock();
        let turns = turns.get_or_insert_default();
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
    pub(crate) fn ended(&self, caller: Caller) {
        let Caller::Call(call) = caller else { return };
        if !self.has_turns.load(Ordering::Relaxed) {
            return;
        }
        if let Some(turns) = &mut *self.turns.lock() {
            turns.given_up.retain(|given_up| *given_up != call);
            turns.running.retain(|(running, _)| *running != call);
        }
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
    /// The context of a call that is made as a user.
    pub(crate) fn of_call(connection: &Arc<Connection>, user: Arc<ClaimsPrincipal>) -> Self {
        // Only the connection's actor counts them, so that nothing comes in between.
        let call = connection.calls.load(Ordering::Relaxed);
        connection.calls.store(call.wrapping_add(1), Ordering::Relaxed);
        Self::new(connection, user, Caller::Call(call))
    }

    /// A call that has not begun is made as another user.
    pub(crate) fn refresh(&mut self, user: Arc<ClaimsPrincipal>) {
        self.user = user;
    }

    /// What it is the context of.
    pub(crate) const fn caller(&self) -> Caller {
        self.caller
    }

    /// The context of one of the hooks.
    pub(crate) fn of_hook(connection: &Arc<Connection>, caller: Caller) -> Self {
        Self::new(connection, connection.user(), caller)
    }

    fn new(connection: &Arc<Connection>, user: Arc<ClaimsPrincipal>, caller: Caller) -> Self {
        Self { connection: connection.clone(), user, caller, request: OnceLock::new() }
    }

    /// Says whether the client may be asked, and gives up the turn of the call that does.
    ///
    /// # Errors
    /// While the client is not listened to.
    pub(crate) fn before_asking(&self) -> HubResult {
        match self.caller {
            Caller::Call(call) => self.connection.give_up_turn(call),
            Caller::OnConnected | Caller::OnAuthenticationRefreshed => {
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

    /// Who calls, to be kept.
    #[must_use]
    pub const fn principal(&self) -> &Arc<ClaimsPrincipal> {
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

    /// The request that made the connection; once a client has resumed it, the request it did that by.
    #[must_use]
    pub fn request(&self) -> &ConnectRequest {
        self.request.get_or_init(|| self.connection.request.lock().clone())
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

    /// The people who are connected to this hub, to take rights away.
    #[must_use]
    pub fn users(&self) -> Users {
        Users::new(self.connection.registry.clone())
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

    /// A hub whose clients are all on other servers: for a process that serves none itself, such as one that works off a
    /// queue, or runs now and then. It needs no actix system, and nothing of actix-web.
    ///
    /// `name` is the one that the servers know the hub by, [`HubOptions::backplane_hub_name`](crate::HubOptions::backplane_hub_name);
    /// `naming` how they name the members of structs, most often the default. `H` may be any type.
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use actix_signalr_actors::{HubContext, backplane::RedisBackplane, protocol::NamingPolicy};
    ///
    /// let redis = Arc::new(RedisBackplane::new("redis://127.0.0.1:6379")?);
    /// let chat = HubContext::<()>::without_server(redis, "ChatHub", NamingPolicy::default());
    /// futures::executor::block_on(chat.clients().user("ann").send("Reminder", ("your turn",)))?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "redis"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn without_server(backplane: Arc<dyn Backplane>, name: &str, naming: NamingPolicy) -> Self {
        let mut shards = Shards::new(naming);
        shards.join(backplane, name, Role::Sends);
        Self::new(Registry::outside(Arc::new(shards)))
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

    /// Ends a connection, on any server that is of this crate, in good order and without asking the client to come back: what
    /// was sent to it before by whoever ends it still arrives. A connection that does not exist is no error.
    ///
    /// # Errors
    /// When other servers are not reached; if the connection is of this one, it is ended all the same.
    pub async fn disconnect(&self, connection_id: impl AsRef<str>) -> Result<(), SendError> {
        self.registry.control(Control::Disconnect(connection_id.as_ref().into())).await
    }

    /// The people who are connected to this hub, to take rights away.
    #[must_use]
    pub fn users(&self) -> Users {
        Users::new(self.registry.clone())
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
