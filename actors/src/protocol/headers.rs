//! The headers of a message. In JSON they stay raw until somebody looks for one.

use std::{collections::HashMap, fmt};

use bytes::Bytes;
use bytestring::ByteString;

use crate::protocol::json::{Scanner, read_string};

/// The headers of a message as they came, in the client's protocol. They may hold secrets, so nothing shows them.
///
/// Few messages have any, so that those without are not to be the larger for it.
#[derive(Clone)]
pub struct MessageHeaders(Box<Headers>);

#[derive(Clone)]
enum Headers {
    /// An object of strings.
    Json(Bytes),
    Map(HashMap<ByteString, ByteString>),
}

impl MessageHeaders {
    /// Headers in JSON: an object of strings.
    pub(super) fn json(object: Bytes) -> Self {
        Self(Box::new(Headers::Json(object)))
    }

    /// Headers that have been read.
    pub(super) fn map(headers: HashMap<ByteString, ByteString>) -> Self {
        Self(Box::new(Headers::Map(headers)))
    }

    /// The value of a header; of several with one name, the last.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<String> {
        match &*self.0 {
            Headers::Json(object) => find_in_json(object, name),
            Headers::Map(headers) => headers.get(name).map(ToString::to_string),
        }
    }
}

impl fmt::Debug for MessageHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageHeaders").finish_non_exhaustive()
    }
}

/// That it is an object of strings was seen when the record was read.
fn find_in_json(object: &[u8], wanted: &str) -> Option<String> {
    let mut scanner = Scanner::new(object);
    let mut found = None;
    scanner.expect(b'{').ok()?;
    if scanner.take(b'}').ok()? {
        return None;
    }
    loop {
        let (name, has_escapes) = scanner.string().ok()?;
        scanner.expect(b':').ok()?;
        let value = scanner.string().ok()?;
        if read_string(scanner.slice(name), has_escapes).ok()? == wanted {
            found = Some(value);
        }
        if !scanner.take(b',').ok()? {
            break;
        }
    }
    let (value, has_escapes) = found?;
    Some(read_string(scanner.slice(value), has_escapes).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_its_exact_name() {
        let headers = |text: &'static str| MessageHeaders::json(Bytes::from_static(text.as_bytes()));
        for (text, expected) in [
            ("{}", None),
            (r#"{"a":"1"}"#, Some("1")),
            (r#"{"A":"1"}"#, None),
            (r#"{"a":"1", "b":"2", "\u0061":"\u0033"}"#, Some("3")),
        ] {
            assert_eq!(headers(text).find("a").as_deref(), expected, "{text}");
        }
        assert!(!format!("{:?}", headers(r#"{"a":"secret"}"#)).contains("secret"));
    }
}
