//! A hub with all of its actors, and no network.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix_rt::Arbiter;

use crate::{
    Authorization, ClaimsPrincipal, DefaultUserIdProvider, DescribeError, GroupDemands, Hub, HubContext,
    HubFilter, HubFilters, HubOptions, HubRuntime, HubServer, Policies, Policy, PolicyProvider,
    UserIdProvider, Users,
    backplane::Backplane,
    metrics::Metrics,
    testing::{ConnectError, TestClient, TestConnect},
};

/// A hub that is served in memory: by the real actors, on the thread of the test or on workers of its own.
///
/// See the [module](crate::testing) for an example.
pub struct TestHub<H> {
    server: Arc<HubServer<H>>,
    policy: Option<Arc<Policy>>,
    workers: Vec<TestWorker>,
    next: AtomicUsize,
}

/// The actors on one thread.
pub(super) struct TestWorker {
    pub(super) runtime: Arc<HubRuntime>,
    /// Its own thread; none is the thread of the test.
    pub(super) arbiter: Option<Arbiter>,
}

impl<H: Hub> TestHub<H> {
    /// Serves a hub with the default options and without policies.
    ///
    /// # Panics
    /// When the hub cannot be served, or no actix system runs on this thread.
    pub fn start(hub: H) -> Self {
        Self::builder(hub).start()
    }

    /// Serves a hub that demands policies, given by their names.
    ///
    /// ```
    /// use actix_signalr_actors::{
    ///     AuthorizeData, Hub, HubCallerContext, HubDescriptor, HubResult, Policy,
    ///     testing::{TestHub, user},
    /// };
    ///
    /// struct Door;
    ///
    /// impl Door {
    ///     async fn open(&self, _ctx: HubCallerContext) -> HubResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Hub for Door {
    ///     fn describe(hub: &mut HubDescriptor<Self>) {
    ///         hub.method("Open", Self::open).authorize(AuthorizeData::policy("OnlyAnn"));
    ///     }
    /// }
    ///
    /// # actix_rt::System::new().block_on(async {
    /// let only_ann = Policy::new().require_user_name("ann");
    /// let hub = TestHub::with_policies(Door, [("OnlyAnn", only_ann)]);
    /// let bob = hub.connect(user("bob")).await;
    ///
    /// let refused = bob.invoke::<()>("Open", ()).await.unwrap_err();
    ///
    /// assert_eq!(refused.to_string(), "Failed to invoke 'Open' because user is unauthorized");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the hub cannot be served, or no actix system runs on this thread.
    pub fn with_policies<N: AsRef<str>>(hub: H, policies: impl IntoIterator<Item = (N, Policy)>) -> Self {
        let builder = Self::builder(hub);
        policies.into_iter().fold(builder, |builder, (name, policy)| builder.policy(name, policy)).start()
    }

    /// A hub to be served otherwise.
    pub fn builder(hub: H) -> TestHubBuilder<H> {
        TestHubBuilder {
            hub,
            options: HubOptions::default(),
            policies: Policies::default(),
            user_ids: Arc::new(DefaultUserIdProvider),
            filters: HubFilters::default(),
            authorization: Authorization::new(),
            groups: GroupDemands::new(),
            workers: 0,
            backplane: None,
        }
    }

    /// Connects somebody; returns when his handshake is answered. As for any client, the hub's `on_connected` may still
    /// run then; a call is answered after it. With several workers, clients take them in turn.
    ///
    /// # Panics
    /// When he is not let in.
    pub async fn connect(&self, user: impl Into<ClaimsPrincipal>) -> TestClient {
        self.client(user).connect().await
    }

    /// Connects somebody, if he is let in.
    ///
    /// # Errors
    /// When he is not.
    pub async fn try_connect(&self, user: impl Into<ClaimsPrincipal>) -> Result<TestClient, ConnectError> {
        self.client(user).try_connect().await
    }

    /// Somebody who is to connect in a way of his own.
    pub fn client(&self, user: impl Into<ClaimsPrincipal>) -> TestConnect<'_> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        TestConnect::new(&self.workers, turn, self.policy.clone(), user.into())
    }

    /// The hub seen from outside of its methods.
    #[must_use]
    pub fn context(&self) -> HubContext<H> {
        self.server.context()
    }

    /// The people who are connected.
    #[must_use]
    pub fn users(&self) -> Users {
        self.server.users()
    }

    /// What is counted of the hub. Connections in memory are none of those that are counted by their transports.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        self.server.metrics()
    }
}

impl<H> Drop for TestHub<H> {
    fn drop(&mut self) {
        for arbiter in self.workers.iter().filter_map(|worker| worker.arbiter.as_ref()) {
            arbiter.stop();
        }
    }
}

impl<H> fmt::Debug for TestHub<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHub")
            .field("server", &self.server)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// A hub that is about to be served.
///
/// ```
/// use std::time::Duration;
/// use actix_signalr_actors::{
///     ClaimsPrincipal, Hub, HubCallerContext, HubDescriptor, HubOptions, HubResult,
///     testing::{TestHub, user},
/// };
///
/// struct WhoHub;
///
/// impl WhoHub {
///     async fn who_am_i(&self, ctx: HubCallerContext) -> HubResult<Option<String>> {
///         Ok(ctx.user_id().map(str::to_owned))
///     }
/// }
///
/// impl Hub for WhoHub {
///     fn describe(hub: &mut HubDescriptor<Self>) {
///         hub.method("WhoAmI", Self::who_am_i);
///     }
/// }
///
/// # actix_rt::System::new().block_on(async {
/// let hub = TestHub::builder(WhoHub)
///     .options(HubOptions::default().keep_alive_interval(Duration::from_secs(5)))
///     .user_id_provider(|user: &ClaimsPrincipal| user.name().map(str::to_uppercase))
///     .start();
/// let ann = hub.connect(user("ann")).await;
///
/// assert_eq!(ann.invoke("WhoAmI", ()).await, Ok(Some("ANN".to_owned())));
/// # });
/// ```
pub struct TestHubBuilder<H> {
    hub: H,
    options: HubOptions,
    policies: Policies,
    user_ids: Arc<dyn UserIdProvider>,
    filters: HubFilters,
    authorization: Authorization,
    groups: GroupDemands,
    workers: usize,
    backplane: Option<Arc<dyn Backplane>>,
}

impl<H: Hub> TestHubBuilder<H> {
    /// The options of the hub, instead of the default ones.
    #[must_use]
    pub fn options(mut self, options: HubOptions) -> Self {
        self.options = options;
        self
    }

    /// Defines a policy.
    #[must_use]
    pub fn policy(mut self, name: impl AsRef<str>, policy: Policy) -> Self {
        self.policies.insert(name, policy);
        self
    }

    /// What `#[authorize]` without more demands, instead of an authenticated user.
    #[must_use]
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.policies.set_default(policy);
        self
    }

    /// Who knows the policies that are not defined.
    #[must_use]
    pub fn policy_provider(mut self, provider: impl PolicyProvider) -> Self {
        self.policies.set_provider(provider);
        self
    }

    /// What is demanded of who connects where the hub demands nothing.
    #[must_use]
    pub fn fallback_policy(mut self, policy: Policy) -> Self {
        self.policies.set_fallback(policy);
        self
    }

    /// Whether the rest of a policy's handlers are asked after one has said no; they are.
    #[must_use]
    pub fn invoke_handlers_after_failure(mut self, invoke: bool) -> Self {
        self.policies.invoke_handlers_after_failure(invoke);
        self
    }

    /// Groups that are only for those who meet a demand.
    #[must_use]
    pub fn groups(mut self, groups: GroupDemands) -> Self {
        self.groups = groups;
        self
    }

    /// Gives the policies to what the hub asks them by.
    #[must_use]
    pub fn authorization(mut self, authorization: &Authorization) -> Self {
        self.authorization = authorization.clone();
        self
    }

    /// Who picks the user ids, instead of [`DefaultUserIdProvider`].
    #[must_use]
    pub fn user_id_provider(mut self, provider: impl UserIdProvider) -> Self {
        self.user_ids = Arc::new(provider);
        self
    }

    /// Puts a filter around the hub; of several the first is outermost.
    #[must_use]
    pub fn filter(mut self, filter: impl HubFilter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    /// Serves the hub on this many threads of its own, as a server does; 0, the default, is the thread of the test,
    /// where a paused clock is everybody's.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Joins it to hubs of the same name on other servers.
    #[must_use]
    pub fn backplane(mut self, backplane: Arc<dyn Backplane>) -> Self {
        self.backplane = Some(backplane);
        self
    }

    /// Starts the actors.
    ///
    /// # Panics
    /// When the hub cannot be served, or no actix system runs on this thread.
    pub fn start(self) -> TestHub<H> {
        match self.try_start() {
            Ok(hub) => hub,
            Err(err) => panic!("the hub cannot be served: {err}"),
        }
    }

    /// Starts the actors, if the hub can be served.
    ///
    /// # Errors
    /// When two methods have one name, or a demand cannot be met.
    ///
    /// # Panics
    /// When no actix system runs on this thread.
    pub fn try_start(self) -> Result<TestHub<H>, DescribeError> {
        let server =
            HubServer::with_filters(self.hub, self.options, &self.policies, self.user_ids, &self.filters)?
                .with_groups(&self.policies, &self.groups)?;
        let server = match self.backplane {
            Some(backplane) => server.with_backplane(backplane),
            None => server,
        };
        let policy = server.policy(&self.policies, &[])?;
        let bound = self.authorization.bind(&self.policies, server.options(), server.metrics());
        bound.map_err(|err| DescribeError::Policy(None, err))?;
        let server = Arc::new(server);
        let workers = match self.workers {
            0 => vec![TestWorker { runtime: server.start(), arbiter: None }],
            workers => (0..workers).map(|_| start_worker(&server)).collect(),
        };
        Ok(TestHub { server, policy, workers, next: AtomicUsize::new(0) })
    }
}

impl<H> fmt::Debug for TestHubBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHubBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Starts the actors on a thread of their own.
fn start_worker<H: Hub>(server: &Arc<HubServer<H>>) -> TestWorker {
    let (started, runtime) = mpsc::sync_channel(1);
    let arbiter = Arbiter::new();
    let server = server.clone();
    arbiter.spawn_fn(move || {
        let _ = started.send(server.start());
    });
    match runtime.recv_timeout(THREAD_START) {
        Ok(runtime) => TestWorker { runtime, arbiter: Some(arbiter) },
        Err(err) => panic!("a worker has not started: {err}"),
    }
}

/// Generous: a machine may be busy with other tests.
const THREAD_START: Duration = Duration::from_secs(10);
