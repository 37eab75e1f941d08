//! A type with everything in it, as the contract writes and reads it.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Complex {
    id: i32,
    big: i64,
    ratio: f64,
    text: Option<String>,
    flag: bool,
    #[serde(with = "base64_text")]
    bytes: Option<Vec<u8>>,
    #[serde(deserialize_with = "hyphenated")]
    guid: Uuid,
    numbers: Option<Vec<i32>>,
    child: Option<Box<Complex>>,
    map: Option<BTreeMap<String, Option<String>>>,
    maybe: Option<i32>,
}

/// Only the form with four hyphens.
fn hyphenated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() != 36 {
        return Err(D::Error::custom("not a UUID with hyphens"));
    }
    text.parse().map_err(D::Error::custom)
}

/// Bytes as base64 text.
mod base64_text {
    use super::{BASE64_STANDARD, Deserialize, Deserializer, Engine, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| BASE64_STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
    }
}
