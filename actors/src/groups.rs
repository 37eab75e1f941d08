//! Adding connections to groups and removing them.

use std::sync::Arc;

use crate::{ConnectionId, SendError, registry::Registry};

/// Adds connections to groups and removes them.
///
/// A group is a name; it exists while it has members. Membership ends with the connection and is no
/// permission: check before adding.
#[derive(Clone, Debug)]
pub struct GroupManager {
    registry: Registry,
}

impl GroupManager {
    pub(crate) const fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Adds a connection, on any worker, to a group. A connection that is in it already, or that does not exist,
    /// is no error.
    ///
    /// # Errors
    /// When the worker has ended.
    pub async fn add(&self, connection_id: impl AsRef<str>, group: impl AsRef<str>) -> Result<(), SendError> {
        self.registry.join(ConnectionId::from(connection_id.as_ref()), Arc::from(group.as_ref())).await
    }

    /// Removes a connection, on any worker, from a group. A connection that is not in it, or that does not exist,
    /// is no error.
    ///
    /// # Errors
    /// When the worker has ended.
    pub async fn remove(
        &self,
        connection_id: impl AsRef<str>,
        group: impl AsRef<str>,
    ) -> Result<(), SendError> {
        self.registry.leave(ConnectionId::from(connection_id.as_ref()), Arc::from(group.as_ref())).await
    }
}
