//! A message that is encoded once, however many connections receive it.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::{
    SendError,
    protocol::{AnyValue, HubMessage, HubProtocol, NamingPolicy, ProtocolSet, RecordReader},
};

/// A call of a client method, in the form of each hub protocol. Cloning it clones a pointer.
#[derive(Clone, Debug)]
pub struct SerializedMessage(Arc<Encodings>);

#[derive(Debug)]
struct Encodings {
    json: Option<Bytes>,
    messagepack: Option<Bytes>,
    /// The same as a transport writes them.
    framed: [OnceLock<Bytes>; 2],
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
        Ok(Self::from_encodings(json, messagepack))
    }

    /// A message that another server has encoded.
    pub(crate) fn from_encodings(json: Option<Bytes>, messagepack: Option<Bytes>) -> Self {
        Self(Arc::new(Encodings { json, messagepack, framed: Default::default() }))
    }

    /// The same with the encoding that is missing of those wanted, where there is another and it is one plain call; else as it
    /// is. For messages of servers that emit fewer protocols than clients here speak.
    pub(crate) fn with_missing(self, wanted: ProtocolSet, naming: NamingPolicy) -> Self {
        let (known, missing, frame) = match (&self.0.json, &self.0.messagepack) {
            (Some(frame), None) => (HubProtocol::Json, HubProtocol::MessagePack, frame),
            (None, Some(frame)) => (HubProtocol::MessagePack, HubProtocol::Json, frame),
            _ => return self,
        };
        if !wanted.contains(missing) {
            return self;
        }
        let Some(Ok(translated)) = translate(known, frame, missing, naming) else { return self };
        let encoding = |protocol| {
            if protocol == known { Some(frame.clone()) } else { translated.encoded(protocol).cloned() }
        };
        Self::from_encodings(encoding(HubProtocol::Json), encoding(HubProtocol::MessagePack))
    }

    /// The message in one protocol; `None` where it was not wanted in that.
    #[must_use]
    pub fn encoded(&self, protocol: HubProtocol) -> Option<&Bytes> {
        match protocol {
            HubProtocol::Json => self.0.json.as_ref(),
            HubProtocol::MessagePack => self.0.messagepack.as_ref(),
        }
    }

    /// The message in one protocol, in the frame of a transport: made by the first who asks, for all that receive it. There
    /// is one such form for each protocol, so no more than one kind of transport may ask.
    #[must_use]
    pub fn framed(&self, protocol: HubProtocol, frame: impl FnOnce(&Bytes) -> Bytes) -> Option<Bytes> {
        let encoded = self.encoded(protocol)?;
        let framed = match protocol {
            HubProtocol::Json => &self.0.framed[0],
            HubProtocol::MessagePack => &self.0.framed[1],
        };
        Some(framed.get_or_init(|| frame(encoded)).clone())
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

/// A framed call in another protocol; `None` where the frame holds anything else.
fn translate(
    from: HubProtocol,
    frame: &Bytes,
    to: HubProtocol,
    naming: NamingPolicy,
) -> Option<Result<SerializedMessage, SendError>> {
    let mut records = RecordReader::new(None);
    records.use_protocol(from);
    let mut rest = frame.clone();
    let record = records.next(&mut rest).ok()??;
    let HubMessage::Invocation(call) = from.parse_with(&record, naming).ok()? else { return None };
    if !rest.is_empty() || call.streaming {
        return None;
    }
    let mut arguments = Vec::<AnyValue>::new();
    let mut reader = call.arguments.reader();
    while let Some(argument) = reader.next().ok()? {
        arguments.push(argument);
    }
    let id = call.invocation_id.as_deref();
    Some(SerializedMessage::encode(id, &call.target, &arguments, to.into(), naming))
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

    #[test]
    fn an_encoding_that_is_missing_is_made_from_the_other() {
        let arguments = ("text", 7, vec![Some(true), None], 1.5);
        let all = SerializedMessage::invocation("notify", &arguments, ProtocolSet::ALL).unwrap();
        let encoding = |protocol| all.encoded(protocol).cloned();
        let (json, messagepack) = (encoding(HubProtocol::Json), encoding(HubProtocol::MessagePack));
        let naming = NamingPolicy::default();
        for (only, missing) in [
            (SerializedMessage::from_encodings(json.clone(), None), HubProtocol::MessagePack),
            (SerializedMessage::from_encodings(None, messagepack.clone()), HubProtocol::Json),
        ] {
            let unwanted = only.clone().with_missing(ProtocolSet::NONE, naming);
            assert_eq!(unwanted.encoded(missing), None);
            let both = only.with_missing(ProtocolSet::ALL, naming);
            assert_eq!(
                (both.encoded(HubProtocol::Json), both.encoded(HubProtocol::MessagePack)),
                (json.as_ref(), messagepack.as_ref())
            );
        }
        for frame in [
            "no call\x1e",
            "{\"type\":6}\x1e",
            "{\"type\":1,\"target\":\"T\",\"arguments\":[]}\x1e{\"type\":6}\x1e",
        ] {
            let other = SerializedMessage::from_encodings(Some(frame.into()), None);
            assert_eq!(other.with_missing(ProtocolSet::ALL, naming).encoded(HubProtocol::MessagePack), None);
        }
    }
}
