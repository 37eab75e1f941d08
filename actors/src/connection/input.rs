//! What a client has sent and the connection has not looked at yet.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    ProtocolError,
    protocol::{HubProtocol, RecordReader},
};

/// Bytes in the order of their coming, taken out record by record. Bounded by the transport, which stops reading at the
/// limit of [`Flow::inbound`](crate::transport::Flow).
#[derive(Debug)]
pub(super) struct Input {
    reader: RecordReader,
    chunks: VecDeque<Bytes>,
    consumed: usize,
}

impl Input {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self { reader: RecordReader::new(limit), chunks: VecDeque::new(), consumed: 0 }
    }

    /// What follows is framed as in this protocol.
    pub(super) const fn use_protocol(&mut self, protocol: HubProtocol) {
        self.reader.use_protocol(protocol);
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        self.chunks.push_back(chunk);
    }

    /// The next whole record.
    ///
    /// # Errors
    /// When one is too long.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        while let Some(chunk) = self.chunks.front_mut() {
            let before = chunk.len();
            let record = self.reader.next(chunk);
            self.consumed += before - chunk.len();
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            if let Some(record) = record? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The bytes looked at since the last time this was asked.
    pub(super) fn take_consumed(&mut self) -> usize {
        std::mem::take(&mut self.consumed)
    }

    /// Whether the client has stopped in the middle of a record.
    pub(super) fn is_inside_a_record(&self) -> bool {
        self.chunks.is_empty() && self.reader.is_inside_a_record()
    }

    /// Drops all that has not been looked at, and says how many bytes that were.
    pub(super) fn clear(&mut self) -> usize {
        let dropped: usize = self.chunks.drain(..).map(|chunk| chunk.len()).sum();
        dropped + self.take_consumed()
    }
}
