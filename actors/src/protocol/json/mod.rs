//! The JSON hub protocol: records to messages and back.
//!
//! Reading follows the tables of the protocol's specification, section 3.3: the envelope is
//! strict where a client could mean something else than it says, and forgiving where nothing is lost.

mod de;
mod key;
mod members;
mod nested;
mod plain;
mod scan;
mod ser;
mod text;
mod tidy;
mod usual;
mod write;

use std::{borrow::Cow, ops::Range};

use bytes::{Buf, Bytes};
use bytestring::ByteString;

pub(super) use crate::protocol::json::{
    de::Deserializer,
    scan::{Kind, Malformed, Scanner},
    ser::write_payload,
    text::write_string,
    write::{
        write_ack, write_cancel, write_close, write_completion_end, write_error, write_invocation,
        write_result, write_sequence, write_stream_item,
    },
};
use crate::{
    ProtocolError,
    protocol::{
        Argument, Arguments, CompletionResult, HubMessage, HubProtocol, Invocation, MessageHeaders,
        NamingPolicy,
        json::{
            nested::{check_headers, read_stream_ids},
            usual::UsualCall,
        },
    },
};

/// Reads one record, given without its separator.
pub(super) fn parse(record: Bytes, naming: NamingPolicy) -> Result<HubMessage, ProtocolError> {
    let Some(UsualCall { invocation_id, target, arguments }) = UsualCall::read(&record) else {
        return parse_any(record, naming);
    };
    // Holds where tests and the fuzzer try broken records by the million.
    #[cfg(any(test, fuzzing))]
    let general = parse_any(record.clone(), naming);
    let message = HubMessage::Invocation(Invocation {
        invocation_id: invocation_id.filter(|id| !id.is_empty()),
        target,
        arguments: Arguments::Json(part(record, arguments), naming),
        stream_ids: Vec::new(),
        streaming: false,
        headers: None,
        fault: None,
    });
    #[cfg(any(test, fuzzing))]
    assert_eq!(format!("{general:?}"), format!("Ok({message:?})"), "two ways of reading a call");
    Ok(message)
}

/// Reads one record, however it is written.
fn parse_any(record: Bytes, naming: NamingPolicy) -> Result<HubMessage, ProtocolError> {
    Envelope::read(&record)?.into_message(record, naming)
}

/// What is left of a record, rather than another hand on it.
fn part(mut record: Bytes, range: Range<usize>) -> Bytes {
    record.truncate(range.end);
    record.advance(range.start);
    record
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
    headers: Option<Range<usize>>,
    sequence_id: Option<i64>,
    item: Option<Range<usize>>,
    result: Option<Range<usize>>,
    /// The result came when the id was known already.
    is_answer: bool,
}

impl Envelope {
    fn read(record: &Bytes) -> Result<Self, ProtocolError> {
        let mut scanner = Scanner::new(record);
        let kind = scanner.kind()?;
        if kind != Kind::Object {
            // Half a word is none; of a list the beginning says enough.
            if kind != Kind::Array {
                scanner.value(0)?;
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
            let (name, has_escapes) = scanner.string()?;
            scanner.expect(b':')?;
            let value = Value::read(&mut scanner, record.get(name.clone()) == Some(b"arguments"))?;
            if has_escapes {
                envelope.property(read_string(&record[name], true)?.as_bytes(), value, record)?;
            } else {
                envelope.property(&record[name], value, record)?;
            }
            if !scanner.take(b',')? {
                scanner.expect(b'}')?;
                return Ok(envelope);
            }
        }
    }

    /// Takes one property; of several with one name the last stands.
    fn property(&mut self, name: &[u8], value: Value, record: &Bytes) -> Result<(), ProtocolError> {
        match name {
            b"type" => {
                value.expect(Kind::Number, "type", "Number")?;
                self.kind = Some(read_int32(&record[value.range])?);
            }
            b"invocationId" => self.invocation_id = Some(value.string("invocationId", record)?),
            b"target" => self.target = Some(value.string("target", record)?),
            b"error" => self.error = Some(value.string("error", record)?),
            b"arguments" => {
                value.expect(Kind::Array, "arguments", "Array")?;
                self.arguments = Some(value.range);
            }
            b"streamIds" => {
                value.expect(Kind::Array, "streamIds", "Array")?;
                self.stream_ids = read_stream_ids(record, value.range)?;
            }
            b"headers" => {
                value.expect(Kind::Object, "headers", "StartObject")?;
                check_headers(&record[value.range.clone()])?;
                self.headers = Some(value.range);
            }
            b"allowReconnect" if !matches!(value.kind, Kind::True | Kind::False) => {
                return Err(invalid("Expected 'allowReconnect' to be true or false."));
            }
            b"sequenceId" if value.kind != Kind::Null => {
                value.expect(Kind::Number, "sequenceId", "Number")?;
                self.sequence_id = Some(read_number(&record[value.range], "Int64")?);
            }
            b"item" => self.item = Some(value.range),
            b"result" => {
                self.result = Some(value.range);
                self.is_answer = self.invocation_id.as_ref().is_some_and(|id| !id.is_empty());
            }
            _ => {}
        }
        Ok(())
    }

    fn into_message(mut self, record: Bytes, naming: NamingPolicy) -> Result<HubMessage, ProtocolError> {
        let argument = |range, field| Argument::new(HubProtocol::Json, record.slice(range), naming, field);
        match self.kind.ok_or_else(|| missing("type"))? {
            // An answer to a question that nobody asked, whatever else it says.
            kind if self.is_answer && kind != 3 => Ok(HubMessage::Unknown),
            1 => self.into_invocation(record, false, naming).map(HubMessage::Invocation),
            4 => self.into_invocation(record, true, naming).map(HubMessage::Invocation),
            2 => {
                let stream_id = self.required_id()?;
                let item = argument(self.item.ok_or_else(|| missing("item"))?, "item");
                Ok(HubMessage::StreamItem { stream_id, item })
            }
            3 => {
                let invocation_id = self.required_id()?;
                let result = match (self.error, self.result) {
                    (Some(_), Some(_)) => {
                        return Err(invalid("The 'error' and 'result' properties are mutually exclusive."));
                    }
                    (Some(error), None) => CompletionResult::Error(error),
                    (None, Some(result)) => CompletionResult::Value(argument(result, "argument")),
                    (None, None) => CompletionResult::Nothing,
                };
                Ok(HubMessage::Completion { invocation_id, result })
            }
            5 => Ok(HubMessage::CancelInvocation { invocation_id: self.required_id()? }),
            6 => Ok(HubMessage::Ping),
            7 => Ok(HubMessage::Close { error: self.error }),
            8 => Ok(HubMessage::Ack { sequence_id: self.required_sequence_id()? }),
            9 => Ok(HubMessage::Sequence { sequence_id: self.required_sequence_id()? }),
            _ => Ok(HubMessage::Unknown),
        }
    }

    fn into_invocation(
        mut self,
        record: Bytes,
        streaming: bool,
        naming: NamingPolicy,
    ) -> Result<Invocation, ProtocolError> {
        let target = self.target.take().ok_or_else(|| missing("target"))?;
        let arguments = self.arguments.take().ok_or_else(|| missing("arguments"))?;
        let invocation_id = self.invocation_id.take().filter(|id| !id.is_empty());
        // A call that cannot be bound goes before one that cannot be answered.
        let fault = (streaming && invocation_id.is_none()).then(|| missing("invocationId"));
        let headers = self.headers.map(|headers| MessageHeaders::json(record.slice(headers)));
        let arguments = Arguments::Json(part(record, arguments), naming);
        let stream_ids = self.stream_ids;
        Ok(Invocation { invocation_id, target, arguments, stream_ids, streaming, headers, fault })
    }

    fn required_id(&mut self) -> Result<ByteString, ProtocolError> {
        self.invocation_id.take().filter(|id| !id.is_empty()).ok_or_else(|| missing("invocationId"))
    }

    fn required_sequence_id(&self) -> Result<i64, ProtocolError> {
        self.sequence_id.ok_or_else(|| missing("sequenceId"))
    }
}

/// The value of a property, measured.
struct Value {
    kind: Kind,
    range: Range<usize>,
    has_escapes: bool,
}

impl Value {
    fn read(scanner: &mut Scanner<'_>, are_arguments: bool) -> Result<Self, Malformed> {
        let kind = scanner.kind()?;
        if kind == Kind::String {
            let (content, has_escapes) = scanner.string()?;
            return Ok(Self { kind, range: content.start - 1..content.end + 1, has_escapes });
        }
        let start = *scanner;
        let range = match scanner.value(1) {
            // A comma too many is taken for arguments that do not fit.
            Err(Malformed) if are_arguments && kind == Kind::Array => {
                *scanner = start;
                scanner.list_with_a_comma_too_many(1)
            }
            range => range,
        };
        Ok(Self { kind, range: range?, has_escapes: false })
    }

    fn expect(&self, kind: Kind, name: &str, wanted: &str) -> Result<(), ProtocolError> {
        if self.kind == kind { Ok(()) } else { Err(wrong_type(name, wanted)) }
    }

    fn string(&self, name: &str, record: &Bytes) -> Result<ByteString, ProtocolError> {
        self.expect(Kind::String, name, "String")?;
        shared_string(record, self.range.start + 1..self.range.end - 1, self.has_escapes)
    }
}

/// The content of a JSON string, without its quotes.
pub(super) fn read_string(content: &[u8], has_escapes: bool) -> Result<Cow<'_, str>, ProtocolError> {
    text::unescape(content, has_escapes).ok_or_else(unreadable)
}

/// A number that has to be a 32-bit integer, written as one.
pub(super) fn read_int32(text: &[u8]) -> Result<i32, ProtocolError> {
    read_number(text, "Int32")
}

/// A string as a part of the record it stands in, copied only where it has escapes.
fn shared_string(
    record: &Bytes,
    content: Range<usize>,
    has_escapes: bool,
) -> Result<ByteString, ProtocolError> {
    if has_escapes {
        return read_string(&record[content], true).map(|text| text.into_owned().into());
    }
    ByteString::try_from(record.slice(content)).map_err(|_| unreadable())
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
        parse(Bytes::copy_from_slice(text.as_bytes()), NamingPolicy::default()).map_err(|err| err.to_string())
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
            assert!(matches!(found.arguments, Arguments::Json(arguments, _) if *arguments == *b"[\"x\"]"));
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
    fn a_stream_without_an_id_is_a_fault_of_its_own() {
        for id in ["", r#""invocationId":"","#] {
            let found = invocation(&format!(r#"{{"type":4,{id}"target":"T","arguments":[]}}"#));
            assert_eq!(found.invocation_id, None);
            let fault = found.fault.map(|fault| fault.to_string());
            assert_eq!(fault.as_deref(), Some("Missing required property 'invocationId'."));
        }
        assert_eq!(invocation(r#"{"type":1,"target":"T","arguments":[]}"#).fault, None);
    }

    #[test]
    fn items_and_results_stay_raw() {
        let Ok(HubMessage::StreamItem { stream_id, item }) =
            read(r#"{"type":2,"invocationId":"s","item": {"a":[1]} }"#)
        else {
            panic!("no item");
        };
        assert_eq!(stream_id, "s");
        assert_eq!(item.read(), Ok(std::collections::BTreeMap::from([("a".to_owned(), vec![1])])));

        let result = |text: &str| match read(text) {
            Ok(HubMessage::Completion { result, .. }) => result,
            other => panic!("{text}: {other:?}"),
        };
        assert!(matches!(result(r#"{"type":3,"invocationId":"s"}"#), CompletionResult::Nothing));
        assert!(
            matches!(result(r#"{"type":3,"invocationId":"s","error":""}"#), CompletionResult::Error(e) if e.is_empty())
        );
        let null = result(r#"{"type":3,"invocationId":"s","result":null}"#);
        assert!(matches!(null, CompletionResult::Value(value) if value.read() == Ok(None::<i32>)));
        let wrong = result(r#"{"type":3,"invocationId":"s","result":"x"}"#);
        assert!(matches!(wrong, CompletionResult::Value(value) if value.read::<i32>().is_err()));
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
            (r#"{"type":5}"#, "Missing required property 'invocationId'."),
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
    fn a_comma_too_many_in_the_arguments_is_a_matter_of_the_arguments() {
        for arguments in ["[1,]", "[1 , 2 , ] "] {
            let found = invocation(&format!(r#"{{"type":1,"target":"T","arguments":{arguments}}}"#));
            let mut reader = found.arguments.reader();
            while let Ok(Some(_)) = reader.next::<i32>() {}
            let error = reader.finish(2).expect_err(arguments).to_string();
            assert_eq!(error, "The JSON array contains a trailing comma.");
        }
        for text in [
            r#"{"type":1,"target":"T","arguments":[,]}"#,
            r#"{"type":1,"target":"T","arguments":[1,,]}"#,
            r#"{"type":1,"target":"T","arguments":[[1,]]}"#,
            r#"{"type":1,"target":"T","arguments":[1,],}"#,
            r#"{"type":1,"target":"T","arguments":[1],"streamIds":["a",]}"#,
        ] {
            assert_eq!(read(text).expect_err(text), "Error reading JSON.", "{text}");
        }
    }

    #[test]
    fn an_answer_to_a_question_nobody_asked_is_passed_over_whatever_else_it_says() {
        for text in [
            r#"{"type":1,"invocationId":"1","target":"T","arguments":[],"result":1}"#,
            r#"{"type":7,"invocationId":"1","result":null}"#,
        ] {
            assert!(matches!(read(text), Ok(HubMessage::Unknown)), "{text}");
        }
        invocation(r#"{"type":1,"result":1,"invocationId":"1","target":"T","arguments":[]}"#);
        invocation(r#"{"type":1,"invocationId":"1","target":"T","arguments":[],"error":"e","item":1}"#);
    }

    #[test]
    fn unknown_types_are_passed_over() {
        assert!(matches!(read(r#"{"type":99,"x":1}"#), Ok(HubMessage::Unknown)));
        assert!(read(r#"{"type":99999999999}"#).is_err());
    }
}
