//! Calls as the official clients write them.
//!
//! Each client writes the members of a call in one order and without white space, so what stands between its id, its target and
//! its arguments is compared and not read: 820 instructions for a call of 110 bytes instead of 3,000. Whatever is written in
//! another way is left to the general reader: this one may give up anywhere, and what it takes it takes for the same.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use crate::protocol::json::{plain::readable, scan::Scanner};

/// A call in one of the usual orders.
#[derive(Debug, Default)]
pub(super) struct UsualCall {
    pub(super) invocation_id: Option<ByteString>,
    pub(super) target: ByteString,
    pub(super) arguments: Range<usize>,
}

impl UsualCall {
    /// Reads a record, if it is one.
    pub(super) fn read(record: &Bytes) -> Option<Self> {
        let mut place = Place { record, at: 0 };
        if place.take(b"{\"type\":1,") {
            Self::with_the_type_first(&mut place)
        } else if place.take(b"{\"arguments\":[") {
            Self::by_name(&mut place)
        } else {
            None
        }
    }

    /// That of clients in C# and Java.
    fn with_the_type_first(place: &mut Place<'_>) -> Option<Self> {
        let mut invocation_id = None;
        if place.take(b"\"invocationId\":\"") {
            invocation_id = Some(place.rest_of_text()?);
            place.take(b",").then_some(())?;
        }
        place.take(b"\"target\":\"").then_some(())?;
        let target = place.rest_of_text()?;
        place.take(b",\"arguments\":[").then_some(())?;
        let arguments = place.rest_of_list()?;
        place.take(b"}").then_some(Self { invocation_id, target, arguments })
    }

    /// That of clients in JavaScript.
    fn by_name(place: &mut Place<'_>) -> Option<Self> {
        let arguments = place.rest_of_list()?;
        let mut invocation_id = None;
        if place.take(b",\"invocationId\":\"") {
            invocation_id = Some(place.rest_of_text()?);
        }
        place.take(b",\"target\":\"").then_some(())?;
        let target = place.rest_of_text()?;
        place.take(b",\"type\":1}").then_some(Self { invocation_id, target, arguments })
    }
}

/// A place in a record.
struct Place<'a> {
    record: &'a Bytes,
    at: usize,
}

impl Place<'_> {
    /// Takes what is expected, if that is what comes.
    fn take(&mut self, expected: &[u8]) -> bool {
        let is_next = self.rest().starts_with(expected);
        self.at += if is_next { expected.len() } else { 0 };
        is_next
    }

    /// Takes a text behind its opening quote, if it has no escapes.
    fn rest_of_text(&mut self) -> Option<ByteString> {
        let start = self.at;
        self.at += readable(self.rest());
        let text = start..self.at;
        self.take(b"\"").then_some(())?;
        ByteString::try_from(self.record.slice(text)).ok()
    }

    /// Takes a list whose opening bracket has been taken.
    fn rest_of_list(&mut self) -> Option<Range<usize>> {
        let list = Scanner::at(self.record, self.at - 1).value(1).ok()?;
        self.at = list.end;
        Some(list)
    }

    fn rest(&self) -> &[u8] {
        self.record.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{HubProtocol, NamingPolicy, smoke};

    const USUAL: [&str; 6] = [
        r#"{"type":1,"invocationId":"17","target":"Send","arguments":["to \u0061ll",[1,{"a":null}],-2.5e3]}"#,
        r#"{"type":1,"invocationId":"","target":"Grüße","arguments":[]}"#,
        r#"{"type":1,"target":"Send","arguments":[true]}"#,
        r#"{"arguments":["to all",{"b":[]}],"invocationId":"17","target":"Send","type":1}"#,
        r#"{"arguments":[ 1 , 2 ],"target":"Send","type":1}"#,
        r#"{"type":1,"target":"Send","arguments":[1]}tail"#,
    ];

    #[test]
    fn what_clients_write_is_read_this_way() {
        for text in USUAL {
            assert!(UsualCall::read(&Bytes::from_static(text.as_bytes())).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_read_this_way_is_read_as_the_general_reader_does() {
        let others = [
            r#"{"type":1,"headers":{"a":"b"},"invocationId":"1","target":"T","arguments":[]}"#,
            r#"{"arguments":[],"invocationId":"1","streamIds":["2"],"target":"T","type":1}"#,
            r#"{"type":1,"invocationId":"1","target":"\u0054","arguments":[1,]}"#,
            r#"{"type":3,"invocationId":"1","result":null}"#,
        ];
        let seeds: Vec<_> = USUAL.iter().chain(&others).map(|text| text.as_bytes().to_vec()).collect();
        let (mut usual, mut different) = (0, 0);
        smoke::mutate(&seeds, |data| {
            let record = Bytes::copy_from_slice(data);
            if UsualCall::read(&record).is_some() {
                usual += 1;
            } else {
                different += 1;
            }
            // Which compares both ways of reading.
            let _ = HubProtocol::Json.parse_whole(record, NamingPolicy::default());
        });
        assert!(usual > 500 && different > 500, "{usual} and {different}");
    }
}
