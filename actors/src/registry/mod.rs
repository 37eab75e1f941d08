//! Who is connected: one registry actor per hub and worker, and the handle that reaches all of them.

mod actor;
mod index;
mod target;

use std::{fmt, sync::Arc};

use actix::{
    Actor, Addr, Handler, Message,
    dev::{MessageResponse, ToEnvelope},
    prelude::SendError as MailboxFull,
};
use parking_lot::RwLock;

pub(crate) use crate::registry::target::{Deliver, Target};
pub(crate) use crate::registry::{
    actor::{
        AbortConnection, Client, Connect, CountConnections, Disconnect, JoinGroup, LeaveGroup, Publish,
        RegistryActor,
    },
    index::Index,
};
use crate::{ConnectionId, SendError, protocol::SerializedMessage};

/// The registries of one hub on all workers, seen from one of them or from outside.
#[derive(Clone)]
pub(crate) struct Registry {
    shards: Arc<Shards>,
    local: Option<Addr<RegistryActor>>,
}

/// The registry actors of one hub, one a worker. They join as workers start.
#[derive(Debug, Default)]
pub(crate) struct Shards(RwLock<Arc<Vec<Addr<RegistryActor>>>>);

impl Registry {
    /// Seen from outside: no worker is nearer than another.
    pub(crate) const fn outside(shards: Arc<Shards>) -> Self {
        Self { shards, local: None }
    }

    /// Starts the registry of this worker and joins it to the others.
    pub(crate) fn start(shards: Arc<Shards>) -> Self {
        let local = RegistryActor::default().start();
        let mut all = shards.0.write();
        *all = Arc::new(all.iter().filter(|shard| shard.connected()).chain([&local]).cloned().collect());
        drop(all);
        Self { shards, local: Some(local) }
    }

    /// Sends a message to everyone a target means.
    ///
    /// When it returns, the connections of this worker have it in their mailboxes; the other
    /// workers have it in theirs.
    pub(crate) async fn publish(&self, target: Target, message: SerializedMessage) -> Result<(), SendError> {
        let is_for_one = matches!(target, Target::Connection(_));
        let publish = Publish { target: Arc::new(target), message };
        if let Some(local) = &self.local {
            let reached = local.send(publish.clone()).await.map_err(|_| SendError::Closed)?;
            if is_for_one && reached > 0 {
                return Ok(());
            }
        }
        for peer in self.peers().iter().filter(|peer| self.local.as_ref() != Some(peer)) {
            // A full mailbox holds the publisher up; a worker that has ended has no connections left.
            if let Err(MailboxFull::Full(publish)) = peer.try_send(publish.clone()) {
                let _ = peer.send(publish).await;
            }
        }
        Ok(())
    }

    /// Adds a connection, of any worker, to a group. Unknown connections are no error.
    pub(crate) async fn join(&self, id: ConnectionId, group: Arc<str>) -> Result<(), SendError> {
        self.first_that_knows(JoinGroup(id, group)).await
    }

    /// Removes a connection, of any worker, from a group. Unknown connections are no error.
    pub(crate) async fn leave(&self, id: ConnectionId, group: Arc<str>) -> Result<(), SendError> {
        self.first_that_knows(LeaveGroup(id, group)).await
    }

    /// Ends a connection of this worker, after all that was published before.
    pub(crate) fn abort(&self, id: ConnectionId) {
        if let Some(local) = &self.local {
            local.do_send(AbortConnection(id));
        }
    }

    /// How many connections the hub has on all workers.
    pub(crate) async fn count(&self) -> usize {
        let mut count = 0;
        for shard in self.peers().iter() {
            count += shard.send(CountConnections).await.unwrap_or(0);
        }
        count
    }

    /// The registry of this worker.
    pub(crate) const fn local(&self) -> Option<&Addr<RegistryActor>> {
        self.local.as_ref()
    }

    /// Asks one registry after another, the nearest first, until one knows the connection.
    async fn first_that_knows<M>(&self, message: M) -> Result<(), SendError>
    where
        M: Message<Result = bool> + Clone + Send + 'static,
        RegistryActor: Handler<M>,
        <RegistryActor as Actor>::Context: ToEnvelope<RegistryActor, M>,
        bool: MessageResponse<RegistryActor, M>,
    {
        if let Some(local) = &self.local
            && local.send(message.clone()).await.map_err(|_| SendError::Closed)?
        {
            return Ok(());
        }
        for peer in self.peers().iter().filter(|peer| self.local.as_ref() != Some(peer)) {
            if peer.send(message.clone()).await.unwrap_or(false) {
                break;
            }
        }
        Ok(())
    }

    /// The addresses themselves are shared, not cloned: the bound of a mailbox holds per address value.
    fn peers(&self) -> Arc<Vec<Addr<RegistryActor>>> {
        self.shards.0.read().clone()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("shards", &self.peers().len()).finish_non_exhaustive()
    }
}
