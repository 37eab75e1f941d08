//! The registry of one hub on one worker: which connections a target means.
//!
//! Receives [`Connect`], [`Disconnect`], [`JoinGroup`], [`AskToJoin`], [`LeaveGroup`], [`Publish`], [`Ask`], [`Carry`] and
//! [`AbortConnection`], and by [`TakeIncoming`] what other servers want; sends [`Deliver`] to connections. Never awaits.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use actix::{fut::wrap_future, prelude::*};
use futures::{FutureExt, channel::oneshot, future::join_all};

use crate::{
    ConnectionId,
    backplane::Answer,
    clock::ServerEnds,
    protocol::{GroupAction, GroupCommand, SerializedMessage},
    registry::{
        Act, Ask, AskToJoin, Carried, Carry, Client, Command, Connected, Control, Deliver, GuardedGroups,
        Incoming, Order, Place, Question, TakeIncoming, Target, Topic, WorkerMember,
    },
    revocation::Revocations,
};

/// State only: every decision about membership is in [`Index`](crate::registry::Index), which knows no actors.
#[derive(Debug)]
pub(crate) struct RegistryActor {
    connections: Arc<Connected>,
    /// What is told to other servers; none where there are none.
    member: Option<WorkerMember>,
    rights: Rights,
    /// Who knows the connections that have not shaken hands.
    clock: Recipient<ServerEnds>,
    /// Once the server ends: who waits until all connections are over.
    shutdown: Option<Vec<oneshot::Sender<()>>>,
}

/// What decides, besides the connections themselves, what they may.
#[derive(Debug)]
pub(crate) struct Rights {
    pub(crate) guarded: Arc<OnceLock<GuardedGroups>>,
    pub(crate) revocations: Arc<Revocations>,
}

impl RegistryActor {
    pub(crate) fn new(
        connections: Arc<Connected>,
        member: Option<WorkerMember>,
        rights: Rights,
        clock: Recipient<ServerEnds>,
    ) -> Self {
        Self { connections, member, rights, clock, shutdown: None }
    }

    fn is_guarded(&self, group: &str) -> bool {
        self.rights.guarded.get().is_some_and(|guarded| guarded.contains(group))
    }

    /// Asks a connection of this worker to join a guarded group.
    fn ask_to_join(&self, id: ConnectionId, group: &Arc<str>) -> Option<oneshot::Receiver<bool>> {
        let mut asked = None;
        self.connections.index().select(&Target::Connection(id), |client| {
            let (joined, answer) = oneshot::channel();
            client.tell(Deliver::Join(group.clone(), joined));
            asked = Some(answer);
        });
        asked
    }

    /// Hands an order to the connections that may be meant; each says when it has ended, if it does.
    fn carry(&self, order: &Arc<Order>) -> Vec<oneshot::Receiver<()>> {
        match &order.act {
            // Before the connections hear of it: one that begins now is found here, or finds this.
            Act::Revoke(time) => drop(self.rights.revocations.add(&order.selector, *time, Instant::now())),
            Act::Reinstate => {
                self.rights.revocations.remove(&order.selector);
                return Vec::new();
            }
            _ => {}
        }
        let mut answers = Vec::new();
        self.connections.index().select_members(&order.target(), |client, groups| {
            let (ended, answer) = oneshot::channel();
            let groups = groups.iter().map(|membership| &membership.name);
            let groups = groups.filter(|group| self.is_guarded(group)).cloned().collect();
            client.tell(Deliver::Order(Command { order: order.clone(), groups, ended }));
            answers.push(answer);
        });
        answers
    }

    fn join(&mut self, id: &ConnectionId, group: &Arc<str>) -> Option<Standing> {
        let is_here = self.connections.index().join(id, group);
        let standing = || self.member.as_ref().map(|member| member.add(Topic::Group(group.clone())));
        is_here.then(|| Standing(standing()))
    }

    fn leave(&mut self, id: &ConnectionId, group: &Arc<str>) -> Option<Standing> {
        let is_here = self.connections.index().leave(id, group);
        let standing = || {
            let member = self.member.as_ref().filter(|_| !self.connections.index().has_group(group))?;
            member.remove(&Topic::Group(group.clone()))
        };
        is_here.then(|| Standing(standing()))
    }

    /// Hands the question back where there is no such connection.
    fn ask(&self, id: ConnectionId, question: Question) -> Result<(), Question> {
        let mut question = Some(question);
        self.connections.index().select(&Target::Connection(id), |client| {
            if let Some(question) = question.take() {
                self.connections.counters().delivered(usize::from(client.ask(question)));
            }
        });
        question.map_or(Ok(()), Err)
    }

    /// Another server asks for a change of groups. That nobody is in the group, or somebody already, is no error there either.
    fn follow(&mut self, command: GroupCommand, ctx: &mut Context<Self>) {
        if command.action == GroupAction::Add && self.is_guarded(&command.group) {
            return self.follow_guarded(command, ctx);
        }
        let GroupCommand { action, group, connection_id, .. } = &command;
        let is_here = match action {
            GroupAction::Add => self.join(connection_id, group).is_some(),
            GroupAction::Remove => self.leave(connection_id, group).is_some(),
            GroupAction::Unknown => true,
        };
        if let Some(member) = self.member.as_ref().filter(|_| is_here) {
            member.acknowledge(&command);
        }
    }

    /// The same for a guarded group: there is no word for a refusal, so it is not answered.
    fn follow_guarded(&self, command: GroupCommand, ctx: &mut Context<Self>) {
        let Some(answer) = self.ask_to_join(command.connection_id.clone(), &command.group) else { return };
        ctx.spawn(wrap_future::<_, Self>(answer).map(move |joined, this, _| {
            if let Some(member) = this.member.as_ref().filter(|_| joined.unwrap_or(false)) {
                member.acknowledge(&command);
            }
        }));
    }

    fn obey(&self, control: Control) {
        match control {
            // Those come by ways of their own.
            Control::Order(_) | Control::Done(_) => {}
            Control::Disconnect(id) => {
                self.connections
                    .index()
                    .select(&Target::Connection(id), |client| client.tell(Deliver::Abort));
            }
        }
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
    }
}

/// A connection has passed its handshake.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Connect {
    pub(crate) id: ConnectionId,
    pub(crate) user_id: Option<Arc<str>>,
    pub(crate) client: Client,
    /// Who is told when other servers reach it.
    pub(crate) standing: Option<oneshot::Sender<Standing>>,
    pub(crate) place: Place,
}

impl Handler<Connect> for RegistryActor {
    type Result = ();

    fn handle(&mut self, connect: Connect, _: &mut Self::Context) {
        let Connect { id, user_id, client, standing, place: _place } = connect;
        if self.shutdown.is_some() {
            client.tell(Deliver::Shutdown);
        }
        if let Some(member) = &self.member {
            let user = user_id.clone().filter(|id| !id.is_empty()).map(|id| member.add(Topic::User(id)));
            let both = join_all(std::iter::once(member.add(Topic::Connection(id.clone()))).chain(user));
            if let Some(standing) = standing {
                // The connection may be over already.
                let _ = standing.send(Standing(Some(Box::pin(both.map(drop)))));
            }
        }
        self.connections.allow_for(client.maximum_backlog);
        self.connections.index().insert(id, user_id, client);
    }
}

/// A connection is over: it leaves its groups, and nothing is delivered to it any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Disconnect(pub(crate) ConnectionId);

impl Handler<Disconnect> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Disconnect(id): Disconnect, _: &mut Self::Context) {
        let mut gone = Vec::new();
        self.connections.index().remove(&id, |topic| gone.push(topic));
        if let Some(member) = &self.member {
            gone.iter().for_each(|topic| drop(member.remove(topic)));
        }
        if self.connections.index().len() == 0
            && let Some(waiting) = &mut self.shutdown
        {
            for waiting in waiting.drain(..) {
                let _ = waiting.send(());
            }
        }
    }
}

/// Something that other servers have to hear of has happened here.
pub(crate) struct Standing(Option<Answer<()>>);

impl Standing {
    /// Waits until they have.
    pub(crate) async fn stands(self) {
        if let Some(answer) = self.0 {
            answer.await;
        }
    }
}

/// Adds a connection to a group, if it is of this worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Option<Standing>")]
pub(crate) struct JoinGroup(pub(crate) ConnectionId, pub(crate) Arc<str>);

impl Handler<JoinGroup> for RegistryActor {
    type Result = Option<Standing>;

    fn handle(&mut self, JoinGroup(id, group): JoinGroup, _: &mut Self::Context) -> Option<Standing> {
        self.join(&id, &group)
    }
}

/// Removes a connection from a group, if it is of this worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Option<Standing>")]
pub(crate) struct LeaveGroup(pub(crate) ConnectionId, pub(crate) Arc<str>);

impl Handler<LeaveGroup> for RegistryActor {
    type Result = Option<Standing>;

    fn handle(&mut self, LeaveGroup(id, group): LeaveGroup, _: &mut Self::Context) -> Option<Standing> {
        self.leave(&id, &group)
    }
}

/// Sends a message to everyone a target means; answers how many connections there were.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct Publish {
    pub(crate) target: Arc<Target>,
    pub(crate) message: SerializedMessage,
    pub(crate) place: Place,
}

impl Handler<Publish> for RegistryActor {
    type Result = usize;

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) -> usize {
        let Publish { target, message, place: _place } = publish;
        self.connections.turn();
        self.connections.publish(&target, &message)
    }
}

impl Handler<Ask> for RegistryActor {
    type Result = Result<(), Question>;

    fn handle(&mut self, Ask { id, question, place: _place }: Ask, _: &mut Self::Context) -> Self::Result {
        self.ask(id, question)
    }
}

impl Handler<TakeIncoming> for RegistryActor {
    type Result = ();

    fn handle(&mut self, TakeIncoming: TakeIncoming, ctx: &mut Self::Context) {
        let Some((taken, is_more)) = self.member.as_ref().map(|member| member.inbox.take()) else { return };
        for incoming in taken {
            match incoming {
                Incoming::Message(target, message) => {
                    self.connections.publish(&target, &message);
                }
                // Dropped where the connection has just gone: who asks is told by that.
                Incoming::Question(id, question) => drop(self.ask(id, question)),
                Incoming::Group(command) => self.follow(command, ctx),
                Incoming::Order(order, receipt) => {
                    let answers = self.carry(&order);
                    ctx.spawn(wrap_future(async move { receipt.done(Carried::when(answers).await) }));
                }
                Incoming::Control(control) => self.obey(control),
            }
        }
        if is_more {
            ctx.notify(TakeIncoming);
        }
    }
}

/// Something is to be done with the connections that this worker has.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Obey(pub(crate) Control);

impl Handler<Obey> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Obey(control): Obey, _: &mut Self::Context) {
        self.obey(control);
    }
}

/// A hub asks for the end of a connection of this worker. It comes this way, and not straight to the connection, so that
/// it stays behind what was published before.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct AbortConnection {
    pub(crate) id: ConnectionId,
    pub(crate) place: Place,
}

impl Handler<AbortConnection> for RegistryActor {
    type Result = ();

    fn handle(&mut self, abort: AbortConnection, _: &mut Self::Context) {
        let AbortConnection { id, place: _place } = abort;
        self.connections.index().select(&Target::Connection(id), |client| client.tell(Deliver::Abort));
    }
}

/// The server ends: all connections are ended, and those that come. Answered when there is none any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ShutDown;

impl Handler<ShutDown> for RegistryActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, ShutDown: ShutDown, _: &mut Self::Context) -> Self::Result {
        self.connections.index().select(&Target::All, |client| client.tell(Deliver::Shutdown));
        self.clock.do_send(ServerEnds);
        let (sender, receiver) = oneshot::channel();
        let waiting = self.shutdown.get_or_insert_default();
        if self.connections.index().len() == 0 {
            let _ = sender.send(());
        } else {
            waiting.push(sender);
        }
        Box::pin(async {
            let _ = receiver.await;
        })
    }
}

impl Handler<AskToJoin> for RegistryActor {
    type Result = ResponseFuture<Option<bool>>;

    fn handle(&mut self, AskToJoin(id, group): AskToJoin, _: &mut Self::Context) -> Self::Result {
        let asked = self.ask_to_join(id, &group);
        Box::pin(async {
            match asked {
                // A connection that is over does not answer.
                Some(answer) => Some(answer.await.unwrap_or(false)),
                None => None,
            }
        })
    }
}

impl Handler<Carry> for RegistryActor {
    type Result = ResponseFuture<Carried>;

    fn handle(&mut self, Carry(order): Carry, _: &mut Self::Context) -> Self::Result {
        Box::pin(Carried::when(self.carry(&order)))
    }
}

/// How many connections this worker has.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct CountConnections;

impl Handler<CountConnections> for RegistryActor {
    type Result = usize;

    fn handle(&mut self, CountConnections: CountConnections, _: &mut Self::Context) -> usize {
        self.connections.index().len()
    }
}

/// Publishers of other workers wait beyond it.
const MAILBOX_CAPACITY: usize = 1024;
