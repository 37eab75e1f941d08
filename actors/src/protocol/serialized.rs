//! A message that is encoded once, however many connections receive it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    SendError,
    protocol::{HubProtocol, NamingPolicy, ProtocolSet},
};

/// A call of a client method, in the form of each hub protocol. Cloning it clones a pointer.
#[derive(Clone, Debug)]
pub struct SerializedMessage(Arc<Encodings>);

#[derive(Debug)]
struct Encodings {
    json: Option<Bytes>,
    messagepack: Option<Bytes>,
}

impl SerializedMessage {
    /// Encodes a call of `method` with `arguments`, a tuple; `()` for none.
    ///
    /// # Errors
    /// When the arguments cannot be written in one of the protocols.
    pub fn invocation(
        method: &str,
        arguments: &impl Serialize,
        protocols: ProtocolSet,
    ) -> Result<Self, SendError> {
        Self::invocation_with(method, arguments, protocols, NamingPolicy::default())
    }

    /// Encodes a call as [`invocation`](Self::invocation) does, with other names of members.
    ///
    /// # Errors
    /// When the arguments cannot be written in one of the protocols.
    pub fn invocation_with(
        method: &str,
        arguments: &impl Serialize,
        protocols: ProtocolSet,
        naming: NamingPolicy,
    ) -> Result<Self, SendError> {
        Self::encode(None, method, arguments, protocols, naming)
    }

    /// Encodes a call of `method` that is to be answered under an id.
    ///
    /// # Errors
    /// When the arguments cannot be written in one of the protocols.
    pub(crate) fn question(
        invocation_id: &str,
        method: &str,
        arguments: &impl Serialize,
        protocols: ProtocolSet,
        naming: NamingPolicy,
    ) -> Result<Self, SendError> {
        Self::encode(Some(invocation_id), method, arguments, protocols, naming)
    }

    fn encode(
        invocation_id: Option<&str>,
        method: &str,
        arguments: &impl Serialize,
        protocols: ProtocolSet,
        naming: NamingPolicy,
    ) -> Result<Self, SendError> {
        let encode = |protocol: HubProtocol| -> Result<Option<Bytes>, SendError> {
            if !protocols.contains(protocol) {
                return Ok(None);
            }
            let mut out = BytesMut::with_capacity(128);
            protocol.write_client_invocation(invocation_id, method, arguments, naming, &mut out)?;
            Ok(Some(out.freeze()))
        };
        let (json, messagepack) = (encode(HubProtocol::Json)?, encode(HubProtocol::MessagePack)?);
        Ok(Self(Arc::new(Encodings { json, messagepack })))
    }

    /// The message in one protocol; `None` where it was not wanted in that.
    #[must_use]
    pub fn encoded(&self, protocol: HubProtocol) -> Option<&Bytes> {
        match protocol {
            HubProtocol::Json => self.0.json.as_ref(),
            HubProtocol::MessagePack => self.0.messagepack.as_ref(),
        }
    }

    /// How many bytes it takes of a connection's backlog, at most: in the protocol in which it is longest.
    #[must_use]
    pub fn len(&self) -> usize {
        let length = |encoded: &Option<Bytes>| encoded.as_ref().map_or(0, Bytes::len);
        length(&self.0.json).max(length(&self.0.messagepack))
    }

    /// Whether it has no bytes: nobody was to receive it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_encoded_in_the_protocols_wanted_alone() {
        let message = SerializedMessage::invocation("notify", &(7, "hi"), ProtocolSet::ALL).unwrap();
        let json = message.encoded(HubProtocol::Json).unwrap();
        assert_eq!(&**json, b"{\"type\":1,\"target\":\"notify\",\"arguments\":[7,\"hi\"]}\x1e");
        let messagepack = message.encoded(HubProtocol::MessagePack).unwrap();
        assert_eq!(&**messagepack, b"\x11\x96\x01\x80\xc0\xa6notify\x92\x07\xa2hi\x90");
        assert_eq!(message.len(), json.len());

        let message = SerializedMessage::invocation("T", &(), HubProtocol::MessagePack.into()).unwrap();
        assert_eq!(message.encoded(HubProtocol::Json), None);
        assert_eq!(
            &**message.encoded(HubProtocol::MessagePack).unwrap(),
            b"\x08\x96\x01\x80\xc0\xa1T\x90\x90"
        );
        assert_eq!(message.len(), 9);
        assert!(SerializedMessage::invocation("T", &(), ProtocolSet::NONE).unwrap().is_empty());
        // What cannot be written in a protocol nobody speaks does no harm.
        let infinity = |protocols| SerializedMessage::invocation("T", &(f64::INFINITY,), protocols);
        assert!(infinity(ProtocolSet::ALL).is_err());
        assert!(infinity(HubProtocol::MessagePack.into()).is_ok());
    }
}
