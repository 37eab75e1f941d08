//! The hub protocol against its cases: messages and their exact bytes, as data.

use std::{fs, path::Path};

use actix_signalr_actors::protocol::{
    Arguments, HubMessage, HubProtocol, Invocation, RECORD_SEPARATOR, SerializedMessage,
};
use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};

/// One case of a file.
#[derive(Debug, Default)]
struct Case {
    /// The file and the name.
    name: String,
    way: String,
    message: Value,
    bytes: Vec<u8>,
}

#[test]
fn json_messages_and_their_bytes() {
    let cases = read_cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hub_protocol/json"));
    assert!(cases.len() > 50, "only {} cases were found", cases.len());
    for case in &cases {
        let is_in = matches!(&*case.way, "in" | "both");
        let is_out = matches!(&*case.way, "out" | "both");
        assert!(is_in || is_out, "{case:?}");
        if is_in {
            assert_eq!(read(&case.bytes), case.message, "{}", case.name);
        }
        if is_out {
            let written = write(&case.message);
            let (written, expected) =
                (String::from_utf8_lossy(&written), String::from_utf8_lossy(&case.bytes));
            assert_eq!(written, expected, "{}", case.name);
        }
    }
}

/// What a record says, as JSON.
fn read(record: &[u8]) -> Value {
    let Some((&RECORD_SEPARATOR, record)) = record.split_last() else { return json!("not a record") };
    let message = match HubProtocol::Json.parse(&Bytes::copy_from_slice(record)) {
        Ok(message) => message,
        Err(err) => return json!({ "broken": err.to_string() }),
    };
    match message {
        // Said only when the arguments fit, but broken all the same.
        HubMessage::Invocation(Invocation { fault: Some(err), .. }) => json!({ "broken": err.to_string() }),
        HubMessage::Invocation(invocation) => read_invocation(&invocation),
        HubMessage::StreamItem { stream_id, .. } => {
            json!({ "kind": "stream item", "invocationId": &*stream_id })
        }
        HubMessage::Completion { invocation_id, .. } => {
            json!({ "kind": "completion", "invocationId": &*invocation_id })
        }
        HubMessage::CancelInvocation { invocation_id } => {
            json!({ "kind": "cancel invocation", "invocationId": &*invocation_id })
        }
        HubMessage::Ping => json!({ "kind": "ping" }),
        HubMessage::Close { error: None } => json!({ "kind": "close" }),
        HubMessage::Close { error: Some(error) } => json!({ "kind": "close", "error": &*error }),
        HubMessage::Ack { sequence_id } => json!({ "kind": "ack", "sequenceId": sequence_id }),
        HubMessage::Sequence { sequence_id } => json!({ "kind": "sequence", "sequenceId": sequence_id }),
        HubMessage::Unknown => json!({ "kind": "unknown" }),
    }
}

fn read_invocation(invocation: &Invocation) -> Value {
    let mut message = Map::new();
    let kind = if invocation.streaming { "stream invocation" } else { "invocation" };
    message.insert("kind".into(), kind.into());
    if let Some(id) = &invocation.invocation_id {
        message.insert("invocationId".into(), Value::from(&**id));
    }
    message.insert("target".into(), Value::from(&*invocation.target));
    if let Arguments::Json(arguments, ..) = &invocation.arguments {
        message.insert("arguments".into(), String::from_utf8_lossy(arguments).into());
    }
    if !invocation.stream_ids.is_empty() {
        message.insert("streamIds".into(), invocation.stream_ids.iter().map(|id| &**id).collect());
    }
    message.into()
}

/// The record of a message that a server sends.
fn write(message: &Value) -> Bytes {
    let text = |name: &str| message[name].as_str();
    let mut out = BytesMut::new();
    match (text("kind"), text("invocationId")) {
        (Some("invocation"), None) => {
            let target = text("target").unwrap_or_default();
            let Ok(message) =
                SerializedMessage::invocation(target, &message["arguments"], HubProtocol::Json.into())
            else {
                panic!("cannot be written: {message}");
            };
            return message.encoded(HubProtocol::Json).cloned().unwrap_or_default();
        }
        (Some("completion"), Some(id)) => match text("error") {
            Some(error) => HubProtocol::Json.write_error(id, error, &mut out),
            None => {
                let Ok(result) = HubProtocol::Json.encode_payload(&message["result"]) else {
                    panic!("cannot be written: {message}");
                };
                HubProtocol::Json.write_result(id, &result, &mut out);
            }
        },
        (Some("ping"), None) => return HubProtocol::Json.ping(),
        (Some("close"), None) => {
            return HubProtocol::Json.close(text("error"), message["allowReconnect"] == true);
        }
        _ => panic!("a server does not send {message}"),
    }
    out.freeze()
}

#[allow(clippy::expect_used, reason = "the cases belong to the test")]
fn read_cases(folder: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let files = fs::read_dir(folder).expect("the cases are there");
    for file in files.filter_map(Result::ok).map(|file| file.path()) {
        assert_eq!(file.extension().and_then(|end| end.to_str()), Some("case"), "{file:?}");
        let text = fs::read_to_string(&file).expect("a case is text");
        for block in text.split("\n\n") {
            let mut case = Case::default();
            for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                match line.split_once(' ') {
                    Some(("name", name)) => case.name = format!("{}: {name}", file.display()),
                    Some(("way", way)) => case.way = way.to_owned(),
                    Some(("message", message)) => {
                        case.message = serde_json::from_str(message).expect("a message is JSON");
                    }
                    Some(("bytes", bytes)) => case.bytes = bytes.replace('␞', "\u{1e}").into_bytes(),
                    _ => panic!("{file:?}: {line}"),
                }
            }
            cases.push(case);
        }
    }
    cases
}
