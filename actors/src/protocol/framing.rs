//! Cutting the bytes of a connection into records.

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    ProtocolError,
    protocol::{HubProtocol, RECORD_SEPARATOR},
};

/// Cuts what transports deliver into records, whichever way it was split.
///
/// A record that arrives whole is a slice of what the transport read; only the parts of one that
/// is split are copied together. Nothing is set aside for a record before its bytes have come.
#[derive(Debug)]
pub struct RecordReader {
    protocol: HubProtocol,
    partial: BytesMut,
    limit: usize,
}

impl RecordReader {
    /// `limit` is the longest record, in bytes with its separator or length; `None` is no limit.
    ///
    /// It begins with JSON, in which the handshake is, whatever follows.
    #[must_use]
    pub fn new(limit: Option<usize>) -> Self {
        Self { protocol: HubProtocol::Json, partial: BytesMut::new(), limit: limit.unwrap_or(usize::MAX) }
    }

    /// What follows is framed as in this protocol.
    pub const fn use_protocol(&mut self, protocol: HubProtocol) {
        self.protocol = protocol;
    }

    /// Takes the next record, without its separator or length, from the front of `input`; `None` where the
    /// rest is a part of one, which is kept.
    ///
    /// # Errors
    /// When a record is longer than the limit, as soon as more than that has come of it; or when it says that it is
    /// longer than any may be.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, ProtocolError> {
        let found = match self.protocol {
            HubProtocol::Json => {
                memchr::memchr(RECORD_SEPARATOR, input).map(|at| Found { rest: at + 1, head: 0, tail: 1 })
            }
            HubProtocol::MessagePack => self.find_frame(input)?,
        };
        let length = self.partial.len() + found.as_ref().map_or(input.len(), |found| found.rest);
        if length > self.limit {
            return Err(too_long(self.limit));
        }
        let Some(Found { rest, head, tail }) = found else {
            self.partial.extend_from_slice(input);
            input.clear();
            return Ok(None);
        };
        let mut record = input.split_to(rest);
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(&record);
            record = std::mem::take(&mut self.partial).freeze();
        }
        record.advance(head);
        record.truncate(record.len() - tail);
        Ok(Some(record))
    }

    /// Whether a part of a record has come and its end has not.
    #[must_use]
    pub fn is_inside_a_record(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Forgets a part whose rest will not come.
    pub fn restart(&mut self) {
        self.partial = BytesMut::new();
    }

    /// Where the frame ends that has begun before `input` or begins with it.
    fn find_frame(&self, input: &Bytes) -> Result<Option<Found>, ProtocolError> {
        let mut bytes = self.partial.iter().chain(input);
        let mut content: u64 = 0;
        for index in 0..LONGEST_PREFIX {
            let Some(&byte) = bytes.next() else { return Ok(None) };
            content |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                let head = index + 1;
                let Ok(content) = u32::try_from(content).map(u64::from) else { break };
                if content > MAXIMUM_LENGTH {
                    break;
                }
                let Ok(content) = usize::try_from(content) else { break };
                // What has come before is less than the whole.
                let rest = (head + content).saturating_sub(self.partial.len());
                return Ok((rest <= input.len()).then_some(Found { rest, head, tail: 0 }));
            }
        }
        Err(ProtocolError::named("FormatException", "Messages over 2GB in size are not supported."))
    }
}

/// A record whose end has come.
struct Found {
    /// How many bytes of the input belong to it.
    rest: usize,
    /// How many bytes stand before what it carries.
    head: usize,
    /// How many bytes stand behind what it carries.
    tail: usize,
}

fn too_long(limit: usize) -> ProtocolError {
    ProtocolError::invalid_data(format!(
        "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
    ))
}

/// The most bytes a length takes.
const LONGEST_PREFIX: usize = 5;

/// The longest frame, without its length.
const MAXIMUM_LENGTH: u64 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    /// The records found, and why there are no more.
    fn records(protocol: HubProtocol, chunks: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, Option<String>) {
        let mut reader = RecordReader::new(Some(limit));
        reader.use_protocol(protocol);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            loop {
                match reader.next(&mut input) {
                    Ok(Some(record)) => found.push(record.to_vec()),
                    Ok(None) => break,
                    Err(err) => return (found, Some(err.to_string())),
                }
            }
        }
        (found, None)
    }

    fn json(chunks: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, bool) {
        let (found, error) = records(HubProtocol::Json, chunks, limit);
        (found, error.is_none())
    }

    fn messagepack(chunks: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, Option<String>) {
        records(HubProtocol::MessagePack, chunks, limit)
    }

    const OVER_2_GB: &str = "Messages over 2GB in size are not supported.";

    #[test]
    fn records_are_found_however_they_are_split() {
        let text = b"one\x1e\x1etwo\x1ethree\x1e";
        let expected: Vec<&[u8]> = vec![b"one", b"", b"two", b"three"];
        for cut in 0..text.len() {
            let (found, fine) = json(&[&text[..cut], &text[cut..]], 10);
            assert_eq!((found, fine), (expected.iter().map(|part| part.to_vec()).collect(), true), "{cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(json(&bytes, 10).0.len(), 4);
    }

    #[test]
    fn the_limit_counts_the_separator_and_what_precedes_it_is_delivered() {
        assert_eq!(json(&[b"abcd\x1e"], 5).0.len(), 1);
        assert_eq!(json(&[b"abcd\x1e"], 4), (vec![], false));
        assert_eq!(json(&[b"a\x1eabcdef"], 5), (vec![b"a".to_vec()], false));
        assert!(!json(&[b"abc", b"def"], 5).1);
    }

    #[test]
    fn frames_are_found_however_they_are_split() {
        let long = [0x61; 200];
        let mut data = b"\x03one\x00\x83\x80\x00two\x85\x80\x80\x80\x00three\xc8\x01".to_vec();
        data.extend_from_slice(&long);
        data.extend_from_slice(b"\x01\x1e");
        let expected: Vec<Vec<u8>> =
            [&b"one"[..], b"", b"two", b"three", &long, b"\x1e"].iter().map(|part| part.to_vec()).collect();
        for cut in 0..=data.len() {
            let found = messagepack(&[&data[..cut], &data[cut..]], 300);
            assert_eq!(found, (expected.clone(), None), "{cut}");
        }
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        assert_eq!(messagepack(&bytes, 300), (expected, None));
    }

    #[test]
    fn a_length_beyond_2_gib_is_refused_and_one_below_is_waited_for() {
        for wrong in [
            &b"\xff\xff\xff\xff\x0f"[..],
            b"\xff\xff\xff\xff\x08",
            b"\x80\x80\x80\x80\x10",
            b"\xff\xff\xff\xff\xff\xff",
            b"\x80\x80\x80\x80\x80\x00",
            b"\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(messagepack(&[wrong], 100), (vec![], Some(OVER_2_GB.into())), "{wrong:x?}");
            let bytes: Vec<&[u8]> = wrong.chunks(1).collect();
            assert_eq!(messagepack(&bytes, 100), (vec![], Some(OVER_2_GB.into())), "{wrong:x?}");
        }
        let mut reader = RecordReader::new(None);
        reader.use_protocol(HubProtocol::MessagePack);
        let mut input = Bytes::from_static(b"\xff\xff\xff\xff\x07abc");
        assert_eq!(reader.next(&mut input), Ok(None));
        assert!(reader.is_inside_a_record());
        assert!(reader.partial.capacity() < 1024);
    }

    #[test]
    fn the_limit_counts_the_length_and_is_not_reached_by_a_claim() {
        let too_long = |limit| Some(too_long(limit).to_string());
        assert_eq!(messagepack(&[b"\x04abcd"], 5).0.len(), 1);
        assert_eq!(messagepack(&[b"\x04abcd"], 4), (vec![], too_long(4)));
        assert_eq!(messagepack(&[b"\x01a\x84\x00abcd"], 5), (vec![b"a".to_vec()], too_long(5)));
        assert_eq!(messagepack(&[b"\xff\xff\x7fabc"], 6), (vec![], None));
        assert_eq!(messagepack(&[b"\xff\xff\x7fabc", b"d"], 6), (vec![], too_long(6)));
        assert_eq!(messagepack(&[b"\xff\xff"], 1), (vec![], too_long(1)));
    }

    #[test]
    fn the_handshake_is_json_whatever_follows() {
        let mut reader = RecordReader::new(Some(100));
        let mut input = Bytes::from_static(b"{}\x1e\x02\x91\x06");
        assert_eq!(reader.next(&mut input), Ok(Some(Bytes::from_static(b"{}"))));
        reader.use_protocol(HubProtocol::MessagePack);
        assert_eq!(reader.next(&mut input), Ok(Some(Bytes::from_static(b"\x91\x06"))));
        assert_eq!(reader.next(&mut input), Ok(None));
    }
}
