//! What an authorization handler looks at.

use std::{any::Any, borrow::Cow, fmt, sync::Arc};

use crate::{ClaimsPrincipal, ConnectRequest, HubCallerContext, authorization::BoundArguments};

/// Who asks, and for what.
pub struct AuthorizationContext {
    user: Arc<ClaimsPrincipal>,
    resource: Resource,
}

enum Resource {
    None,
    Request(Box<ConnectRequest>),
    Invocation(HubInvocation),
    Other(Box<dyn Any + Send + Sync>),
}

impl AuthorizationContext {
    /// Of a user, for nothing in particular.
    #[must_use]
    pub const fn new(user: Arc<ClaimsPrincipal>) -> Self {
        Self { user, resource: Resource::None }
    }

    /// For a connection to a hub.
    #[must_use]
    pub fn for_request(user: Arc<ClaimsPrincipal>, request: ConnectRequest) -> Self {
        Self { user, resource: Resource::Request(Box::new(request)) }
    }

    /// For a call of a hub method.
    #[must_use]
    pub const fn for_invocation(user: Arc<ClaimsPrincipal>, invocation: HubInvocation) -> Self {
        Self { user, resource: Resource::Invocation(invocation) }
    }

    /// For something of the application's own.
    #[must_use]
    pub fn for_resource(user: Arc<ClaimsPrincipal>, resource: impl Any + Send + Sync) -> Self {
        Self { user, resource: Resource::Other(Box::new(resource)) }
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &ClaimsPrincipal {
        &self.user
    }

    /// The call of a hub method; none, where a hub itself is asked for.
    #[must_use]
    pub const fn hub_invocation(&self) -> Option<&HubInvocation> {
        match &self.resource {
            Resource::Invocation(invocation) => Some(invocation),
            _ => None,
        }
    }

    /// The request for a connection to a hub; none, where a method is called.
    #[must_use]
    pub fn request(&self) -> Option<&ConnectRequest> {
        match &self.resource {
            Resource::Request(request) => Some(request),
            _ => None,
        }
    }

    /// What is asked for, if it is of this type: the call, the request for a connection, or a resource of the application's
    /// own.
    #[must_use]
    pub fn resource<T: 'static>(&self) -> Option<&T> {
        let resource: &dyn Any = match &self.resource {
            Resource::None => return None,
            Resource::Request(request) => &**request,
            Resource::Invocation(invocation) => invocation,
            Resource::Other(resource) => &**resource,
        };
        resource.downcast_ref()
    }

    /// Takes the call back.
    pub(crate) fn into_invocation(self) -> Option<HubInvocation> {
        match self.resource {
            Resource::Invocation(invocation) => Some(invocation),
            _ => None,
        }
    }
}

impl fmt::Debug for AuthorizationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource: &dyn fmt::Debug = match &self.resource {
            Resource::None => &"nothing",
            Resource::Request(_) => &"a connection",
            Resource::Invocation(invocation) => invocation,
            Resource::Other(_) => &"a resource",
        };
        f.debug_struct("AuthorizationContext").field("user", &self.user).field("resource", resource).finish()
    }
}

/// A call of a hub method: the resource of authorization at method level.
#[derive(Debug)]
#[non_exhaustive]
pub struct HubInvocation {
    /// Who calls.
    pub ctx: HubCallerContext,
    /// The method's name as the hub declares it, however the client spells it.
    pub method: Cow<'static, str>,
    /// What it is called with.
    pub arguments: BoundArguments,
}

impl HubInvocation {
    pub(crate) const fn new(
        ctx: HubCallerContext,
        method: Cow<'static, str>,
        arguments: BoundArguments,
    ) -> Self {
        Self { ctx, method, arguments }
    }
}
