//! The JSON hub protocol: records to messages and back.
//!
//! Reading follows the tables of the protocol's specification, section 3.3: the envelope is
//! strict where a client could mean something else than it says, and forgiving where nothing is lost.

use std::{borrow::Cow, ops::Range};

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use serde::Serialize;

use crate::{
    ProtocolError,
    protocol::{
        Argument, Arguments, CompletionOutcome, HubMessage, Invocation, RECORD_SEPARATOR,
        json_payload::{self, write_payload},
        scan::{Kind, Malformed, Scanner},
    },
};

/// Reads one record, given without its separator.
pub(super) fn parse(record: &Bytes) -> Result<HubMessage, ProtocolError> {
    Envelope::read(record)?.into_message(record)
}

/// The properties of a record, as far as they were there.
#[derive(Default)]
struct Envelope {
    kind: Option<i32>,
    invocation_id: Option<ByteString>,
    target: Option<ByteString>,
    error: Option<ByteString>,
    arguments: Option<Range<usize>>,
    stream_ids: Vec<ByteString>,
    sequence_id: Option<i64>,
    item: Option<Range<usize>>,
    result: Option<Range<usize>>,
}

impl Envelope {
    fn read(record: &Bytes) -> Result<Self, ProtocolError> {
        let mut scanner = Scanner::new(record);
        let kind = scanner.kind()?;
        if kind != Kind::Object {
            // `not` is no null: what begins like a value must be one.
            if kind != Kind::Array {
                scanner.value(1)?;
            }
            return Err(invalid(format!(
                "Unexpected JSON Token Type '{}'. Expected a JSON Object.",
                kind.name()
            )));
        }
        let mut envelope = Self::default();
        scanner.expect(b'{')?;
        if scanner.take(b'}')? {
            return Ok(envelope);
        }
        loop {
            let name = scanner.string()?;
            scanner.expect(b':')?;
            let kind = scanner.kind()?;
            let value = scanner.value(1)?;
            envelope.property(&read_string(&record[name])?, kind, value, record)?;
            if !scanner.take(b',')? {
                scanner.expect(b'}')?;
                return Ok(envelope);
            }
        }
    }

    /// Takes one property; of several with one name the last stands.
    fn property(
        &mut self,
        name: &str,
        kind: Kind,
        value: Range<usize>,
        record: &Bytes,
    ) -> Result<(), ProtocolError> {
        let string = |name: &str| match kind {
            Kind::String => shared_string(record, value.start + 1..value.end - 1),
            _ => Err(wrong_type(name, "String")),
        };
        match name {
            "type" if kind != Kind::Number => return Err(wrong_type(name, "Number")),
            "type" => self.kind = Some(read_int32(&record[value])?),
            "invocationId" => self.invocation_id = Some(string(name)?),
            "target" => self.target = Some(string(name)?),
            "error" => self.error = Some(string(name)?),
            "arguments" if kind != Kind::Array => return Err(wrong_type(name, "Array")),
            "arguments" => self.arguments = Some(value),
            "streamIds" if kind != Kind::Array => return Err(wrong_type(name, "Array")),
            "streamIds" => self.stream_ids = read_stream_ids(record, value)?,
            "headers" if kind != Kind::Object => return Err(wrong_type(name, "StartObject")),
            "headers" => check_headers(&record[value])?,
            "allowReconnect" if !matches!(kind, Kind::True | Kind::False) => {
                return Err(invalid("Expected 'allowReconnect' to be true or false."));
            }
            "sequenceId" if kind == Kind::Null => {}
            "sequenceId" if kind != Kind::Number => return Err(wrong_type(name, "Number")),
            "sequenceId" => self.sequence_id = Some(read_number(&record[value], "Int64")?),
            "item" => self.item = Some(value),
            "result" => self.result = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn into_message(mut self, record: &Bytes) -> Result<HubMessage, ProtocolError> {
        match self.kind.ok_or_else(|| missing("type"))? {
            1 => self.into_invocation(record, false).map(HubMessage::Invocation),
            4 => self.into_invocation(record, true).map(HubMessage::Invocation),
            2 => {
                let stream_id = self.required_id()?;
                let item = self.item.ok_or_else(|| missing("item"))?;
                Ok(HubMessage::StreamItem { stream_id, item: Argument::Json(record.slice(item)) })
            }
            3 => {
                let invocation_id = self.required_id()?;
                let outcome = match (self.error, self.result) {
                    (Some(_), Some(_)) => {
                        return Err(invalid("The 'error' and 'result' properties are mutually exclusive."));
                    }
                    (Some(error), None) => CompletionOutcome::Error(error),
                    (None, Some(result)) => CompletionOutcome::Result(Argument::Json(record.slice(result))),
                    (None, None) => CompletionOutcome::Nothing,
                };
                Ok(HubMessage::Completion { invocation_id, outcome })
            }
            5 => Ok(HubMessage::CancelInvocation { invocation_id: self.required_id()? }),
            6 => Ok(HubMessage::Ping),
            7 => Ok(HubMessage::Close { error: self.error }),
            8 => Ok(HubMessage::Ack { sequence_id: self.required_sequence_id()? }),
            9 => Ok(HubMessage::Sequence { sequence_id: self.required_sequence_id()? }),
            _ => Ok(HubMessage::Unknown),
        }
    }

    fn into_invocation(mut self, record: &Bytes, streaming: bool) -> Result<Invocation, ProtocolError> {
        let target = self.target.take().ok_or_else(|| missing("target"))?;
        let arguments = self.arguments.take().ok_or_else(|| missing("arguments"))?;
        let invocation_id = match streaming {
            true => Some(self.required_id()?),
            false => self.invocation_id.filter(|id| !id.is_empty()),
        };
        let arguments = Arguments::Json(record.slice(arguments));
        Ok(Invocation { invocation_id, target, arguments, stream_ids: self.stream_ids, streaming })
    }

    fn required_id(&mut self) -> Result<ByteString, ProtocolError> {
        self.invocation_id.take().filter(|id| !id.is_empty()).ok_or_else(|| missing("invocationId"))
    }

    fn required_sequence_id(&self) -> Result<i64, ProtocolError> {
        self.sequence_id.ok_or_else(|| missing("sequenceId"))
    }
}

/// The content of a JSON string, without its quotes.
pub(super) fn read_string(content: &[u8]) -> Result<Cow<'_, str>, ProtocolError> {
    json_payload::unescape(content).ok_or_else(unreadable)
}

/// A number that has to be a 32-bit integer, written as one.
pub(super) fn read_int32(text: &[u8]) -> Result<i32, ProtocolError> {
    read_number(text, "Int32")
}

/// Writes a string with its quotes.
pub(super) fn write_string(text: &str, out: &mut BytesMut) {
    // Strings can always be written.
    let _ = write_payload(text, out);
}

/// Writes the answer to a call: its result, given as JSON text.
pub(super) fn write_result(invocation_id: &str, result: &[u8], out: &mut BytesMut) {
    write_completion_head(invocation_id, out);
    out.put_slice(b",\"result\":");
    out.put_slice(result);
    end(out);
}

/// Writes the answer to a call that failed.
pub(super) fn write_error(invocation_id: &str, error: &str, out: &mut BytesMut) {
    write_completion_head(invocation_id, out);
    out.put_slice(b",\"error\":");
    write_string(error, out);
    end(out);
}

/// Writes the end of a stream to the client.
pub(super) fn write_completion_end(invocation_id: &str, out: &mut BytesMut) {
    write_completion_head(invocation_id, out);
    end(out);
}

/// Writes one item of a stream to the client, given as JSON text.
pub(super) fn write_stream_item(invocation_id: &str, item: &[u8], out: &mut BytesMut) {
    out.put_slice(b"{\"type\":2,\"invocationId\":");
    write_string(invocation_id, out);
    out.put_slice(b",\"item\":");
    out.put_slice(item);
    end(out);
}

/// Writes a call of a method on the client's side; with an id, an answer is wanted.
pub(super) fn write_invocation(
    invocation_id: Option<&str>,
    target: &str,
    arguments: &impl Serialize,
    out: &mut BytesMut,
) -> Result<(), serde_json::Error> {
    out.put_slice(b"{\"type\":1");
    if let Some(id) = invocation_id {
        out.put_slice(b",\"invocationId\":");
        write_string(id, out);
    }
    out.put_slice(b",\"target\":");
    write_string(target, out);
    out.put_slice(b",\"arguments\":");
    let start = out.len();
    write_payload(arguments, out)?;
    // `()` is how Rust says "no arguments"; serde writes it as null.
    if out.get(start..) == Some(b"null") {
        out.truncate(start);
        out.put_slice(b"[]");
    } else if out.get(start) != Some(&b'[') {
        return Err(serde::ser::Error::custom("arguments are given as a tuple: `(value,)` for a single one"));
    }
    end(out);
    Ok(())
}

/// Writes the message that ends a connection.
pub(super) fn write_close(error: Option<&str>, allow_reconnect: bool, out: &mut BytesMut) {
    out.put_slice(b"{\"type\":7");
    if let Some(error) = error {
        out.put_slice(b",\"error\":");
        write_string(error, out);
    }
    if allow_reconnect {
        out.put_slice(b",\"allowReconnect\":true");
    }
    end(out);
}

fn write_completion_head(invocation_id: &str, out: &mut BytesMut) {
    out.put_slice(b"{\"type\":3,\"invocationId\":");
    write_string(invocation_id, out);
}

fn end(out: &mut BytesMut) {
    out.put_slice(&[b'}', RECORD_SEPARATOR]);
}

/// A string as a part of the record it stands in, copied only where it has escapes.
fn shared_string(record: &Bytes, content: Range<usize>) -> Result<ByteString, ProtocolError> {
    match read_string(&record[content.clone()])? {
        Cow::Owned(text) => Ok(text.into()),
        Cow::Borrowed(_) => ByteString::try_from(record.slice(content)).map_err(|_| unreadable()),
    }
}

fn read_stream_ids(record: &Bytes, array: Range<usize>) -> Result<Vec<ByteString>, ProtocolError> {
    let text = record.slice(array);
    let mut scanner = Scanner::new(&text);
    let mut ids = Vec::new();
    scanner.expect(b'[')?;
    if scanner.take(b']')? {
        return Ok(ids);
    }
    loop {
        match scanner.kind()? {
            Kind::String => ids.push(shared_string(&text, scanner.string()?)?),
            Kind::Null => return Err(invalid("Null value for 'streamIds' is not valid.")),
            kind => {
                let text = format!("Cannot get the value of a token type '{}' as a string.", kind.name());
                return Err(ProtocolError::named("InvalidOperationException", text));
            }
        }
        if !scanner.take(b',')? {
            return Ok(ids);
        }
    }
}

/// Headers must be texts; nothing is done with them yet.
fn check_headers(object: &[u8]) -> Result<(), ProtocolError> {
    let mut scanner = Scanner::new(object);
    scanner.expect(b'{')?;
    if scanner.take(b'}')? {
        return Ok(());
    }
    loop {
        let name = scanner.string()?;
        scanner.expect(b':')?;
        if scanner.kind()? != Kind::String {
            let name = read_string(&object[name])?;
            return Err(invalid(format!("Expected header '{name}' to be of type String.")));
        }
        scanner.string()?;
        if !scanner.take(b',')? {
            return Ok(());
        }
    }
}

fn read_number<T: std::str::FromStr>(text: &[u8], wanted: &str) -> Result<T, ProtocolError> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let bounds = "Either the JSON value is not in a supported format, or is out of bounds for the";
        ProtocolError::named("FormatException", format!("{bounds} {wanted} type."))
    })
}

impl From<Malformed> for ProtocolError {
    fn from(Malformed: Malformed) -> Self {
        unreadable()
    }
}

fn unreadable() -> ProtocolError {
    invalid("Error reading JSON.")
}

fn missing(name: &str) -> ProtocolError {
    invalid(format!("Missing required property '{name}'."))
}

fn wrong_type(name: &str, wanted: &str) -> ProtocolError {
    invalid(format!("Expected '{name}' to be of type {wanted}."))
}

fn invalid(message: impl Into<Cow<'static, str>>) -> ProtocolError {
    ProtocolError::invalid_data(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HubMessage, String> {
        parse(&Bytes::copy_from_slice(text.as_bytes())).map_err(|err| err.to_string())
    }

    fn invocation(text: &str) -> Invocation {
        match read(text) {
            Ok(HubMessage::Invocation(invocation)) => invocation,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_invocation_is_read_in_any_order_of_its_properties() {
        for text in [
            r#"{"type":1,"invocationId":"1","target":"Echo","arguments":["x"]}"#,
            r#"{"arguments":["x"],"target":"\u0045cho","invocationId":"1","type":1,"more":{"a":[1]}}tail"#,
            r#"{"\u0074ype":1,"type":1,"target":"Add","target":"Echo","arguments":["x"],"invocationId":"1"}"#,
        ] {
            let found = invocation(text);
            assert_eq!(found.invocation_id.as_deref(), Some("1"), "{text}");
            assert_eq!(&*found.target, "Echo");
            assert!(!found.streaming);
            let Arguments::Json(arguments) = found.arguments;
            assert_eq!(&*arguments, b"[\"x\"]");
        }
    }

    #[test]
    fn an_empty_id_wants_no_answer() {
        assert!(invocation(r#"{"type":1,"target":"T","arguments":[]}"#).invocation_id.is_none());
        assert!(
            invocation(r#"{"type":1,"invocationId":"","target":"T","arguments":[]}"#).invocation_id.is_none()
        );
    }

    #[test]
    fn stream_ids_are_read() {
        let found =
            invocation(r#"{"type":4,"invocationId":"1","target":"T","arguments":[],"streamIds":["a","b"]}"#);
        assert!(found.streaming);
        assert_eq!(found.stream_ids, ["a", "b"]);
    }

    #[test]
    fn a_broken_envelope_is_named() {
        for (text, error) in [
            ("", "Error reading JSON."),
            ("[]", "Unexpected JSON Token Type 'Array'. Expected a JSON Object."),
            ("{}", "Missing required property 'type'."),
            (r#"{"type":"1"}"#, "Expected 'type' to be of type Number."),
            (r#"{"type":1,"target":null,"arguments":[]}"#, "Expected 'target' to be of type String."),
            (r#"{"type":1,"target":"T"}"#, "Missing required property 'arguments'."),
            (r#"{"type":1,"target":"T","arguments":{}}"#, "Expected 'arguments' to be of type Array."),
            (r#"{"type":4,"target":"T","arguments":[]}"#, "Missing required property 'invocationId'."),
            (r#"{"type":1,"invocationId":null}"#, "Expected 'invocationId' to be of type String."),
            (r#"{"type":6,"headers":null}"#, "Expected 'headers' to be of type StartObject."),
            (r#"{"type":6,"headers":{"a":1}}"#, "Expected header 'a' to be of type String."),
            (r#"{"type":1,"streamIds":[null]}"#, "Null value for 'streamIds' is not valid."),
            (r#"{"type":2,"invocationId":"1"}"#, "Missing required property 'item'."),
            (
                r#"{"type":3,"invocationId":"1","error":"x","result":1}"#,
                "The 'error' and 'result' properties are mutually exclusive.",
            ),
            (r#"{"type":7,"allowReconnect":"yes"}"#, "Expected 'allowReconnect' to be true or false."),
            (r#"{"type":8}"#, "Missing required property 'sequenceId'."),
        ] {
            assert_eq!(read(text).expect_err(text), error, "{text}");
        }
    }

    #[test]
    fn unknown_types_are_passed_over() {
        assert!(matches!(read(r#"{"type":99,"x":1}"#), Ok(HubMessage::Unknown)));
        assert!(read(r#"{"type":99999999999}"#).is_err());
    }

    #[test]
    fn messages_are_written_as_the_original_writes_them() {
        let written = |write: &dyn Fn(&mut BytesMut)| {
            let mut out = BytesMut::new();
            write(&mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let invoke = |out: &mut BytesMut| write_invocation(None, "T", &(7, "hi"), out).unwrap();
        assert_eq!(written(&invoke), "{\"type\":1,\"target\":\"T\",\"arguments\":[7,\"hi\"]}\x1e");
        let empty = |out: &mut BytesMut| write_invocation(None, "T", &(), out).unwrap();
        assert_eq!(written(&empty), "{\"type\":1,\"target\":\"T\",\"arguments\":[]}\x1e");
        let result = |out: &mut BytesMut| write_result("9", b"5", out);
        assert_eq!(written(&result), "{\"type\":3,\"invocationId\":\"9\",\"result\":5}\x1e");
        let error = |out: &mut BytesMut| write_error("9", "bad", out);
        assert_eq!(written(&error), "{\"type\":3,\"invocationId\":\"9\",\"error\":\"bad\"}\x1e");
        let close = |out: &mut BytesMut| write_close(Some("bye"), true, out);
        assert_eq!(written(&close), "{\"type\":7,\"error\":\"bye\",\"allowReconnect\":true}\x1e");
        let plain = |out: &mut BytesMut| write_close(None, false, out);
        assert_eq!(written(&plain), "{\"type\":7}\x1e");
    }

    #[test]
    fn a_bare_value_is_no_list_of_arguments() {
        assert!(write_invocation(None, "T", &"text", &mut BytesMut::new()).is_err());
        assert!(write_invocation(None, "T", &Some(1), &mut BytesMut::new()).is_err());
    }
}
