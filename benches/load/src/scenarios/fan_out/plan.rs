//! Who sends how much to whom.

/// Whom messages are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    All,
    /// Connections take turns in joining the groups, with this hub method.
    Groups {
        join: String,
    },
    Users {
        per_user: usize,
    },
}

impl Audience {
    /// What a target is called in a call; nothing when all are meant.
    pub(super) fn name(&self, target: usize) -> String {
        match self {
            Self::All => String::new(),
            Self::Groups { .. } => format!("group-{target}"),
            Self::Users { .. } => format!("user-{target}"),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct FanOutPlan {
    pub(crate) audience: Audience,
    /// How many groups or users there are; 1 for all.
    pub(crate) targets: usize,
    pub(crate) connections: usize,
    pub(crate) publishers: usize,
    /// Messages a second; without one, so many in flight of each publisher.
    pub(crate) rate: Option<f64>,
    pub(crate) in_flight: u32,
    /// Bytes of the text.
    pub(crate) payload: usize,
    /// Whether calls have an id.
    pub(crate) is_answered: bool,
    pub(crate) method: String,
    /// The method of clients that is called.
    pub(crate) receive: String,
}

impl FanOutPlan {
    /// The target that a connection belongs to.
    pub(super) fn target_of(&self, connection: usize) -> usize {
        match self.audience {
            Audience::All => 0,
            Audience::Groups { .. } => connection % self.targets,
            Audience::Users { per_user } => connection / per_user,
        }
    }

    /// How many connections each target has.
    pub(super) fn receivers(&self) -> Vec<u32> {
        let mut receivers = vec![0; self.targets];
        (0..self.connections).for_each(|connection| receivers[self.target_of(connection)] += 1);
        receivers
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plan for one publisher.
    pub(crate) fn plan(audience: Audience, connections: usize, targets: usize) -> FanOutPlan {
        FanOutPlan {
            audience,
            targets,
            connections,
            publishers: 1,
            rate: None,
            in_flight: 1,
            payload: 40,
            is_answered: true,
            method: "Broadcast".to_owned(),
            receive: "Receive".to_owned(),
        }
    }

    #[test]
    fn every_connection_belongs_to_one_target() {
        assert_eq!(plan(Audience::All, 7, 1).receivers(), [7]);
        assert_eq!(plan(Audience::Users { per_user: 3 }, 7, 3).receivers(), [3, 3, 1]);
        assert_eq!(plan(Audience::Groups { join: "Join".to_owned() }, 7, 3).receivers(), [3, 2, 2]);
    }
}
