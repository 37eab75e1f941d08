//! How the values of one connection are written.

use serde::Serialize;

use crate::{
    SendError,
    protocol::{HubProtocol, NamingPolicy, Payload},
};

/// The protocol of a connection, and what the members of structs are called in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// The hub protocol.
    pub protocol: HubProtocol,
    /// The names.
    pub naming: NamingPolicy,
}

impl PayloadFormat {
    /// Encodes a value as it stands inside a message.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Payload, SendError> {
        self.protocol.encode_payload_with(value, self.naming)
    }
}
