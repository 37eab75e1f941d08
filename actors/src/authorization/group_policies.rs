//! Policies of groups.

use std::{fmt, sync::Arc};

use crate::{
    authorization::{AuthorizeData, Policies, Policy, PolicyError},
    registry::{GroupPattern, GuardedGroups},
};

/// The name of a guarded group: the resource where it is asked whether somebody may join it, or stay in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    pub(crate) const fn new(name: Arc<str>) -> Self {
        Self(name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Groups that may be joined only by those who meet a demand.
///
/// A connection that does not is not added ([`SendError::NotAuthorized`](crate::SendError::NotAuthorized)), whoever adds it;
/// and it leaves by itself when it does not meet the demand any more: after its principal has been replaced, and when it is
/// [authorized anew](crate::Users::reauthorize). Names are compared with case.
///
/// ```
/// use actix_signalr_actors::{AuthorizeData, GroupDemands};
///
/// let groups = GroupDemands::new()
///     .group("staff", AuthorizeData::policy("Staff"))
///     .groups_with_prefix("secret/", AuthorizeData::roles("Agent"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct GroupDemands(Vec<(GroupPattern, AuthorizeData)>);

impl GroupDemands {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands something of the members of a group. Several demands must all be met.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>, demand: AuthorizeData) -> Self {
        self.0.push((GroupPattern::Name(name.into()), demand));
        self
    }

    /// Demands something of the members of all groups whose names begin so.
    #[must_use]
    pub fn groups_with_prefix(mut self, prefix: impl Into<String>, demand: AuthorizeData) -> Self {
        self.0.push((GroupPattern::Prefix(prefix.into()), demand));
        self
    }

    pub(crate) fn resolve(&self, policies: &Policies) -> Result<GroupPolicies, PolicyError> {
        let resolve = |(pattern, demand): &(GroupPattern, AuthorizeData)| {
            let policy = policies.combine_for::<GroupName>(std::slice::from_ref(demand))?;
            Ok(policy.map(|policy| (pattern.clone(), policy)))
        };
        let resolved = self.0.iter().filter_map(|demand| resolve(demand).transpose());
        resolved.collect::<Result<_, _>>().map(GroupPolicies)
    }
}

/// The same, resolved.
#[derive(Default)]
pub(crate) struct GroupPolicies(Vec<(GroupPattern, Arc<Policy>)>);

impl GroupPolicies {
    /// All that the members of a group have to meet.
    pub(crate) fn of(&self, group: &str) -> Vec<Arc<Policy>> {
        let guards = self.0.iter().filter(|(pattern, _)| pattern.matches(group));
        guards.map(|(_, policy)| policy.clone()).collect()
    }

    /// Which groups they are of.
    pub(crate) fn groups(&self) -> GuardedGroups {
        GuardedGroups(self.0.iter().map(|(pattern, _)| pattern.clone()).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.0.iter().map(|(_, policy)| policy)
    }
}

impl fmt::Debug for GroupPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(pattern, _)| pattern)).finish()
    }
}
