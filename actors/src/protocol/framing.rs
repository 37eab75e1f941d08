//! Cutting the bytes of a connection into records.

use bytes::{Buf, Bytes, BytesMut};

use crate::{ProtocolError, protocol::RECORD_SEPARATOR};

/// Cuts what transports deliver into JSON records, whichever way it was split.
///
/// A record that arrives whole is a slice of what the transport read; only the parts of one that
/// is split are copied together.
#[derive(Debug)]
pub(crate) struct RecordReader {
    partial: BytesMut,
    limit: usize,
}

impl RecordReader {
    /// `limit` is the longest record, in bytes with its separator; `None` is no limit.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { partial: BytesMut::new(), limit: limit.unwrap_or(usize::MAX) }
    }

    /// Takes the next record, without its separator, from the front of `input`; `None` where the
    /// rest is a part of one, which is kept.
    ///
    /// # Errors
    /// When a record is longer than the limit, whether or not its end has come.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, ProtocolError> {
        let found = memchr::memchr(RECORD_SEPARATOR, input);
        let length = self.partial.len() + found.map_or(input.len(), |at| at + 1);
        if length > self.limit {
            return Err(too_long(self.limit));
        }
        let Some(at) = found else {
            self.partial.extend_from_slice(input);
            input.clear();
            return Ok(None);
        };
        let mut record = input.split_to(at);
        input.advance(1);
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(&record);
            record = std::mem::take(&mut self.partial).freeze();
        }
        Ok(Some(record))
    }

    /// Whether a part of a record has come and its end has not.
    pub(crate) fn is_inside_a_record(&self) -> bool {
        !self.partial.is_empty()
    }
}

fn too_long(limit: usize) -> ProtocolError {
    ProtocolError::invalid_data(format!(
        "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(chunks: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, bool) {
        let mut reader = RecordReader::new(Some(limit));
        let mut found = Vec::new();
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            loop {
                match reader.next(&mut input) {
                    Ok(Some(record)) => found.push(record.to_vec()),
                    Ok(None) => break,
                    Err(_) => return (found, false),
                }
            }
        }
        (found, true)
    }

    #[test]
    fn records_are_found_however_they_are_split() {
        let text = b"one\x1e\x1etwo\x1ethree\x1e";
        let expected: Vec<&[u8]> = vec![b"one", b"", b"two", b"three"];
        for cut in 0..text.len() {
            let (found, fine) = records(&[&text[..cut], &text[cut..]], 10);
            assert_eq!((found, fine), (expected.iter().map(|part| part.to_vec()).collect(), true), "{cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(records(&bytes, 10).0.len(), 4);
    }

    #[test]
    fn the_limit_counts_the_separator_and_what_precedes_it_is_delivered() {
        assert_eq!(records(&[b"abcd\x1e"], 5).0.len(), 1);
        assert_eq!(records(&[b"abcd\x1e"], 4), (vec![], false));
        assert_eq!(records(&[b"a\x1eabcdef"], 5), (vec![b"a".to_vec()], false));
        assert!(!records(&[b"abc", b"def"], 5).1);
    }
}
