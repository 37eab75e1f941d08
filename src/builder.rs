//! What a server is made of.

use std::{any::TypeId, collections::HashSet, fmt, sync::Arc};

use actix_signalr_actors::{
    Authorization, AuthorizeData, DefaultUserIdProvider, GroupDemands, Hub, HubFilter, HubFilters,
    HubOptions, HubServer, Policies, Policy, PolicyProvider, ServerRevocations, UserIdProvider,
    backplane::Backplane, metrics::Metrics,
};

use crate::{
    authentication::{
        AuthenticationScheme, ClaimsTransformation, ConfigurationError, KeptOut, SchemeOperation, Schemes,
    },
    error::{BuildError, check_schemes},
    options::HttpConnectionOptions,
    pending::{self, PendingConnections},
    server::{AnyHub, Endpoint, ServedHub, SignalR},
};

/// Collects what a server is made of; see [`SignalR::builder`].
#[must_use]
pub struct SignalRBuilder {
    schemes: Vec<Arc<dyn AuthenticationScheme>>,
    default_scheme: Option<String>,
    scheme_settings: Vec<SchemeSetting>,
    policies: Policies,
    authorization: Authorization,
    user_ids: Arc<dyn UserIdProvider>,
    options: HubOptions,
    filters: HubFilters,
    backplane: Option<Arc<dyn Backplane>>,
    maximum_pending_connections: usize,
    maximum_pending_connections_per_client: usize,
    hubs: Vec<Box<dyn BuildHub>>,
}

/// What is set when all schemes are there.
type SchemeSetting = Box<dyn FnOnce(&mut Schemes) -> Result<(), ConfigurationError> + Send>;

impl Default for SignalRBuilder {
    fn default() -> Self {
        Self {
            schemes: Vec::new(),
            default_scheme: None,
            scheme_settings: Vec::new(),
            policies: Policies::default(),
            authorization: Authorization::new(),
            user_ids: Arc::new(DefaultUserIdProvider),
            options: HubOptions::default(),
            filters: HubFilters::default(),
            backplane: None,
            maximum_pending_connections: pending::MAXIMUM,
            maximum_pending_connections_per_client: pending::MAXIMUM_PER_CLIENT,
            hubs: Vec::new(),
        }
    }
}

impl SignalRBuilder {
    /// Adds a way to find out who connects. Of several, one is the [default](Self::default_scheme).
    pub fn authentication(mut self, scheme: impl AuthenticationScheme) -> Self {
        self.schemes.push(Arc::new(scheme));
        self
    }

    /// Which scheme is asked where none is named; with only one, it is that.
    pub fn default_scheme(mut self, name: impl Into<String>) -> Self {
        self.default_scheme = Some(name.into());
        self
    }

    /// Which scheme is asked for one operation where none is named, in place of the default one.
    pub fn default_scheme_for(mut self, operation: SchemeOperation, name: impl Into<String>) -> Self {
        let name = name.into();
        self.scheme_settings.push(Box::new(move |schemes| schemes.set_default_for(operation, &name)));
        self
    }

    /// Runs this code for everybody whom a scheme has authenticated, once for a request and scheme: it may add claims, from a
    /// database say. If it panics, nobody has been authenticated.
    pub fn claims_transformation(
        mut self,
        code: impl AsyncFn(&mut ClaimsTransformation) + Send + Sync + 'static,
    ) -> Self {
        self.scheme_settings.push(Box::new(move |schemes| {
            schemes.set_claims_transformation(code);
            Ok(())
        }));
        self
    }

    /// Defines a policy by a name, compared without case.
    pub fn policy(mut self, name: impl AsRef<str>, policy: Policy) -> Self {
        self.policies.insert(name, policy);
        self
    }

    /// What `#[authorize]` alone demands; an authenticated user.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.policies.set_default(policy);
        self
    }

    /// What is demanded of who connects to a hub that demands nothing, by itself or on its route, and does not say
    /// `#[allow_anonymous]`; nothing. Methods are not affected.
    ///
    /// With a fallback a request that no route of the application takes is answered like one that is not allowed, by who does
    /// not meet it, and 404 to others: [`routes`](SignalR::routes) then sets the default handler of the application.
    pub fn fallback_policy(mut self, policy: Policy) -> Self {
        self.policies.set_fallback(policy);
        self
    }

    /// Who knows the policies that are not [defined](Self::policy): names with parameters, such as `MinimumAge21`.
    pub fn policy_provider(mut self, provider: impl PolicyProvider) -> Self {
        self.policies.set_provider(provider);
        self
    }

    /// Whether the rest of a policy's handlers are asked after one has said [no](crate::Outcome::Fail), for what they do
    /// besides; yes. The decision is the same.
    pub fn invoke_handlers_after_failure(mut self, invoke: bool) -> Self {
        self.policies.invoke_handlers_after_failure(invoke);
        self
    }

    /// Gives the policies to what a hub, or the rest of the application, asks them by.
    pub fn authorization(mut self, authorization: &Authorization) -> Self {
        self.authorization = authorization.clone();
        self
    }

    /// Who picks the user id of a connection; [`DefaultUserIdProvider`].
    pub fn user_id_provider(mut self, provider: impl UserIdProvider) -> Self {
        self.user_ids = Arc::new(provider);
        self
    }

    /// The options of all hubs that have none of their own.
    pub fn hub_options(mut self, options: HubOptions) -> Self {
        self.options = options;
        self
    }

    /// Puts a filter around the calls of all hubs; of several the first is outermost.
    pub fn filter(mut self, filter: impl HubFilter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    /// Joins the hubs to those of the same names on other servers, so that they reach connections wherever they are; without
    /// one, a server is alone. See [`HubOptions::backplane_hub_name`] for the names.
    pub fn backplane(mut self, backplane: impl Backplane) -> Self {
        self.backplane = Some(Arc::new(backplane));
        self
    }

    /// How many connections may be negotiated and not yet opened at a time, on all paths; 65,536. Further ones are answered
    /// 503. ASP.NET Core has no such bound.
    pub const fn maximum_pending_connections(mut self, connections: usize) -> Self {
        self.maximum_pending_connections = connections;
        self
    }

    /// How many of these may be of one client; 4,096. Further ones are answered 429. ASP.NET Core has no such bound.
    ///
    /// A client is a user, as [`same_user`](crate::same_user) sees him. Who is not authenticated counts by the address his
    /// request has come from, which with IPv6 is a network of 64 bits. Behind a proxy that is the proxy's, for all of
    /// them: no header is asked, because clients can write any. There, raise it, or let the proxy limit.
    pub const fn maximum_pending_connections_per_client(mut self, connections: usize) -> Self {
        self.maximum_pending_connections_per_client = connections;
        self
    }

    /// Serves a hub at a path.
    pub fn hub<H: Hub>(self, path: impl Into<String>, hub: H) -> Self {
        self.hub_routes(HubRoutes::new(hub).route(path, HttpConnectionOptions::default()))
    }

    /// Serves a hub at several paths, or with options of its own.
    pub fn hub_routes<H: Hub>(mut self, routes: HubRoutes<H>) -> Self {
        self.hubs.push(Box::new(routes));
        self
    }

    /// Checks that all fits together.
    ///
    /// # Errors
    /// When a scheme is not usable, a hub or a method demands what nobody can meet or what does not exist, or a name or
    /// path is given twice. Nothing of that waits for the first call.
    pub fn build(self) -> Result<SignalR, BuildError> {
        let mut schemes = Schemes::new();
        for scheme in self.schemes {
            schemes.add(scheme)?;
        }
        if let Some(default) = &self.default_scheme {
            schemes.set_default(default)?;
        }
        for set in self.scheme_settings {
            set(&mut schemes)?;
        }
        let revocations = ServerRevocations::default();
        schemes.set_kept_out(KeptOut::by(revocations.clone(), self.user_ids.clone()));
        let parts = ServerParts {
            policies: self.policies,
            user_ids: self.user_ids,
            options: self.options,
            filters: self.filters,
            schemes,
            pending: Arc::new(PendingConnections::new(
                self.maximum_pending_connections,
                self.maximum_pending_connections_per_client,
            )),
            metrics: Arc::default(),
            backplane: self.backplane,
            revocations,
        };
        self.authorization.bind(&parts.policies, &parts.options, &parts.metrics)?;
        let fallback = parts.policies.fallback()?;
        if let Some(fallback) = &fallback {
            check_schemes(&parts.schemes, FALLBACK, fallback.authentication_schemes())?;
        }
        let (mut hubs, mut endpoints) = (Vec::<Box<dyn AnyHub>>::new(), Vec::<Endpoint>::new());
        let (mut types, mut paths, mut backplane_names) = (HashSet::new(), HashSet::new(), HashSet::new());
        for hub in self.hubs {
            let name = hub.type_name();
            if !types.insert(hub.hub_type()) {
                return Err(BuildError::DuplicateHub { hub: name });
            }
            let backplane_name = hub.backplane_name(&parts.options);
            if parts.backplane.is_some() && !backplane_names.insert(backplane_name.clone()) {
                return Err(BuildError::DuplicateBackplaneName { name: backplane_name });
            }
            let (hub, routes) = hub.build(hubs.len(), &parts)?;
            for route in routes {
                if !paths.insert(route.path().to_lowercase()) {
                    return Err(BuildError::DuplicatePath { path: route.path().to_owned() });
                }
                route.warn_of_missed_browsers(&parts.schemes);
                endpoints.push(route);
            }
            hubs.push(hub);
        }
        Ok(SignalR::new(hubs, endpoints, parts.schemes, parts.metrics, self.authorization, fallback))
    }
}

impl fmt::Debug for SignalRBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalRBuilder").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}

/// A hub and the paths it is served at: one hub, one registry, however many paths.
///
/// ```
/// # use actix_signalr::{Hub, HubDescriptor, HubOptions, HttpConnectionOptions, HubRoutes, SignalR};
/// # struct ChatHub;
/// # impl Hub for ChatHub { fn describe(_: &mut HubDescriptor<Self>) {} }
/// let routes = HubRoutes::new(ChatHub)
///     .options(HubOptions::default().detailed_errors(cfg!(debug_assertions)))
///     .route("/chat", HttpConnectionOptions::default())
///     .route("/small", HttpConnectionOptions::default().application_max_buffer_size(4096));
/// # SignalR::builder().hub_routes(routes).build().unwrap();
/// ```
#[must_use]
pub struct HubRoutes<H> {
    hub: H,
    options: Option<HubOptions>,
    filters: HubFilters,
    authorize: Vec<AuthorizeData>,
    groups: GroupDemands,
    routes: Vec<(String, HttpConnectionOptions)>,
}

impl<H: Hub> HubRoutes<H> {
    /// A hub without a path yet.
    pub fn new(hub: H) -> Self {
        let (filters, groups) = (HubFilters::default(), GroupDemands::new());
        Self { hub, options: None, filters, authorize: Vec::new(), groups, routes: Vec::new() }
    }

    /// Options of this hub, instead of those of the server.
    pub fn options(mut self, options: HubOptions) -> Self {
        self.options = Some(options);
        self
    }

    /// Puts a filter around its calls, inside those of the server; of several the first is outermost.
    pub fn filter(mut self, filter: impl HubFilter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    /// Demands something of everybody who connects, by whatever route, on top of what the hub and the route demand.
    pub fn require_authorization(mut self, demand: AuthorizeData) -> Self {
        self.authorize.push(demand);
        self
    }

    /// Groups that are only for those who meet a demand.
    pub fn groups(mut self, groups: GroupDemands) -> Self {
        self.groups = groups;
        self
    }

    /// Serves it at a path, compared without case, a slash at its end or none.
    pub fn route(mut self, path: impl Into<String>, options: HttpConnectionOptions) -> Self {
        self.routes.push((path.into(), options));
        self
    }
}

impl<H> fmt::Debug for HubRoutes<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes.iter().map(|(path, _)| path)).finish()
    }
}

/// What all hubs of a server share while it is built.
struct ServerParts {
    policies: Policies,
    user_ids: Arc<dyn UserIdProvider>,
    options: HubOptions,
    filters: HubFilters,
    schemes: Schemes,
    pending: Arc<PendingConnections>,
    metrics: Arc<Metrics>,
    backplane: Option<Arc<dyn Backplane>>,
    revocations: ServerRevocations,
}

/// What is named where the fallback policy cannot be used.
const FALLBACK: &str = "(fallback policy)";

/// A hub to be built, its type forgotten.
trait BuildHub {
    fn hub_type(&self) -> TypeId;
    fn type_name(&self) -> &'static str;
    fn backplane_name(&self, options: &HubOptions) -> String;
    fn build(
        self: Box<Self>,
        index: usize,
        parts: &ServerParts,
    ) -> Result<(Box<dyn AnyHub>, Vec<Endpoint>), BuildError>;
}

impl<H: Hub> BuildHub for HubRoutes<H> {
    fn hub_type(&self) -> TypeId {
        TypeId::of::<H>()
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<H>()
    }

    fn backplane_name(&self, options: &HubOptions) -> String {
        self.options.as_ref().unwrap_or(options).backplane_hub_name_of::<H>().to_owned()
    }

    fn build(
        self: Box<Self>,
        index: usize,
        parts: &ServerParts,
    ) -> Result<(Box<dyn AnyHub>, Vec<Endpoint>), BuildError> {
        let hub = self.type_name();
        let options = self.options.unwrap_or_else(|| parts.options.clone());
        let filters = parts.filters.clone().and(&self.filters);
        let server =
            HubServer::with_filters(self.hub, options, &parts.policies, parts.user_ids.clone(), &filters)
                .map_err(|source| BuildError::Hub { hub, source })?
                .with_metrics(parts.metrics.clone());
        let server = match &parts.backplane {
            Some(backplane) => server.with_backplane(backplane.clone()),
            None => server,
        };
        let server = server
            .with_revocations(&parts.revocations)
            .with_groups(&parts.policies, &self.groups)
            .map_err(|source| BuildError::Hub { hub, source })?;
        let mut endpoints = Vec::new();
        for (path, options) in self.routes {
            let demands = [&self.authorize[..], &options.authorize].concat();
            let refused = |source| BuildError::Hub { hub, source };
            let policy = server.policy(&parts.policies, &demands).map_err(refused)?;
            let schemes = server.authentication_schemes(&parts.policies, &demands).map_err(refused)?;
            if policy.is_some() || !schemes.is_empty() {
                check_schemes(&parts.schemes, hub, &schemes)?;
            }
            let (pending, metrics) = (parts.pending.clone(), parts.metrics.clone());
            endpoints.push(Endpoint::new(index, path, options, (policy, schemes), pending, metrics)?);
        }
        Ok((Box::new(ServedHub(server)), endpoints))
    }
}

#[cfg(test)]
mod tests {
    use actix_signalr_actors::{HubDescriptor, testing::TestNetwork};

    use super::*;

    struct News;

    impl Hub for News {
        fn describe(_: &mut HubDescriptor<Self>) {}
    }

    struct Chat;

    impl Hub for Chat {
        fn describe(_: &mut HubDescriptor<Self>) {}
    }

    #[test]
    fn two_hubs_of_one_name_on_a_backplane_are_refused() {
        let named = |name: &'static str| HubOptions::default().backplane_hub_name(name);
        let server = |chat: &'static str| {
            SignalR::builder()
                .backplane(TestNetwork::default().server())
                .hub("/news", News)
                .hub_routes(
                    HubRoutes::new(Chat)
                        .options(named(chat))
                        .route("/chat", HttpConnectionOptions::default()),
                )
                .build()
        };
        assert!(server("Chat").is_ok());
        let refused = server("News").err().map(|err| err.to_string());
        let text = "two hubs have the name 'News' on the backplane; give one of them another";
        assert_eq!(refused.as_deref(), Some(text));
    }
}
