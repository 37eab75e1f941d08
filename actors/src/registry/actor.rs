//! The registry of one hub on one worker: which connections a target means.
//!
//! Receives [`Connect`], [`Disconnect`], [`JoinGroup`], [`LeaveGroup`], [`Publish`], [`Ask`] and [`AbortConnection`]; sends
//! [`Deliver`] to connections. Never awaits.

use std::sync::Arc;

use actix::prelude::*;
use futures::channel::oneshot;

use crate::{
    ConnectionId,
    metrics::Counters,
    protocol::SerializedMessage,
    registry::{Ask, Deliver, Index, Question, Target},
    transport::Backlog,
};

/// State only: every decision about membership is in [`Index`], which knows no actors.
#[derive(Debug)]
pub(crate) struct RegistryActor {
    connections: Index<Client>,
    counters: Arc<Counters>,
    /// Once the server ends: who waits until all connections are over.
    shutdown: Option<Vec<oneshot::Sender<()>>>,
}

impl RegistryActor {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self { connections: Index::default(), counters, shutdown: None }
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
}

impl Handler<Connect> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Connect { id, user_id, client }: Connect, _: &mut Self::Context) {
        if self.shutdown.is_some() {
            client.deliver.do_send(Deliver::Shutdown);
        }
        self.connections.insert(id, user_id, client);
    }
}

/// A connection is over: it leaves its groups, and nothing is delivered to it any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Disconnect(pub(crate) ConnectionId);

impl Handler<Disconnect> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Disconnect(id): Disconnect, _: &mut Self::Context) {
        self.connections.remove(&id);
        if self.connections.len() == 0
            && let Some(waiting) = &mut self.shutdown
        {
            for waiting in waiting.drain(..) {
                let _ = waiting.send(());
            }
        }
    }
}

/// Adds a connection to a group; answers whether the connection is of this worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct JoinGroup(pub(crate) ConnectionId, pub(crate) Arc<str>);

impl Handler<JoinGroup> for RegistryActor {
    type Result = bool;

    fn handle(&mut self, JoinGroup(id, group): JoinGroup, _: &mut Self::Context) -> bool {
        self.connections.join(&id, &group)
    }
}

/// Removes a connection from a group; answers whether the connection is of this worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct LeaveGroup(pub(crate) ConnectionId, pub(crate) Arc<str>);

impl Handler<LeaveGroup> for RegistryActor {
    type Result = bool;

    fn handle(&mut self, LeaveGroup(id, group): LeaveGroup, _: &mut Self::Context) -> bool {
        self.connections.leave(&id, &group)
    }
}

/// Sends a message to everyone a target means; answers how many connections there were.
#[derive(Clone, Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct Publish {
    pub(crate) target: Arc<Target>,
    pub(crate) message: SerializedMessage,
}

impl Handler<Publish> for RegistryActor {
    type Result = usize;

    fn handle(&mut self, Publish { target, message }: Publish, _: &mut Self::Context) -> usize {
        let (mut reached, mut delivered) = (0, 0);
        self.connections.select(&target, |client| {
            delivered += usize::from(client.deliver(&message));
            reached += 1;
        });
        self.counters.delivered(delivered);
        reached
    }
}

impl Handler<Ask> for RegistryActor {
    type Result = Result<(), Question>;

    fn handle(&mut self, Ask(id, question): Ask, _: &mut Self::Context) -> Self::Result {
        let mut question = Some(question);
        self.connections.select(&Target::Connection(id), |client| {
            if let Some(question) = question.take() {
                self.counters.delivered(usize::from(client.ask(question)));
            }
        });
        question.map_or(Ok(()), Err)
    }
}

/// A hub asks for the end of a connection of this worker. It comes this way, and not straight to the connection, so that
/// it stays behind what was published before.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct AbortConnection(pub(crate) ConnectionId);

impl Handler<AbortConnection> for RegistryActor {
    type Result = ();

    fn handle(&mut self, AbortConnection(id): AbortConnection, _: &mut Self::Context) {
        self.connections.select(&Target::Connection(id), |client| client.deliver.do_send(Deliver::Abort));
    }
}

/// The server ends: all connections are ended, and those that come. Answered when there is none any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ShutDown;

impl Handler<ShutDown> for RegistryActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, ShutDown: ShutDown, _: &mut Self::Context) -> Self::Result {
        self.connections.select(&Target::All, |client| client.deliver.do_send(Deliver::Shutdown));
        let (sender, receiver) = oneshot::channel();
        let waiting = self.shutdown.get_or_insert_default();
        if self.connections.len() == 0 {
            let _ = sender.send(());
        } else {
            waiting.push(sender);
        }
        Box::pin(async {
            let _ = receiver.await;
        })
    }
}

/// How many connections this worker has.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct CountConnections;

impl Handler<CountConnections> for RegistryActor {
    type Result = usize;

    fn handle(&mut self, CountConnections: CountConnections, _: &mut Self::Context) -> usize {
        self.connections.len()
    }
}

/// How a connection is reached, and how much may be on its way to it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) deliver: Recipient<Deliver>,
    pub(crate) backlog: Backlog,
    /// Bytes; beyond it the client is too slow.
    pub(crate) maximum_backlog: usize,
}

impl Client {
    /// Says whether the message is delivered, or the client too slow. The bound of this link is the backlog, in bytes and over
    /// all of its queues; so the mailbox needs none.
    fn deliver(&self, message: &SerializedMessage) -> bool {
        let fits = self.backlog.try_add(message.len(), self.maximum_backlog);
        self.deliver.do_send(if fits { Deliver::Message(message.clone()) } else { Deliver::Overflow });
        fits
    }

    fn ask(&self, question: Question) -> bool {
        let fits = self.backlog.try_add(question.message.len(), self.maximum_backlog);
        self.deliver.do_send(if fits { Deliver::Question(question) } else { Deliver::Overflow });
        fits
    }
}

/// Publishers of other workers wait beyond it.
const MAILBOX_CAPACITY: usize = 1024;
