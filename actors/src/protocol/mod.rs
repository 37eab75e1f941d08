//! Hub protocols: bytes to messages and back, without I/O and without knowing hubs.

mod arguments;
mod framing;
mod handshake;
mod json;
mod json_payload;
mod message;
mod scan;
mod serialized;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

pub(crate) use crate::protocol::framing::RecordReader;
pub use crate::protocol::{
    arguments::{Argument, ArgumentReader, Arguments},
    handshake::{HandshakeRequest, handshake_response},
    message::{CompletionOutcome, HubMessage, Invocation},
    serialized::SerializedMessage,
};
use crate::{ProtocolError, SendError};

/// The byte that ends a JSON record.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// The highest version of the hub protocols.
pub const MAXIMUM_VERSION: i32 = 2;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubProtocol {
    /// `json`: text records that end in `0x1E`.
    Json,
}

impl HubProtocol {
    /// The protocol of a name; case does not matter.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        name.eq_ignore_ascii_case("json").then_some(Self::Json)
    }

    /// The name a client asks for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
        }
    }

    /// What a transport must be able to carry.
    #[must_use]
    pub const fn transfer_format(self) -> TransferFormat {
        match self {
            Self::Json => TransferFormat::Text,
        }
    }

    /// Reads one record, given without its frame.
    ///
    /// # Errors
    /// When its envelope breaks the protocol's rules; the connection is closed then. Arguments
    /// that do not fit their method are no such error.
    pub fn parse(self, record: &Bytes) -> Result<HubMessage, ProtocolError> {
        match self {
            Self::Json => json::parse(record),
        }
    }

    /// Encodes a value as it stands inside a message.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode_payload<T: Serialize + ?Sized>(self, value: &T) -> Result<Payload, SendError> {
        let mut out = BytesMut::new();
        match self {
            Self::Json => json_payload::write_payload(value, &mut out),
        }
        .map_err(|err| SendError::Serialize(Box::new(err)))?;
        Ok(Payload(out.freeze()))
    }

    /// Writes the answer to a call.
    pub fn write_result(self, invocation_id: &str, result: &Payload, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_result(invocation_id, &result.0, out),
        }
    }

    /// Writes the answer to a call that failed.
    pub fn write_error(self, invocation_id: &str, error: &str, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_error(invocation_id, error, out),
        }
    }

    /// Writes one item of a stream to the client.
    pub fn write_stream_item(self, invocation_id: &str, item: &Payload, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_stream_item(invocation_id, &item.0, out),
        }
    }

    /// Writes the end of a stream to the client.
    pub fn write_completion_end(self, invocation_id: &str, out: &mut BytesMut) {
        match self {
            Self::Json => json::write_completion_end(invocation_id, out),
        }
    }

    /// The message that says the server is there.
    #[must_use]
    pub fn ping(self) -> Bytes {
        match self {
            Self::Json => Bytes::from_static(b"{\"type\":6}\x1e"),
        }
    }

    /// The message that ends a connection.
    #[must_use]
    pub fn close(self, error: Option<&str>, allow_reconnect: bool) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        match self {
            Self::Json => json::write_close(error, allow_reconnect, &mut out),
        }
        out.freeze()
    }
}

/// A value encoded in one protocol, to be put into a message of it.
#[derive(Clone, Debug)]
pub struct Payload(Bytes);
