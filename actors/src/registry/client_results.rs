//! Questions put to clients, and who waits for the answers.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::Message;
use bytestring::ByteString;
use futures::channel::oneshot;
use parking_lot::Mutex;

use crate::{
    ConnectionId, HubError,
    give_back::GiveBack,
    protocol::{Argument, CompletionResult, HubProtocol, SerializedMessage},
    registry::{Place, RemoteAsker},
};

/// The questions of a hub that are open, on all workers: each is for one connection, and no other may answer it.
#[derive(Debug, Default)]
pub(crate) struct OpenQuestions {
    last: AtomicU64,
    open: Mutex<HashMap<ByteString, ConnectionId>>,
}

impl OpenQuestions {
    /// Opens a question under an id that no other of this process has.
    pub(super) fn open(self: &Arc<Self>, connection_id: &ConnectionId) -> OpenQuestion {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.open_as(ByteString::from(format!("s{number}")), connection_id)
    }

    /// Opens a question; it is closed when the guard is dropped.
    pub(super) fn open_as(self: &Arc<Self>, id: ByteString, connection_id: &ConnectionId) -> OpenQuestion {
        self.open.lock().insert(id.clone(), connection_id.clone());
        OpenQuestion { questions: self.clone(), id }
    }

    /// Whether a question is open that another connection has to answer.
    pub(crate) fn is_for_another(&self, id: &str, connection_id: &ConnectionId) -> bool {
        self.open.lock().get(id).is_some_and(|asked| asked != connection_id)
    }
}

/// A question that waits for its answer.
#[derive(Debug)]
pub(super) struct OpenQuestion {
    questions: Arc<OpenQuestions>,
    pub(super) id: ByteString,
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        let mut open = self.questions.open.lock();
        open.remove(&self.id);
        open.give_back();
    }
}

/// A question on its way to a connection of this worker; handed back where there is no such connection.
#[derive(Message)]
#[rtype(result = "Result<(), Question>")]
pub(crate) struct Ask {
    pub(crate) id: ConnectionId,
    pub(crate) question: Question,
    pub(crate) place: Place,
}

/// A question on its way to a client.
pub(crate) struct Question {
    pub(crate) id: ByteString,
    pub(crate) message: SerializedMessage,
    pub(crate) reply: Reply,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where an answer goes. Dropped without one when the connection is over, which who asks is told.
#[derive(Debug)]
pub(crate) enum Reply {
    /// To somebody of this process.
    Here(oneshot::Sender<Result<Argument, HubError>>),
    /// To another server.
    Elsewhere(Box<RemoteAsker>),
}

impl Reply {
    /// Says which protocol the client speaks that is to answer.
    pub(crate) fn in_protocol(mut self, protocol: HubProtocol) -> Self {
        if let Self::Elsewhere(asker) = &mut self {
            asker.use_protocol(protocol);
        }
        self
    }

    fn is_canceled(&self) -> bool {
        match self {
            Self::Here(reply) => reply.is_canceled(),
            Self::Elsewhere(_) => false,
        }
    }

    fn answer(self, outcome: CompletionResult) {
        match self {
            // Nobody may be waiting any more.
            Self::Here(reply) => drop(reply.send(told_to_asker(outcome))),
            Self::Elsewhere(asker) => asker.answer(&outcome),
        }
    }
}

/// An answer as who has asked sees it.
pub(super) fn told_to_asker(outcome: CompletionResult) -> Result<Argument, HubError> {
    match outcome {
        CompletionResult::Value(result) => Ok(result),
        CompletionResult::Error(error) => Err(HubError::new(error.to_string())),
        CompletionResult::Nothing => Err(HubError::new(NO_MESSAGE)),
    }
}

/// The questions a connection has not answered yet. Most connections are asked none.
#[derive(Debug, Default)]
pub(crate) struct Unanswered(Option<Box<Asked>>);

/// Who waits for the answers; and how many questions there have been, which numbers them.
#[derive(Debug, Default)]
struct Asked {
    open: HashMap<ByteString, (u64, Reply)>,
    count: u64,
}

impl Asked {
    /// Makes room for one more: nobody says that he waits no more, if he is elsewhere.
    fn give_up_oldest(&mut self) {
        let elsewhere = self.open.iter().filter(|(_, (_, reply))| matches!(reply, Reply::Elsewhere(_)));
        let oldest = elsewhere.min_by_key(|(_, (number, _))| *number).map(|(id, _)| id.clone());
        if let Some((_, reply)) = oldest.and_then(|id| self.open.remove(&id)) {
            reply.answer(CompletionResult::Error(TOO_MANY.into()));
        }
    }
}

impl Unanswered {
    pub(crate) fn insert(&mut self, id: ByteString, reply: Reply) {
        let asked = &mut **self.0.get_or_insert_default();
        // Those that nobody waits for any more are forgotten.
        asked.open.retain(|_, (_, reply)| !reply.is_canceled());
        if asked.open.len() >= MOST_UNANSWERED {
            asked.give_up_oldest();
        }
        asked.count += 1;
        asked.open.insert(id, (asked.count, reply));
    }

    /// Hands an answer to who waits for it; hands it back where nobody does.
    pub(crate) fn answer(&mut self, id: &str, outcome: CompletionResult) -> Option<CompletionResult> {
        let waiting = self.0.as_mut().and_then(|asked| asked.open.remove(id));
        let Some((_, reply)) = waiting else { return Some(outcome) };
        reply.answer(outcome);
        None
    }

    /// The connection is over: who waits is told.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

/// What the original says of a failure without a text.
const NO_MESSAGE: &str = "Exception of type 'Microsoft.AspNetCore.SignalR.HubException' was thrown.";

/// Beyond so many questions that a connection has not answered, the oldest that other servers have asked are given up.
const MOST_UNANSWERED: usize = 1000;

/// What who has asked one of those is told.
const TOO_MANY: &str = "The client leaves too many questions unanswered.";
