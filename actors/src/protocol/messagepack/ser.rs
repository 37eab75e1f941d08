//! Values to MessagePack.

use bytes::{BufMut, BytesMut};
use serde::ser::{self, Error as _, Serialize};

use crate::protocol::{
    HubProtocol, NamingPolicy,
    any_value::{self, RawSink},
    messagepack::{
        cursor::{F32, F64, FALSE, NIL, TRUE},
        head,
    },
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

/// Writes one value, each thing in its shortest form.
///
/// What the original does with values of its own kinds, this does with those of serde: structs are maps, bytes are
/// `bin`, enum variants stand by their names; UUIDs and whatever else has a form to be read is a string.
pub(in crate::protocol) struct Serializer<'a> {
    out: &'a mut BytesMut,
    naming: NamingPolicy,
}

impl<'a> Serializer<'a> {
    fn compound(self, kind: Kind, count: Option<usize>) -> Result<Compound<'a>, PayloadError> {
        let start = self.out.len();
        if let Some(count) = count {
            kind.write_head(count, self.out)?;
        }
        Ok(Compound { out: self.out, naming: self.naming, kind, start, announced: count, written: 0 })
    }

    /// A map whose only key is the variant; its value comes next.
    fn variant(&mut self, name: &str) -> Result<(), PayloadError> {
        head::map(1, self.out)?;
        head::string(name, self.out)
    }
}

macro_rules! integers {
    ($($method:ident $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<(), PayloadError> {
            head::signed(value.into(), self.out);
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

    integers! {
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
    }

    fn serialize_u64(self, value: u64) -> Result<(), PayloadError> {
        head::unsigned(value, self.out);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), PayloadError> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.serialize_i64(value),
            (_, Ok(value)) => self.serialize_u64(value),
            _ => Err(TOO_LARGE),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), PayloadError> {
        self.serialize_u64(u64::try_from(value).map_err(|_| TOO_LARGE)?)
    }

    fn serialize_bool(self, value: bool) -> Result<(), PayloadError> {
        self.out.put_u8(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), PayloadError> {
        self.out.put_u8(F32);
        self.out.put_f32(value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), PayloadError> {
        self.out.put_u8(F64);
        self.out.put_f64(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), PayloadError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), PayloadError> {
        head::string(value, self.out)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), PayloadError> {
        head::bytes(value.len(), self.out)?;
        self.out.put_slice(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), PayloadError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), PayloadError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), PayloadError> {
        self.out.put_u8(NIL);
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
            Some(HubProtocol::MessagePack) => value.serialize(RawSink(self.out)),
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
        self.variant(name)?;
        value.serialize(self)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Compound<'a>, PayloadError> {
        self.compound(Kind::Array, count)
    }

    fn serialize_tuple(self, count: usize) -> Result<Compound<'a>, PayloadError> {
        self.compound(Kind::Array, Some(count))
    }

    fn serialize_tuple_struct(self, _: &'static str, count: usize) -> Result<Compound<'a>, PayloadError> {
        self.compound(Kind::Array, Some(count))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        name: &'static str,
        count: usize,
    ) -> Result<Compound<'a>, PayloadError> {
        self.variant(name)?;
        self.compound(Kind::Array, Some(count))
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Compound<'a>, PayloadError> {
        self.compound(Kind::Map, count)
    }

    fn serialize_struct(self, _: &'static str, count: usize) -> Result<Compound<'a>, PayloadError> {
        self.compound(Kind::Map, Some(count))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        name: &'static str,
        count: usize,
    ) -> Result<Compound<'a>, PayloadError> {
        self.variant(name)?;
        self.compound(Kind::Map, Some(count))
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Map,
}

impl Kind {
    fn write_head(self, count: usize, out: &mut BytesMut) -> Result<(), PayloadError> {
        match self {
            Self::Array => head::array(count, out),
            Self::Map => head::map(count, out),
        }
    }
}

/// A value with parts, being written.
pub(in crate::protocol) struct Compound<'a> {
    out: &'a mut BytesMut,
    naming: NamingPolicy,
    kind: Kind,
    start: usize,
    /// How many parts its head says; it has no head yet where that was not known.
    announced: Option<usize>,
    written: usize,
}

impl Compound<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        value.serialize(Serializer { out: self.out, naming: self.naming })
    }

    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        self.written += 1;
        self.value(value)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), PayloadError> {
        self.naming.named(HubProtocol::MessagePack, name, |name| head::string(name, self.out))?;
        self.part(value)
    }

    fn close(self) -> Result<(), PayloadError> {
        match self.announced {
            Some(count) if count == self.written => Ok(()),
            Some(_) => Err(PayloadError::custom("a value with more or fewer parts than it said")),
            None => {
                let parts = self.out.split_off(self.start);
                self.kind.write_head(self.written, self.out)?;
                self.out.put_slice(&parts);
                Ok(())
            }
        }
    }
}

compound!(SerializeSeq, serialize_element(), part);
compound!(SerializeTuple, serialize_element(), part);
compound!(SerializeTupleStruct, serialize_field(), part);
compound!(SerializeTupleVariant, serialize_field(), part);
compound!(SerializeStruct, serialize_field(name), member);
compound!(SerializeStructVariant, serialize_field(name), member);

impl ser::SerializeMap for Compound<'_> {
    type Error = PayloadError;
    type Ok = ();

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), PayloadError> {
        self.value(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        self.part(value)
    }

    fn end(self) -> Result<(), PayloadError> {
        self.close()
    }
}

const TOO_LARGE: PayloadError = PayloadError::new("MessagePack has no integers of more than 64 bits");
