//! Any JSON value, kept as it was written but for white space and escapes.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::value::RawValue;

#[derive(Debug)]
pub(crate) struct AnyJson(Box<RawValue>);

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        // The escapes must be those of texts.
        tidy(raw.get()).map(|_| Self(raw)).ok_or_else(|| D::Error::custom("a string is no text"))
    }
}

impl Serialize for AnyJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = tidy(self.0.get()).ok_or_else(|| S::Error::custom("a string is no text"))?;
        RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Without white space, the strings with as few escapes as JSON needs.
fn tidy(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let string = strings.next()?.ok()?;
            rest = &rest[strings.byte_offset()..];
            out.push_str(&escaped(&string)?);
        } else {
            if !first.is_ascii_whitespace() {
                out.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(out)
}

/// A string as JSON, in the spelling of the server's own writer.
fn escaped(text: &str) -> Option<String> {
    let json = serde_json::to_string(text).ok()?;
    let mut out = String::with_capacity(json.len());
    for (at, part) in json.split("\\u00").enumerate() {
        if at == 0 {
            out.push_str(part);
        } else {
            out.push_str("\\u00");
            let (digits, part) = part.split_at_checked(2)?;
            out.push_str(&digits.to_ascii_uppercase());
            out.push_str(part);
        }
    }
    let mut pairs = String::with_capacity(out.len());
    for character in out.chars() {
        if character.len_utf16() == 2 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                pairs.push_str(&format!("\\u{unit:04X}"));
            }
        } else {
            pairs.push(character);
        }
    }
    Some(pairs)
}
