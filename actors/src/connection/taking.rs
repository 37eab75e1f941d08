//! Whether a transport takes in time what it has to.

use std::time::Duration;

use actix::clock::Instant;

use crate::connection::keep_alive::after;

/// Knows how many bytes a transport was given, and up to which of them it has to take by when. The time comes in as an
/// argument.
#[derive(Debug, Default)]
pub(super) struct Taking {
    given: u64,
    due: Option<(u64, Instant)>,
}

impl Taking {
    /// The transport has been given bytes.
    pub(super) const fn give(&mut self, bytes: usize) {
        self.given = self.given.saturating_add(bytes as u64);
    }

    /// What it has been given so far is to be taken in time; what was to be taken before keeps its time.
    pub(super) fn expect(&mut self, now: Instant) {
        self.due.get_or_insert((self.given, after(now, TIME_TO_TAKE)));
    }

    /// Whether something is to be taken.
    pub(super) const fn is_expecting(&self) -> bool {
        self.due.is_some()
    }

    /// Whether the transport is late, where so many bytes have not been taken.
    pub(super) fn is_late(&mut self, not_taken: usize, now: Instant) -> bool {
        let Some((position, at)) = self.due else { return false };
        if self.given.saturating_sub(not_taken as u64) >= position {
            self.due = None;
            return false;
        }
        now >= at
    }
}

/// How long a client may take to take acknowledgements and what is sent again; as in the original.
const TIME_TO_TAKE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_late_if_it_has_not_come_so_far_in_time() {
        let (mut taking, start) = (Taking::default(), Instant::now());
        taking.give(100);
        taking.expect(start);
        taking.give(1000);
        let late = start + TIME_TO_TAKE;
        assert!(!taking.is_late(1100, late - Duration::from_millis(1)));
        assert!(taking.is_late(1001, late));
        assert!(!taking.is_late(1000, late), "the first hundred are gone");
        assert!(!taking.is_expecting());
        assert!(!taking.is_late(1000, late), "nobody waits for the rest");
    }

    #[test]
    fn what_is_expected_first_keeps_its_time() {
        let (mut taking, start) = (Taking::default(), Instant::now());
        taking.give(10);
        taking.expect(start);
        taking.give(10);
        taking.expect(start + Duration::from_secs(4));
        assert!(taking.is_late(11, start + Duration::from_secs(5)));
    }
}
