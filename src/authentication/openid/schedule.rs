//! When the keys of an identity provider are fetched.

use std::time::{Duration, Instant};

/// When the keys of an identity provider are fetched. Plain decisions: times are given, nothing waits.
#[derive(Debug)]
pub(super) struct Schedule {
    automatic: Duration,
    requested: Duration,
    /// Before that nothing is fetched by itself; at first it is at once.
    next: Option<Instant>,
    last_fetch: Option<Instant>,
    was_requested: bool,
    /// How long the last wait was after a failure without any keys.
    back_off: Option<Duration>,
}

impl Schedule {
    pub(super) const fn new(automatic: Duration, requested: Duration) -> Self {
        Self { automatic, requested, next: None, last_fetch: None, was_requested: false, back_off: None }
    }

    /// Whether it is time to fetch, without anybody having asked for it.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// Whether to fetch because of a token with an unknown key. The first such token is free; then it takes an interval since
    /// the last time, so that whoever sends such tokens cannot make us a nuisance to the provider.
    pub(super) fn may_refresh(&mut self, now: Instant) -> bool {
        let waited = |last: Instant| now.saturating_duration_since(last) >= self.requested;
        let may = !self.was_requested || self.last_fetch.is_none_or(waited);
        self.was_requested |= may;
        may
    }

    /// There are new keys. `jitter` keeps servers that were started together from asking together.
    pub(super) fn succeeded(&mut self, now: Instant, jitter: Duration) {
        self.last_fetch = Some(now);
        self.next = now.checked_add(self.automatic.saturating_add(jitter));
        self.back_off = None;
    }

    /// There are none. Without any at hand the next attempt is soon, and each later one later.
    pub(super) fn failed(&mut self, now: Instant, has_keys: bool) {
        self.last_fetch = Some(now);
        let wait = if has_keys {
            self.automatic.min(self.requested)
        } else {
            self.back_off.map_or(FIRST_BACK_OFF, |last| last.saturating_mul(2)).min(self.requested)
        };
        self.back_off = (!has_keys).then_some(wait);
        self.next = now.checked_add(wait);
    }
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    fn schedule() -> Schedule {
        Schedule::new(12 * HOUR, 5 * MINUTE)
    }

    #[test]
    fn the_first_fetch_is_due_at_once_and_the_next_after_half_a_day() {
        let (mut schedule, now) = (schedule(), Instant::now());
        assert!(schedule.is_due(now));
        schedule.succeeded(now, 10 * MINUTE);
        assert!(!schedule.is_due(now + 12 * HOUR));
        assert!(schedule.is_due(now + 12 * HOUR + 10 * MINUTE));
    }

    #[test]
    fn t12_unknown_keys_make_it_fetch_once_an_interval_after_the_first_free_time() {
        let (mut schedule, now) = (schedule(), Instant::now());
        schedule.succeeded(now, Duration::ZERO);
        assert!(schedule.may_refresh(now), "the first is free");
        schedule.succeeded(now, Duration::ZERO);
        for seconds in 0..300 {
            assert!(!schedule.may_refresh(now + Duration::from_secs(seconds)));
        }
        assert!(schedule.may_refresh(now + 5 * MINUTE));
        schedule.failed(now + 5 * MINUTE, true);
        assert!(!schedule.may_refresh(now + 6 * MINUTE), "a failure counts as well");
    }

    #[test]
    fn t15_without_keys_the_waits_double_up_to_the_interval() {
        let (mut schedule, mut now) = (schedule(), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            schedule.failed(now, false);
            let wait = Duration::from_secs(seconds);
            assert!(!schedule.is_due(now + wait - Duration::from_millis(1)), "{seconds}");
            assert!(schedule.is_due(now + wait), "{seconds}");
            now += wait;
        }
        schedule.succeeded(now, Duration::ZERO);
        schedule.failed(now, false);
        assert!(schedule.is_due(now + FIRST_BACK_OFF), "a success makes the waits short again");
    }

    #[test]
    fn t15_with_keys_at_hand_the_next_attempt_is_an_interval_later() {
        let (mut schedule, now) = (schedule(), Instant::now());
        schedule.failed(now, true);
        assert!(!schedule.is_due(now + 4 * MINUTE));
        assert!(schedule.is_due(now + 5 * MINUTE));
    }
}
