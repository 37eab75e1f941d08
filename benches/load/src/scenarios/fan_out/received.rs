//! What has arrived where.

use std::collections::{BTreeSet, HashMap};

use super::Board;
use crate::payload::Delivery;

/// The messages that connections of one thread have got.
#[derive(Debug)]
pub(super) struct Received {
    /// The next number of each publisher, by connection and publisher.
    expected: Vec<u32>,
    /// Numbers that were passed over so far.
    gaps: HashMap<(usize, usize), BTreeSet<u32>>,
    publishers: usize,
    duplicated: u64,
    out_of_order: u64,
}

impl Received {
    pub(super) fn new(connections: usize, publishers: usize) -> Self {
        let expected = vec![0; connections * publishers];
        Self { expected, gaps: HashMap::new(), publishers, duplicated: 0, out_of_order: 0 }
    }

    /// Whether a message that has arrived was still to come; an error when it was never sent.
    pub(super) fn is_fresh(
        &mut self,
        index: usize,
        delivery: &Delivery,
        board: &Board,
    ) -> Result<bool, String> {
        let publisher = usize::from(delivery.publisher);
        let sequence = delivery.sequence;
        if sequence >= board.sent(publisher, delivery.target as usize) {
            return Err(format!("a message with the number {sequence}, which was never sent"));
        }
        let expected = &mut self.expected[index * self.publishers + publisher];
        if sequence == *expected {
            *expected += 1;
            return Ok(true);
        }
        let gaps = self.gaps.entry((index, publisher)).or_default();
        if sequence > *expected {
            gaps.extend(*expected..sequence);
            *expected = sequence + 1;
            return Ok(true);
        }
        let was_missing = gaps.remove(&sequence);
        if was_missing {
            self.out_of_order += 1;
        } else {
            self.duplicated += 1;
        }
        Ok(was_missing)
    }

    /// How many never came; `sent` says how many there were for a connection from a publisher.
    pub(super) fn lost(&self, sent: impl Fn(usize, usize) -> u32) -> u64 {
        let places = self.expected.iter().enumerate();
        let behind = places.map(|(place, expected)| {
            let sent = sent(place / self.publishers, place % self.publishers);
            u64::from(sent.saturating_sub(*expected))
        });
        behind.sum::<u64>() + self.gaps.values().map(|gaps| gaps.len() as u64).sum::<u64>()
    }

    /// How many came twice, and how many late.
    pub(super) fn irregular(&self) -> (u64, u64) {
        (self.duplicated, self.out_of_order)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Audience, plan::tests::plan},
        *,
    };

    #[test]
    fn what_is_lost_late_or_twice_is_found() {
        let board = Board::new(&plan(Audience::All, 1, 1));
        for sent in 0..10 {
            board.publish(0, sent, 0);
        }
        let mut received = Received::new(1, 1);
        let mut arrives = |sequence| {
            let delivery = Delivery { publisher: 0, slot: 0, target: 0, sequence, time: 0 };
            received.is_fresh(0, &delivery, &board)
        };
        assert_eq!(arrives(0), Ok(true));
        assert_eq!(arrives(3), Ok(true), "1 and 2 are passed over");
        assert_eq!(arrives(2), Ok(true), "late");
        assert_eq!(arrives(2), Ok(false), "twice");
        assert_eq!(arrives(0), Ok(false), "twice");
        assert_eq!(arrives(4), Ok(true));
        assert!(arrives(10).is_err(), "never sent");
        assert_eq!(received.irregular(), (2, 1));
        assert_eq!(received.lost(|_, _| 10), 6, "1, and 5 to 9");
    }
}
