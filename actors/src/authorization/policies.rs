//! The policies of a server, by name.

use std::{collections::HashMap, error::Error, fmt, sync::Arc};

use crate::{
    ConnectRequest,
    authorization::{AuthorizeData, Policy, PolicyProvider, rule::ResourceType},
};

/// The policies of a server. Names are compared without case; a name given again replaces.
#[derive(Clone, Default)]
pub struct Policies {
    /// By the name in lower case; with the name as it was given.
    by_name: HashMap<String, (String, Policy)>,
    provider: Option<Arc<dyn PolicyProvider>>,
    default: Option<Policy>,
    fallback: Option<Policy>,
    stops_after_failure: bool,
}

impl Policies {
    /// Defines a policy.
    pub fn insert(&mut self, name: impl AsRef<str>, policy: Policy) {
        let name = name.as_ref();
        self.by_name.insert(name.to_lowercase(), (name.to_owned(), policy));
    }

    /// Who knows the policies that are not defined here.
    pub fn set_provider(&mut self, provider: impl PolicyProvider) {
        self.provider = Some(Arc::new(provider));
    }

    /// What `#[authorize]` without more demands, instead of an authenticated user.
    pub fn set_default(&mut self, policy: Policy) {
        self.default = Some(policy);
    }

    /// What is demanded where nothing is written; nothing.
    pub fn set_fallback(&mut self, policy: Policy) {
        self.fallback = Some(policy);
    }

    /// Whether the rest of a policy's handlers are asked after one has said no; they are.
    pub const fn invoke_handlers_after_failure(&mut self, invoke: bool) {
        self.stops_after_failure = !invoke;
    }

    /// A policy by its name: one that is defined here, or else one that the provider knows.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Policy> {
        self.look_up(name).map(|(_, policy)| policy)
    }

    /// A policy, and its name if it is defined here.
    fn look_up(&self, name: &str) -> Option<(Option<&str>, Policy)> {
        match self.by_name.get(&name.to_lowercase()) {
            Some((name, policy)) => Some((Some(name), policy.clone())),
            None => self.provider.as_ref()?.policy(name).map(|policy| (None, policy)),
        }
    }

    /// The policy that several demands come to; `None` where there is no demand.
    ///
    /// # Errors
    /// When a policy does not exist, one of them demands nothing, or roles are named without any name.
    pub fn combine(&self, demands: &[AuthorizeData]) -> Result<Option<Arc<Policy>>, PolicyError> {
        if demands.is_empty() {
            return Ok(None);
        }
        let (mut combined, mut names_of) = (Policy::new(), Vec::new());
        for demand in demands {
            if let Some(name) = &demand.policy {
                let found = self.look_up(name);
                let (defined, policy) =
                    found.ok_or_else(|| PolicyError::Unknown(name.clone().into_owned()))?;
                combined = combined.combine(not_empty(&policy, name)?);
                names_of.push(defined.unwrap_or(name).to_owned());
            }
            if let Some(roles) = &demand.roles {
                combined = combined.require_role(names(roles));
                names_of.push(format!("roles {}", names(roles).collect::<Vec<_>>().join(" or ")));
            }
            if let Some(schemes) = &demand.schemes {
                combined = combined.schemes(names(schemes));
            }
            if demand.policy.is_none() && demand.roles.is_none() {
                let default = || Policy::new().require_authenticated_user();
                combined =
                    combined.combine(not_empty(&self.default.clone().unwrap_or_else(default), DEFAULT)?);
                names_of.push(DEFAULT.to_owned());
            }
        }
        self.in_use(combined, names_of.join(", ")).map(Some)
    }

    /// The same for one kind of resource.
    ///
    /// # Errors
    /// The same, and when a requirement is one of resources of another type.
    pub(crate) fn combine_for<T: 'static>(
        &self,
        demands: &[AuthorizeData],
    ) -> Result<Option<Arc<Policy>>, PolicyError> {
        let combined = self.combine(demands)?;
        combined.map(|policy| fits::<T>(policy)).transpose()
    }

    /// What is demanded of connections where nothing is written.
    ///
    /// # Errors
    /// When it demands nothing, or its requirements are of other resources.
    pub(crate) fn fallback_for<T: 'static>(&self) -> Result<Option<Arc<Policy>>, PolicyError> {
        let Some(fallback) = &self.fallback else { return Ok(None) };
        let fallback = self.in_use(not_empty(fallback, FALLBACK)?.clone(), FALLBACK.to_owned())?;
        fits::<T>(fallback).map(Some)
    }

    /// What is demanded of requests that nobody takes.
    ///
    /// # Errors
    /// When it demands nothing, or its requirements are of other resources than requests.
    pub fn fallback(&self) -> Result<Option<Arc<Policy>>, PolicyError> {
        self.fallback_for::<ConnectRequest>()
    }

    /// A policy by its name, ready to be asked.
    ///
    /// # Errors
    /// When it does not exist or demands nothing.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<Policy>, PolicyError> {
        let (defined, policy) = self.look_up(name).ok_or_else(|| PolicyError::Unknown(name.to_owned()))?;
        // What a provider makes of names may be without end, so those are counted as one.
        self.in_use(not_empty(&policy, name)?.clone(), defined.unwrap_or(PROVIDED).to_owned())
    }

    /// The names of those that are defined.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.values().map(|(name, _)| &**name)
    }

    fn in_use(&self, policy: Policy, name: String) -> Result<Arc<Policy>, PolicyError> {
        if policy.has_empty_roles() {
            return Err(PolicyError::NoRoles);
        }
        Ok(Arc::new(policy.in_use(name, self.stops_after_failure)))
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("names", &self.by_name.keys()).finish_non_exhaustive()
    }
}

fn not_empty<'a>(policy: &'a Policy, name: &str) -> Result<&'a Policy, PolicyError> {
    if policy.is_empty() { Err(PolicyError::Empty(name.to_owned())) } else { Ok(policy) }
}

fn fits<T: 'static>(policy: Arc<Policy>) -> Result<Arc<Policy>, PolicyError> {
    match policy.cannot_hold_of(ResourceType::of::<T>()) {
        Some((requirement, needs)) => Err(PolicyError::OtherResource { requirement, needs }),
        None => Ok(policy),
    }
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// No policy has this name.
    Unknown(String),
    /// The policy of this name requires nothing.
    Empty(String),
    /// Roles are demanded, and none is named.
    NoRoles,
    /// A requirement can only hold of resources of another type than what it is asked of: one of calls on a hub, for
    /// instance.
    OtherResource {
        /// The requirement.
        requirement: &'static str,
        /// The type of resources of which it can hold.
        needs: &'static str,
    },
    /// The server has not been built whose policies are asked for.
    NotBuilt,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "the authorization policy '{name}' is not defined"),
            Self::Empty(name) => write!(f, "the authorization policy '{name}' requires nothing"),
            Self::NoRoles => f.write_str("roles are demanded, but none is named"),
            Self::OtherResource { requirement, needs } => {
                write!(
                    f,
                    "the requirement {requirement} is one of resources of the type {needs}, and never holds here"
                )
            }
            Self::NotBuilt => f.write_str("the server with the policies has not been built"),
        }
    }
}

impl Error for PolicyError {}

/// A list separated by commas, blanks around the names dropped.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// What the default policy is called.
const DEFAULT: &str = "default";

/// What the fallback policy is called.
const FALLBACK: &str = "fallback";

/// What all policies are called that a provider gives while the server runs.
const PROVIDED: &str = "(provided)";

#[cfg(test)]
mod tests {
    use super::*;

    fn policies() -> Policies {
        let mut policies = Policies::default();
        policies.insert("HasTeam", Policy::new().require_claim("team"));
        policies.insert("Nothing", Policy::new());
        policies
    }

    fn rules(demands: &[AuthorizeData]) -> Result<String, PolicyError> {
        policies().combine(demands).map(|policy| format!("{policy:?}"))
    }

    #[test]
    fn demands_add_up_and_the_default_is_added_only_to_a_bare_one() {
        assert_eq!(rules(&[]).unwrap(), "None");
        assert_eq!(rules(&[AuthorizeData::authenticated()]).unwrap(), r#"Some(["authenticated user"])"#);
        assert_eq!(rules(&[AuthorizeData::policy("hasTEAM")]).unwrap(), r#"Some(["claim"])"#);
        let both = [AuthorizeData::roles("A, B"), AuthorizeData::policy("HasTeam").with_roles("C")];
        assert_eq!(rules(&both).unwrap(), r#"Some(["role", "claim", "role"])"#);
        let scheme = [AuthorizeData::authenticated().with_schemes("Bearer")];
        assert_eq!(rules(&scheme).unwrap(), r#"Some(["authenticated user"])"#);
    }

    #[test]
    fn what_cannot_be_met_by_anybody_is_an_error() {
        assert_eq!(rules(&[AuthorizeData::policy("Other")]), Err(PolicyError::Unknown("Other".into())));
        assert_eq!(rules(&[AuthorizeData::policy("Nothing")]), Err(PolicyError::Empty("Nothing".into())));
        assert_eq!(rules(&[AuthorizeData::roles(" , ")]), Err(PolicyError::NoRoles));
    }
}
