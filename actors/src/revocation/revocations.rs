//! Whom a revocation keeps out, and until when.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    ClaimsPrincipal,
    give_back::GiveBack,
    revocation::{
        ConnectionSelector, Which,
        selector::{Predicate, asks},
    },
};

/// The revocations of a server that still last. Looked at when somebody connects, not by messages.
#[derive(Default)]
pub(crate) struct Revocations {
    list: Mutex<List>,
    is_in_use: AtomicBool,
}

#[derive(Default)]
struct List {
    until: HashMap<Key, Instant>,
    functions: Vec<(Arc<Predicate>, Instant)>,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    All,
    Connection(String),
    User(String),
    /// The type in lower case.
    Claim(String, String),
}

impl Key {
    fn of(selector: &ConnectionSelector) -> Option<Self> {
        Some(match &selector.0 {
            Which::All => Self::All,
            Which::Connection(id) => Self::Connection(id.as_str().to_owned()),
            Which::User(id) => Self::User((**id).to_owned()),
            Which::Claim(claim_type, value) => {
                Self::Claim(claim_type.to_ascii_lowercase(), (**value).to_owned())
            }
            Which::Matching(_) => return None,
        })
    }
}

impl Revocations {
    /// Keeps out who is meant, for a time from `now` on. Says whether there was room for it.
    #[must_use]
    pub(crate) fn add(&self, selector: &ConnectionSelector, time: Duration, now: Instant) -> bool {
        // Longer than any clock goes is a hundred years.
        let until = now.checked_add(time.min(LONGEST)).unwrap_or(now);
        let mut list = self.list.lock();
        self.is_in_use.store(true, Ordering::SeqCst);
        list.expire(now);
        match (Key::of(selector), &selector.0) {
            (Some(key), _) if list.until.len() < MAXIMUM_KEYS || list.until.contains_key(&key) => {
                let known = list.until.entry(key).or_insert(until);
                *known = until.max(*known);
                true
            }
            (None, Which::Matching(function)) if list.functions.len() < MAXIMUM_FUNCTIONS => {
                list.functions.push((function.clone(), until));
                true
            }
            _ => false,
        }
    }

    /// Lets in again who was kept out; says whether somebody was. A function cannot be found again.
    pub(crate) fn remove(&self, selector: &ConnectionSelector) -> bool {
        Key::of(selector).is_some_and(|key| self.list.lock().until.remove(&key).is_some())
    }

    /// Whether there has never been one, so that nobody need be looked up.
    pub(crate) fn are_none(&self) -> bool {
        !self.is_in_use.load(Ordering::SeqCst)
    }

    /// Whether somebody is kept out.
    pub(crate) fn hold(
        &self,
        connection_id: Option<&str>,
        user_id: Option<&str>,
        user: &ClaimsPrincipal,
        now: Instant,
    ) -> bool {
        if self.are_none() {
            return false;
        }
        let list = self.list.lock();
        let holds = |key: Key| list.until.get(&key).is_some_and(|until| *until > now);
        let of_claim = |claim: &crate::Claim| {
            holds(Key::Claim(claim.claim_type().to_ascii_lowercase(), claim.value().to_owned()))
        };
        if holds(Key::All)
            || connection_id.is_some_and(|id| holds(Key::Connection(id.to_owned())))
            || user_id.is_some_and(|id| !id.is_empty() && holds(Key::User(id.to_owned())))
            || user.claims().any(of_claim)
        {
            return true;
        }
        // Not with the lock held: they are the application's own.
        let functions = list.functions.iter().filter(|(_, until)| *until > now);
        let functions: Vec<_> = functions.map(|(function, _)| function.clone()).collect();
        drop(list);
        functions.iter().any(|function| asks(&**function, user))
    }
}

impl List {
    fn expire(&mut self, now: Instant) {
        self.until.retain(|_, until| *until > now);
        self.until.give_back();
        self.functions.retain(|(_, until)| *until > now);
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("len", &self.list.lock().until.len()).finish_non_exhaustive()
    }
}

/// Some megabytes of users or tokens at once.
const MAXIMUM_KEYS: usize = 65_536;

/// Each of them is asked of everybody who connects.
const MAXIMUM_FUNCTIONS: usize = 64;

const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClaimsIdentity;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ann() -> ClaimsPrincipal {
        ClaimsIdentity::new("Test").claim("jti", "1").into()
    }

    #[test]
    fn a_revocation_holds_for_its_time_and_for_whom_it_means() {
        let now = Instant::now();
        for (selector, holds) in [
            (ConnectionSelector::all(), true),
            (ConnectionSelector::connection("c"), true),
            (ConnectionSelector::connection("d"), false),
            (ConnectionSelector::user("ann"), true),
            (ConnectionSelector::user("Ann"), false),
            (ConnectionSelector::user(""), false),
            (ConnectionSelector::claim("JTI", "1"), true),
            (ConnectionSelector::claim("jti", "2"), false),
            (ConnectionSelector::matching(|user| user.is_authenticated()), true),
            (ConnectionSelector::matching(|_| panic!("a bug")), true),
        ] {
            let revocations = Revocations::default();
            let hold = |at| revocations.hold(Some("c"), Some("ann"), &ann(), at);
            assert!(!hold(now));
            assert!(revocations.add(&selector, HOUR, now));
            assert_eq!(hold(now), holds, "{selector:?}");
            assert_eq!(selector.means("c", Some("ann"), &ann()), holds, "{selector:?}");
            assert!(!hold(now + HOUR));
        }
    }

    #[test]
    fn the_longer_of_two_counts_and_one_can_be_taken_back() {
        let (revocations, now) = (Revocations::default(), Instant::now());
        let selector = ConnectionSelector::user("ann");
        assert!(revocations.add(&selector, HOUR, now));
        assert!(revocations.add(&selector, Duration::ZERO, now));
        assert!(revocations.hold(None, Some("ann"), &ann(), now));
        assert!(revocations.remove(&selector));
        assert!(!revocations.remove(&selector));
        assert!(!revocations.hold(None, Some("ann"), &ann(), now));
        assert!(revocations.add(&selector, Duration::MAX, now), "for ever is no overflow");
        assert!(revocations.hold(None, Some("ann"), &ann(), now + HOUR));
    }

    #[test]
    fn their_number_is_bounded_until_their_time_is_over() {
        let (revocations, now) = (Revocations::default(), Instant::now());
        let user = |number: usize| ConnectionSelector::user(number.to_string());
        let function = || ConnectionSelector::matching(|_| false);
        let mut list = revocations.list.lock();
        list.until.extend((0..MAXIMUM_KEYS).map(|number| (Key::User(number.to_string()), now + HOUR)));
        drop(list);
        assert!(!revocations.add(&user(MAXIMUM_KEYS), HOUR, now));
        assert!(revocations.add(&user(0), HOUR, now), "one that is there needs no more room");
        assert!(revocations.add(&user(MAXIMUM_KEYS), HOUR, now + HOUR));
        assert!((0..MAXIMUM_FUNCTIONS).all(|_| revocations.add(&function(), HOUR, now)));
        assert!(!revocations.add(&function(), HOUR, now));
    }
}
