//! A message that is encoded once, however many connections receive it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    SendError,
    protocol::{HubProtocol, json},
};

/// A call of a client method, in the form of each hub protocol. Cloning it clones a pointer.
#[derive(Clone, Debug)]
pub struct SerializedMessage(Arc<Encodings>);

#[derive(Debug)]
struct Encodings {
    json: Bytes,
}

impl SerializedMessage {
    /// Encodes a call of `method` with `arguments`, a tuple; `()` for none.
    ///
    /// # Errors
    /// When the arguments cannot be written.
    pub fn invocation(method: &str, arguments: &impl Serialize) -> Result<Self, SendError> {
        Self::encode(None, method, arguments)
    }

    /// Encodes a call of `method` that is to be answered under an id.
    ///
    /// # Errors
    /// When the arguments cannot be written.
    pub fn question(
        invocation_id: &str,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<Self, SendError> {
        Self::encode(Some(invocation_id), method, arguments)
    }

    fn encode(
        invocation_id: Option<&str>,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<Self, SendError> {
        let mut out = BytesMut::with_capacity(128);
        json::write_invocation(invocation_id, method, arguments, &mut out)
            .map_err(|err| SendError::Serialize(Box::new(err)))?;
        Ok(Self(Arc::new(Encodings { json: out.freeze() })))
    }

    /// The message in one protocol.
    #[must_use]
    pub fn encoded(&self, protocol: HubProtocol) -> &Bytes {
        match protocol {
            HubProtocol::Json => &self.0.json,
        }
    }

    /// How many bytes it takes of a connection's backlog.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.json.len()
    }

    /// Whether it has no bytes, which no message has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
