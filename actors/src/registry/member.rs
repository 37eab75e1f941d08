//! A hub of this process as a member of those on all servers: what it sends over the backplane, and who waits for what.
//!
//! What comes back is in `incoming`.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::Addr;
use bytes::Bytes;
use bytestring::ByteString;
use futures::{
    channel::{mpsc, oneshot},
    future::{Either, select},
};
use parking_lot::{Mutex, RwLock};

use crate::{
    BackplaneError, ConnectionId, HubError, SendError,
    backplane::{Answer, Backplane, Channels},
    give_back::GiveBack,
    protocol::{
        Argument, AskedBy, ControlMessage, Envelope, GroupAction, GroupCommand, NamingPolicy,
        SerializedMessage, write_ack,
    },
    registry::{
        OpenQuestions, RegistryActor, Target,
        inbox::Inbox,
        incoming::{Channel, ChannelReceiver},
        interests::{Interests, Topic},
        io_error,
    },
};

/// What a process does with a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has clients.
    Serves,
    /// It sends to clients of others, and has none.
    Sends,
}

/// One hub of this process among those of its name on all servers.
pub(crate) struct Member {
    pub(super) backplane: Arc<dyn Backplane>,
    pub(super) channels: Channels,
    role: Role,
    /// In which protocols clients of this process are spoken to.
    pub(super) protocols: Arc<AtomicU8>,
    pub(super) naming: NamingPolicy,
    pub(super) questions: Arc<OpenQuestions>,
    this: Weak<Self>,
    pub(super) interests: Mutex<Interests>,
    pub(super) inboxes: RwLock<HashMap<usize, Arc<Inbox>>>,
    /// The number of the worker of each registry.
    numbers: RwLock<HashMap<Addr<RegistryActor>, usize>>,
    workers: AtomicUsize,
    commands: AtomicI32,
    /// Group commands that no server has followed yet.
    pub(super) unacknowledged: Mutex<HashMap<i32, oneshot::Sender<()>>>,
    /// Orders that not all other servers have carried out yet.
    pub(super) orders: Mutex<HashMap<u64, mpsc::UnboundedSender<usize>>>,
    order_numbers: AtomicU64,
    /// Whether something that cannot be read has come, and been said to.
    pub(super) has_had_unreadable: AtomicBool,
    /// Questions to clients of other servers.
    pub(super) asked: Mutex<HashMap<ByteString, oneshot::Sender<Result<Argument, HubError>>>>,
}

impl Member {
    /// Joins the hub of a name.
    pub(super) fn join(
        backplane: Arc<dyn Backplane>,
        hub: &str,
        role: Role,
        naming: NamingPolicy,
        protocols: Arc<AtomicU8>,
        questions: Arc<OpenQuestions>,
    ) -> Arc<Self> {
        let member = Arc::new_cyclic(|this| Self {
            backplane,
            channels: Channels::new(hub),
            role,
            protocols,
            naming,
            questions,
            this: this.clone(),
            interests: Mutex::default(),
            inboxes: RwLock::default(),
            numbers: RwLock::default(),
            workers: AtomicUsize::new(0),
            commands: AtomicI32::new(0),
            unacknowledged: Mutex::default(),
            orders: Mutex::default(),
            order_numbers: AtomicU64::new(0),
            has_had_unreadable: AtomicBool::new(false),
            asked: Mutex::default(),
        });
        for (name, channel) in member.own_channels() {
            drop(member.backplane.subscribe(&name, member.receiver(channel)));
        }
        member
    }

    pub(super) fn this(&self) -> Weak<Self> {
        self.this.clone()
    }

    pub(super) fn next_order(&self) -> u64 {
        self.order_numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What is listened to for as long as the hub is there.
    fn own_channels(&self) -> Vec<(String, Channel)> {
        let answers = [
            (self.channels.acks(self.channels.server()), Channel::Acks),
            (self.channels.answers(), Channel::Answers),
            (self.channels.control(), Channel::Control),
        ];
        let of_server = [(self.channels.all(), Channel::All), (self.channels.groups(), Channel::Groups)];
        let has_clients = self.role == Role::Serves;
        answers.into_iter().chain(of_server.into_iter().filter(|_| has_clients)).collect()
    }

    fn receiver(&self, channel: Channel) -> Arc<ChannelReceiver> {
        Arc::new(ChannelReceiver::new(self.this.clone(), channel))
    }

    /// The part of a worker that begins.
    pub(super) fn worker(self: &Arc<Self>, registry: Addr<RegistryActor>) -> WorkerMember {
        let worker = self.workers.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox::new(registry.clone().recipient(), self.backplane.counts().clone()));
        self.inboxes.write().insert(worker, inbox.clone());
        self.numbers.write().insert(registry, worker);
        self.backplane.worker_started();
        WorkerMember { member: self.clone(), worker, inbox }
    }

    /// Whether a connection is of this process.
    pub(super) fn has(&self, id: &ConnectionId) -> bool {
        !self.interests.lock().workers(&Topic::Connection(id.clone())).is_empty()
    }

    /// Whether a worker of this process has anybody for a target, as far as is known: one that has not is not to be woken.
    pub(super) fn has_somebody(&self, registry: &Addr<RegistryActor>, target: &Target) -> bool {
        let Some(worker) = self.numbers.read().get(registry).copied() else { return true };
        let interests = self.interests.lock();
        let has = |topic: Topic| interests.workers(&topic).contains(&worker);
        match target {
            Target::All | Target::AllExcept(_) => interests.has_connections(worker),
            Target::Group(name) | Target::GroupExcept(name, _) => has(Topic::Group(name.clone())),
            Target::Groups(names) => names.iter().any(|name| has(Topic::Group(name.clone()))),
            // Nobody says that he listens to an empty name, as it is none for other servers.
            Target::User(id) => id.is_empty() || has(Topic::User(id.clone())),
            Target::Users(ids) => ids.iter().any(|id| id.is_empty() || has(Topic::User(id.clone()))),
            Target::Connection(id) => has(Topic::Connection(id.clone())),
            Target::Connections(ids) => ids.iter().any(|id| has(Topic::Connection(id.clone()))),
        }
    }

    /// Sends a message to those of a target that other servers have. Of a target of many names each is a publication, in
    /// their order.
    pub(super) fn publish(&self, target: &Target, message: &SerializedMessage) -> Publication {
        let except: &[ConnectionId] = match target {
            Target::AllExcept(except) | Target::GroupExcept(_, except) => except,
            _ => &[],
        };
        let payload = Envelope::write(except, message, None);
        let publish = |channel: String| self.backplane.publish(&channel, payload.clone());
        let group = |name: &Arc<str>| publish(self.channels.group(name));
        let user = |id: &Arc<str>| publish(self.channels.user(id));
        let connection = |id: &ConnectionId| publish(self.channels.connection(id));
        match target {
            Target::All | Target::AllExcept(_) => publish(self.channels.all()).into(),
            Target::Group(name) | Target::GroupExcept(name, _) => group(name).into(),
            Target::Groups(names) => names.iter().filter(|name| !name.is_empty()).map(group).collect(),
            Target::User(id) => user(id).into(),
            Target::Users(ids) => ids.iter().filter(|id| !id.is_empty()).map(user).collect(),
            Target::Connection(id) => connection(id).into(),
            Target::Connections(ids) => ids.iter().filter(|id| !self.has(id)).map(connection).collect(),
        }
    }

    /// Asks a client of another server.
    pub(super) async fn ask(
        &self,
        connection_id: &ConnectionId,
        invocation_id: ByteString,
        message: &SerializedMessage,
    ) -> Result<Argument, HubError> {
        let (sender, answer) = oneshot::channel();
        self.asked.lock().insert(invocation_id.clone(), sender);
        let _forgotten = Forgotten(&self.asked, invocation_id.clone());
        let asked_by = AskedBy { invocation_id, return_channel: self.channels.answers() };
        let channel = self.channels.connection(connection_id);
        let payload = Envelope::write(&[], message, Some(&asked_by));
        let receivers = self.backplane.publish(&channel, payload).await.map_err(SendError::Backplane)?;
        if receivers == 0 {
            return Err(io_error(format!("Connection '{connection_id}' does not exist.")));
        }
        // A server that dies tells nobody; neither does an observer of all channels that was counted as a receiver.
        let is_over = || io_error(format!("Connection '{connection_id}' disconnected."));
        match select(answer, self.backplane.abandoned(&channel)).await {
            Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(is_over())),
            Either::Right(((), _)) => Err(is_over()),
        }
    }

    /// Has the server of a connection add it to a group, or remove it, and waits until that is done.
    pub(super) async fn command(
        &self,
        action: GroupAction,
        group: Arc<str>,
        connection_id: ConnectionId,
    ) -> Result<(), SendError> {
        let id = self.commands.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (sender, acknowledged) = oneshot::channel();
        self.unacknowledged.lock().insert(id, sender);
        let _forgotten = Forgotten(&self.unacknowledged, id);
        let server = self.channels.server().to_owned();
        let command = GroupCommand { id, server, action, group, connection_id };
        let published = self.backplane.publish(&self.channels.groups(), command.write());
        published.await.map_err(SendError::Backplane)?;
        match select(acknowledged, self.backplane.sleep(ACK_TIMEOUT)).await {
            Either::Left((Ok(()), _)) => Ok(()),
            Either::Left((Err(_), _)) | Either::Right(_) => {
                Err(SendError::Backplane(BackplaneError::Unacknowledged))
            }
        }
    }

    /// Says that a group command has been followed. It goes out behind the subscription it has led to.
    pub(super) fn acknowledge(&self, command: &GroupCommand) {
        drop(self.backplane.publish(&self.channels.acks(&command.server), write_ack(command.id)));
    }

    /// Hands an answer of a client to the server that waits for it.
    pub(super) fn publish_answer(&self, return_channel: &str, answer: Bytes) {
        drop(self.backplane.publish(return_channel, answer));
    }

    /// Tells the other servers of this crate something.
    pub(super) fn control(&self, message: &ControlMessage) -> Publication {
        self.backplane.publish(&self.channels.control(), message.write()).into()
    }

    fn topic_channel(&self, topic: &Topic) -> String {
        match topic {
            Topic::Connection(id) => self.channels.connection(id),
            Topic::User(id) => self.channels.user(id),
            Topic::Group(name) => self.channels.group(name),
        }
    }

    fn end(&self, topic: &Topic) -> Answer<()> {
        self.backplane.unsubscribe(&self.topic_channel(topic))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for (name, _) in self.own_channels() {
            drop(self.backplane.unsubscribe(&name));
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("channels", &self.channels)
            .field("backplane", &self.backplane)
            .finish()
    }
}

/// A message on its way to other servers, perhaps by several channels.
#[must_use = "whether it has arrived is said to who waits"]
pub(super) struct Publication {
    /// Most go by one channel.
    first: Option<Published>,
    others: Vec<Published>,
}

type Published = Answer<Result<usize, BackplaneError>>;

impl Publication {
    /// Waits until it has arrived on all channels.
    pub(super) async fn arrived(self) -> Result<(), SendError> {
        let mut arrived = Ok(());
        for published in self.first.into_iter().chain(self.others) {
            if let Err(err) = published.await {
                arrived = Err(SendError::Backplane(err));
            }
        }
        arrived
    }
}

impl From<Published> for Publication {
    fn from(published: Published) -> Self {
        Self { first: Some(published), others: Vec::new() }
    }
}

impl FromIterator<Published> for Publication {
    fn from_iter<I: IntoIterator<Item = Published>>(published: I) -> Self {
        let mut published = published.into_iter();
        Self { first: published.next(), others: published.collect() }
    }
}

/// The part that a worker has in a member.
#[derive(Debug)]
pub(crate) struct WorkerMember {
    member: Arc<Member>,
    worker: usize,
    pub(super) inbox: Arc<Inbox>,
}

impl WorkerMember {
    /// The worker has somebody for a topic; answers when others reach him.
    pub(super) fn add(&self, topic: Topic) -> Answer<()> {
        let channel = self.member.topic_channel(&topic);
        let receiver = self.member.receiver(Channel::Topic(topic.clone()));
        // Held while it is subscribed to, so that coming and going keep their order.
        let mut interests = self.member.interests.lock();
        interests.add(topic, self.worker);
        self.member.backplane.subscribe(&channel, receiver)
    }

    /// The worker has nobody for a topic any more; answers when others know.
    pub(super) fn remove(&self, topic: &Topic) -> Option<Answer<()>> {
        let mut interests = self.member.interests.lock();
        interests.remove(topic, self.worker).then(|| self.member.end(topic))
    }

    /// Says that a group command has been followed.
    pub(super) fn acknowledge(&self, command: &GroupCommand) {
        self.member.acknowledge(command);
    }
}

impl Drop for WorkerMember {
    fn drop(&mut self) {
        self.member.inboxes.write().remove(&self.worker);
        self.member.numbers.write().retain(|_, worker| *worker != self.worker);
        let mut interests = self.member.interests.lock();
        for topic in interests.remove_worker(self.worker) {
            drop(self.member.end(&topic));
        }
    }
}

/// Takes who waits out of the list when he does no more.
pub(super) struct Forgotten<'a, K: Eq + std::hash::Hash, V>(
    pub(super) &'a Mutex<HashMap<K, V>>,
    pub(super) K,
);

impl<K: Eq + std::hash::Hash, V> Drop for Forgotten<'_, K, V> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.remove(&self.1);
        waiting.give_back();
    }
}

/// As long as the original waits.
const ACK_TIMEOUT: Duration = Duration::from_secs(30);
