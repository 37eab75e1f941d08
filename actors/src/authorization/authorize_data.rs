//! What `#[authorize]` says.

use std::borrow::Cow;

/// One demand on the caller of a hub or a method: a policy, roles, or simply to be known.
///
/// Several of them must all be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizeData {
    pub(crate) policy: Option<Cow<'static, str>>,
    pub(crate) roles: Option<Cow<'static, str>>,
    pub(crate) schemes: Option<Cow<'static, str>>,
}

impl AuthorizeData {
    /// Anybody who is known: the default policy.
    #[must_use]
    pub fn authenticated() -> Self {
        Self::default()
    }

    /// Who meets a policy. Names are compared without case.
    pub fn policy(name: impl Into<Cow<'static, str>>) -> Self {
        Self::default().with_policy(name)
    }

    /// Who has one of the roles, separated by commas.
    pub fn roles(roles: impl Into<Cow<'static, str>>) -> Self {
        Self::default().with_roles(roles)
    }

    /// And who meets a policy.
    #[must_use]
    pub fn with_policy(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.policy = Some(name.into());
        self
    }

    /// And who has one of the roles, separated by commas.
    #[must_use]
    pub fn with_roles(mut self, roles: impl Into<Cow<'static, str>>) -> Self {
        self.roles = Some(roles.into());
        self
    }

    /// And was authenticated by one of the schemes, separated by commas. On a method it has no effect: there the
    /// principal of the connection counts.
    #[must_use]
    pub fn with_schemes(mut self, schemes: impl Into<Cow<'static, str>>) -> Self {
        self.schemes = Some(schemes.into());
        self
    }
}
