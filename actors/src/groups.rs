//! Adding connections to groups and removing them.

use std::sync::Arc;

use crate::{ConnectionId, SendError, registry::Registry};

/// Adds connections to groups and removes them.
///
/// A group is a name; it exists while it has members. Membership ends with the connection and is no
/// permission: check before adding, or let the hub [guard](crate::GroupDemands) the group.
#[derive(Clone, Debug)]
pub struct GroupManager {
    registry: Registry,
}

impl GroupManager {
    pub(crate) const fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Adds a connection, on any worker or server, to a group. A connection that is in it already is no error; neither is
    /// one that does not exist, unless it may be on another server.
    ///
    /// # Errors
    /// When the group is [guarded](crate::GroupDemands) and the connection's user may not be in it, which servers of others do
    /// not say; when the worker has ended; when no other server says that it has the connection, which takes 30 s to show, or none is
    /// reached.
    pub async fn add(&self, connection_id: impl AsRef<str>, group: impl AsRef<str>) -> Result<(), SendError> {
        self.registry.join(ConnectionId::from(connection_id.as_ref()), Arc::from(group.as_ref())).await
    }

    /// Removes a connection, on any worker or server, from a group. A connection that is not in it is no error; neither is
    /// one that does not exist, unless it may be on another server.
    ///
    /// # Errors
    /// Those of [`add`](Self::add).
    pub async fn remove(
        &self,
        connection_id: impl AsRef<str>,
        group: impl AsRef<str>,
    ) -> Result<(), SendError> {
        self.registry.leave(ConnectionId::from(connection_id.as_ref()), Arc::from(group.as_ref())).await
    }
}
