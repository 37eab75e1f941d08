//! Who is connected: one registry actor per hub and worker, and the handle that reaches all of them.

mod actor;
mod client_results;
mod index;
mod target;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use actix::{
    Actor, Addr, Handler, Message,
    dev::{MessageResponse, ToEnvelope},
    prelude::SendError as MailboxFull,
};
use futures::{FutureExt, channel::oneshot};
use parking_lot::RwLock;
use serde::Serialize;

pub(crate) use crate::registry::target::{Deliver, Target};
pub(crate) use crate::registry::{
    actor::{
        AbortConnection, Client, Connect, CountConnections, Disconnect, JoinGroup, LeaveGroup, Publish,
        RegistryActor, ShutDown,
    },
    client_results::{Ask, OpenQuestions, Question, Unanswered},
    index::Index,
};
use crate::{
    ConnectionId, HubError, SendError,
    metrics::Counters,
    protocol::{Argument, HubProtocol, NamingPolicy, ProtocolSet, SerializedMessage},
};

/// The registries of one hub on all workers, seen from one of them or from outside.
#[derive(Clone)]
pub(crate) struct Registry {
    shards: Arc<Shards>,
    local: Option<Addr<RegistryActor>>,
}

/// The registry actors of one hub, one a worker. They join as workers start.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    actors: RwLock<Arc<Vec<Addr<RegistryActor>>>>,
    questions: OpenQuestions,
    /// In which protocols messages have to be encoded: those that any client has ever spoken.
    protocols: AtomicU8,
    naming: NamingPolicy,
}

impl Shards {
    /// None yet; what is sent names the members of structs so.
    pub(crate) fn new(naming: NamingPolicy) -> Self {
        Self { naming, ..Self::default() }
    }
}

impl Registry {
    /// Seen from outside: no worker is nearer than another.
    pub(crate) const fn outside(shards: Arc<Shards>) -> Self {
        Self { shards, local: None }
    }

    /// Starts the registry of this worker and joins it to the others.
    pub(crate) fn start(shards: Arc<Shards>, counters: Arc<Counters>) -> Self {
        let local = RegistryActor::new(counters).start();
        let mut all = shards.actors.write();
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

    /// Asks a client, of any worker, and waits for its answer.
    pub(crate) async fn ask(
        &self,
        connection_id: &ConnectionId,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<Argument, HubError> {
        let open = self.shards.questions.open(connection_id);
        let message =
            SerializedMessage::question(&open.id, method, arguments, self.protocols(), self.shards.naming)?;
        let (reply, answer) = oneshot::channel();
        let mut question = Question { id: open.id.clone(), message, reply };
        let peers = self.peers();
        let others = peers.iter().filter(|peer| self.local.as_ref() != Some(peer));
        for shard in self.local.iter().chain(others) {
            question = match shard.send(Ask(connection_id.clone(), question)).await {
                Ok(Ok(())) => {
                    let is_over = || io_error(format!("Connection '{connection_id}' disconnected."));
                    return answer.await.unwrap_or_else(|_| Err(is_over()));
                }
                Ok(Err(question)) => question,
                // A worker that has ended takes the question with it.
                Err(_) => break,
            };
        }
        Err(io_error(format!("Connection '{connection_id}' does not exist.")))
    }

    /// In which protocols a message to any client has to be encoded.
    ///
    /// A client whose protocol nobody spoke before is not missed: what is encoded without it was sent before the client
    /// had its handshake answered.
    fn protocols(&self) -> ProtocolSet {
        ProtocolSet::from_bits(self.shards.protocols.load(Ordering::Acquire))
    }

    /// Encodes a call for any client.
    pub(crate) fn encode(
        &self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<SerializedMessage, SendError> {
        SerializedMessage::invocation_with(method, arguments, self.protocols(), self.shards.naming)
    }

    /// A client speaks a protocol.
    pub(crate) fn speaks(&self, protocol: HubProtocol) {
        self.shards.protocols.fetch_or(ProtocolSet::from(protocol).to_bits(), Ordering::AcqRel);
    }

    /// Whether a question is open that another connection has to answer.
    pub(crate) fn is_asked_of_another(&self, question: &str, connection_id: &ConnectionId) -> bool {
        self.shards.questions.is_for_another(question, connection_id)
    }

    /// Ends a connection of this worker, after all that was published before.
    pub(crate) fn abort(&self, id: ConnectionId) {
        if let Some(local) = &self.local {
            local.do_send(AbortConnection(id));
        }
    }

    /// Ends all connections of all workers, and waits until they are over.
    pub(crate) async fn shut_down(&self) {
        let peers = self.peers();
        // A worker that has ended has none.
        let ended = peers.iter().map(|shard| shard.send(ShutDown).map(drop));
        futures::future::join_all(ended).await;
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
        self.shards.actors.read().clone()
    }
}

fn io_error(text: String) -> HubError {
    HubError::internal("IOException", text)
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("shards", &self.peers().len()).finish_non_exhaustive()
    }
}
