//! The handshake: the first record each way, JSON whatever the hub protocol.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{
    ProtocolError,
    protocol::{
        RECORD_SEPARATOR,
        json::{Kind, Malformed, Scanner, read_int32, read_string, write_string},
    },
};

/// What a client asks for before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// The name of the hub protocol, as sent.
    pub protocol: String,
    /// Its version.
    pub version: i32,
}

impl HandshakeRequest {
    /// Reads the record, given without its separator. What stands behind the object is not looked at.
    ///
    /// # Errors
    /// When it is no JSON object, or one of the two properties is missing or of another type.
    pub fn parse(record: &[u8]) -> Result<Self, ProtocolError> {
        let unreadable =
            |Malformed| ProtocolError::named("JsonReaderException", "The handshake is not readable.");
        let mut scanner = Scanner::new(record);
        let kind = scanner.kind().map_err(unreadable)?;
        if kind != Kind::Object {
            // `not` is no null: what begins like a value must be one.
            if kind != Kind::Array {
                scanner.value(1).map_err(unreadable)?;
            }
            return Err(unexpected(kind));
        }
        let (mut protocol, mut version) = (None, None);
        scanner.expect(b'{').map_err(unreadable)?;
        if !scanner.take(b'}').map_err(unreadable)? {
            loop {
                let (name, has_escapes) = scanner.string().map_err(unreadable)?;
                let name = read_string(&record[name], has_escapes)?;
                scanner.expect(b':').map_err(unreadable)?;
                let kind = scanner.kind().map_err(unreadable)?;
                let value = scanner.value(1).map_err(unreadable)?;
                match &*name {
                    "protocol" if kind != Kind::String => return Err(wrong_type("protocol", "String")),
                    "protocol" => {
                        protocol =
                            Some(read_string(&record[value.start + 1..value.end - 1], true)?.into_owned())
                    }
                    "version" if kind == Kind::Null => {}
                    "version" if kind != Kind::Number => return Err(wrong_type("version", "Number")),
                    "version" => version = Some(read_int32(&record[value])?),
                    _ => {}
                }
                if !scanner.take(b',').map_err(unreadable)? {
                    scanner.expect(b'}').map_err(unreadable)?;
                    break;
                }
            }
        }
        let missing = |name| {
            let content = String::from_utf8_lossy(record);
            ProtocolError::invalid_data(format!(
                "Missing required property '{name}'. Message content: {content}"
            ))
        };
        let protocol = protocol.ok_or_else(|| missing("protocol"))?;
        let version = version.ok_or_else(|| missing("version"))?;
        Ok(Self { protocol, version })
    }
}

/// The answer to a handshake: accepted, or refused with a reason.
#[must_use]
pub fn handshake_response(error: Option<&str>) -> Bytes {
    let Some(error) = error else {
        return Bytes::from_static(b"{}\x1e");
    };
    let mut out = BytesMut::with_capacity(error.len() + 16);
    out.put_slice(b"{\"error\":");
    write_string(error, &mut out);
    out.put_slice(&[b'}', RECORD_SEPARATOR]);
    out.freeze()
}

fn wrong_type(name: &str, wanted: &str) -> ProtocolError {
    ProtocolError::invalid_data(format!("Expected '{name}' to be of type {wanted}."))
}

fn unexpected(kind: Kind) -> ProtocolError {
    ProtocolError::invalid_data(format!(
        "Unexpected JSON Token Type '{}'. Expected a JSON Object.",
        kind.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_unknown_properties_do_not_matter() {
        let wanted = HandshakeRequest { protocol: "json".into(), version: 1 };
        for text in [
            r#"{"protocol":"json","version":1}"#,
            r#" { "x" : [1,{}] , "version" : 1, "protocol" : "\u006ason" } tail"#,
            r#"{"version":9,"version":1,"protocol":"json"}"#,
        ] {
            assert_eq!(HandshakeRequest::parse(text.as_bytes()), Ok(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, error) in [
            ("[]", "Unexpected JSON Token Type 'Array'. Expected a JSON Object."),
            ("null", "Unexpected JSON Token Type 'Null'. Expected a JSON Object."),
            ("not json", "The handshake is not readable."),
            (
                r#"{"protocol":"json"}"#,
                r#"Missing required property 'version'. Message content: {"protocol":"json"}"#,
            ),
            (r#"{"protocol":null,"version":1}"#, "Expected 'protocol' to be of type String."),
            (r#"{"protocol":"json","version":"1"}"#, "Expected 'version' to be of type Number."),
        ] {
            let err = HandshakeRequest::parse(text.as_bytes()).expect_err(text);
            assert_eq!(err.to_string(), error);
        }
    }

    #[test]
    fn a_refusal_is_escaped() {
        assert_eq!(&*handshake_response(Some("a\"<b>")), b"{\"error\":\"a\\\"<b>\"}\x1e");
        assert_eq!(&*handshake_response(None), b"{}\x1e");
    }
}
