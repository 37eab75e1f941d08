//! The JSON hub protocol.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Argument, Invocation, Places, RECORD_SEPARATOR, Record, Value};

pub(super) fn put_invocation(out: &mut Vec<u8>, invocation: &Invocation<'_>) -> Places {
    let mut places = Places::default();
    out.extend_from_slice(b"{\"type\":");
    out.push(b'0' + invocation.kind);
    if let Some(id) = invocation.id {
        out.extend_from_slice(b",\"invocationId\":\"");
        places.id = out.len();
        out.extend_from_slice(id);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"target\":\"");
    out.extend_from_slice(invocation.target.as_bytes());
    out.extend_from_slice(b"\",\"arguments\":[");
    for (index, argument) in invocation.arguments.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match argument {
            Argument::Text(text) => {
                out.push(b'"');
                places.text = out.len();
                out.extend_from_slice(text);
                out.push(b'"');
            }
            Argument::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        }
    }
    out.extend_from_slice(b"]}");
    out.push(RECORD_SEPARATOR);
    places
}

/// The members that count; others may be there.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(borrow, rename = "invocationId")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<String>,
}

/// Reads one record, without its separator.
pub(super) fn read(bytes: &[u8]) -> Result<Record<'_>, String> {
    let members: Members<'_> = serde_json::from_slice(bytes).map_err(|err| err.to_string())?;
    let last = members.arguments.as_ref().and_then(|arguments| arguments.last().copied());
    Ok(Record {
        kind: members.kind,
        id: members.id.map(text).transpose()?,
        target: members.target.map(text).transpose()?,
        value: match members.result.or(members.item).or(last) {
            None => Value::Nothing,
            Some(raw) if raw.get() == "null" => Value::Nothing,
            Some(raw) if raw.get().starts_with('"') => Value::Text(text(raw)?),
            Some(_) => Value::Other,
        },
        arguments: members.arguments.map_or(0, |arguments| arguments.len()),
        error: members.error,
    })
}

/// The text between the quotes: as it stands there, if nothing in it is escaped.
fn text(raw: &RawValue) -> Result<Cow<'_, [u8]>, String> {
    match raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain.as_bytes())),
        _ => serde_json::from_str(raw.get())
            .map(|text: String| Cow::Owned(text.into_bytes()))
            .map_err(|err| err.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::Text(Cow::Borrowed(text.as_bytes()))
    }

    #[test]
    fn invocations_are_those_of_the_specification() {
        let write = |kind, id, target, arguments: &[Argument<'_>]| {
            let mut out = Vec::new();
            let places = put_invocation(&mut out, &Invocation { kind, id, target, arguments });
            (String::from_utf8(out).unwrap(), places)
        };
        let (text, places) = write(1, Some(b"17"), "Echo", &[Argument::Text(b"hi")]);
        assert_eq!(
            text,
            "{\"type\":1,\"invocationId\":\"17\",\"target\":\"Echo\",\"arguments\":[\"hi\"]}\u{1e}"
        );
        assert_eq!((&text[places.id..][..2], &text[places.text..][..2]), ("17", "hi"));
        let (text, _) = write(1, None, "ToUser", &[Argument::Text(b"u"), Argument::Text(b"p")]);
        assert_eq!(text, "{\"type\":1,\"target\":\"ToUser\",\"arguments\":[\"u\",\"p\"]}\u{1e}");
        let (text, _) = write(4, Some(b"2"), "Stream", &[Argument::Number(10), Argument::Text(b"p")]);
        assert_eq!(
            text,
            "{\"type\":4,\"invocationId\":\"2\",\"target\":\"Stream\",\"arguments\":[10,\"p\"]}\u{1e}"
        );
    }

    #[test]
    fn records_of_every_kind_are_read() {
        let record = read(br#" { "result" : "ok", "type" : 3 , "invocationId" : "12" } "#).unwrap();
        assert_eq!((record.kind, record.id.as_deref(), record.value), (3, Some(&b"12"[..]), text("ok")));
        let record = read(br#"{"type":3,"invocationId":"1","error":"no \"way\""}"#).unwrap();
        assert_eq!(record.error.as_deref(), Some("no \"way\""));
        let record = read(br#"{"type":1,"target":"Receive","arguments":[1,"x"],"headers":{}}"#).unwrap();
        assert_eq!((record.target.as_deref(), record.arguments), (Some(&b"Receive"[..]), 2));
        assert_eq!(record.value, text("x"));
        assert_eq!(read(br#"{"type":2,"invocationId":"9","item":"x"}"#).unwrap().value, text("x"));
        assert_eq!(read(br#"{"type":3,"invocationId":"9","result":null}"#).unwrap().value, Value::Nothing);
        assert_eq!(read(br#"{"type":3,"invocationId":"9","result":[1]}"#).unwrap().value, Value::Other);
        let record = read(br#"{"type":7,"error":"bye","allowReconnect":true}"#).unwrap();
        assert_eq!((record.kind, record.error.as_deref()), (7, Some("bye")));
    }

    #[test]
    fn escaped_texts_are_what_they_mean() {
        let record = read(br#"{"type":3,"invocationId":"\u0037","result":"\u00e9\ud83d\ude00\n"}"#).unwrap();
        assert_eq!(record.id.as_deref(), Some(&b"7"[..]));
        assert_eq!(record.value, text("\u{e9}\u{1f600}\n"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for wrong in ["", "{}", "[]", "{\"type\":3", "{\"type\":3}x", "{\"type\":\"3\"}", "{\"type\":999}"] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
