//! MessagePack to values.

use std::borrow::Cow;

use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use uuid::{Uuid, fmt::Hyphenated};

use crate::protocol::{
    NamingPolicy,
    any_value::{self, RawValue},
    messagepack::{
        any,
        cursor::{Cursor, F32, FALSE, Integer, NIL, TRUE, Unreadable, text},
        members::Members,
    },
    payload::{PayloadError, is_same},
};

/// Reads one value from data.
///
/// It is as strict as the original: no number of one kind for another but integers for floating-point ones, structs
/// from maps alone, whose keys are strings, UUIDs with their four hyphens alone. Bytes are read from `bin` and from
/// strings. Of the members with one name the last one counts. What is no UTF-8 in a string is replaced.
///
/// Values nest at most [`MAX_DEPTH`] levels, fewer than the original's 500: each takes room on the stack.
#[derive(Debug)]
pub(in crate::protocol) struct Deserializer<'de> {
    pub(super) cursor: Cursor<'de>,
    pub(super) naming: NamingPolicy,
    depth: u32,
}

/// The deepest nesting of a value that is read into a type.
pub(in crate::protocol) const MAX_DEPTH: u32 = 128;

impl<'de> Deserializer<'de> {
    pub(in crate::protocol) const fn new(data: &'de [u8], naming: NamingPolicy) -> Self {
        Self::at(Cursor::new(data), naming)
    }

    /// Reads the value at a place.
    pub(in crate::protocol) const fn at(cursor: Cursor<'de>, naming: NamingPolicy) -> Self {
        Self { cursor, naming, depth: 0 }
    }

    /// The place behind what has been read.
    pub(in crate::protocol) const fn cursor(&self) -> Cursor<'de> {
        self.cursor
    }

    pub(super) fn text(&mut self) -> Result<Cow<'de, str>, PayloadError> {
        Ok(text(self.cursor.string()?))
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.cursor.integer()? {
            Integer::Positive(value) => visitor.visit_u64(value),
            Integer::Negative(value) => visitor.visit_i64(value),
        }
    }

    fn null(&mut self) -> Result<(), PayloadError> {
        if self.cursor.nil()? { Ok(()) } else { Err(WRONG_KIND) }
    }

    fn deeper(&mut self) -> Result<(), PayloadError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(TOO_DEEP) } else { Ok(()) }
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deeper()?;
        let mut parts = Parts { left: self.cursor.array()?, de: self };
        let value = visitor.visit_seq(&mut parts)?;
        parts.end().map(|()| value)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deeper()?;
        let mut parts = Parts { left: self.cursor.map()?, de: self };
        let value = visitor.visit_map(&mut parts)?;
        parts.end().map(|()| value)
    }

    /// A map whose keys are names that are known.
    fn members<V: Visitor<'de>>(
        &mut self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.deeper()?;
        let mut members = Members::find(self, names)?;
        let end = members.end();
        let value = visitor.visit_map(&mut members)?;
        self.cursor = end;
        self.depth -= 1;
        Ok(value)
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
            self.integer(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = PayloadError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.cursor.peek()? {
            0x80..=0x8f | 0xde | 0xdf => self.map(visitor),
            0x90..=0x9f | 0xdc | 0xdd => self.list(visitor),
            0xa0..=0xbf | 0xd9..=0xdb => self.deserialize_str(visitor),
            0xc4..=0xc6 => self.deserialize_bytes(visitor),
            NIL => self.deserialize_unit(visitor),
            FALSE | TRUE => self.deserialize_bool(visitor),
            F32 => self.deserialize_f32(visitor),
            0xcb => self.deserialize_f64(visitor),
            _ => self.integer(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_bool(self.cursor.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        #[allow(clippy::cast_possible_truncation, reason = "the nearest one is what is wanted")]
        visitor.visit_f32(self.cursor.float()? as f32)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_f64(self.cursor.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let text = self.text()?;
        if is_same::<V::Value, Uuid>() && text.len() != Hyphenated::LENGTH {
            return Err(NO_UUID);
        }
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_borrowed_bytes(self.cursor.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        if self.cursor.nil()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.null()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        if any_value::is_wanted(name) {
            return visitor.visit_newtype_struct(RawValue::<false>(any::read(&mut self.cursor)?));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, PayloadError> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.members(names, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        if let 0x80..=0x8f | 0xde | 0xdf = self.cursor.peek()? {
            self.deeper()?;
            if self.cursor.map()? != 1 {
                return Err(WRONG_KIND);
            }
            let value = visitor.visit_enum(Variant(self))?;
            self.depth -= 1;
            return Ok(value);
        }
        let name = self.text()?;
        let name: StrDeserializer<'_, PayloadError> = name.as_ref().into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.cursor.skip()?;
        visitor.visit_unit()
    }
}

/// The elements of an array, or the pairs of a map whose keys are not known.
///
/// It does not tell how many there are: what would be set aside for them is set aside as they come.
struct Parts<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    left: usize,
}

impl Parts<'_, '_> {
    fn end(self) -> Result<(), PayloadError> {
        self.de.depth -= 1;
        if self.left == 0 { Ok(()) } else { Err(TOO_LONG) }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = PayloadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, PayloadError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.de).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PayloadError> {
        seed.deserialize(&mut *self.de)
    }
}

/// A variant with something in it: a map with a single key, which comes next.
struct Variant<'a, 'de>(&'a mut Deserializer<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = PayloadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), PayloadError> {
        Ok((seed.deserialize(&mut *self.0)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = PayloadError;

    fn unit_variant(self) -> Result<(), PayloadError> {
        self.0.null()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, PayloadError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, PayloadError> {
        self.0.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.0.members(names, visitor)
    }
}

impl From<Unreadable> for PayloadError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::End => Self::new("the data ends too early"),
            Unreadable::Code(_) => WRONG_KIND,
        }
    }
}

const NO_UUID: PayloadError = PayloadError::new("not a UUID with hyphens");
const TOO_DEEP: PayloadError = PayloadError::new("nested too deep");
const TOO_LONG: PayloadError = PayloadError::new("more parts than the type has");
const WRONG_KIND: PayloadError = PayloadError::new("a value of another kind");
