//! Who is connected: one registry actor per hub and worker, and the handle that reaches all of them.

mod actor;
mod client;
mod client_results;
mod connected;
mod control;
mod guarded_groups;
mod inbox;
mod incoming;
mod index;
mod interests;
mod member;
mod order;
mod remote_asker;
mod remote_orders;
mod shard;
mod target;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use actix::{
    Actor, Addr, AsyncContext, Handler, Message, Recipient,
    dev::{MessageResponse, ToEnvelope},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytestring::ByteString;
use futures::{FutureExt, channel::oneshot};
use parking_lot::RwLock;
use serde::Serialize;
use uuid::Uuid;

pub(crate) use crate::registry::target::{Deliver, Target};
pub(crate) use crate::registry::{
    actor::{
        AbortConnection, Connect, CountConnections, Disconnect, JoinGroup, LeaveGroup, Obey, Publish,
        RegistryActor, Rights, ShutDown, Standing,
    },
    client::Client,
    client_results::{Ask, OpenQuestions, Question, Reply, Unanswered},
    connected::{Connected, Place},
    control::Control,
    guarded_groups::{GroupPattern, GuardedGroups},
    inbox::{Incoming, TakeIncoming},
    index::Index,
    interests::Topic,
    member::{Member, Role, WorkerMember},
    order::{Act, Age, AskToJoin, Carried, Carry, Command, Order},
    remote_asker::RemoteAsker,
    shard::Shard,
};
use crate::{
    ConnectionId, HubError, SendError,
    backplane::{Answer, Backplane},
    clock::ServerEnds,
    metrics::Counters,
    protocol::{Argument, GroupAction, HubProtocol, NamingPolicy, ProtocolSet, SerializedMessage},
    revocation::Revocations,
};

/// The registries of one hub on all workers, seen from one of them or from outside.
#[derive(Clone)]
pub(crate) struct Registry {
    shards: Arc<Shards>,
    local: Option<Arc<Shard>>,
}

/// The registry actors of one hub, one a worker. They join as workers start.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    actors: RwLock<Arc<Vec<Arc<Shard>>>>,
    questions: Arc<OpenQuestions>,
    /// Those of other servers; none where there are none.
    member: Option<Arc<Member>>,
    /// In which protocols messages have to be encoded: those that any client has ever spoken.
    protocols: Arc<AtomicU8>,
    naming: NamingPolicy,
    guarded: Arc<OnceLock<GuardedGroups>>,
    /// Those of the server.
    revocations: OnceLock<Arc<Revocations>>,
}

impl Shards {
    /// None yet; what is sent names the members of structs so.
    pub(crate) fn new(naming: NamingPolicy) -> Self {
        Self { naming, ..Self::default() }
    }

    /// Some groups are only for those who meet a policy. Said once, before anybody connects.
    pub(crate) fn guard(&self, groups: GuardedGroups) {
        let _ = self.guarded.set(groups);
    }

    /// The revocations are those of a server, not the hub's own. Said once, before anybody connects.
    pub(crate) fn share_revocations(&self, revocations: Arc<Revocations>) {
        let _ = self.revocations.set(revocations);
    }

    /// What others have said before.
    pub(crate) fn keep_rights_of(&mut self, others: &Self) {
        self.guarded = others.guarded.clone();
        self.revocations = others.revocations.clone();
    }

    fn revocations(&self) -> &Arc<Revocations> {
        self.revocations.get_or_init(Arc::default)
    }

    /// Joins those of other servers that know the hub by this name.
    pub(crate) fn join(&mut self, backplane: Arc<dyn Backplane>, hub: &str, role: Role) {
        let (protocols, questions) = (self.protocols.clone(), self.questions.clone());
        self.member = Some(Member::join(backplane, hub, role, self.naming, protocols, questions));
    }
}

impl Registry {
    /// Seen from outside: no worker is nearer than another.
    pub(crate) const fn outside(shards: Arc<Shards>) -> Self {
        Self { shards, local: None }
    }

    /// Starts the registry of this worker and joins it to the others.
    pub(crate) fn start(shards: Arc<Shards>, counters: Arc<Counters>, clock: Recipient<ServerEnds>) -> Self {
        let member = shards.member.clone();
        let connected = Arc::new(Connected::new(counters));
        let shared = connected.clone();
        let addr = RegistryActor::create(|ctx| {
            let member = member.map(|member| member.worker(ctx.address()));
            let rights =
                Rights { guarded: shards.guarded.clone(), revocations: shards.revocations().clone() };
            RegistryActor::new(shared, member, rights, clock)
        });
        let local = Arc::new(Shard { addr, connected });
        let mut all = shards.actors.write();
        *all = Arc::new(all.iter().filter(|shard| shard.addr.connected()).chain([&local]).cloned().collect());
        drop(all);
        Self { shards, local: Some(local) }
    }

    /// Sends a message to everyone a target means.
    ///
    /// When it returns, the connections of this worker have it; the other workers have it in their mailboxes, and the other
    /// servers are as good as sent it.
    pub(crate) async fn publish(&self, target: Target, message: SerializedMessage) -> Result<(), SendError> {
        let Some(member) = &self.shards.member else { return self.deliver(target, message).await };
        let is_only_here = matches!(&target, Target::Connection(id) if member.has(id));
        if is_only_here {
            return self.deliver(target, message).await;
        }
        // Begun before anything is waited for, so that messages go out in the order in which they are sent.
        let publication = member.publish(&target, &message);
        if target.is_list() {
            for target in target.one_by_one() {
                self.deliver(target, message.clone()).await?;
            }
        } else {
            self.deliver(target, message).await?;
        }
        publication.arrived().await
    }

    /// Sends a message to those of a target that this process has.
    async fn deliver(&self, target: Target, message: SerializedMessage) -> Result<(), SendError> {
        let is_for_one = matches!(target, Target::Connection(_));
        let target = Arc::new(target);
        if let Some(local) = &self.local {
            let reached = local.publish(&target, &message).await?;
            if is_for_one && reached > 0 {
                return Ok(());
            }
        }
        let member = self.shards.member.as_ref();
        let is_meant = |peer: &Shard| member.is_none_or(|member| member.has_somebody(&peer.addr, &target));
        for peer in self.others(&self.peers()).filter(|peer| is_meant(peer)) {
            peer.hand(&target, &message).await;
        }
        Ok(())
    }

    /// A connection begins on this worker. Where there are other servers, answers when they reach it.
    pub(crate) fn connect(
        &self,
        id: ConnectionId,
        user_id: Option<Arc<str>>,
        client: Client,
    ) -> Option<Answer<()>> {
        let local = self.local.as_ref()?;
        if self.shards.member.is_none() {
            local.connect(id, user_id, client, None);
            return None;
        }
        let (sender, standing) = oneshot::channel();
        local.connect(id, user_id, client, Some(sender));
        Some(Box::pin(async {
            if let Ok(standing) = standing.await {
                standing.stands().await;
            }
        }))
    }

    /// Adds a connection, of any server, to a group. Unknown connections are no error, where there is no other server; one
    /// that may not join is.
    pub(crate) async fn join(&self, id: ConnectionId, group: Arc<str>) -> Result<(), SendError> {
        if self.shards.guarded.get().is_some_and(|guarded| guarded.contains(&group)) {
            return self.join_guarded(id, group).await;
        }
        let join = JoinGroup(id.clone(), group.clone());
        self.change_groups(join, GroupAction::Add, id, group).await
    }

    /// Removes a connection, of any server, from a group. Unknown connections are no error, where there is no other server.
    pub(crate) async fn leave(&self, id: ConnectionId, group: Arc<str>) -> Result<(), SendError> {
        let leave = LeaveGroup(id.clone(), group.clone());
        self.change_groups(leave, GroupAction::Remove, id, group).await
    }

    /// Asks the connection itself, which knows its user, or else its server.
    async fn join_guarded(&self, id: ConnectionId, group: Arc<str>) -> Result<(), SendError> {
        let ask = AskToJoin(id, group);
        for shard in self.nearest_first(&self.peers()) {
            if let Ok(Some(joined)) = shard.addr.send(ask.clone()).await {
                return if joined { Ok(()) } else { Err(SendError::NotAuthorized) };
            }
        }
        let AskToJoin(id, group) = ask;
        match &self.shards.member {
            Some(member) => member.command(GroupAction::Add, group, id).await,
            None => Ok(()),
        }
    }

    /// Has connections of all servers carry out an order, and waits until they have.
    pub(crate) async fn carry(&self, order: Arc<Order>) -> Carried {
        let elsewhere = async {
            match &self.shards.member {
                Some(member) => member.order(&order).await,
                None => Carried::default(),
            }
        };
        let (there, here) = futures::future::join(elsewhere, self.carry_here(order.clone())).await;
        there.and(here)
    }

    /// The same for the connections of this process.
    pub(crate) async fn carry_here(&self, order: Arc<Order>) -> Carried {
        let peers = self.peers();
        // A worker that has ended has no connections.
        let carried =
            peers.iter().map(|shard| shard.addr.send(Carry(order.clone())).map(Result::unwrap_or_default));
        futures::future::join_all(carried).await.into_iter().fold(Carried::default(), Carried::and)
    }

    /// Whom the server keeps out.
    pub(crate) fn revocations(&self) -> &Revocations {
        self.shards.revocations()
    }

    async fn change_groups<M>(
        &self,
        message: M,
        action: GroupAction,
        id: ConnectionId,
        group: Arc<str>,
    ) -> Result<(), SendError>
    where
        M: Message<Result = Option<Standing>> + Clone + Send + 'static,
        RegistryActor: Handler<M>,
        <RegistryActor as Actor>::Context: ToEnvelope<RegistryActor, M>,
        Option<Standing>: MessageResponse<RegistryActor, M>,
    {
        match (self.first_that_knows(message).await?, &self.shards.member) {
            (Some(standing), _) => standing.stands().await,
            (None, Some(member)) => member.command(action, group, id).await?,
            (None, None) => {}
        }
        Ok(())
    }

    /// Asks a client, of any server, and waits for its answer.
    pub(crate) async fn ask(
        &self,
        connection_id: &ConnectionId,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<Argument, HubError> {
        let questions = &self.shards.questions;
        let open = match &self.shards.member {
            Some(_) => questions.open_as(unique_id(), connection_id),
            None => questions.open(connection_id),
        };
        let message =
            SerializedMessage::question(&open.id, method, arguments, self.protocols(), self.shards.naming)?;
        if let Some(member) = self.shards.member.as_ref().filter(|member| !member.has(connection_id)) {
            return member.ask(connection_id, open.id.clone(), &message).await;
        }
        let (reply, answer) = oneshot::channel();
        let mut question = Question { id: open.id.clone(), message, reply: Reply::Here(reply) };
        for shard in self.nearest_first(&self.peers()) {
            question = match shard.ask(connection_id, question).await {
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

    /// Has something done with connections of all servers of this crate.
    pub(crate) async fn control(&self, control: Control) -> Result<(), SendError> {
        let told = self.shards.member.as_ref().map(|member| member.control(&control.to_message()));
        for shard in self.peers().iter() {
            // A worker that has ended has no connections left.
            let _ = shard.addr.send(Obey(control.clone())).await;
        }
        match told {
            Some(told) => told.arrived().await,
            None => Ok(()),
        }
    }

    /// Whether names that are empty are passed over in lists, as the original does where there are other servers.
    pub(crate) fn passes_over_empty_names(&self) -> bool {
        self.shards.member.is_some()
    }

    /// In which protocols a message to any client has to be encoded.
    ///
    /// A client whose protocol nobody spoke before is not missed: what is encoded without it was sent before the client
    /// had its handshake answered.
    fn protocols(&self) -> ProtocolSet {
        if self.shards.member.is_some() {
            // Other servers have clients of which this one knows nothing.
            return ProtocolSet::ALL;
        }
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
            local.abort(id);
        }
    }

    /// Ends all connections of all workers, and waits until they are over.
    pub(crate) async fn shut_down(&self) {
        let peers = self.peers();
        // A worker that has ended has none.
        let ended = peers.iter().map(|shard| shard.addr.send(ShutDown).map(drop));
        futures::future::join_all(ended).await;
        if let Some(member) = &self.shards.member {
            member.backplane.flushed().await;
        }
    }

    /// How many connections the hub has on all workers.
    pub(crate) async fn count(&self) -> usize {
        let mut count = 0;
        for shard in self.peers().iter() {
            count += shard.addr.send(CountConnections).await.unwrap_or(0);
        }
        count
    }

    /// The connections of this worker.
    pub(crate) fn connected(&self) -> Option<&Connected> {
        self.local.as_ref().map(|shard| &*shard.connected)
    }

    /// The registry of this worker.
    pub(crate) fn local(&self) -> Option<&Addr<RegistryActor>> {
        self.local.as_ref().map(|shard| &shard.addr)
    }

    /// Asks one registry after another, the nearest first, until one knows the connection.
    async fn first_that_knows<M>(&self, message: M) -> Result<Option<Standing>, SendError>
    where
        M: Message<Result = Option<Standing>> + Clone + Send + 'static,
        RegistryActor: Handler<M>,
        <RegistryActor as Actor>::Context: ToEnvelope<RegistryActor, M>,
        Option<Standing>: MessageResponse<RegistryActor, M>,
    {
        if let Some(local) = self.local()
            && let Some(standing) = local.send(message.clone()).await.map_err(|_| SendError::Closed)?
        {
            return Ok(Some(standing));
        }
        for peer in self.others(&self.peers()) {
            if let Ok(Some(standing)) = peer.addr.send(message.clone()).await {
                return Ok(Some(standing));
            }
        }
        Ok(None)
    }

    fn nearest_first<'a>(&'a self, peers: &'a [Arc<Shard>]) -> impl Iterator<Item = &'a Arc<Shard>> {
        self.local.iter().chain(self.others(peers))
    }

    /// Those of other workers.
    fn others<'a>(&'a self, peers: &'a [Arc<Shard>]) -> impl Iterator<Item = &'a Arc<Shard>> {
        let is_local = |peer: &Arc<Shard>| self.local.as_ref().is_some_and(|local| Arc::ptr_eq(local, peer));
        peers.iter().filter(move |peer| !is_local(peer))
    }

    fn peers(&self) -> Arc<Vec<Arc<Shard>>> {
        self.shards.actors.read().clone()
    }
}

/// An invocation id that no other server gives: 16 random bytes as unpadded base64, 22 characters.
fn unique_id() -> ByteString {
    STANDARD_NO_PAD.encode(Uuid::new_v4().as_bytes()).into()
}

fn io_error(text: String) -> HubError {
    HubError::internal("IOException", text)
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("shards", &self.peers().len()).finish_non_exhaustive()
    }
}
