//! Hub messages as data, as far as a server reads them.

use bytestring::ByteString;

use crate::{
    ProtocolError,
    protocol::{Argument, Arguments, MessageHeaders},
};

/// What a client can say once the handshake is done.
#[derive(Debug)]
pub enum HubMessage {
    /// A call: one answer, or none wanted.
    Invocation(Invocation),
    /// An item of a stream that the client uploads.
    StreamItem {
        /// The stream.
        stream_id: ByteString,
        /// The item, not yet typed.
        item: Argument,
    },
    /// The end of an upload, or the answer to a question.
    Completion {
        /// The stream or the question.
        invocation_id: ByteString,
        /// How it ended, or what the answer is.
        result: CompletionResult,
    },
    /// The client wants no more of a call.
    CancelInvocation {
        /// The call.
        invocation_id: ByteString,
    },
    /// The client is there.
    Ping,
    /// The client goes.
    Close {
        /// Why, if it is not just over.
        error: Option<ByteString>,
    },
    /// Up to where the client has received, for stateful reconnect.
    Ack {
        /// The last message received.
        sequence_id: i64,
    },
    /// Where the client goes on, for stateful reconnect.
    Sequence {
        /// The next message that will be sent.
        sequence_id: i64,
    },
    /// A kind of message this server does not know, to be passed over.
    Unknown,
}

impl HubMessage {
    /// Whether it is one of those that both sides count, for stateful reconnect.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        match self {
            Self::Invocation(_)
            | Self::StreamItem { .. }
            | Self::Completion { .. }
            | Self::CancelInvocation { .. } => true,
            Self::Ping | Self::Close { .. } | Self::Ack { .. } | Self::Sequence { .. } | Self::Unknown => {
                false
            }
        }
    }
}

/// A call of a hub method.
#[derive(Debug)]
pub struct Invocation {
    /// Names the call in its answer; none where no answer is wanted.
    pub invocation_id: Option<ByteString>,
    /// The method, as the client spells it.
    pub target: ByteString,
    /// What it is called with, not yet typed.
    pub arguments: Arguments,
    /// The streams the client uploads for it.
    pub stream_ids: Vec<ByteString>,
    /// Whether a stream of answers is wanted.
    pub streaming: bool,
    /// Its headers, if it has any. In MessagePack they are passed over.
    pub headers: Option<MessageHeaders>,
    /// What is wrong with the message apart from its arguments. It ends the connection, once the method is known and
    /// the arguments are bound: a call that is refused before is refused and nothing more.
    pub fault: Option<ProtocolError>,
}

/// How something the client had to complete ended.
#[derive(Clone, Debug)]
pub enum CompletionResult {
    /// It failed, for this reason, which may be empty.
    Error(ByteString),
    /// It is over.
    Nothing,
    /// The answer, not yet typed. Where nobody waits for it, [`Argument::check`] says whether there is one at all.
    Value(Argument),
}
