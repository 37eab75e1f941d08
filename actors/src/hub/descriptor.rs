//! What a hub says of itself, once, when the server is built.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use crate::{
    ConnectRequest, HubInvocation,
    authorization::{AuthorizeData, Policies, Policy, PolicyError},
    hub::{AnyMethod, Hub, HubFilter, HubFilters, HubMethod, MethodEntry, MethodTable, Shape, erase},
};

/// The methods of a hub and what it takes to be allowed to call them.
pub struct HubDescriptor<H> {
    methods: Vec<(MethodDescriptor, Shape, Box<dyn AnyMethod<H>>)>,
    authorize: Vec<AuthorizeData>,
    allow_anonymous: bool,
}

impl<H: Hub> HubDescriptor<H> {
    pub(crate) fn of_hub() -> Self {
        let mut descriptor = Self { methods: Vec::new(), authorize: Vec::new(), allow_anonymous: false };
        H::describe(&mut descriptor);
        descriptor
    }

    /// Lets clients call a method by a name; case does not matter. Two methods of one name are an error when the
    /// server is built.
    pub fn method<Marker: 'static, M: HubMethod<H, Marker>>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        method: M,
    ) -> &mut MethodDescriptor {
        let (shape, method) = erase(method);
        let descriptor =
            MethodDescriptor { name: name.into(), authorize: Vec::new(), filters: HubFilters::default() };
        self.methods.push((descriptor, shape, method));
        let last = self.methods.len() - 1;
        &mut self.methods[last].0
    }

    /// Demands something of everybody who connects to the hub. Several demands must all be met.
    pub fn authorize(&mut self, demand: AuthorizeData) -> &mut Self {
        self.authorize.push(demand);
        self
    }

    /// Lets everybody connect, whatever else is demanded. The demands of methods stay.
    pub const fn allow_anonymous(&mut self) -> &mut Self {
        self.allow_anonymous = true;
        self
    }

    /// Resolves what is demanded of callers.
    ///
    /// # Errors
    /// When a name is given twice, or something demanded cannot be met.
    pub(crate) fn build(
        self,
        policies: &Policies,
        filters: &HubFilters,
    ) -> Result<DescribedHub<H>, DescribeError> {
        let mut table = MethodTable::default();
        let mut methods = Vec::new();
        for (index, (MethodDescriptor { name, authorize, filters: own }, shape, method)) in
            self.methods.into_iter().enumerate()
        {
            let policy = policies
                .combine_for::<HubInvocation>(&authorize)
                .map_err(|err| DescribeError::Policy(Some(name.clone()), err))?;
            let target = name.clone().into_owned().into();
            if !table.insert(MethodEntry { index, name: name.clone(), target, shape, policy }) {
                return Err(DescribeError::DuplicateMethod(name));
            }
            methods.push(DescribedMethod { method, filters: filters.clone().and(&own) });
        }
        let (authorize, allow_anonymous) = (self.authorize, self.allow_anonymous);
        Ok(DescribedHub {
            table: Arc::new(table),
            methods: methods.into(),
            filters: filters.clone(),
            authorize,
            allow_anonymous,
        })
    }
}

impl<H> fmt::Debug for HubDescriptor<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.methods.iter().map(|(method, ..)| method)).finish()
    }
}

/// One method of a hub, while it is being described.
#[derive(Debug)]
pub struct MethodDescriptor {
    name: Cow<'static, str>,
    authorize: Vec<AuthorizeData>,
    filters: HubFilters,
}

impl MethodDescriptor {
    /// Puts a filter around the method, inside those of the hub.
    pub fn filter(&mut self, filter: impl HubFilter) -> &mut Self {
        self.filters = std::mem::take(&mut self.filters).with(filter);
        self
    }

    /// Demands something of everybody who calls the method, each time. Several demands must all be met.
    pub fn authorize(&mut self, demand: AuthorizeData) -> &mut Self {
        self.authorize.push(demand);
        self
    }

    /// Has no effect, as in ASP.NET Core: who may not connect to the hub cannot call its methods, and the demands of
    /// the method stay.
    pub const fn allow_anonymous(&mut self) -> &mut Self {
        self
    }
}

/// A method with all filters around it.
pub(crate) struct DescribedMethod<H> {
    pub(crate) method: Box<dyn AnyMethod<H>>,
    pub(crate) filters: HubFilters,
}

/// A hub whose demands are resolved.
pub(crate) struct DescribedHub<H> {
    pub(crate) table: Arc<MethodTable>,
    pub(crate) methods: Arc<[DescribedMethod<H>]>,
    /// Those of the server and of the hub.
    pub(crate) filters: HubFilters,
    authorize: Vec<AuthorizeData>,
    allow_anonymous: bool,
}

impl<H> DescribedHub<H> {
    /// What it takes to connect, with `more` on top of what the hub demands itself, or the fallback where nothing is
    /// demanded; `None` where everybody may.
    pub(crate) fn policy(
        &self,
        policies: &Policies,
        more: &[AuthorizeData],
    ) -> Result<Option<Arc<Policy>>, DescribeError> {
        Ok(self.demanded(policies, more)?.filter(|_| !self.allow_anonymous))
    }

    /// The schemes of what is demanded. Who is let in without meeting it is known by them all the same.
    pub(crate) fn authentication_schemes(
        &self,
        policies: &Policies,
        more: &[AuthorizeData],
    ) -> Result<Vec<String>, DescribeError> {
        let demanded = self.demanded(policies, more)?;
        Ok(demanded.map(|policy| policy.authentication_schemes().to_vec()).unwrap_or_default())
    }

    fn demanded(
        &self,
        policies: &Policies,
        more: &[AuthorizeData],
    ) -> Result<Option<Arc<Policy>>, DescribeError> {
        let demands = [&self.authorize[..], more].concat();
        let demanded = policies.combine_for::<ConnectRequest>(&demands).and_then(|policy| match policy {
            None => policies.fallback_for::<ConnectRequest>(),
            policy => Ok(policy),
        });
        demanded.map_err(|err| DescribeError::Policy(None, err))
    }
}

impl<H> fmt::Debug for DescribedHub<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescribedHub")
            .field("methods", &self.table)
            .field("authorize", &self.authorize)
            .finish()
    }
}

/// Why a hub cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescribeError {
    /// Two methods have one name; case does not matter.
    DuplicateMethod(Cow<'static, str>),
    /// What is demanded of callers, of one method or of the hub, cannot be met.
    Policy(Option<Cow<'static, str>>, PolicyError),
    /// What is demanded of the members of a group cannot be met.
    Group(PolicyError),
}

impl fmt::Display for DescribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateMethod(name) => write!(f, "the method '{name}' is defined twice"),
            Self::Policy(Some(method), err) => write!(f, "method '{method}': {err}"),
            Self::Policy(None, err) => err.fmt(f),
            Self::Group(err) => write!(f, "a guarded group: {err}"),
        }
    }
}

impl Error for DescribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Policy(_, err) | Self::Group(err) => Some(err),
            Self::DuplicateMethod(_) => None,
        }
    }
}
