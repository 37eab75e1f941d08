//! What is tried with a record, whichever protocol it is of.

pub mod client_frames;

use std::collections::BTreeMap;

use actix_signalr_actors::protocol::{
    AnyValue, Argument, ArgumentReader, Arguments, CompletionResult, HubMessage, HubProtocol, NamingPolicy,
};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Reads a record in all ways there are; what could be read is written and read once more.
pub fn exercise(protocol: HubProtocol, record: &[u8]) {
    let record = Bytes::copy_from_slice(record);
    for naming in [NamingPolicy::Conventional, NamingPolicy::AsDeclared] {
        let Ok(message) = protocol.parse_with(&record, naming) else { continue };
        match message {
            HubMessage::Invocation(invocation) => {
                let mut out = BytesMut::new();
                if let Some(id) = &invocation.invocation_id {
                    protocol.write_error(id, &invocation.target, &mut out);
                }
                bind(protocol, naming, &invocation.arguments);
            }
            HubMessage::StreamItem { item, .. } => read_all(protocol, naming, &item),
            HubMessage::Completion { result: CompletionResult::Value(value), .. } => {
                let _ = value.check();
                read_all(protocol, naming, &value);
            }
            HubMessage::Close { error } => drop(protocol.close(error.as_deref(), true)),
            _ => {}
        }
    }
}

fn bind(protocol: HubProtocol, naming: NamingPolicy, arguments: &Arguments) {
    fn next<T: DeserializeOwned + Serialize>(
        protocol: HubProtocol,
        naming: NamingPolicy,
        reader: &mut ArgumentReader<'_>,
    ) {
        if let Ok(Some(value)) = reader.next::<T>() {
            write(protocol, naming, &value);
        }
    }
    for expected in 0..4 {
        for kind in 0..5 {
            let mut reader = arguments.reader();
            if reader.expect(expected).is_ok() {
                for _ in 0..=expected {
                    match kind {
                        0 => next::<Everything>(protocol, naming, &mut reader),
                        1 => next::<AnyValue>(protocol, naming, &mut reader),
                        2 => next::<Option<String>>(protocol, naming, &mut reader),
                        3 => next::<Tree>(protocol, naming, &mut reader),
                        _ => next::<f64>(protocol, naming, &mut reader),
                    }
                }
            }
            let _ = reader.finish(expected);
        }
    }
}

fn read_all(protocol: HubProtocol, naming: NamingPolicy, value: &Argument) {
    fn read<T: DeserializeOwned + Serialize>(protocol: HubProtocol, naming: NamingPolicy, value: &Argument) {
        if let Ok(value) = value.read::<T>() {
            write(protocol, naming, &value);
        }
    }
    read::<Everything>(protocol, naming, value);
    read::<AnyValue>(protocol, naming, value);
    read::<Tree>(protocol, naming, value);
    read::<Shape>(protocol, naming, value);
    read::<Vec<(i8, u64, f32)>>(protocol, naming, value);
    read::<BTreeMap<i16, char>>(protocol, naming, value);
    read::<Bytes>(protocol, naming, value);
}

/// Writes a value, and what is read of that again: the second writing is like the first.
fn write<T: DeserializeOwned + Serialize>(protocol: HubProtocol, naming: NamingPolicy, value: &T) {
    let Some(first) = item(protocol, naming, value) else { return };
    let HubMessage::StreamItem { item: argument, .. } =
        protocol.parse_with(&first, naming).expect("it was written")
    else {
        unreachable!("an item was written");
    };
    let again: T = argument.read().expect("what was written can be read");
    assert_eq!(item(protocol, naming, &again).as_ref(), Some(&first));
    // The other protocol may have no form for it.
    let other = match protocol {
        HubProtocol::Json => HubProtocol::MessagePack,
        _ => HubProtocol::Json,
    };
    let _ = other.encode_payload_with(value, naming);
}

/// A value in a message, without its frame.
fn item<T: Serialize>(protocol: HubProtocol, naming: NamingPolicy, value: &T) -> Option<Bytes> {
    let payload = protocol.encode_payload_with(value, naming).ok()?;
    let mut out = BytesMut::new();
    protocol.write_stream_item("1", &payload, &mut out);
    let out = out.freeze();
    Some(match protocol {
        HubProtocol::Json => out.slice(..out.len() - 1),
        _ => {
            let prefix = out.iter().position(|byte| byte & 0x80 == 0).expect("a length ends");
            out.slice(prefix + 1..)
        }
    })
}

/// A type with everything in it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Everything {
    id: i32,
    big: i64,
    ratio: f64,
    small_ratio: f32,
    text: Option<String>,
    flag: bool,
    bytes: Option<Bytes>,
    guid: Uuid,
    numbers: Option<Vec<i32>>,
    child: Option<Box<Everything>>,
    map: Option<BTreeMap<String, Option<String>>>,
    maybe: Option<i32>,
    shape: Option<Shape>,
    any: Option<AnyValue>,
}

#[derive(Debug, Deserialize, Serialize)]
enum Shape {
    Nothing,
    Circle(i32),
    Line(u8, char),
    Rectangle { upper_left: i8, is_round: bool },
}

/// Lists of lists of lists.
#[derive(Debug, Deserialize, Serialize)]
struct Tree(Vec<Tree>);
