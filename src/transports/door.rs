//! Where the requests of a connection go that is made of requests, from whatever worker they arrive at.

use std::sync::Arc;

use actix::{Addr, Message, Recipient};
use actix_signalr_actors::{
    ConnectionActor,
    transport::{Flow, Received},
};
use actix_web::web::Payload;
use futures::{StreamExt, channel::oneshot, lock::Mutex};

use crate::{error::ConnectError, transports::long_polling::LongPollingTransport};

/// The way to a connection that is served by requests. Cheap to clone; usable on any thread.
#[derive(Clone, Debug)]
pub(crate) struct RequestDoor {
    pub(crate) connection: Addr<ConnectionActor>,
    pub(crate) flow: Flow,
    pub(crate) room: Recipient<WaitForRoom>,
    /// Where polls go, if it is polled.
    pub(crate) polls: Option<Addr<LongPollingTransport>>,
    /// One body after the other, so that their bytes do not mix.
    sending: Arc<Mutex<()>>,
}

impl RequestDoor {
    pub(crate) fn new(
        connection: Addr<ConnectionActor>,
        flow: Flow,
        room: Recipient<WaitForRoom>,
        polls: Option<Addr<LongPollingTransport>>,
    ) -> Self {
        Self { connection, flow, room, polls, sending: Arc::default() }
    }

    /// Hands the body of a request to the connection; waits while the connection does not keep up.
    pub(crate) async fn send(&self, mut body: Payload) -> Result<(), ConnectError> {
        let _one_at_a_time = self.sending.lock().await;
        self.check_connected()?;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| ConnectError::UnreadableBody)?;
            self.check_connected()?;
            while self.flow.inbound.wait() {
                let room = self.room.send(WaitForRoom).await;
                room.unwrap_or(Err(())).map_err(|()| ConnectError::Gone)?;
            }
            self.flow.inbound.add(chunk.len());
            // Its bytes are bounded by the backlog, so the mailbox need not be.
            self.connection.do_send(Received(chunk));
        }
        // What it has brought may have ended the connection: the client is told so where it listens.
        Ok(())
    }

    fn check_connected(&self) -> Result<(), ConnectError> {
        if self.connection.connected() { Ok(()) } else { Err(ConnectError::Gone) }
    }
}

/// Answered when there is room for more bytes from the client; an error where there never will be.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ()>")]
pub(crate) struct WaitForRoom;

/// Requests that wait for room.
#[derive(Debug, Default)]
pub(crate) struct Room(Vec<oneshot::Sender<()>>);

impl Room {
    /// Waits, if there is no room now. There is one request at a time, so what waits is bounded.
    pub(crate) fn wait(&mut self, flow: &Flow) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        if flow.inbound.wait() {
            self.0.push(sender);
        } else {
            let _ = sender.send(());
        }
        receiver
    }

    /// There is room again.
    pub(crate) fn open(&mut self) {
        for waiting in self.0.drain(..) {
            let _ = waiting.send(());
        }
    }
}
