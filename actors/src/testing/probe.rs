//! An actor that only forwards what it receives: the neighbour of an actor under test.

use std::{error::Error, fmt};

use actix::{
    dev::{MessageResponse, ToEnvelope},
    prelude::*,
};
use futures::{StreamExt, channel::mpsc};

use crate::testing::soon;

/// A recipient of one kind of message, and the inbox where they arrive. Questions are answered with a default.
///
/// ```
/// use actix::{Message, Recipient};
/// use actix_signalr_actors::testing::{ProbeInbox, probe};
///
/// #[derive(Message)]
/// #[rtype(result = "()")]
/// struct Banned(&'static str);
///
/// # actix_rt::System::new().block_on(async {
/// let (banned, mut inbox): (Recipient<Banned>, ProbeInbox<Banned>) = probe();
/// assert!(inbox.try_recv().is_err());
/// banned.do_send(Banned("ann"));
/// assert_eq!(inbox.recv().await.unwrap().0, "ann");
/// # });
/// ```
#[must_use]
pub fn probe<M>() -> (Recipient<M>, ProbeInbox<M>)
where
    M: Message + Send + 'static,
    M::Result: Default + MessageResponse<Probe<M>, M> + Send,
    Context<Probe<M>>: ToEnvelope<Probe<M>, M>,
{
    let (forward, messages) = mpsc::channel(CAPACITY);
    (Probe { forward }.start().recipient(), ProbeInbox { messages })
}

/// The actor behind [`probe`]. Of more than 1024 messages nobody takes, the later ones are dropped.
#[derive(Debug)]
pub struct Probe<M> {
    forward: mpsc::Sender<M>,
}

impl<M: 'static> Actor for Probe<M> {
    type Context = Context<Self>;
}

impl<M> Handler<M> for Probe<M>
where
    M: Message + Send + 'static,
    M::Result: Default + MessageResponse<Self, M>,
{
    type Result = M::Result;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> M::Result {
        if self.forward.try_send(message).is_err() {
            tracing::warn!("a probe drops what nobody takes");
        }
        M::Result::default()
    }
}

/// What a probe received.
#[derive(Debug)]
pub struct ProbeInbox<M> {
    messages: mpsc::Receiver<M>,
}

impl<M> ProbeInbox<M> {
    /// The next message; waits for it, a second at the most.
    ///
    /// # Errors
    /// When none has come.
    pub async fn recv(&mut self) -> Result<M, Nothing> {
        soon(self.messages.next()).await.flatten().ok_or(Nothing)
    }

    /// The next message, if it is there already.
    ///
    /// # Errors
    /// When none is there.
    pub fn try_recv(&mut self) -> Result<M, Nothing> {
        self.messages.try_recv().map_err(|_| Nothing)
    }
}

/// No message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no message has come")
    }
}

impl Error for Nothing {}

/// More than any test looks at.
const CAPACITY: usize = 1024;
