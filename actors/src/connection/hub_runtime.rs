//! What serves one hub: on all workers, and on one.

use std::{any::Any, fmt, sync::Arc};

use actix::{Actor, Addr, Recipient, clock::Instant};

use crate::{
    ClaimsPrincipal, ConnectRequest, ConnectionId, HubContext, HubOptions, UserIdProvider,
    authorization::{AuthorizationActor, AuthorizeData, Policies, Policy},
    clock::ClockActor,
    connection::ConnectionActor,
    hub::{DescribeError, DescribedHub, Hub, HubActor, HubAddr, HubDescriptor, HubFilters, MethodTable},
    metrics::Metrics,
    protocol::TransferFormat,
    registry::{Registry, Shards},
    telemetry::Telemetry,
    transport::{Flow, Outbound},
};

/// A hub as a server has it: the value, its methods, its options, and the registries of all workers.
pub struct HubServer<H> {
    hub: Arc<H>,
    described: DescribedHub<H>,
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
        Ok(Self {
            hub: Arc::new(hub),
            described,
            shards: Arc::new(Shards::new(options.naming_policy)),
            options: Arc::new(options),
            user_ids,
            metrics: Arc::default(),
        })
    }

    /// With the counts of a server, instead of its own.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = metrics;
        self
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
        self.described.policy(policies, more)
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
        Arc::new(HubRuntime {
            hub: HubActor::start(
                self.hub.clone(),
                self.described.methods.clone(),
                self.described.filters.clone(),
            ),
            authorization: AuthorizationActor::new(self.options.authorization_timeout).start(),
            clock: ClockActor::new().start(),
            registry: Registry::start(self.shards.clone(), telemetry.counters.clone()),
            methods: self.described.table.clone(),
            options: self.options.clone(),
            user_ids: self.user_ids.clone(),
            telemetry,
        })
    }
}

impl<H> fmt::Debug for HubServer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubServer").field("described", &self.described).finish_non_exhaustive()
    }
}

/// The actors that serve one hub on one worker, the hub's type forgotten.
pub struct HubRuntime {
    pub(super) hub: HubAddr,
    pub(super) authorization: Addr<AuthorizationActor>,
    pub(super) clock: Addr<ClockActor>,
    pub(super) registry: Registry,
    pub(super) methods: Arc<MethodTable>,
    pub(super) options: Arc<HubOptions>,
    pub(super) user_ids: Arc<dyn UserIdProvider>,
    pub(super) telemetry: Telemetry,
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
    /// Dropped when the connection is over and its hub has been told.
    pub lease: Box<dyn Any + Send>,
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").field("id", &self.id).finish_non_exhaustive()
    }
}
