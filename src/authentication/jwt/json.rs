//! JSON whose objects keep the order of their members: claims are read in the order of the token.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

/// A JSON value. No object in it has two members of one name, and read by [`Members::parse`] it is at most 64 levels deep.
#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Self>),
    Object(Members),
}

impl Json {
    /// How many objects and arrays stand one in another.
    fn depth(&self) -> usize {
        match self {
            Self::Array(values) => 1 + values.iter().map(Self::depth).max().unwrap_or_default(),
            Self::Object(members) => members.depth(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
        }
    }

    /// The text of a string, the JSON text of anything else; nothing of null.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Null => String::new(),
            Self::String(text) => text,
            Self::Number(number) => number_text(&number),
            // Cannot fail: names are strings, and writing goes to memory.
            other => serde_json::to_string(&other).unwrap_or_default(),
        }
    }
}

/// A number as .NET writes it: what is no whole number of 64 bits is a binary fraction, in its shortest form.
fn number_text(number: &Number) -> String {
    let (None, Some(value)) = (number.as_i64(), number.as_f64()) else { return number.to_string() };
    let scientific = format!("{value:e}");
    match scientific.split_once('e').and_then(|(digits, power)| Some((digits, power.parse::<i32>().ok()?))) {
        Some((digits, power)) if !(-5..15).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}E{sign}{:02}", power.unsigned_abs())
        }
        _ => value.to_string(),
    }
}

/// The members of an object, in their order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Members(Vec<(String, Json)>);

impl Members {
    /// Reads an object.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        match serde_json::from_slice(json) {
            Ok(Json::Object(members)) if members.depth() <= MAXIMUM_DEPTH => Some(members),
            Ok(_) | Err(_) => None,
        }
    }

    fn depth(&self) -> usize {
        1 + self.0.iter().map(|(_, value)| value.depth()).max().unwrap_or_default()
    }

    /// The member of that name; null counts as absent.
    pub(super) fn find(&self, name: &str) -> Option<&Json> {
        self.member(name).filter(|value| **value != Json::Null)
    }

    /// The member of that name.
    pub(super) fn member(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// As deep as .NET reads; what reads here is bounded by `serde_json` before that is looked at.
const MAXIMUM_DEPTH: usize = 64;

impl IntoIterator for Members {
    type Item = (String, Json);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(Members(members)) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        let mut names = HashSet::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            // Which of two would count differs from reader to reader; so none does.
            if !names.insert(name.clone()) {
                return Err(de::Error::custom("two members have one name"));
            }
            members.push((name, value));
        }
        Ok(Json::Object(Members(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_nested_text_its_own() {
        let json = br#"{"z":1,"a":{"y":[1,-2,2.5,true,null,"q\"\u0000"],"b":{}},"m":18446744073709551615}"#;
        let members = Members::parse(json).unwrap();

        let texts: Vec<_> = members.into_iter().map(|(name, value)| (name, value.into_text())).collect();

        let expected = [
            ("z", "1"),
            ("a", r#"{"y":[1,-2,2.5,true,null,"q\"\u0000"],"b":{}}"#),
            ("m", "1.8446744073709552E+19"),
        ];
        assert_eq!(texts, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn an_object_is_at_most_sixty_four_levels_deep() {
        let nested = |arrays: usize| format!("{{\"a\":{}{}}}", "[".repeat(arrays), "]".repeat(arrays));
        assert!(Members::parse(nested(63).as_bytes()).is_some());
        assert_eq!(Members::parse(nested(64).as_bytes()), None);
        let objects = "{\"a\":".repeat(65) + "1" + &"}".repeat(65);
        assert_eq!(Members::parse(objects.as_bytes()), None);
    }

    #[test]
    fn what_is_no_clean_object_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let bad: [&[u8]; 12] = [
            b"",
            b"null",
            b"[]",
            b"\"a\"",
            b"{",
            b"{}x",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":1,\"\\u0061\":2}",
            b"{\"b\":{\"a\":1,\"a\":2}}",
            b"{\"a\":1e999}",
            b"{\"a\":\"\xff\"}",
            deep.as_bytes(),
        ];
        for json in bad {
            assert_eq!(Members::parse(json), None, "{:?}", String::from_utf8_lossy(json).get(..20));
        }
    }

    #[test]
    fn numbers_are_written_as_dotnet_writes_them() {
        let table = [
            ("5", "5"),
            ("-5", "-5"),
            ("5.0", "5"),
            ("1.5", "1.5"),
            ("9223372036854775807", "9223372036854775807"),
            ("12345678901234567000", "1.2345678901234567E+19"),
            ("1e14", "100000000000000"),
            ("1e15", "1E+15"),
            ("0.00001", "0.00001"),
            ("0.000001", "1E-06"),
            ("0.0", "0"),
        ];
        for (json, text) in table {
            let number: Json = serde_json::from_str(json).unwrap();
            assert_eq!(number.into_text(), text);
        }
    }

    #[test]
    fn null_counts_as_absent() {
        let members = Members::parse(br#"{"a":null,"b":0}"#).unwrap();
        assert_eq!(members.find("a"), None);
        assert_eq!(members.member("a"), Some(&Json::Null));
        assert_eq!(members.find("b"), Some(&Json::Number(0.into())));
        assert_eq!(members.find("B"), None);
    }
}
