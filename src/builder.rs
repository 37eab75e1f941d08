//! What a server is made of.

use std::{any::TypeId, collections::HashSet, fmt, sync::Arc};

use actix_signalr_actors::{
    DefaultUserIdProvider, Hub, HubFilter, HubFilters, HubOptions, HubServer, Policies, Policy,
    UserIdProvider, metrics::Metrics,
};

use crate::{
    authentication::{AuthenticationScheme, Schemes},
    error::BuildError,
    options::HttpConnectionOptions,
    server::{AnyHub, Endpoint, ServedHub, SignalR},
};

/// Collects what a server is made of; see [`SignalR::builder`].
#[must_use]
pub struct SignalRBuilder {
    schemes: Vec<Arc<dyn AuthenticationScheme>>,
    default_scheme: Option<String>,
    policies: Policies,
    user_ids: Arc<dyn UserIdProvider>,
    options: HubOptions,
    filters: HubFilters,
    hubs: Vec<Box<dyn BuildHub>>,
}

impl Default for SignalRBuilder {
    fn default() -> Self {
        Self {
            schemes: Vec::new(),
            default_scheme: None,
            policies: Policies::default(),
            user_ids: Arc::new(DefaultUserIdProvider),
            options: HubOptions::default(),
            filters: HubFilters::default(),
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
        let parts = ServerParts {
            policies: self.policies,
            user_ids: self.user_ids,
            options: self.options,
            filters: self.filters,
            schemes,
            metrics: Arc::default(),
        };
        let (mut hubs, mut endpoints) = (Vec::<Box<dyn AnyHub>>::new(), Vec::<Endpoint>::new());
        let (mut types, mut paths) = (HashSet::new(), HashSet::new());
        for hub in self.hubs {
            let name = hub.type_name();
            if !types.insert(hub.hub_type()) {
                return Err(BuildError::DuplicateHub { hub: name });
            }
            let (hub, routes) = hub.build(hubs.len(), &parts)?;
            for route in routes {
                if !paths.insert(route.path().to_lowercase()) {
                    return Err(BuildError::DuplicatePath { path: route.path().to_owned() });
                }
                endpoints.push(route);
            }
            hubs.push(hub);
        }
        Ok(SignalR::new(hubs, endpoints, parts.schemes, parts.metrics))
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
    routes: Vec<(String, HttpConnectionOptions)>,
}

impl<H: Hub> HubRoutes<H> {
    /// A hub without a path yet.
    pub fn new(hub: H) -> Self {
        Self { hub, options: None, filters: HubFilters::default(), routes: Vec::new() }
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
    metrics: Arc<Metrics>,
}

/// A hub to be built, its type forgotten.
trait BuildHub {
    fn hub_type(&self) -> TypeId;
    fn type_name(&self) -> &'static str;
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
        let mut endpoints = Vec::new();
        for (path, options) in self.routes {
            let policy = server
                .policy(&parts.policies, &options.authorize)
                .map_err(|source| BuildError::Hub { hub, source })?;
            if let Some(policy) = &policy {
                let known = |name: &str| parts.schemes.names().any(|scheme| scheme == name);
                if parts.schemes.names().next().is_none() {
                    return Err(BuildError::NoAuthentication { hub });
                }
                if let Some(scheme) = policy.authentication_schemes().iter().find(|scheme| !known(scheme)) {
                    return Err(BuildError::UnknownScheme { hub, scheme: scheme.clone() });
                }
            }
            endpoints.push(Endpoint::new(index, path, options, policy, parts.metrics.clone())?);
        }
        Ok((Box::new(ServedHub(server)), endpoints))
    }
}
