//! Sessions in the memory of one process.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use actix_signalr_actors::{CancellationToken, GiveBack, claim_types};
use futures::future::{LocalBoxFuture, ready};
use parking_lot::Mutex;

use crate::authentication::cookie::{SessionKey, SessionStore, SessionStoreError, SessionTicket};

/// A [`SessionStore`] in the memory of this process: everybody is signed out when it ends. A clone is the same store.
///
/// It is bounded. A user with more than [`sessions_per_user`](Self::sessions_per_user) loses his oldest one; when there are
/// [`capacity`](Self::capacity) sessions that have not expired, nobody can sign in until one is over.
///
/// ```
/// use actix_signalr::{CookieAuthentication, InMemorySessionStore, KeyRing};
///
/// # fn main() -> Result<(), actix_signalr::CookieError> {
/// let sessions = InMemorySessionStore::new();
/// let cookies = CookieAuthentication::new(KeyRing::random()?).session_store(sessions.clone());
/// // Somebody has to go: his sessions and his open connections end.
/// sessions.revoke_user("ann");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InMemorySessionStore {
    sessions: Arc<Mutex<Sessions>>,
    capacity: usize,
    per_user: usize,
}

#[derive(Default)]
struct Sessions {
    by_key: HashMap<SessionKey, Kept>,
    /// The sessions of each user, the oldest first.
    by_user: HashMap<String, VecDeque<SessionKey>>,
    /// To find those that have expired.
    by_expiry: BTreeSet<(SystemTime, [u8; 32])>,
}

struct Kept {
    ticket: SessionTicket,
    user: Option<String>,
    revocation: CancellationToken,
}

impl InMemorySessionStore {
    /// A store for 100,000 sessions, 32 of each user.
    #[must_use]
    pub fn new() -> Self {
        Self { sessions: Arc::default(), capacity: DEFAULT_CAPACITY, per_user: DEFAULT_PER_USER }
    }

    /// How many sessions there may be at a time; 100,000.
    #[must_use]
    pub const fn capacity(mut self, sessions: usize) -> Self {
        self.capacity = sessions;
        self
    }

    /// How many sessions one user may have, by his name identifier; 32, and at least one.
    #[must_use]
    pub const fn sessions_per_user(mut self, sessions: usize) -> Self {
        self.per_user = if sessions == 0 { 1 } else { sessions };
        self
    }

    /// Ends all sessions of a user, by his name identifier, and the connections that were made with them. How many
    /// sessions that were.
    pub fn revoke_user(&self, name_identifier: &str) -> usize {
        let mut sessions = self.sessions.lock();
        let keys = sessions.by_user.get(name_identifier).cloned().unwrap_or_default();
        for key in &keys {
            sessions.remove(key);
        }
        keys.len()
    }

    /// How many sessions there are, expired ones included that nobody has looked for since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.lock().by_key.len()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(
        &self,
        key: &SessionKey,
        ticket: &SessionTicket,
        now: SystemTime,
    ) -> Result<(), SessionStoreError> {
        let mut sessions = self.sessions.lock();
        sessions.expire(now);
        let user = ticket.principal().find_first(claim_types::NAME_IDENTIFIER).map(str::to_owned);
        if let Some(user) = &user {
            while let Some(oldest) = sessions.oldest_beyond(user, self.per_user) {
                sessions.remove(&oldest);
            }
        }
        if sessions.by_key.len() >= self.capacity {
            return Err(SessionStoreError::full());
        }
        sessions.insert(key.clone(), ticket.clone(), user, CancellationToken::new());
        Ok(())
    }
}

impl Sessions {
    fn insert(
        &mut self,
        key: SessionKey,
        ticket: SessionTicket,
        user: Option<String>,
        revocation: CancellationToken,
    ) {
        self.by_expiry.insert((ticket.expires_at(), *key.as_bytes()));
        if let Some(user) = &user {
            self.by_user.entry(user.clone()).or_default().push_back(key.clone());
        }
        self.by_key.insert(key, Kept { ticket, user, revocation });
    }

    fn remove(&mut self, key: &SessionKey) {
        let Some(Kept { ticket, user, revocation }) = self.by_key.remove(key) else { return };
        self.by_key.give_back();
        self.by_expiry.remove(&(ticket.expires_at(), *key.as_bytes()));
        if let Some(user) = user
            && let Some(keys) = self.by_user.get_mut(&user)
        {
            keys.retain(|kept| kept != key);
            if keys.is_empty() {
                self.by_user.remove(&user);
                self.by_user.give_back();
            }
        }
        revocation.cancel();
    }

    /// The user's oldest session, if there is no room for one more.
    fn oldest_beyond(&self, user: &str, per_user: usize) -> Option<SessionKey> {
        self.by_user.get(user).filter(|keys| keys.len() >= per_user)?.front().cloned()
    }

    fn expire(&mut self, now: SystemTime) {
        while let Some((expires_at, key)) = self.by_expiry.first().copied() {
            let Some(key) = SessionKey::from_slice(&key).filter(|_| expires_at < now) else { return };
            self.remove(&key);
        }
    }
}

impl SessionStore for InMemorySessionStore {
    fn store<'a>(
        &'a self,
        key: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        Box::pin(ready(self.insert(key, ticket, SystemTime::now())))
    }

    fn retrieve<'a>(
        &'a self,
        key: &'a SessionKey,
    ) -> LocalBoxFuture<'a, Result<Option<SessionTicket>, SessionStoreError>> {
        let found = self.sessions.lock().by_key.get(key).map(|kept| kept.ticket.clone());
        Box::pin(ready(Ok(found)))
    }

    fn renew<'a>(
        &'a self,
        key: &'a SessionKey,
        ticket: &'a SessionTicket,
    ) -> LocalBoxFuture<'a, Result<bool, SessionStoreError>> {
        let mut sessions = self.sessions.lock();
        let before = sessions
            .by_key
            .get_mut(key)
            .map(|kept| std::mem::replace(&mut kept.ticket, ticket.clone()).expires_at());
        if let Some(before) = before {
            sessions.by_expiry.remove(&(before, *key.as_bytes()));
            sessions.by_expiry.insert((ticket.expires_at(), *key.as_bytes()));
        }
        Box::pin(ready(Ok(before.is_some())))
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> LocalBoxFuture<'a, Result<(), SessionStoreError>> {
        self.sessions.lock().remove(key);
        Box::pin(ready(Ok(())))
    }

    fn revocation(&self, key: &SessionKey) -> Option<CancellationToken> {
        self.sessions.lock().by_key.get(key).map(|kept| kept.revocation.clone())
    }
}

impl Default for InMemorySessionStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InMemorySessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemorySessionStore").field("sessions", &self.len()).finish_non_exhaustive()
    }
}

const DEFAULT_CAPACITY: usize = 100_000;
const DEFAULT_PER_USER: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_signalr_actors::ClaimsIdentity;

    use super::*;
    use crate::authentication::cookie::Ticket;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ticket(user: &str, expires: u64) -> SessionTicket {
        let identity = ClaimsIdentity::new("Password").claim(claim_types::NAME_IDENTIFIER, user);
        SessionTicket(Ticket {
            principal: Arc::new(identity.into()),
            issued_at: at(0),
            expires_at: at(expires),
            is_persistent: false,
            allow_refresh: true,
        })
    }

    fn keys<const N: usize>() -> [SessionKey; N] {
        std::array::from_fn(|_| SessionKey::random().unwrap())
    }

    #[actix_web::test]
    async fn a_users_oldest_session_makes_room_for_his_newest() {
        let store = InMemorySessionStore::new().sessions_per_user(2);
        let [first, second, third, others] = keys();
        store.insert(&others, &ticket("bob", 100), at(1)).unwrap();
        store.insert(&first, &ticket("ann", 100), at(1)).unwrap();
        store.insert(&second, &ticket("ann", 100), at(1)).unwrap();
        let revocation = store.revocation(&first).unwrap();
        store.insert(&third, &ticket("ann", 100), at(1)).unwrap();
        assert!(revocation.is_cancelled() && store.retrieve(&first).await.unwrap().is_none());
        for kept in [&second, &third, &others] {
            assert!(store.retrieve(kept).await.unwrap().is_some());
        }
    }

    #[actix_web::test]
    async fn a_full_store_takes_nobody_until_a_session_expires() {
        let store = InMemorySessionStore::new().capacity(2);
        let [first, second, third] = keys();
        store.insert(&first, &ticket("ann", 10), at(1)).unwrap();
        store.insert(&second, &ticket("bob", 20), at(1)).unwrap();
        assert!(store.insert(&third, &ticket("eve", 30), at(10)).unwrap_err().is_full());
        store.insert(&third, &ticket("eve", 30), at(11)).unwrap();
        assert!(store.retrieve(&first).await.unwrap().is_none());
        assert_eq!(store.len(), 2);
    }

    #[actix_web::test]
    async fn a_renewal_does_not_bring_back_what_was_revoked() {
        let store = InMemorySessionStore::new();
        let [key] = keys();
        store.insert(&key, &ticket("ann", 10), at(1)).unwrap();
        assert!(store.renew(&key, &ticket("ann", 20)).await.unwrap());
        assert_eq!(store.retrieve(&key).await.unwrap().unwrap().expires_at(), at(20));
        assert_eq!((store.revoke_user("bob"), store.revoke_user("ann")), (0, 1));
        assert!(!store.renew(&key, &ticket("ann", 30)).await.unwrap());
        assert!(store.is_empty() && store.sessions.lock().by_user.is_empty());
        assert!(store.sessions.lock().by_expiry.is_empty());
    }

    #[test]
    fn nothing_of_a_session_is_shown() {
        let store = InMemorySessionStore::new();
        let [key] = keys();
        store.insert(&key, &ticket("ann", 10), at(1)).unwrap();
        let shown = format!("{store:?} {key:?} {:?}", ticket("ann", 10));
        assert!(!shown.contains("ann") && shown.contains("sessions: 1"), "{shown}");
    }
}
