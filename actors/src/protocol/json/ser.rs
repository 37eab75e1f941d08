//! Values to JSON text.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{BufMut, BytesMut};
use serde::ser::{self, Serialize};

use crate::protocol::{
    HubProtocol, NamingPolicy,
    any_value::{self, RawSink},
    json::{key::KeySerializer, text},
    payload::PayloadError,
    serializers::compound,
};

/// Writes a value at the end of `out`.
pub(in crate::protocol) fn write_payload<T: Serialize + ?Sized>(
    value: &T,
    naming: NamingPolicy,
    out: &mut BytesMut,
) -> Result<(), PayloadError> {
    value.serialize(Serializer { out, naming })
}

/// Writes one value.
///
/// What the original does with values of its own kinds, this does with those of serde: bytes are base64 text, enum
/// variants stand by their names, the keys of maps are texts. A number that JSON has no form for is an error.
pub(in crate::protocol) struct Serializer<'a> {
    pub(in crate::protocol) out: &'a mut BytesMut,
    naming: NamingPolicy,
}

impl<'a> Serializer<'a> {
    fn compound(self, open: u8, close: &'static str) -> Compound<'a> {
        self.out.put_u8(open);
        Compound { out: self.out, naming: self.naming, is_first: true, close }
    }

    /// An object whose only member is the variant; its value comes next.
    fn variant(&mut self, name: &str) {
        self.out.put_u8(b'{');
        text::write_string(name, self.out);
        self.out.put_u8(b':');
    }
}

macro_rules! integers {
    ($($method:ident $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<(), PayloadError> {
            self.out.put_slice(itoa::Buffer::new().format(value).as_bytes());
            Ok(())
        })*
    };
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Error = PayloadError;
    type Ok = ();
    type SerializeMap = Compound<'a>;
    type SerializeSeq = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), PayloadError> {
        self.out.put_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    integers! {
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

    fn serialize_f32(self, value: f32) -> Result<(), PayloadError> {
        text::write_f32(value, self.out).ok_or(NO_NUMBER)
    }

    fn serialize_f64(self, value: f64) -> Result<(), PayloadError> {
        text::write_f64(value, self.out).ok_or(NO_NUMBER)
    }

    fn serialize_char(self, value: char) -> Result<(), PayloadError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), PayloadError> {
        text::write_string(value, self.out);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), PayloadError> {
        self.out.put_u8(b'"');
        self.out.put_slice(BASE64_STANDARD.encode(value).as_bytes());
        self.out.put_u8(b'"');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), PayloadError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), PayloadError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), PayloadError> {
        self.out.put_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), PayloadError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), PayloadError> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), PayloadError> {
        match any_value::encoding_of(name) {
            Some(HubProtocol::Json) => value.serialize(RawSink(self.out)),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), PayloadError> {
        self.variant(name);
        value.serialize(Serializer { out: self.out, naming: self.naming })?;
        self.out.put_u8(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, PayloadError> {
        Ok(self.compound(b'[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, PayloadError> {
        Ok(self.compound(b'[', "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, PayloadError> {
        Ok(self.compound(b'[', "]"))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, PayloadError> {
        self.variant(name);
        Ok(self.compound(b'[', "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, PayloadError> {
        Ok(self.compound(b'{', "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, PayloadError> {
        Ok(self.compound(b'{', "}"))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, PayloadError> {
        self.variant(name);
        Ok(self.compound(b'{', "}}"))
    }
}

/// A value with parts, being written.
pub(in crate::protocol) struct Compound<'a> {
    out: &'a mut BytesMut,
    naming: NamingPolicy,
    is_first: bool,
    close: &'static str,
}

impl Compound<'_> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.put_u8(b',');
        }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        value.serialize(Serializer { out: self.out, naming: self.naming })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        self.separate();
        self.value(value)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), PayloadError> {
        self.separate();
        self.naming.named(HubProtocol::Json, name, |name| text::write_string(name, self.out));
        self.out.put_u8(b':');
        self.value(value)
    }

    fn close(self) -> Result<(), PayloadError> {
        self.out.put_slice(self.close.as_bytes());
        Ok(())
    }
}

compound!(SerializeSeq, serialize_element(), element);
compound!(SerializeTuple, serialize_element(), element);
compound!(SerializeTupleStruct, serialize_field(), element);
compound!(SerializeTupleVariant, serialize_field(), element);
compound!(SerializeStruct, serialize_field(name), member);
compound!(SerializeStructVariant, serialize_field(name), member);

impl ser::SerializeMap for Compound<'_> {
    type Error = PayloadError;
    type Ok = ();

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), PayloadError> {
        self.separate();
        key.serialize(KeySerializer(self.out))?;
        self.out.put_u8(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        self.value(value)
    }

    fn end(self) -> Result<(), PayloadError> {
        self.close()
    }
}

const NO_NUMBER: PayloadError = PayloadError::new("JSON has no form for infinity and what is not a number");
