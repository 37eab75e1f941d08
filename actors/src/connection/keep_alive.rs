//! The two clocks of a connection: when to ping, when to give up.

use std::time::Duration;

use actix::clock::Instant;

/// Knows when the last ping went out and when the client was last heard. The time comes in as an argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    timeout: Duration,
    pinged: Instant,
    /// Set from the client's first ping on: a client that never pings is never timed out.
    heard: Option<Instant>,
}

/// What is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ping,
    Timeout,
}

impl KeepAlive {
    pub(super) const fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self { interval, timeout, pinged: now, heard: None }
    }

    /// The client has sent a ping.
    pub(super) const fn ping_received(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// The client has sent a record, or much of one.
    pub(super) const fn received(&mut self, now: Instant) {
        if self.heard.is_some() {
            self.heard = Some(now);
        }
    }

    /// What is due; a ping counts as sent then. While the connection itself does not read, silence is not the
    /// client's.
    pub(super) fn due(&mut self, now: Instant, is_reading: bool) -> Due {
        match self.heard {
            Some(heard) if !is_reading => self.heard = Some(heard.max(now)),
            Some(heard) if now.duration_since(heard) >= self.timeout => return Due::Timeout,
            _ => {}
        }
        // Other traffic does not put a ping off: section 6 of the protocol.
        if now.duration_since(self.pinged) >= self.interval {
            self.pinged = now;
            return Due::Ping;
        }
        Due::Nothing
    }

    /// When to ask again. A client that has not pinged yet may do so at any time, and is silent from then on.
    pub(super) fn next(&self, now: Instant) -> Instant {
        after(self.pinged, self.interval).min(after(self.heard.unwrap_or(now), self.timeout))
    }
}

/// A time later than another one. One that is out of reach, as of an interval that is to mean "never", is in thirty years.
pub(super) fn after(time: Instant, interval: Duration) -> Instant {
    time.checked_add(interval).unwrap_or_else(|| time + Duration::from_secs(THIRTY_YEARS))
}

const THIRTY_YEARS: u64 = 30 * 365 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pings_keep_their_interval_whatever_is_received() {
        let start = Instant::now();
        let mut clock = KeepAlive::new(seconds(15), seconds(30), start);
        clock.received(start + seconds(14));
        assert_eq!(clock.due(start + seconds(14), true), Due::Nothing);
        assert_eq!(clock.next(start), start + seconds(15));
        assert_eq!(clock.due(start + seconds(15), true), Due::Ping);
        assert_eq!(clock.due(start + seconds(16), true), Due::Nothing);
        assert_eq!(clock.next(start + seconds(16)), start + seconds(30));
    }

    #[test]
    fn only_a_client_that_pings_is_timed_out() {
        let start = Instant::now();
        let mut clock = KeepAlive::new(seconds(1000), seconds(30), start);
        clock.received(start);
        assert_eq!(clock.due(start + seconds(100), true), Due::Nothing);
        clock.ping_received(start + seconds(100));
        assert_eq!(clock.next(start + seconds(100)), start + seconds(130));
        clock.received(start + seconds(120));
        assert_eq!(clock.due(start + seconds(149), true), Due::Nothing);
        assert_eq!(clock.due(start + seconds(150), true), Due::Timeout);
    }

    #[test]
    fn a_first_ping_is_reckoned_with_before_it_comes() {
        let start = Instant::now();
        let clock = KeepAlive::new(seconds(1000), seconds(30), start);
        assert_eq!(clock.next(start + seconds(5)), start + seconds(35));
    }

    #[test]
    fn an_interval_may_mean_never() {
        let start = Instant::now();
        let mut clock = KeepAlive::new(Duration::MAX, Duration::MAX, start);
        clock.ping_received(start);
        assert_eq!(clock.due(start + seconds(1_000_000), true), Due::Nothing);
        assert!(clock.next(start) > start + seconds(1_000_000));
    }

    #[test]
    fn silence_while_nothing_is_read_does_not_count() {
        let start = Instant::now();
        let mut clock = KeepAlive::new(seconds(1000), seconds(30), start);
        clock.ping_received(start);
        assert_eq!(clock.due(start + seconds(60), false), Due::Nothing);
        assert_eq!(clock.due(start + seconds(89), true), Due::Nothing);
        assert_eq!(clock.due(start + seconds(90), true), Due::Timeout);
    }
}
