//! The members of a struct, wherever they stand in their map.

use serde::de::{DeserializeSeed, MapAccess, value::BorrowedStrDeserializer};

use crate::protocol::{
    HubProtocol,
    messagepack::{cursor::Cursor, de::Deserializer},
    payload::PayloadError,
};

/// The members of a map whose names are known.
///
/// They are found first, then read in the order of the struct: so the last one of a name is the one that is read.
pub(super) struct Members<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    end: Cursor<'de>,
    names: std::slice::Iter<'static, &'static str>,
    /// Where the values of the names that are left begin, the next one last.
    places: Vec<Option<Cursor<'de>>>,
    /// One with a name that is not known, for a type that takes no such.
    unknown: Option<Cursor<'de>>,
}

impl<'a, 'de> Members<'a, 'de> {
    /// Passes over a map.
    pub(super) fn find(
        de: &'a mut Deserializer<'de>,
        names: &'static [&'static str],
    ) -> Result<Self, PayloadError> {
        let mut places = vec![None; names.len()];
        let mut unknown = None;
        let mut guess = 0;
        for _ in 0..de.cursor.map()? {
            let name = de.text()?;
            let value = de.cursor;
            de.cursor.skip()?;
            match de.naming.find(HubProtocol::MessagePack, names, &name, guess) {
                Some(found) => {
                    if let Some(place) = places.get_mut(found) {
                        *place = Some(value);
                    }
                    guess = found + 1;
                }
                None => unknown = Some(value),
            }
        }
        places.reverse();
        Ok(Self { end: de.cursor, names: names.iter(), places, unknown, de })
    }

    /// The place behind the map.
    pub(super) const fn end(&self) -> Cursor<'de> {
        self.end
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        while let (Some(place), Some(name)) = (self.places.pop(), self.names.next()) {
            if let Some(place) = place {
                self.de.cursor = place;
                return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
            }
        }
        let Some(place) = self.unknown.take() else { return Ok(None) };
        self.de.cursor = place;
        // Its own name may be one that is declared: `id`, where `Id` is the one on the wire.
        seed.deserialize(BorrowedStrDeserializer::new("\0")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PayloadError> {
        seed.deserialize(&mut *self.de)
    }
}
