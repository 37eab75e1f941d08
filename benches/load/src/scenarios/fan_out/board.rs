//! What publishers and receivers of different threads have to know of each other.

use std::sync::atomic::{
    AtomicI64, AtomicU32,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use super::FanOutPlan;

/// How many messages were sent, and how many of their deliveries are missing.
#[derive(Debug)]
pub(crate) struct Board {
    /// Of each target.
    receivers: Vec<u32>,
    /// Messages, by publisher and target.
    sent: Vec<AtomicU32>,
    /// Deliveries that are missing, by publisher and slot: a message takes the next slot, round and round.
    missing: Vec<AtomicI64>,
    slots: usize,
    /// Messages that were delivered to everybody, by publisher.
    complete: Vec<AtomicU32>,
}

/// A message as it is written on the board.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) slot: usize,
    /// How many this publisher has sent to this target before.
    pub(super) sequence: u32,
    pub(super) receivers: u32,
}

impl Board {
    pub(crate) fn new(plan: &FanOutPlan) -> Self {
        let slots = (plan.in_flight as usize * 2).next_power_of_two().clamp(64, 65_536);
        let counts = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
        Self {
            receivers: plan.receivers(),
            sent: counts(plan.publishers * plan.targets),
            missing: (0..plan.publishers * slots).map(|_| AtomicI64::new(0)).collect(),
            slots,
            complete: counts(plan.publishers),
        }
    }

    /// Whether a publisher may send the next one: fewer than `window` are on their way, and the slot is free again.
    pub(super) fn has_room(&self, publisher: usize, sent: u32, window: u32) -> bool {
        let complete = self.complete[publisher].load(Acquire);
        sent.wrapping_sub(complete) < window && self.slot(publisher, self.slot_of(sent)).load(Acquire) <= 0
    }

    /// A publisher that has `sent` so many sends one more.
    pub(super) fn publish(&self, publisher: usize, sent: u32, target: usize) -> Message {
        let sequence = self.sent[publisher * self.receivers.len() + target].fetch_add(1, Relaxed);
        let (slot, receivers) = (self.slot_of(sent), self.receivers[target]);
        self.slot(publisher, slot).store(i64::from(receivers), Release);
        Message { slot, sequence, receivers }
    }

    /// How many messages there are for a target.
    pub(super) fn sent(&self, publisher: usize, target: usize) -> u32 {
        self.sent[publisher * self.receivers.len() + target].load(Relaxed)
    }

    /// A message has arrived at one connection; whether it was the last one.
    pub(super) fn delivered(&self, publisher: usize, slot: usize) -> Result<bool, String> {
        if slot >= self.slots {
            return Err(format!("a message with the slot {slot}, which nobody has"));
        }
        let is_last = self.slot(publisher, slot).fetch_sub(1, AcqRel) == 1;
        if is_last {
            self.complete[publisher].fetch_add(1, Release);
        }
        Ok(is_last)
    }

    fn slot(&self, publisher: usize, slot: usize) -> &AtomicI64 {
        &self.missing[publisher * self.slots + slot]
    }

    fn slot_of(&self, sent: u32) -> usize {
        sent as usize % self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Audience, plan::tests::plan},
        *,
    };

    #[test]
    fn there_is_room_when_all_have_got_what_was_sent() {
        let board = Board::new(&plan(Audience::All, 2, 1));
        assert!(board.has_room(0, 0, 1));
        assert_eq!(board.publish(0, 0, 0), Message { slot: 0, sequence: 0, receivers: 2 });
        assert!(!board.has_room(0, 1, 1));
        assert!(board.has_room(0, 1, 2));
        assert_eq!(board.delivered(0, 0), Ok(false));
        assert!(!board.has_room(0, 1, 1));
        assert_eq!(board.delivered(0, 0), Ok(true));
        assert!(board.has_room(0, 1, 1));
        assert_eq!(board.sent(0, 0), 1);
        assert!(board.delivered(0, 64).is_err());
    }
}
