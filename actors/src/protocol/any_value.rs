//! A value of any kind, kept as it came.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, Visitor},
    forward_to_deserialize_any,
};

use crate::{
    ProtocolError,
    protocol::{
        Argument, HubProtocol, NamingPolicy, json, messagepack,
        payload::{PayloadError, is_same},
        serializers::refuse,
        transcode::{Once, transcode},
    },
};

/// A value of any kind: what a client sent, not looked into, or what is known by its encoding alone.
///
/// As an argument it takes whatever the client sends; written in the protocol it came in it is what the original
/// would send back. So a JSON number keeps its digits, `1.50`; white space and needless escapes go. In MessagePack
/// each thing has its shortest form, but numbers inside of arrays and maps keep the width they had, and those of a
/// single byte get one of their own. Refused in MessagePack are a map with one key twice, a key that is an array, a
/// map, nil or bytes, extensions other than timestamps, and more than 500 levels.
///
/// Written in another protocol than its own it is translated; timestamps cannot be.
///
/// ```
/// use actix_signalr_actors::protocol::{AnyValue, HubProtocol};
///
/// let value = AnyValue::new(HubProtocol::Json, &("text", 7)).unwrap();
/// assert_eq!(value.read::<(String, i32)>().unwrap(), ("text".to_owned(), 7));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AnyValue {
    protocol: HubProtocol,
    encoded: Bytes,
}

impl AnyValue {
    /// Encodes a value.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new<T: Serialize + ?Sized>(protocol: HubProtocol, value: &T) -> Result<Self, crate::SendError> {
        Ok(Self { protocol, encoded: protocol.encode_payload(value)?.0 })
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// When it is no such value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        Argument::new(self.protocol, self.encoded.clone(), NamingPolicy::default(), "argument").read()
    }

    #[cfg(test)]
    pub(super) const fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    fn transcode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.protocol {
            HubProtocol::Json => {
                let mut deserializer = json::Deserializer::new(&self.encoded, NamingPolicy::AsDeclared);
                transcode(&mut deserializer, serializer)
            }
            HubProtocol::MessagePack => {
                let mut deserializer =
                    messagepack::Deserializer::new(&self.encoded, NamingPolicy::AsDeclared);
                transcode(&mut deserializer, serializer)
            }
        }
    }
}

impl Serialize for AnyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self.protocol {
            HubProtocol::Json => JSON,
            HubProtocol::MessagePack => MESSAGE_PACK,
        };
        serializer.serialize_newtype_struct(name, &Encoded(self))
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ANY, AnyVisitor)
    }
}

impl fmt::Debug for AnyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyValue").field("protocol", &self.protocol).field("encoded", &self.encoded).finish()
    }
}

/// What a serializer is given: the encoded bytes, if it is one of this crate and asks for them, else the value.
struct Encoded<'a>(&'a AnyValue);

impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_same::<S, RawSink<'_>>() {
            serializer.serialize_bytes(&self.0.encoded)
        } else {
            self.0.transcode(serializer)
        }
    }
}

/// Takes the bytes of an [`AnyValue`] as they are.
pub(super) struct RawSink<'a>(pub(super) &'a mut BytesMut);

impl Serializer for RawSink<'_> {
    refuse!(PayloadError::new("not an encoded value"); texts);

    fn serialize_bytes(self, value: &[u8]) -> Result<(), PayloadError> {
        self.0.put_slice(value);
        Ok(())
    }
}

/// The encoding of what is written under this name; `None` where it is no [`AnyValue`].
pub(super) fn encoding_of(name: &'static str) -> Option<HubProtocol> {
    match name {
        JSON => Some(HubProtocol::Json),
        MESSAGE_PACK => Some(HubProtocol::MessagePack),
        _ => None,
    }
}

/// Whether an [`AnyValue`] is to be read. The visitor is given a newtype struct of [`RawValue`] then.
pub(super) fn is_wanted(name: &'static str) -> bool {
    name == ANY
}

/// The bytes of an [`AnyValue`], from a deserializer of this crate.
pub(super) struct RawValue<const IS_JSON: bool>(pub(super) Vec<u8>);

impl<'de, const IS_JSON: bool> Deserializer<'de> for RawValue<IS_JSON> {
    type Error = PayloadError;

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_byte_buf(self.0)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = AnyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<AnyValue, D::Error> {
        let protocol = if is_same::<D, RawValue<true>>() {
            HubProtocol::Json
        } else if is_same::<D, RawValue<false>>() {
            HubProtocol::MessagePack
        } else {
            // From anywhere else than a message.
            return AnyValue::new(HubProtocol::MessagePack, &Once::new(deserializer))
                .map_err(D::Error::custom);
        };
        let encoded = deserializer.deserialize_byte_buf(Raw)?.into();
        Ok(AnyValue { protocol, encoded })
    }
}

struct Raw;

impl Visitor<'_> for Raw {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded value")
    }

    fn visit_bytes<E: serde::de::Error>(self, encoded: &[u8]) -> Result<Vec<u8>, E> {
        Ok(encoded.to_vec())
    }

    fn visit_byte_buf<E: serde::de::Error>(self, encoded: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(encoded)
    }
}

const ANY: &str = "$actix_signalr::AnyValue";
const JSON: &str = "$actix_signalr::AnyValue::Json";
const MESSAGE_PACK: &str = "$actix_signalr::AnyValue::MessagePack";
