//! JSON text to values.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};
use uuid::{Uuid, fmt::Hyphenated};

use crate::protocol::{
    NamingPolicy,
    any_value::{self, RawValue},
    json::{
        key::KeyDeserializer,
        members::Members,
        scan::{Kind, MAX_DEPTH, Malformed, Scanner},
        text, tidy,
    },
    naming::alike,
    payload::{PayloadError, is_same},
};

/// Reads one value from a text.
///
/// It is as strict as the original: integers from digits alone, structs from objects alone, UUIDs with their four
/// hyphens alone, bytes from base64 text. Of the members with one name the last one counts.
#[derive(Debug)]
pub(in crate::protocol) struct Deserializer<'de> {
    pub(super) scanner: Scanner<'de>,
    pub(super) naming: NamingPolicy,
    pub(super) depth: u32,
}

impl<'de> Deserializer<'de> {
    pub(in crate::protocol) const fn new(text: &'de [u8], naming: NamingPolicy) -> Self {
        Self::at(Scanner::new(text), naming)
    }

    /// Reads the value at a place.
    pub(in crate::protocol) const fn at(scanner: Scanner<'de>, naming: NamingPolicy) -> Self {
        Self { scanner, naming, depth: 0 }
    }

    /// The place behind what has been read.
    pub(in crate::protocol) const fn scanner(&self) -> Scanner<'de> {
        self.scanner
    }

    pub(super) fn text(&mut self) -> Result<Cow<'de, str>, PayloadError> {
        let (content, has_escapes) = self.scanner.string()?;
        text::unescape(self.scanner.slice(content), has_escapes).ok_or(NO_TEXT)
    }

    /// A number, its spelling.
    fn number(&mut self) -> Result<&'de str, PayloadError> {
        if self.scanner.kind()? != Kind::Number {
            return Err(WRONG_KIND);
        }
        let number = self.scanner.value(0)?;
        std::str::from_utf8(self.scanner.slice(number)).map_err(|_| NO_TEXT)
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        integer(self.number()?).ok_or(NO_INTEGER)?.visit(visitor)
    }

    fn null(&mut self) -> Result<(), PayloadError> {
        match self.scanner.kind()? {
            Kind::Null => self.scanner.value(0).map(|_| ()).map_err(Into::into),
            _ => Err(WRONG_KIND),
        }
    }

    /// Takes a bracket that opens, one level deeper; says whether there is something inside.
    pub(super) fn open(&mut self, open: u8, close: u8) -> Result<bool, PayloadError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TOO_DEEP);
        }
        self.scanner.expect(open).map_err(|Malformed| WRONG_KIND)?;
        let is_empty = self.scanner.take(close)?;
        if is_empty {
            self.depth -= 1;
        }
        Ok(!is_empty)
    }

    /// Takes what is between two parts or behind the last one; says whether there is another one.
    pub(super) fn goes_on(&mut self, close: u8) -> Result<bool, PayloadError> {
        if self.scanner.take(b',')? {
            return Ok(true);
        }
        self.scanner.expect(close)?;
        self.depth -= 1;
        Ok(false)
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        let mut parts = Parts { more: self.open(b'[', b']')?, de: self, close: b']' };
        let value = visitor.visit_seq(&mut parts)?;
        if parts.more { Err(TOO_LONG) } else { Ok(value) }
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, PayloadError> {
        let mut parts = Parts { more: self.open(b'{', b'}')?, de: self, close: b'}' };
        let value = visitor.visit_map(&mut parts)?;
        if parts.more { Err(TOO_LONG) } else { Ok(value) }
    }

    /// An object whose members have names that are known.
    fn members<V: Visitor<'de>>(
        &mut self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        let mut members = Members::find(self, names)?;
        let end = members.end();
        let value = visitor.visit_map(&mut members)?;
        self.scanner = end;
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
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.scanner.kind()? {
            Kind::Object => self.map(visitor),
            Kind::Array => self.list(visitor),
            Kind::String => self.deserialize_str(visitor),
            Kind::Number => {
                let number = self.number()?;
                match integer(number) {
                    Some(integer) => integer.visit(visitor),
                    None => visitor.visit_f64(number.parse().map_err(|_| NO_INTEGER)?),
                }
            }
            Kind::True | Kind::False => self.deserialize_bool(visitor),
            Kind::Null => self.deserialize_unit(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let value = match self.scanner.kind()? {
            Kind::True => true,
            Kind::False => false,
            _ => return Err(WRONG_KIND),
        };
        self.scanner.value(0)?;
        visitor.visit_bool(value)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_i128(self.number()?.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_u128(self.number()?.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_f32(self.number()?.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_f64(self.number()?.parse().map_err(|_| NO_INTEGER)?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        if self.scanner.kind()? != Kind::String {
            return Err(WRONG_KIND);
        }
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
        if self.scanner.kind()? != Kind::String {
            return Err(WRONG_KIND);
        }
        let mut text = self.text()?;
        if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            text.to_mut().retain(|character| !character.is_ascii_whitespace());
        }
        visitor.visit_byte_buf(BASE64_STANDARD.decode(&*text).map_err(|_| NO_BASE64)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        if self.scanner.kind()? == Kind::Null {
            self.null()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
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
            let value = self.scanner.value(self.depth)?;
            let tidy = tidy::tidy(self.scanner.slice(value)).ok_or(NO_TEXT)?;
            return visitor.visit_newtype_struct(RawValue::<true>(tidy));
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
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        match self.scanner.kind()? {
            Kind::String => {
                let name = self.text()?;
                visitor.visit_enum(variant(names, &name).into_deserializer())
            }
            Kind::Object if self.open(b'{', b'}')? => {
                let value = visitor.visit_enum(Variant { de: self, names })?;
                if self.goes_on(b'}')? { Err(TOO_LONG) } else { Ok(value) }
            }
            _ => Err(WRONG_KIND),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        self.scanner.value(self.depth)?;
        visitor.visit_unit()
    }
}

/// The elements of an array, or the members of an object whose names are not known.
struct Parts<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    /// Whether another part begins here.
    more: bool,
    close: u8,
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = PayloadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, PayloadError> {
        if !self.more {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.de)?;
        self.more = self.de.goes_on(self.close)?;
        Ok(Some(value))
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        if !self.more {
            return Ok(None);
        }
        let key = seed.deserialize(KeyDeserializer(self.de.text()?))?;
        self.de.scanner.expect(b':')?;
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PayloadError> {
        let value = seed.deserialize(&mut *self.de)?;
        self.more = self.de.goes_on(self.close)?;
        Ok(value)
    }
}

/// A variant with something in it: an object with a single member, which is entered already.
struct Variant<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    names: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = PayloadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), PayloadError> {
        let name = self.de.text()?;
        self.de.scanner.expect(b':')?;
        let name: StrDeserializer<'_, PayloadError> = variant(self.names, &name).into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = PayloadError;

    fn unit_variant(self) -> Result<(), PayloadError> {
        self.de.null()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, PayloadError> {
        seed.deserialize(self.de)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, PayloadError> {
        self.de.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        self.de.members(names, visitor)
    }
}

/// The name of a variant as it is declared; what is unknown stays as it is.
fn variant<'a>(names: &'static [&'static str], wire: &'a str) -> &'a str {
    let exact = names.iter().find(|name| **name == wire);
    exact.or_else(|| names.iter().find(|name| alike(name, wire))).copied().unwrap_or(wire)
}

/// An integer, as large as it is.
pub(super) enum Integer {
    Positive(u64),
    Negative(i64),
}

impl Integer {
    pub(super) fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self {
            Self::Positive(value) => visitor.visit_u64(value),
            Self::Negative(value) => visitor.visit_i64(value),
        }
    }
}

/// The integer that digits stand for; `None` where they are none, or too many.
pub(super) fn integer(digits: &str) -> Option<Integer> {
    match digits.strip_prefix('-') {
        Some(_) => digits.parse().ok().map(Integer::Negative),
        None => digits.parse().ok().map(Integer::Positive),
    }
}

impl From<Malformed> for PayloadError {
    fn from(Malformed: Malformed) -> Self {
        Self::new("the text is no JSON")
    }
}

pub(super) const NO_INTEGER: PayloadError = PayloadError::new("not such a number");
const NO_BASE64: PayloadError = PayloadError::new("not base64");
const NO_TEXT: PayloadError = PayloadError::new("a string is no text");
const NO_UUID: PayloadError = PayloadError::new("not a UUID with hyphens");
const TOO_DEEP: PayloadError = PayloadError::new("nested too deep");
const TOO_LONG: PayloadError = PayloadError::new("more parts than the type has");
const WRONG_KIND: PayloadError = PayloadError::new("a value of another kind");
