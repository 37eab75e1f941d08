//! Another server that waits for the answer of a client of this one.

use std::{fmt, sync::Arc};

use crate::{
    protocol::{AskedBy, CompletionResult, HubProtocol, ReturnedAnswer},
    registry::{Member, client_results::OpenQuestion},
};

/// Who is answered over the backplane. Dropped without an answer, it says that the client is gone; so nobody waits in vain,
/// whatever becomes of the question.
pub(crate) struct RemoteAsker {
    member: Arc<Member>,
    asked_by: AskedBy,
    protocol: HubProtocol,
    is_answered: bool,
    _open: OpenQuestion,
}

impl RemoteAsker {
    pub(super) fn new(member: Arc<Member>, asked_by: AskedBy, open: OpenQuestion) -> Self {
        // Any will do until the client's is known.
        Self { member, asked_by, protocol: HubProtocol::Json, is_answered: false, _open: open }
    }

    pub(super) const fn use_protocol(&mut self, protocol: HubProtocol) {
        self.protocol = protocol;
    }

    pub(super) fn answer(mut self, outcome: &CompletionResult) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: &CompletionResult) {
        self.is_answered = true;
        let answer = ReturnedAnswer::write(self.protocol, &self.asked_by.invocation_id, outcome);
        self.member.publish_answer(&self.asked_by.return_channel, answer);
    }
}

impl Drop for RemoteAsker {
    fn drop(&mut self) {
        if !self.is_answered {
            self.send(&CompletionResult::Error(DISCONNECTED.into()));
        }
    }
}

impl fmt::Debug for RemoteAsker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteAsker")
            .field("invocation_id", &self.asked_by.invocation_id)
            .finish_non_exhaustive()
    }
}

/// What the original says then.
const DISCONNECTED: &str = "Connection disconnected.";
