//! The registry of one worker, as it is reached from the worker itself and from others.

use std::{future::poll_fn, sync::Arc};

use actix::{Addr, MailboxError, prelude::SendError as MailboxFull};
use futures::channel::oneshot;

use crate::{
    ConnectionId, SendError,
    protocol::SerializedMessage,
    registry::{
        AbortConnection, Ask, Client, Connect, Connected, Publish, Question, RegistryActor, Standing, Target,
    },
};

/// One of the registries of a hub. Shared and not cloned, as the bound of a mailbox holds per address value.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(super) addr: Addr<RegistryActor>,
    pub(super) connected: Arc<Connected>,
}

impl Shard {
    /// Sends a message to everyone a target means here; waits until the connections have it, and says how many there were.
    pub(super) async fn publish(
        &self,
        target: &Arc<Target>,
        message: &SerializedMessage,
    ) -> Result<usize, SendError> {
        poll_fn(|cx| self.connected.poll_sent(cx)).await;
        if let Some(reached) = self.connected.publish_at_once(target, message) {
            return Ok(reached);
        }
        self.addr.send(self.publish_of(target, message)).await.map_err(|_| SendError::Closed)
    }

    /// The same for the registry of another worker, whose connections are not waited for.
    pub(super) async fn hand(&self, target: &Arc<Target>, message: &SerializedMessage) {
        // A full mailbox holds the publisher up; a worker that has ended has no connections left.
        if let Err(MailboxFull::Full(publish)) = self.addr.try_send(self.publish_of(target, message)) {
            let _ = self.addr.send(publish).await;
        }
    }

    /// Asks a connection, if it is here.
    pub(super) async fn ask(
        &self,
        id: &ConnectionId,
        question: Question,
    ) -> Result<Result<(), Question>, MailboxError> {
        self.addr.send(Ask { id: id.clone(), question, place: self.connected.place() }).await
    }

    /// A connection begins.
    pub(super) fn connect(
        &self,
        id: ConnectionId,
        user_id: Option<Arc<str>>,
        client: Client,
        standing: Option<oneshot::Sender<Standing>>,
    ) {
        self.addr.do_send(Connect { id, user_id, client, standing, place: self.connected.place() });
    }

    /// Ends a connection, after all that was published before.
    pub(super) fn abort(&self, id: ConnectionId) {
        self.addr.do_send(AbortConnection { id, place: self.connected.place() });
    }

    fn publish_of(&self, target: &Arc<Target>, message: &SerializedMessage) -> Publish {
        Publish { target: target.clone(), message: message.clone(), place: self.connected.place() }
    }
}
