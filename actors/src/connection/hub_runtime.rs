//! What serves one hub: on all workers, and on one.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use actix::{Actor, Addr, Recipient, clock::Instant};

use crate::{
    ClaimsPrincipal, ConnectRequest, ConnectionId, HubContext, HubOptions, UserIdProvider, Users,
    authorization::{
        Audit, AuthorizationActor, AuthorizeData, GroupDemands, GroupPolicies, Policies, Policy,
    },
    backplane::Backplane,
    clock::ClockActor,
    connection::{ConnectionActor, StatefulReconnect},
    hub::{DescribeError, DescribedHub, Hub, HubActor, HubAddr, HubDescriptor, HubFilters, MethodTable},
    metrics::Metrics,
    protocol::TransferFormat,
    registry::{Registry, Role, Shards},
    revocation::Revocations,
    telemetry::Telemetry,
    transport::{Flow, Outbound},
    user_id::{ProviderPanicked, provided_user_id},
};

/// A hub as a server has it: the value, its methods, its options, and the registries of all workers.
pub struct HubServer<H> {
    hub: Arc<H>,
    described: DescribedHub<H>,
    groups: Arc<GroupPolicies>,
    options: Arc<HubOptions>,
    user_ids: Arc<dyn UserIdProvider>,
    shards: Arc<Shards>,
    metrics: Arc<Metrics>,
}

impl<H: Hub> HubServer<H> {
    /// Describes a hub and resolves what its methods demand.
    ///
    /// # Errors
    /// When two methods have one name, or a demand cannot be met.
    pub fn new(
        hub: H,
        options: HubOptions,
        policies: &Policies,
        user_ids: Arc<dyn UserIdProvider>,
    ) -> Result<Self, DescribeError> {
        Self::with_filters(hub, options, policies, user_ids, &HubFilters::default())
    }

    /// The same, with filters around all of the hub.
    ///
    /// # Errors
    /// When two methods have one name, or a demand cannot be met.
    pub fn with_filters(
        hub: H,
        options: HubOptions,
        policies: &Policies,
        user_ids: Arc<dyn UserIdProvider>,
        filters: &HubFilters,
    ) -> Result<Self, DescribeError> {
        let described = HubDescriptor::of_hub().build(policies, filters)?;
        let server = Self {
            hub: Arc::new(hub),
            described,
            groups: Arc::default(),
            shards: Arc::new(Shards::new(options.naming_policy)),
            options: Arc::new(options),
            user_ids,
            metrics: Arc::default(),
        };
        Ok(server.with_metrics(Arc::default()))
    }

    /// With the counts of a server, instead of its own.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        for method in self.described.table.iter() {
            metrics.watch(method.policy.as_ref().and_then(|policy| policy.decisions()));
        }
        self.metrics = metrics;
        self
    }

    /// Makes the hub one with those of other servers that know it by the same name; before it is started, and after
    /// [`with_metrics`](Self::with_metrics), which it adds its counts to.
    #[must_use]
    pub fn with_backplane(mut self, backplane: Arc<dyn Backplane>) -> Self {
        self.metrics.watch_backplane(backplane.counts().clone());
        let mut shards = Shards::new(self.options.naming_policy);
        shards.join(backplane, self.options.backplane_hub_name_of::<H>(), Role::Serves);
        shards.keep_rights_of(&self.shards);
        self.shards = Arc::new(shards);
        self
    }

    /// With groups that are only for those who meet a demand; said once, before anybody connects.
    ///
    /// # Errors
    /// When a demand cannot be met.
    pub fn with_groups(mut self, policies: &Policies, groups: &GroupDemands) -> Result<Self, DescribeError> {
        let groups = groups.resolve(policies).map_err(DescribeError::Group)?;
        for policy in groups.iter() {
            self.metrics.watch(policy.decisions());
        }
        self.shards.guard(groups.groups());
        self.groups = Arc::new(groups);
        Ok(self)
    }

    /// With the revocations of a server, instead of its own; said once, before anybody connects.
    #[must_use]
    pub fn with_revocations(self, revocations: &ServerRevocations) -> Self {
        self.shards.share_revocations(revocations.0.clone());
        self
    }

    /// The people who are connected to the hub.
    #[must_use]
    pub fn users(&self) -> Users {
        self.context().users()
    }

    /// The options of the hub.
    #[must_use]
    pub fn options(&self) -> &HubOptions {
        &self.options
    }

    /// What is counted of the hub.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The hub seen from outside of its methods.
    #[must_use]
    pub fn context(&self) -> HubContext<H> {
        HubContext::new(Registry::outside(self.shards.clone()))
    }

    /// What it takes to connect, with `more` demanded on top of what the hub demands itself; `None` where everybody may.
    ///
    /// # Errors
    /// When a demand cannot be met.
    pub fn policy(
        &self,
        policies: &Policies,
        more: &[AuthorizeData],
    ) -> Result<Option<Arc<Policy>>, DescribeError> {
        let policy = self.described.policy(policies, more)?;
        self.metrics.watch(policy.as_ref().and_then(|policy| policy.decisions()));
        Ok(policy)
    }

    /// By which schemes it is found out who connects, with `more` demanded; none is the default one. Those that the hub demands
    /// are asked also where it lets in everybody.
    ///
    /// # Errors
    /// When a demand cannot be met.
    pub fn authentication_schemes(
        &self,
        policies: &Policies,
        more: &[AuthorizeData],
    ) -> Result<Vec<String>, DescribeError> {
        self.described.authentication_schemes(policies, more)
    }

    /// Ends all connections, telling their clients that they may come back, and waits until their hooks have run.
    /// Connections that come later are ended as well.
    pub async fn shut_down(&self) {
        Registry::outside(self.shards.clone()).shut_down().await;
    }

    /// Starts the actors that serve the hub on this thread, which runs an actix system.
    #[must_use]
    pub fn start(&self) -> Arc<HubRuntime> {
        let telemetry = Telemetry::new(&self.metrics, self.options.trace_parent);
        let counters = telemetry.counters.clone();
        let audit = Audit::new(std::any::type_name::<H>(), self.options.audit_allowed_every, Some(counters));
        let audit = Arc::new(audit);
        let clock = ClockActor::new().start();
        let registry =
            Registry::start(self.shards.clone(), telemetry.counters.clone(), clock.clone().recipient());
        Arc::new(HubRuntime {
            hub: HubActor::start(
                self.hub.clone(),
                self.described.methods.clone(),
                self.described.filters.clone(),
            ),
            authorization: AuthorizationActor::new(self.options.authorization_timeout, audit.clone()).start(),
            clock,
            registry,
            methods: self.described.table.clone(),
            groups: self.groups.clone(),
            options: self.options.clone(),
            user_ids: self.user_ids.clone(),
            telemetry,
            audit,
        })
    }
}

impl<H> fmt::Debug for HubServer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubServer").field("described", &self.described).finish_non_exhaustive()
    }
}

/// Whom a server keeps out, for all of its hubs.
#[derive(Clone, Debug, Default)]
pub struct ServerRevocations(Arc<Revocations>);

impl ServerRevocations {
    /// Whether somebody is kept out, by himself or as the user that the provider makes of him; also of what is no hub.
    #[must_use]
    pub fn keep_out(&self, user_ids: &dyn UserIdProvider, user: &ClaimsPrincipal) -> bool {
        keep_out(&self.0, user_ids, user)
    }
}

/// Nothing is asked before the first revocation. Afterwards a provider that panics lets nobody in.
fn keep_out(revocations: &Revocations, user_ids: &dyn UserIdProvider, user: &ClaimsPrincipal) -> bool {
    if revocations.are_none() {
        return false;
    }
    match provided_user_id(user_ids, user) {
        Ok(user_id) => revocations.hold(None, user_id.as_deref(), user, Instant::now().into_std()),
        Err(ProviderPanicked) => {
            tracing::error!("the user id provider panicked");
            true
        }
    }
}

/// The actors that serve one hub on one worker, the hub's type forgotten.
pub struct HubRuntime {
    pub(super) hub: HubAddr,
    pub(super) authorization: Addr<AuthorizationActor>,
    pub(super) clock: Addr<ClockActor>,
    pub(super) registry: Registry,
    pub(super) methods: Arc<MethodTable>,
    pub(super) groups: Arc<GroupPolicies>,
    pub(super) options: Arc<HubOptions>,
    pub(super) user_ids: Arc<dyn UserIdProvider>,
    pub(super) telemetry: Telemetry,
    pub(super) audit: Arc<Audit>,
}

impl HubRuntime {
    /// Starts the actor of a connection whose transport is there.
    #[must_use]
    pub fn connect(self: &Arc<Self>, connection: NewConnection) -> Addr<ConnectionActor> {
        ConnectionActor::start_for(self.clone(), connection)
    }

    /// The options of the hub.
    #[must_use]
    pub fn options(&self) -> &HubOptions {
        &self.options
    }

    /// Whether a revocation keeps somebody out, whatever policies say.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn is_revoked(&self, user: &ClaimsPrincipal) -> bool {
        keep_out(self.registry.revocations(), &*self.user_ids, user)
    }

    /// How long the application may take to say whether somebody may.
    #[must_use]
    pub fn authorization_timeout(&self) -> Duration {
        self.options.authorization_timeout
    }

    /// The actor that says who may connect.
    #[must_use]
    pub const fn authorization(&self) -> &Addr<AuthorizationActor> {
        &self.authorization
    }
}

impl fmt::Debug for HubRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubRuntime").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// A connection that begins.
pub struct NewConnection {
    /// Its public id.
    pub id: ConnectionId,
    /// Who connects.
    pub user: Arc<ClaimsPrincipal>,
    /// The request that made it.
    pub request: ConnectRequest,
    /// What it took to connect, to be asked for again.
    pub policy: Option<Arc<Policy>>,
    /// Its transport.
    pub transport: Recipient<Outbound>,
    /// The bytes on their way, counted together with the transport.
    pub flow: Flow,
    /// What the transport can carry.
    pub formats: &'static [TransferFormat],
    /// Whether the transport notices by itself that a client is gone, so that it needs no pings.
    pub has_inherent_keep_alive: bool,
    /// How many bytes may wait for a client that does not read before it is let go.
    pub maximum_backlog: usize,
    /// When it is to be ended because its credentials have expired, the client being told that it may come back; `None` is
    /// never.
    pub expires_at: Option<Instant>,
    /// Whether it outlives its transport, if the client speaks a version of the protocol that has that.
    pub stateful: StatefulReconnect,
    /// Dropped when the connection is over and its hub has been told.
    pub lease: Box<dyn Any + Send>,
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").field("id", &self.id).finish_non_exhaustive()
    }
}
