//! What has been sent to a client and not been acknowledged.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::protocol::{HubProtocol, RecordReader};

/// The records of a connection that may be resumed, by their ids, until the client says that it has them. Ids begin at 1 and
/// are never used again.
///
/// Keeps what was sent and no copy of it. Bounded by the connection's backlog, in which its bytes are counted.
#[derive(Debug)]
pub(super) struct MessageBuffer {
    kept: VecDeque<Kept>,
    /// The id of the first record that is kept, or else of the next.
    first: i64,
    reader: RecordReader,
}

/// Records that were sent together.
#[derive(Debug)]
struct Kept {
    records: Bytes,
    count: i64,
}

impl MessageBuffer {
    pub(super) fn new(protocol: HubProtocol) -> Self {
        let mut reader = RecordReader::new(None);
        reader.use_protocol(protocol);
        Self { kept: VecDeque::new(), first: 1, reader }
    }

    /// Keeps whole records, in their frames, which are numbered in their order.
    pub(super) fn keep(&mut self, records: Bytes) {
        let (mut rest, mut count) = (records.clone(), 0);
        while !rest.is_empty() && matches!(self.reader.next(&mut rest), Ok(Some(_))) {
            count += 1;
        }
        if count > 0 {
            self.kept.push_back(Kept { records, count });
        }
    }

    /// The client has everything up to a record; says how many bytes need not be kept any more. An id that is gone already,
    /// or that has not been given yet, is no error.
    pub(super) fn acknowledge(&mut self, id: i64) -> usize {
        let mut freed = 0;
        while self.first <= id {
            let Some(kept) = self.kept.front_mut() else { break };
            let is_whole = self.first.saturating_add(kept.count - 1) <= id;
            if is_whole {
                self.first = self.first.saturating_add(kept.count);
                freed += kept.records.len();
                self.kept.pop_front();
                continue;
            }
            let before = kept.records.len();
            let _ = self.reader.next(&mut kept.records);
            freed += before - kept.records.len();
            kept.count -= 1;
            self.first = self.first.saturating_add(1);
        }
        freed
    }

    /// The id of the first record that is sent again, or else of the next one.
    pub(super) const fn sequence_id(&self) -> i64 {
        self.first
    }

    /// What is sent again, in its order.
    pub(super) fn records(&self) -> impl Iterator<Item = &Bytes> {
        self.kept.iter().map(|kept| &kept.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: [&[u8]; 5] = [b"one\x1e", b"two\x1e", b"three\x1e", b"\x1e", b"five\x1e"];

    /// With the records above, sent in these portions.
    fn filled(portions: &[usize]) -> MessageBuffer {
        let mut buffer = MessageBuffer::new(HubProtocol::Json);
        let mut records = RECORDS.iter();
        for portion in portions {
            buffer.keep(records.by_ref().take(*portion).copied().collect::<Vec<_>>().concat().into());
        }
        buffer
    }

    fn again(buffer: &MessageBuffer) -> Vec<u8> {
        buffer.records().flat_map(|records| records.to_vec()).collect()
    }

    #[test]
    fn what_is_acknowledged_is_forgotten_and_the_rest_is_sent_again_unchanged() {
        for portions in [&[1, 1, 1, 1, 1][..], &[5], &[2, 3], &[3, 1, 1], &[1, 4]] {
            for acknowledged in 0..=5 {
                let mut buffer = filled(portions);
                let freed = buffer.acknowledge(i64::try_from(acknowledged).unwrap());
                let (gone, left) = RECORDS.split_at(acknowledged);
                assert_eq!(freed, gone.concat().len(), "{portions:?}, {acknowledged}");
                assert_eq!(again(&buffer), left.concat(), "{portions:?}, {acknowledged}");
                assert_eq!(buffer.sequence_id(), i64::try_from(acknowledged).unwrap() + 1);
            }
        }
    }

    #[test]
    fn records_are_acknowledged_one_by_one_in_the_middle_of_what_was_sent_together() {
        let mut buffer = filled(&[5]);
        let freed: Vec<_> = (1..=6).map(|id| buffer.acknowledge(id)).collect();
        assert_eq!(freed, [4, 4, 6, 1, 5, 0]);
        assert_eq!(buffer.sequence_id(), 6);
    }

    #[test]
    fn ids_nobody_gave_and_ids_long_gone_change_nothing() {
        let mut buffer = filled(&[2]);
        assert_eq!((buffer.acknowledge(0), buffer.acknowledge(-7), buffer.acknowledge(i64::MIN)), (0, 0, 0));
        assert_eq!(buffer.acknowledge(i64::MAX), 8);
        assert_eq!(buffer.sequence_id(), 3);
        buffer.keep(Bytes::from_static(b"next\x1e"));
        assert_eq!(buffer.acknowledge(2), 0);
        assert_eq!((buffer.sequence_id(), again(&buffer)), (3, b"next\x1e".to_vec()));
    }

    #[test]
    fn records_of_messagepack_are_told_apart_by_their_lengths() {
        let mut buffer = MessageBuffer::new(HubProtocol::MessagePack);
        buffer.keep(Bytes::from_static(b"\x02\x1e\x1e\x01a\x83\x00xyz"));
        assert_eq!((buffer.acknowledge(1), buffer.acknowledge(2)), (3, 2));
        assert_eq!(again(&buffer), b"\x83\x00xyz");
        assert_eq!((buffer.acknowledge(3), buffer.sequence_id()), (5, 4));
    }

    #[test]
    fn what_is_sent_again_is_no_copy() {
        let records = Bytes::from(b"one\x1etwo\x1e".to_vec());
        let mut buffer = MessageBuffer::new(HubProtocol::Json);
        buffer.keep(records.clone());
        buffer.acknowledge(1);
        let again = buffer.records().next().unwrap();
        assert_eq!(again.as_ptr(), records.slice(4..).as_ptr());
    }
}
