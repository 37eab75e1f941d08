//! The members of a struct, wherever they stand in their object.

use std::borrow::Cow;

use serde::de::{
    DeserializeSeed, IntoDeserializer, MapAccess,
    value::{BorrowedStrDeserializer, StringDeserializer},
};

use crate::protocol::{
    HubProtocol,
    json::{de::Deserializer, scan::Scanner},
    payload::PayloadError,
};

/// The members of an object whose names are known.
///
/// They are found first, then read in the order of the struct: so the last one of a name is the one that is read.
pub(super) struct Members<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    end: Scanner<'de>,
    names: std::slice::Iter<'static, &'static str>,
    /// Where the values of the names that are left begin, the next one last.
    places: Vec<Option<Scanner<'de>>>,
    /// One with a name that is not known, for a type that takes no such.
    unknown: Option<(Cow<'de, str>, Scanner<'de>)>,
}

impl<'a, 'de> Members<'a, 'de> {
    /// Passes over an object.
    pub(super) fn find(
        de: &'a mut Deserializer<'de>,
        names: &'static [&'static str],
    ) -> Result<Self, PayloadError> {
        let mut places = vec![None; names.len()];
        let mut unknown = None;
        let mut more = de.open(b'{', b'}')?;
        let mut guess = 0;
        while more {
            let name = de.text()?;
            de.scanner.expect(b':')?;
            let value = de.scanner;
            de.scanner.value(de.depth)?;
            match de.naming.find(HubProtocol::Json, names, &name, guess) {
                Some(found) => {
                    if let Some(place) = places.get_mut(found) {
                        *place = Some(value);
                    }
                    guess = found + 1;
                }
                None => unknown = Some((name, value)),
            }
            more = de.goes_on(b'}')?;
        }
        places.reverse();
        Ok(Self { end: de.scanner, names: names.iter(), places, unknown, de })
    }

    /// The place behind the object.
    pub(super) const fn end(&self) -> Scanner<'de> {
        self.end
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        while let (Some(place), Some(name)) = (self.places.pop(), self.names.next()) {
            if let Some(place) = place {
                self.de.scanner = place;
                return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
            }
        }
        let Some((name, place)) = self.unknown.take() else { return Ok(None) };
        self.de.scanner = place;
        let name: StringDeserializer<PayloadError> = name.into_owned().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PayloadError> {
        self.de.depth += 1;
        let value = seed.deserialize(&mut *self.de);
        self.de.depth -= 1;
        value
    }
}
