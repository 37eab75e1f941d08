//! Which groups may be joined only by those who meet a policy.

/// Names of groups: one name, or all with a beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupPattern {
    Name(String),
    Prefix(String),
}

impl GroupPattern {
    /// Whether a group is one of them; names are compared with case.
    pub(crate) fn matches(&self, group: &str) -> bool {
        match self {
            Self::Name(name) => name == group,
            Self::Prefix(prefix) => group.starts_with(&**prefix),
        }
    }
}

/// Which groups are guarded; by what is for the connections to know.
#[derive(Debug, Default)]
pub(crate) struct GuardedGroups(pub(crate) Vec<GroupPattern>);

impl GuardedGroups {
    pub(crate) fn contains(&self, group: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(group))
    }
}
