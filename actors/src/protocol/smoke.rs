//! Broken input by the thousand, for tests: nothing may panic, whatever comes.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::{
    AnyValue, Argument, CompletionResult, HandshakeRequest, HubMessage, HubProtocol, NamingPolicy,
    RecordReader,
};

/// Gives `check` each seed, every cut of it, and many that were changed at random places; the same ones in every run.
pub(super) fn mutate(seeds: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        for end in 0..=seed.len() {
            check(&seed[..end]);
        }
        for _ in 0..4_000 {
            let mut data = seed.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(data.len() + 1);
                match random.below(4) {
                    0 if at < data.len() => data[at] = LIKELY[random.below(LIKELY.len())],
                    1 if at < data.len() => drop(data.remove(at)),
                    2 if at < data.len() => data[at] = u8::try_from(random.below(256)).unwrap(),
                    _ => {
                        let other = &seeds[random.below(seeds.len())];
                        let from = random.below(other.len());
                        let part = &other[from..(from + random.below(9)).min(other.len())];
                        data.splice(at..at, part.iter().copied());
                    }
                }
            }
            check(&data);
        }
    }
}

/// Reads a record in all ways there are, and writes what was in it.
pub(super) fn try_all(protocol: HubProtocol, data: &[u8]) {
    let record = Bytes::copy_from_slice(data);
    let _ = HandshakeRequest::parse(&record);
    for naming in [NamingPolicy::Conventional, NamingPolicy::AsDeclared] {
        match protocol.parse_with(&record, naming) {
            Ok(HubMessage::Invocation(invocation)) => {
                for expected in [1, 2] {
                    let read = |read: &dyn Fn(&mut crate::protocol::ArgumentReader<'_>)| {
                        let mut reader = invocation.arguments.reader();
                        if reader.expect(expected).is_ok() {
                            (0..=expected).for_each(|_| read(&mut reader));
                        }
                        let _ = reader.finish(expected);
                    };
                    read(&|reader| drop(reader.next::<Everything>()));
                    read(&|reader| drop(reader.next::<String>()));
                    read(&|reader| drop(reader.next::<i32>()));
                    read(&|reader| {
                        if let Ok(Some(value)) = reader.next::<AnyValue>() {
                            write(&value);
                        }
                    });
                }
            }
            Ok(HubMessage::StreamItem { item, .. }) => read(&item),
            Ok(HubMessage::Completion { result: CompletionResult::Value(value), .. }) => read(&value),
            _ => {}
        }
    }
    for limit in [Some(16), None] {
        let mut reader = RecordReader::new(limit);
        reader.use_protocol(protocol);
        let mut input = record.clone();
        while let Ok(Some(_)) = reader.next(&mut input) {}
    }
}

fn read(value: &Argument) {
    let _ = value.check();
    let _ = value.read::<Everything>();
    let _ = value.read::<serde_json::Value>();
    let _ = value.read::<Vec<(u8, f32, Option<bool>)>>();
    let _ = value.read::<HashMap<i16, char>>();
    if let Ok(value) = value.read::<AnyValue>() {
        write(&value);
    }
}

fn write<T: Serialize>(value: &T) {
    for protocol in [HubProtocol::Json, HubProtocol::MessagePack] {
        if let Ok(written) = AnyValue::new(protocol, value) {
            let again = Argument::new(protocol, written.encoded().clone(), NamingPolicy::default(), "item");
            again.read::<AnyValue>().unwrap_or_else(|err| panic!("{written:?}: {err}"));
        }
    }
}

/// A type with everything in it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Everything {
    pub(super) id: i32,
    pub(super) big: i64,
    pub(super) ratio: f64,
    pub(super) text: Option<String>,
    pub(super) flag: bool,
    pub(super) bytes: Option<Bytes>,
    pub(super) guid: Uuid,
    pub(super) numbers: Option<Vec<i32>>,
    pub(super) child: Option<Box<Self>>,
    pub(super) map: Option<BTreeMap<String, Option<String>>>,
    pub(super) maybe: Option<i32>,
    pub(super) is_last: bool,
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Bytes that mean something in one of the protocols.
const LIKELY: &[u8] = b"\x00\x01\x7f\x80\x81\x90\x91\x9f\xa0\xa1\xbf\xc0\xc1\xc2\xc3\xc4\xc7\xca\xcb\xcc\xcf\xd3\xd6\xd8\xd9\xdb\xdc\xdd\xde\xdf\xff\x1e{}[]\",:\\-.eE0nu ";
