//! Keys of maps, for which JSON has texts alone.

use std::borrow::Cow;

use bytes::BytesMut;
use serde::{
    Deserializer, Serializer,
    de::{IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};

use crate::protocol::{
    any_value::{self, RawValue},
    json::{
        de::{NO_INTEGER, integer},
        text,
    },
    payload::PayloadError,
    serializers::refuse,
};

/// Writes the key of a map: a text, or what has an unmistakable one.
pub(super) struct KeySerializer<'a>(pub(super) &'a mut BytesMut);

macro_rules! numbers {
    ($($method:ident $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<(), PayloadError> {
            self.serialize_str(itoa::Buffer::new().format(value))
        })*
    };
}

impl Serializer for KeySerializer<'_> {
    refuse!(NO_KEY; bytes);

    fn serialize_bool(self, value: bool) -> Result<(), PayloadError> {
        self.serialize_str(if value { "true" } else { "false" })
    }

    numbers! {
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
    }

    fn serialize_char(self, value: char) -> Result<(), PayloadError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), PayloadError> {
        text::write_string(value, self.0);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), PayloadError> {
        self.serialize_str(name)
    }
}

/// Reads the key of a map: a text, or what one stands for.
pub(super) struct KeyDeserializer<'de>(pub(super) Cow<'de, str>);

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
            integer(&self.0).ok_or(NO_INTEGER)?.visit(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = PayloadError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_bool(self.0.parse().map_err(|_| NO_KEY)?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_i128(self.0.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_u128(self.0.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        if any_value::is_wanted(name) {
            let mut key = BytesMut::new();
            text::write_string(&self.0, &mut key);
            return visitor.visit_newtype_struct(RawValue::<true>(key.into()));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        visitor.visit_enum(self.0.as_ref().into_deserializer())
    }
}

const NO_KEY: PayloadError =
    PayloadError::new("the key of a map is a text, a number, a character, or a name");
