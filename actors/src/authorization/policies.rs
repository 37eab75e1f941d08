//! The policies of a server, by name.

use std::{collections::HashMap, error::Error, fmt, sync::Arc};

use crate::authorization::{AuthorizeData, Policy};

/// The policies of a server. Names are compared without case; a name given again replaces.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    by_name: HashMap<String, Policy>,
    default: Option<Policy>,
}

impl Policies {
    /// Defines a policy.
    pub fn insert(&mut self, name: impl AsRef<str>, policy: Policy) {
        self.by_name.insert(name.as_ref().to_lowercase(), policy);
    }

    /// What `#[authorize]` without more demands, instead of an authenticated user.
    pub fn set_default(&mut self, policy: Policy) {
        self.default = Some(policy);
    }

    /// A policy by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Policy> {
        self.by_name.get(&name.to_lowercase())
    }

    /// The policy that several demands come to; `None` where there is no demand.
    ///
    /// # Errors
    /// When a policy does not exist, one of them demands nothing, or roles are named without any name.
    pub fn combine(&self, demands: &[AuthorizeData]) -> Result<Option<Arc<Policy>>, PolicyError> {
        if demands.is_empty() {
            return Ok(None);
        }
        let mut combined = Policy::new();
        for demand in demands {
            if let Some(name) = &demand.policy {
                let policy =
                    self.find(name).ok_or_else(|| PolicyError::Unknown(name.clone().into_owned()))?;
                if policy.is_empty() {
                    return Err(PolicyError::Empty(name.clone().into_owned()));
                }
                combined = combined.combine(policy);
            }
            if let Some(roles) = &demand.roles {
                combined = combined.require_role(names(roles));
            }
            if let Some(schemes) = &demand.schemes {
                combined = combined.schemes(names(schemes));
            }
            if demand.policy.is_none() && demand.roles.is_none() {
                let default = || Policy::new().require_authenticated_user();
                combined = combined.combine(&self.default.clone().unwrap_or_else(default));
            }
        }
        if combined.has_empty_roles() {
            return Err(PolicyError::NoRoles);
        }
        Ok(Some(Arc::new(combined)))
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
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "the authorization policy '{name}' is not defined"),
            Self::Empty(name) => write!(f, "the authorization policy '{name}' requires nothing"),
            Self::NoRoles => f.write_str("roles are demanded, but none is named"),
        }
    }
}

impl Error for PolicyError {}

/// A list separated by commas, blanks around the names dropped.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

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
