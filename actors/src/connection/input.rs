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
    /// The first chunk apart: nearly always it is the only one, and the queue has no memory then.
    first: Option<Bytes>,
    others: VecDeque<Bytes>,
    consumed: usize,
    /// Bytes of a record that has not come to its end, since the last sign of life.
    unfinished: usize,
    has_finished: bool,
}

impl Input {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self {
            reader: RecordReader::new(limit),
            first: None,
            others: VecDeque::new(),
            consumed: 0,
            unfinished: 0,
            has_finished: false,
        }
    }

    /// What follows is framed as in this protocol.
    pub(super) const fn use_protocol(&mut self, protocol: HubProtocol) {
        self.reader.use_protocol(protocol);
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        match self.first {
            None => self.first = Some(chunk),
            Some(_) => self.others.push_back(chunk),
        }
    }

    /// The next whole record.
    ///
    /// # Errors
    /// When one is too long.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        while let Some(chunk) = &mut self.first {
            let before = chunk.len();
            let record = self.reader.next(chunk);
            self.consumed += before - chunk.len();
            self.unfinished += before - chunk.len();
            if chunk.is_empty() {
                self.first = self.others.pop_front();
            }
            if let Some(record) = record? {
                (self.unfinished, self.has_finished) = (0, true);
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The bytes looked at since the last time this was asked.
    pub(super) fn take_consumed(&mut self) -> usize {
        std::mem::take(&mut self.consumed)
    }

    /// Whether what has been looked at since the last time shows that the client is there: whole records do, and so does a long
    /// one that gets on. A few bytes of one that never ends do not, or they would hold a connection for days.
    pub(super) fn is_sign_of_life(&mut self) -> bool {
        let is_sign = std::mem::take(&mut self.has_finished) || self.unfinished >= SIGN_OF_LIFE;
        if is_sign {
            self.unfinished = 0;
        }
        is_sign
    }

    /// Whether the client has stopped in the middle of a record.
    pub(super) fn is_inside_a_record(&self) -> bool {
        self.first.is_none() && self.reader.is_inside_a_record()
    }

    /// Drops all that has not been looked at, a record that has begun too, and says how many bytes are still counted of it.
    pub(super) fn clear(&mut self) -> usize {
        self.reader.restart();
        self.unfinished = 0;
        let dropped: usize =
            self.first.take().into_iter().chain(self.others.drain(..)).map(|chunk| chunk.len()).sum();
        dropped + self.take_consumed()
    }
}

/// So many bytes of one record count like a record of their own.
const SIGN_OF_LIFE: usize = 4096;
