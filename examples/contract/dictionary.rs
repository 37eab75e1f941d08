//! A map that is written in the order in which it was read.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// Texts by their names. Of two of one name the last counts, at the place of the first.
#[derive(Debug)]
pub(crate) struct Dictionary(Vec<(String, Option<String>)>);

impl Serialize for Dictionary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, text)| (name, text)))
    }
}

impl<'de> Deserialize<'de> for Dictionary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Dictionary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dictionary, A::Error> {
        let mut texts: Vec<(String, Option<String>)> = Vec::new();
        while let Some((name, text)) = map.next_entry::<String, _>()? {
            match texts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, before)) => *before = text,
                None => texts.push((name, text)),
            }
        }
        Ok(Dictionary(texts))
    }
}
