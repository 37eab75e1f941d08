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

    /// Hands the body of a request to the connection; waits while the connection does not keep up. What comes when it is over, and
    /// its last words are still to be fetched, is for nobody, and no error: the client hears of it where it listens.
    pub(crate) async fn send(&self, mut body: Payload) -> Result<(), ConnectError> {
        let _one_at_a_time = self.sending.lock().await;
        if self.is_over()? {
            return Ok(());
        }
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| ConnectError::UnreadableBody)?;
            if self.is_over()? {
                return Ok(());
            }
            self.flow.inbound.add(chunk.len());
            // Its bytes are bounded by the backlog, so the mailbox need not be.
            self.connection.do_send(Received::from(chunk));
            // Behind the last one, too: the client is not answered before there is room for more.
            while self.flow.inbound.wait() {
                match self.room.send(WaitForRoom).await {
                    Ok(Ok(true)) => {}
                    Ok(Ok(false)) => return Ok(()),
                    Ok(Err(())) | Err(_) => return Err(ConnectError::Gone),
                }
            }
        }
        Ok(())
    }

    /// Whether the connection hears nothing any more; an error where its transport has gone as well.
    fn is_over(&self) -> Result<bool, ConnectError> {
        match self.connection.connected() {
            true => Ok(false),
            false if self.room.connected() => Ok(true),
            false => Err(ConnectError::Gone),
        }
    }
}

/// Answered with yes when there is room for more bytes from the client, and with no when the connection wants none any more; an error
/// where the transport ends.
#[derive(Debug, Message)]
#[rtype(result = "Result<bool, ()>")]
pub(crate) struct WaitForRoom;

/// Requests that wait for room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    waiting: Vec<oneshot::Sender<bool>>,
    is_closed: bool,
}

impl Room {
    /// Waits, if there is no room now. There is one request at a time, so what waits is bounded.
    pub(crate) fn wait(&mut self, flow: &Flow) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        if self.is_closed || !flow.inbound.wait() {
            let _ = sender.send(!self.is_closed);
        } else {
            self.waiting.push(sender);
        }
        receiver
    }

    /// There is room again.
    pub(crate) fn open(&mut self) {
        self.answer(true);
    }

    /// The connection wants no more.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.answer(false);
    }

    /// The transport ends.
    pub(crate) fn leave(&mut self) {
        self.waiting.clear();
    }

    fn answer(&mut self, there_is: bool) {
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(there_is);
        }
    }
}
