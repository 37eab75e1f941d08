//! Reads records, and checks every byte of them.

use super::{HubProtocol, RECORD_SEPARATOR, Record, json, layout::Layout, messagepack, printable};

/// Reads the records of one server.
///
/// The first of a kind is read in full, and its bytes are learnt. Those that follow are compared with these bytes, and
/// only what differs from call to call is looked at. One that does not fit is read in full again, so a server may write
/// its records in any order and way it likes: that costs time here, and nothing else.
#[derive(Debug)]
pub(crate) struct RecordReader {
    protocol: HubProtocol,
    layouts: Vec<Layout>,
    read_in_full: u64,
}

impl RecordReader {
    pub(crate) fn new(protocol: HubProtocol) -> Self {
        Self { protocol, layouts: Vec::new(), read_in_full: 0 }
    }

    /// How many records were not written like the one before.
    pub(crate) fn read_in_full(&self) -> u64 {
        self.read_in_full
    }

    /// The first record and its length; `None` when more bytes are needed.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Record<'a>, usize)>, String> {
        if let Some(layout) = self.layouts.iter().find(|layout| layout.fits(bytes)) {
            return Ok(Some((layout.read(bytes), layout.len())));
        }
        let (body, end) = match self.protocol {
            HubProtocol::Json => match memchr::memchr(RECORD_SEPARATOR, bytes) {
                Some(end) => (0..end, end + 1),
                None => return Ok(None),
            },
            HubProtocol::MessagePack => match messagepack::split(bytes)? {
                Some(body) => (body.clone(), body.end),
                None => return Ok(None),
            },
        };
        let body = &bytes[body];
        let record = match self.protocol {
            HubProtocol::Json => json::read(body),
            HubProtocol::MessagePack => messagepack::read(body).map_err(str::to_owned),
        };
        let record = record.map_err(|err| format!("a record cannot be read ({err}): {}", printable(body)))?;
        self.read_in_full += 1;
        if let Some(layout) = Layout::learn(&bytes[..end], &record) {
            self.layouts.retain(|other| other.kind() != layout.kind());
            self.layouts.push(layout);
        }
        Ok(Some((record, end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Value;

    /// Reads records that must all be whole; gives id and text of each, and how many were read in full.
    fn read(protocol: HubProtocol, mut bytes: &[u8]) -> (Vec<(String, String)>, u64) {
        let mut reader = RecordReader::new(protocol);
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (record, length) = reader.next(bytes).unwrap().unwrap();
            let text = match &record.value {
                Value::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                Value::Nothing => String::new(),
                Value::Other => panic!("no text"),
            };
            let id = record.id.as_deref().unwrap_or_default().to_vec();
            records.push((String::from_utf8(id).unwrap(), text));
            bytes = &bytes[length..];
        }
        (records, reader.read_in_full())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn records_like_the_one_before_are_compared_with_it() {
        let bytes = b"{\"type\":3,\"invocationId\":\"10\",\"result\":\"abc\"}\x1e\
            {\"type\":6}\x1e{\"type\":3,\"invocationId\":\"11\",\"result\":\"xyz\"}\x1e";
        let (records, in_full) = read(HubProtocol::Json, bytes);
        assert_eq!(records, pairs(&[("10", "abc"), ("", ""), ("11", "xyz")]));
        assert_eq!(in_full, 2);
        let bytes = b"\x09\x95\x03\x80\xa210\x03\xa1a\x09\x95\x03\x80\xa211\x03\xa1b";
        assert_eq!(read(HubProtocol::MessagePack, bytes), (pairs(&[("10", "a"), ("11", "b")]), 1));
    }

    #[test]
    fn records_written_otherwise_are_read_in_full() {
        let bytes = b"{\"type\":3,\"invocationId\":\"10\",\"result\":\"abc\"}\x1e\
            {\"result\":\"abc\",\"invocationId\":\"11\",\"type\":3}\x1e\
            {\"type\":3,\"invocationId\":\"7\",\"result\":\"\\u0061\"}\x1e\
            {\"type\":3,\"invocationId\":\"8\"}\x1e{\"type\":3,\"invocationId\":\"9\"}\x1e";
        let (records, in_full) = read(HubProtocol::Json, bytes);
        assert_eq!(records, pairs(&[("10", "abc"), ("11", "abc"), ("7", "a"), ("8", ""), ("9", "")]));
        assert_eq!(in_full, 4);
    }

    #[test]
    fn a_learnt_record_is_not_mistaken_for_another() {
        let mut reader = RecordReader::new(HubProtocol::Json);
        let learnt = b"{\"type\":1,\"target\":\"Receive\",\"arguments\":[\"ab\"]}\x1e";
        reader.next(learnt).unwrap().unwrap();
        let other = b"{\"type\":1,\"target\":\"Deceive\",\"arguments\":[\"ab\"]}\x1e";
        let (record, _) = reader.next(other).unwrap().unwrap();
        assert_eq!(record.target.as_deref(), Some(&b"Deceive"[..]));
        assert_eq!(reader.next(&learnt[..learnt.len() - 1]).unwrap(), None);
        assert!(reader.next(b"{\"type\":1,\"target\":\"Receive\",\"arguments\":[\"a\x00\"]}x\x1e").is_err());
    }
}
