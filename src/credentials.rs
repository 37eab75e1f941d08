//! What a request shows of its sender, against what his connection is known by: decisions without any actor.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_rt::time::Instant;
use actix_signalr_actors::{
    CancellationToken, ClaimsPrincipal, same_claims, same_user, transport::TransportKind,
};

/// Who sends a request, and for how long he has shown that.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: Arc<ClaimsPrincipal>,
    /// When they expire, as whoever issued them says.
    ticket_expires_at: Option<SystemTime>,
    /// The same, or sooner where the route allows no more.
    expires_at: Option<SystemTime>,
    /// One of these is cancelled when they are revoked, where somebody can tell.
    revocations: Vec<CancellationToken>,
}

impl Credentials {
    /// Those of somebody who has shown any (`is_known`) or none, at a route that takes them for `maximum` at the most.
    pub(crate) fn new(
        user: Arc<ClaimsPrincipal>,
        is_known: bool,
        ticket_expires_at: Option<SystemTime>,
        maximum: Option<Duration>,
        now: SystemTime,
    ) -> Self {
        let latest = maximum.filter(|_| is_known).and_then(|maximum| now.checked_add(maximum));
        let expires_at = match (ticket_expires_at, latest) {
            (Some(ticket), Some(latest)) => Some(ticket.min(latest)),
            (ticket, latest) => ticket.or(latest),
        };
        Self { user, ticket_expires_at, expires_at, revocations: Vec::new() }
    }

    /// The same, until they are revoked.
    pub(crate) fn with_revocations(mut self, revocations: Vec<CancellationToken>) -> Self {
        self.revocations = revocations;
        self
    }

    /// What says that they are revoked.
    pub(crate) fn revocations(&self) -> &[CancellationToken] {
        &self.revocations
    }

    /// Whether they have been revoked, perhaps since they were looked at.
    pub(crate) fn are_revoked(&self) -> bool {
        self.revocations.iter().any(CancellationToken::is_cancelled)
    }

    /// When they expire.
    pub(crate) const fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// The same on the clock that only goes forward; `None` where it is out of reach.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let left = self.expires_at?.duration_since(SystemTime::now()).unwrap_or_default();
        Instant::now().checked_add(left)
    }

    /// The whole seconds that are left, at the most what clients can read.
    pub(crate) fn lifetime_seconds(&self, now: SystemTime) -> Option<u32> {
        let left = self.expires_at?.duration_since(now).unwrap_or_default().as_secs();
        Some(left.try_into().unwrap_or(MOST_SECONDS).min(MOST_SECONDS))
    }

    /// Whether they expire sooner. What expires and what does not cannot be compared.
    pub(crate) fn expire_before(&self, other: &Self) -> bool {
        matches!((self.expires_at, other.expires_at), (Some(a), Some(b)) if a < b)
    }

    /// Whether they were issued for longer.
    fn are_issued_for_longer_than(&self, other: &Self) -> bool {
        match (self.ticket_expires_at, other.ticket_expires_at) {
            (Some(a), Some(b)) => a > b,
            (a, b) => a.is_none() && b.is_some(),
        }
    }

    /// Whether they are issued alike: the same claims until the same time.
    fn are_unchanged(&self, other: &Self) -> bool {
        self.ticket_expires_at == other.ticket_expires_at && same_claims(&self.user, &other.user)
    }
}

/// What a connection is known by.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) credentials: Credentials,
    /// A refresh has been asked for with them. A poll does not take them back.
    are_refreshed: bool,
}

/// What the credentials of a poll are to those in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The same.
    Unchanged,
    /// Older ones, which change nothing.
    Older,
    /// To take their place, if all who have a say agree.
    Fresher,
}

impl InForce {
    /// Of a connection that begins.
    pub(crate) const fn new(credentials: Credentials) -> Self {
        Self { credentials, are_refreshed: false }
    }

    /// Accepted by a request to refresh.
    pub(crate) const fn refreshed(credentials: Credentials) -> Self {
        Self { credentials, are_refreshed: true }
    }

    /// Whether a request comes from the same user, as far as that can be seen without the hub.
    pub(crate) fn is_same_user(&self, shown: &Credentials) -> bool {
        same_user(&self.credentials.user, &shown.user)
    }

    /// The request that connects has shown its own, and they count; but a poll with older ones does not take back what has
    /// been refreshed before.
    pub(crate) fn connect(&mut self, shown: &Credentials, transport: TransportKind) {
        if transport != TransportKind::LongPolling || !self.are_refreshed || self.are_older_than(shown) {
            *self = Self::new(shown.clone());
        }
    }

    /// What a poll shows.
    pub(crate) fn compare(&self, shown: &Credentials) -> Shown {
        if shown.are_unchanged(&self.credentials) {
            Shown::Unchanged
        } else if shown.expire_before(&self.credentials)
            || (self.are_refreshed && !self.are_older_than(shown))
        {
            Shown::Older
        } else {
            Shown::Fresher
        }
    }

    fn are_older_than(&self, shown: &Credentials) -> bool {
        shown.are_issued_for_longer_than(&self.credentials)
    }
}

/// The most that clients read as a number of seconds.
const MOST_SECONDS: u32 = i32::MAX.unsigned_abs();

#[cfg(test)]
mod tests {
    use actix_signalr_actors::{ClaimsIdentity, claim_types};

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn user(role: &str) -> Arc<ClaimsPrincipal> {
        let identity = ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, "ann");
        Arc::new(identity.claim(claim_types::ROLE, role).into())
    }

    fn at(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    fn credentials(role: &str, seconds: Option<u64>) -> Credentials {
        Credentials::new(user(role), true, seconds.map(at), None, NOW)
    }

    #[test]
    fn the_earlier_of_ticket_and_maximum_counts() {
        let new = |known, ticket: Option<u64>, maximum: Option<u64>| {
            let maximum = maximum.map(Duration::from_secs);
            Credentials::new(user("x"), known, ticket.map(at), maximum, at(10)).expires_at
        };
        assert_eq!(new(true, Some(100), None), Some(at(100)));
        assert_eq!(new(true, Some(100), Some(4)), Some(at(14)));
        assert_eq!(new(true, Some(12), Some(4)), Some(at(12)));
        assert_eq!(new(true, None, Some(4)), Some(at(14)));
        assert_eq!(new(true, None, None), None);
        assert_eq!(new(false, None, Some(4)), None, "who has shown none has none that expire");
        assert_eq!(new(true, Some(100), Some(u64::MAX)), Some(at(100)), "out of reach");
    }

    #[test]
    fn lifetimes_are_whole_seconds_and_have_an_end() {
        let left = |seconds, now| credentials("x", seconds).lifetime_seconds(now);
        assert_eq!(left(None, NOW), None);
        assert_eq!(left(Some(60), NOW), Some(60));
        assert_eq!(left(Some(60), NOW + Duration::from_millis(1)), Some(59));
        assert_eq!(left(Some(60), at(61)), Some(0));
        assert_eq!(left(Some(2_147_483_648), NOW), Some(2_147_483_647));
        assert_eq!(left(Some(9_000_000_000), NOW), Some(2_147_483_647));
    }

    #[test]
    fn a_poll_is_compared_with_what_is_in_force() {
        use Shown::{Fresher, Older, Unchanged};
        let in_force = |seconds| InForce::new(credentials("first", seconds));
        let refreshed = |seconds| InForce::refreshed(credentials("first", seconds));
        let table = [
            ("the same", in_force(Some(60)), "first", Some(60), Unchanged),
            ("other claims", in_force(Some(60)), "second", Some(60), Fresher),
            ("the same for longer", in_force(Some(60)), "first", Some(61), Fresher),
            ("for longer", in_force(Some(60)), "second", Some(61), Fresher),
            ("sooner", in_force(Some(60)), "second", Some(59), Older),
            ("to none", in_force(Some(60)), "second", None, Fresher),
            ("from none", in_force(None), "second", Some(60), Fresher),
            ("neither", in_force(None), "second", None, Fresher),
            ("the same, refreshed", refreshed(Some(60)), "first", Some(60), Unchanged),
            ("other claims, refreshed", refreshed(Some(60)), "second", Some(60), Older),
            ("for longer, refreshed", refreshed(Some(60)), "second", Some(61), Fresher),
            ("sooner, refreshed", refreshed(Some(60)), "second", Some(59), Older),
            ("to none, refreshed", refreshed(Some(60)), "second", None, Fresher),
            ("from none, refreshed", refreshed(None), "second", Some(60), Older),
            ("neither, refreshed", refreshed(None), "second", None, Older),
        ];
        for (case, in_force, role, seconds, expected) in table {
            assert_eq!(in_force.compare(&credentials(role, seconds)), expected, "{case}");
        }
    }

    #[test]
    fn with_a_maximum_an_old_ticket_does_not_take_back_what_was_refreshed() {
        let maximum = Some(Duration::from_secs(4));
        let shown =
            |role, ticket, now| Credentials::new(user(role), true, Some(at(ticket)), maximum, at(now));
        let refreshed = InForce::refreshed(shown("second", 200, 0));
        assert_eq!(refreshed.compare(&shown("first", 100, 1)), Shown::Older, "though it is good for longer");
        assert_eq!(refreshed.compare(&shown("second", 200, 1)), Shown::Unchanged);
        assert_eq!(refreshed.compare(&shown("third", 300, 1)), Shown::Fresher);
    }

    #[test]
    fn who_connects_brings_his_own_but_not_by_an_old_poll() {
        let role_after = |mut in_force: InForce, seconds, transport| {
            in_force.connect(&credentials("shown", Some(seconds)), transport);
            in_force.credentials.user.find_first(claim_types::ROLE).unwrap_or_default().to_owned()
        };
        let negotiated = || InForce::new(credentials("first", Some(60)));
        let refreshed = || InForce::refreshed(credentials("first", Some(60)));
        for transport in [TransportKind::WebSockets, TransportKind::ServerSentEvents] {
            assert_eq!(role_after(refreshed(), 30, transport), "shown");
        }
        assert_eq!(role_after(negotiated(), 30, TransportKind::LongPolling), "shown");
        assert_eq!(role_after(refreshed(), 30, TransportKind::LongPolling), "first");
        assert_eq!(role_after(refreshed(), 60, TransportKind::LongPolling), "first");
        assert_eq!(role_after(refreshed(), 90, TransportKind::LongPolling), "shown");
    }
}
