//! One value from a client: raw until its type is known.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    ProtocolError,
    protocol::{HubProtocol, NamingPolicy, Payload, json, messagepack},
};

/// A value as it came, in the client's protocol.
#[derive(Clone, Debug)]
pub struct Argument {
    protocol: HubProtocol,
    /// The value; in MessagePack whatever stands behind it in its message, too.
    raw: Bytes,
    naming: NamingPolicy,
    /// What it is in its message.
    field: &'static str,
}

impl Argument {
    pub(crate) const fn new(
        protocol: HubProtocol,
        raw: Bytes,
        naming: NamingPolicy,
        field: &'static str,
    ) -> Self {
        Self { protocol, raw, naming, field }
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// When it is no such value; the text is that of the original, as far as it does not depend on its types.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        match self.protocol {
            HubProtocol::Json => {
                let mut deserializer = json::Deserializer::new(&self.raw, self.naming);
                T::deserialize(&mut deserializer)
                    .map_err(|err| ProtocolError::named("JsonException", err.to_string()))
            }
            HubProtocol::MessagePack => {
                let mut deserializer = messagepack::Deserializer::new(&self.raw, self.naming);
                T::deserialize(&mut deserializer).map_err(|_| {
                    let (name, field) = (type_name::<T>(), self.field);
                    ProtocolError::invalid_data(format!(
                        "Deserializing object of the `{name}` type for '{field}' failed."
                    ))
                })
            }
        }
    }

    /// The value alone, as it came.
    pub(super) fn payload(&self) -> Payload {
        match self.protocol {
            HubProtocol::Json => Payload(self.raw.clone()),
            HubProtocol::MessagePack => {
                let mut cursor = messagepack::Cursor::new(&self.raw);
                // What cannot be passed over goes on as it is, for who reads it to refuse.
                let end = cursor.skip().map_or(self.raw.len(), |()| cursor.position());
                Payload(self.raw.slice(..end))
            }
        }
    }

    /// Checks that there is a value, for who does not want it.
    ///
    /// # Errors
    /// When there is none; that ends the connection.
    pub fn check(&self) -> Result<(), ProtocolError> {
        match self.protocol {
            // That there is one was seen when the record was read.
            HubProtocol::Json => Ok(()),
            HubProtocol::MessagePack => Ok(messagepack::Cursor::new(&self.raw).skip()?),
        }
    }
}

/// The name the original has for a type, where it has the same; else the type's own, without its path.
fn type_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    match name {
        "bool" => "Boolean",
        "char" => "Char",
        "f32" => "Single",
        "f64" => "Double",
        "i16" => "Int16",
        "i32" => "Int32",
        "i64" => "Int64",
        "i8" => "SByte",
        "u16" => "UInt16",
        "u32" => "UInt32",
        "u64" => "UInt64",
        "u8" => "Byte",
        "uuid::Uuid" => "Guid",
        _ => {
            let name = name.split('<').next().unwrap_or(name);
            name.rsplit("::").next().unwrap_or(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_the_type_wanted_and_what_stands_behind_it_is_not_looked_at() {
        let json = |text: &'static str| {
            Argument::new(HubProtocol::Json, text.into(), NamingPolicy::default(), "item")
        };
        assert_eq!(json("[1,2]").read::<Vec<i32>>(), Ok(vec![1, 2]));
        assert!(json("\"x\"").read::<i32>().is_err());
        assert_eq!(json("\"x\"").check(), Ok(()));

        let messagepack = |data: &'static [u8], field| {
            let raw = Bytes::from_static(data);
            Argument::new(HubProtocol::MessagePack, raw, NamingPolicy::default(), field)
        };
        assert_eq!(messagepack(&[0x92, 1, 2, 0xc1], "item").read::<(i32, i32)>(), Ok((1, 2)));
        assert_eq!(messagepack(&[0x92, 1, 2, 0xc1], "item").check(), Ok(()));
        let err =
            |data, field| messagepack(data, field).read::<i32>().expect_err("not such a value").to_string();
        assert_eq!(err(&[0xa0], "item"), "Deserializing object of the `Int32` type for 'item' failed.");
        assert_eq!(err(&[], "argument"), "Deserializing object of the `Int32` type for 'argument' failed.");
        let check = |data| messagepack(data, "item").check().map_err(|err| err.to_string());
        assert_eq!(check(&[]), Err("Attempted to read past the end of the stream.".to_owned()));
        assert_eq!(check(&[0xc1]), Err("Unexpected msgpack code 193 ((never used)) encountered.".to_owned()));
    }

    #[test]
    fn types_have_the_names_of_the_original() {
        assert_eq!(type_name::<i64>(), "Int64");
        assert_eq!(type_name::<uuid::Uuid>(), "Guid");
        assert_eq!(type_name::<String>(), "String");
        assert_eq!(type_name::<Vec<String>>(), "Vec");
    }
}
