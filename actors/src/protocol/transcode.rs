//! From one encoding into another, by way of serde.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{Error as _, SerializeMap, SerializeSeq},
};

/// Writes the value that a deserializer holds.
pub(super) fn transcode<'de, D: Deserializer<'de>, S: Serializer>(
    deserializer: D,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    deserializer.deserialize_any(Writer(serializer)).map_err(S::Error::custom).and_then(|written| written)
}

/// Writes what it visits. What cannot be written is not an error of who reads.
struct Writer<S>(S);

macro_rules! forward {
    ($($visit:ident $serialize:ident $type:ty;)*) => {
        $(fn $visit<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            Ok(self.0.$serialize(value))
        })*
    };
}

impl<'de, S: Serializer> Visitor<'de> for Writer<S> {
    type Value = Result<S::Ok, S::Error>;

    forward! {
        visit_bool serialize_bool bool;
        visit_i64 serialize_i64 i64;
        visit_u64 serialize_u64 u64;
        visit_f32 serialize_f32 f32;
        visit_f64 serialize_f64 f64;
        visit_str serialize_str &str;
        visit_bytes serialize_bytes &[u8];
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.serialize_none())
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.serialize_none())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = self.0.serialize_seq(None).map_err(A::Error::custom)?;
        while elements.next_element_seed(Element(&mut list))?.is_some() {}
        Ok(list.end())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = self.0.serialize_map(None).map_err(A::Error::custom)?;
        while members.next_key_seed(Key(&mut map))?.is_some() {
            members.next_value_seed(Value(&mut map))?;
        }
        Ok(map.end())
    }
}

struct Element<'a, S>(&'a mut S);

impl<'de, S: SerializeSeq> DeserializeSeed<'de> for Element<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.serialize_element(&Once::new(deserializer)).map_err(D::Error::custom)
    }
}

struct Key<'a, S>(&'a mut S);

impl<'de, S: SerializeMap> DeserializeSeed<'de> for Key<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.serialize_key(&Once::new(deserializer)).map_err(D::Error::custom)
    }
}

struct Value<'a, S>(&'a mut S);

impl<'de, S: SerializeMap> DeserializeSeed<'de> for Value<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.serialize_value(&Once::new(deserializer)).map_err(D::Error::custom)
    }
}

/// A deserializer as the value it holds, to be written once.
pub(super) struct Once<D>(RefCell<Option<D>>);

impl<D> Once<D> {
    pub(super) const fn new(deserializer: D) -> Self {
        Self(RefCell::new(Some(deserializer)))
    }
}

impl<'de, D: Deserializer<'de>> Serialize for Once<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let deserializer = self.0.borrow_mut().take().ok_or_else(|| S::Error::custom("read twice"))?;
        transcode(deserializer, serializer)
    }
}
