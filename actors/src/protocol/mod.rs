//! Hub protocols: bytes to messages and back, without I/O and without knowing hubs.
//!
//! # Values in messages
//!
//! Arguments, results and items are any types that serde knows. One plain derive serves both protocols:
//!
//! | in Rust | JSON | MessagePack |
//! | --- | --- | --- |
//! | struct | object, names in camelCase; read without regard to case | map, names in PascalCase; read exactly |
//! | enum variant | its name, or an object with it as the only member; read without regard to case | its name, or a map with it as the only key; read exactly |
//! | map | object; keys that are numbers become texts | map |
//! | list, tuple | array | array |
//! | integer | digits; read from digits alone | the shortest form; read from any width |
//! | `f32`, `f64` | a number; infinity cannot be written | `float 32`, `float 64`; read from integers too |
//! | [`bytes::Bytes`], `serde_bytes` | base64 text | `bin`; read from strings too |
//! | `Uuid` | text with hyphens | string with hyphens |
//! | `Option`, `()` | `null` | nil |
//! | [`AnyValue`] | as it came | as it came |
//!
//! [`NamingPolicy`] says precisely how names change, and where they do not. Members that are left out are an error
//! unless the type says otherwise, by `Option` or by `#[serde(default)]`; those that are not known are passed over, unless
//! it says `deny_unknown_fields`; of several with one name the last counts. Enums without data stand by their names in
//! both protocols, where the original has numbers in JSON: a number says nothing about which variant it is that the type
//! itself does not say. Where clients send numbers, `serde_repr` reads and writes them.

mod any_value;
mod argument;
mod arguments;
mod envelope;
mod framing;
mod handshake;
mod headers;
mod json;
mod message;
mod messagepack;
mod naming;
mod payload;
mod payload_format;
mod protocol_set;
mod scratch;
mod serialized;
mod serializers;
mod transcode;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

pub(crate) use crate::protocol::envelope::{
    AskedBy, ControlMessage, Envelope, GroupAction, GroupCommand, ReturnedAnswer, read_ack, write_ack,
};
pub use crate::protocol::{
    any_value::AnyValue,
    argument::Argument,
    arguments::{ArgumentReader, Arguments},
    framing::RecordReader,
    handshake::{HandshakeRequest, handshake_response},
    headers::MessageHeaders,
    message::{CompletionResult, HubMessage, Invocation},
    naming::NamingPolicy,
    payload::Payload,
    payload_format::PayloadFormat,
    protocol_set::ProtocolSet,
    serialized::SerializedMessage,
};
use crate::{
    ProtocolError, SendError,
    protocol::{payload::PayloadError, scratch::written},
};

/// The byte that ends a JSON record.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// The highest version of the hub protocols.
pub const MAXIMUM_VERSION: i32 = 2;

/// The version of the hub protocols from which on they have stateful reconnect.
pub const STATEFUL_VERSION: i32 = 2;

/// What kind of bytes a protocol produces, and a transport can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferFormat {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

impl TransferFormat {
    /// The name used in negotiation and in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Binary => "Binary",
        }
    }
}

/// Which hub protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HubProtocol {
    /// `json`: text records that end in `0x1E`.
    Json,
    /// `messagepack`: binary frames with their length in front.
    MessagePack,
}

impl HubProtocol {
    /// The protocol of a name; case does not matter.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Json, Self::MessagePack]
            .into_iter()
            .find(|protocol| name.eq_ignore_ascii_case(protocol.name()))
    }

    /// The name a client asks for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// What a transport must be able to carry.
    #[must_use]
    pub const fn transfer_format(self) -> TransferFormat {
        match self {
            Self::Json => TransferFormat::Text,
            Self::MessagePack => TransferFormat::Binary,
        }
    }

    /// Reads one record, given without its frame.
    ///
    /// # Errors
    /// When its envelope breaks the protocol's rules; the connection is closed then. Arguments
    /// that do not fit their method are no such error.
    pub fn parse(self, record: &Bytes) -> Result<HubMessage, ProtocolError> {
        self.parse_with(record, NamingPolicy::default())
    }

    /// Reads one record as [`parse`](Self::parse) does, with other names of members in what it carries.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    pub fn parse_with(self, record: &Bytes, naming: NamingPolicy) -> Result<HubMessage, ProtocolError> {
        self.parse_whole(record.clone(), naming)
    }

    /// The same, where nobody needs the record any more.
    pub(crate) fn parse_whole(
        self,
        record: Bytes,
        naming: NamingPolicy,
    ) -> Result<HubMessage, ProtocolError> {
        match self {
            Self::Json => json::parse(record, naming),
            Self::MessagePack => messagepack::parse(&record, naming),
        }
    }

    /// Encodes a value as it stands inside a message.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode_payload<T: Serialize + ?Sized>(self, value: &T) -> Result<Payload, SendError> {
        self.encode_payload_with(value, NamingPolicy::default())
    }

    /// Encodes a value as [`encode_payload`](Self::encode_payload) does, with other names of members.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode_payload_with<T: Serialize + ?Sized>(
        self,
        value: &T,
        naming: NamingPolicy,
    ) -> Result<Payload, SendError> {
        let written = written(|out| match self {
            Self::Json => json::write_payload(value, naming, out),
            Self::MessagePack => messagepack::write_payload(value, naming, out),
        });
        written.map(Payload).map_err(unwritten)
    }

    /// Writes the answer to a call.
    pub fn write_result(self, invocation_id: &str, result: &Payload, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_result(invocation_id, &result.0, out),
            Self::MessagePack => messagepack::write_result(invocation_id, &result.0, out),
        }
    }

    /// Writes the answer to a call that failed.
    pub fn write_error(self, invocation_id: &str, error: &str, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_error(invocation_id, error, out),
            Self::MessagePack => messagepack::write_error(invocation_id, error, out),
        }
    }

    /// The answer to a call, framed, as it came from a client that speaks this protocol.
    pub(crate) fn completion(self, invocation_id: &str, outcome: &CompletionResult) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        match outcome {
            CompletionResult::Value(value) => self.write_result(invocation_id, &value.payload(), &mut out),
            CompletionResult::Error(error) => self.write_error(invocation_id, error, &mut out),
            CompletionResult::Nothing => self.write_completion_end(invocation_id, &mut out),
        }
        out.freeze()
    }

    /// Writes the end of a stream: neither a result nor an error.
    pub fn write_completion_end(self, invocation_id: &str, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_completion_end(invocation_id, out),
            Self::MessagePack => messagepack::write_completion_end(invocation_id, out),
        }
    }

    /// Writes an item of a stream.
    pub fn write_stream_item(self, invocation_id: &str, item: &Payload, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_stream_item(invocation_id, &item.0, out),
            Self::MessagePack => messagepack::write_stream_item(invocation_id, &item.0, out),
        }
    }

    /// Writes a call of a method on the client's side; with an id, the client is asked for an answer. The arguments
    /// are a tuple; `()` for none.
    ///
    /// # Errors
    /// When the arguments cannot be written. What `out` has then is of no use.
    pub fn write_client_invocation(
        self,
        invocation_id: Option<&str>,
        method: &str,
        arguments: &impl Serialize,
        naming: NamingPolicy,
        out: &mut BytesMut,
    ) -> Result<(), SendError> {
        match self {
            Self::Json => json::write_invocation(invocation_id, method, arguments, naming, out),
            Self::MessagePack => messagepack::write_invocation(invocation_id, method, arguments, naming, out),
        }
        .map_err(unwritten)
    }

    /// Writes that an answer is wanted no more.
    pub fn write_cancel(self, invocation_id: &str, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_cancel(invocation_id, out),
            Self::MessagePack => messagepack::write_cancel(invocation_id, out),
        }
    }

    /// Writes up to which message has been received, for stateful reconnect.
    pub fn write_ack(self, sequence_id: i64, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_ack(sequence_id, out),
            Self::MessagePack => messagepack::write_ack(sequence_id, out),
        }
    }

    /// Writes with which message it goes on, for stateful reconnect.
    pub fn write_sequence(self, sequence_id: i64, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_sequence(sequence_id, out),
            Self::MessagePack => messagepack::write_sequence(sequence_id, out),
        }
    }

    /// The message that says the server is there.
    #[must_use]
    pub fn ping(self) -> Bytes {
        match self {
            Self::Json => Bytes::from_static(b"{\"type\":6}\x1e"),
            Self::MessagePack => Bytes::from_static(&[0x02, 0x91, 0x06]),
        }
    }

    /// The message that ends a connection.
    #[must_use]
    pub fn close(self, error: Option<&str>, allow_reconnect: bool) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        match self {
            Self::Json => json::write_close(error, allow_reconnect, &mut out),
            Self::MessagePack => messagepack::write_close(error, allow_reconnect, &mut out),
        }
        out.freeze()
    }
}

fn unwritten(err: PayloadError) -> SendError {
    SendError::Serialize(Box::new(err))
}

#[cfg(test)]
mod payload_tests;
#[cfg(test)]
mod smoke;
