//! The keys of an identity provider, shared by all workers.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::{FutureExt, channel::oneshot, future::Shared};
use parking_lot::Mutex;

use crate::authentication::{
    jwt::{Discovered, TokenRefusal, TokenRules, ValidToken},
    openid::{
        Authority,
        document::{FetchError, ProviderConfiguration, fetch},
        schedule::Schedule,
    },
};

/// The keys of an identity provider, shared by all workers.
///
/// One of them fetches at a time, in a task of its own: a request that goes away does not end it, and what waits for it
/// waits without holding up anything else.
pub(in crate::authentication) struct Discovery {
    authority: Authority,
    state: Mutex<State>,
}

struct State {
    schedule: Schedule,
    current: Option<Arc<ProviderConfiguration>>,
    /// Those before it that have verified tokens lately; the newest first.
    last_known_good: Vec<Arc<ProviderConfiguration>>,
    fetching: Option<Fetching>,
}

/// Ready when a fetch is over, however it ended.
type Fetching = Shared<oneshot::Receiver<()>>;

impl Discovery {
    pub(in crate::authentication) const fn new(authority: Authority) -> Self {
        let schedule = Schedule::new(authority.automatic_refresh_interval, authority.refresh_interval);
        let state = State { schedule, current: None, last_known_good: Vec::new(), fetching: None };
        Self { authority, state: Mutex::new(state) }
    }

    pub(in crate::authentication) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Applies the rules with the provider's keys. A key that is not known makes it look for new ones, within bounds; what
    /// even those do not know, the last ones that were good may.
    pub(in crate::authentication) async fn validate(
        self: &Arc<Self>,
        rules: &TokenRules,
        token: &str,
        now: SystemTime,
        refresh: bool,
    ) -> Result<ValidToken, TokenRefusal> {
        let attempt = |with: Option<&Arc<ProviderConfiguration>>| {
            let valid = rules.validate_at(token, now, with.map(|with| &with.discovered));
            if let (Ok(_), Some(with)) = (&valid, with) {
                with.was_good(Instant::now());
            }
            valid
        };
        let mut current = self.current().await;
        let mut outcome = attempt(current.as_ref());
        let is_wanted = |outcome: &Result<ValidToken, TokenRefusal>| {
            matches!(outcome, Err(TokenRefusal::KeyNotFound { is_wanted: true }))
        };
        if is_wanted(&outcome)
            && refresh
            && let Some(newer) = self.refreshed(current.as_ref()).await
        {
            outcome = attempt(Some(&newer));
            current = Some(newer);
        }
        if is_wanted(&outcome) && current.is_some() {
            let good = self.last_known_good(Instant::now());
            outcome = good.iter().find_map(|before| attempt(Some(before)).ok()).map_or(outcome, Ok);
        }
        outcome
    }

    /// The keys at hand; those that are fetched now if there are none yet. What is due is fetched beside.
    async fn current(self: &Arc<Self>) -> Option<Arc<ProviderConfiguration>> {
        let fetching = {
            let mut state = self.state.lock();
            let is_due = state.schedule.is_due(Instant::now());
            let fetching = match &state.fetching {
                Some(fetching) => Some(fetching.clone()),
                None => is_due.then(|| self.start(&mut state)),
            };
            match fetching {
                Some(fetching) if state.current.is_none() => fetching,
                Some(_) | None => return state.current.clone(),
            }
        };
        // Whatever became of it shows in the state.
        let _ = fetching.await;
        self.state.lock().current.clone()
    }

    /// Other keys than those given, if it is allowed to look for some and there are.
    async fn refreshed(
        self: &Arc<Self>,
        known: Option<&Arc<ProviderConfiguration>>,
    ) -> Option<Arc<ProviderConfiguration>> {
        let is_other = |current: &Option<Arc<ProviderConfiguration>>| match (current, known) {
            (Some(current), Some(known)) => !Arc::ptr_eq(current, known),
            (current, _) => current.is_some(),
        };
        let fetching = {
            let mut state = self.state.lock();
            if is_other(&state.current) {
                return state.current.clone();
            }
            match state.fetching.clone() {
                Some(fetching) => fetching,
                None if state.schedule.may_refresh(Instant::now()) => self.start(&mut state),
                None => return None,
            }
        };
        let _ = fetching.await;
        let current = self.state.lock().current.clone();
        if is_other(&current) { current } else { None }
    }

    fn last_known_good(&self, now: Instant) -> Vec<Arc<ProviderConfiguration>> {
        let lifetime = self.authority.last_known_good_lifetime;
        let mut state = self.state.lock();
        state.last_known_good.retain(|before| before.is_good(now, lifetime));
        state.last_known_good.clone()
    }

    /// Fetches in a task of its own.
    fn start(self: &Arc<Self>, state: &mut State) -> Fetching {
        let (over, fetching) = oneshot::channel();
        let fetching = fetching.shared();
        state.fetching = Some(fetching.clone());
        let unfinished =
            Fetched { discovery: self.clone(), result: Err(FetchError::Abandoned), over: Some(over) };
        actix_rt::spawn(async move {
            let authority = &unfinished.discovery.authority;
            let result = actix_rt::time::timeout(authority.backchannel_timeout, fetch(authority)).await;
            unfinished.with(result.unwrap_or(Err(FetchError::Timeout)));
        });
        fetching
    }

    fn conclude(&self, result: Result<Discovered, FetchError>) {
        let now = Instant::now();
        let address = &self.authority.metadata_address;
        let mut state = self.state.lock();
        state.fetching = None;
        match result {
            Ok(discovered) => {
                tracing::debug!(
                    address,
                    keys = discovered.keys.len(),
                    "keys of the identity provider fetched"
                );
                state.schedule.succeeded(now, jitter());
                let before = state.current.replace(Arc::new(ProviderConfiguration::new(discovered)));
                state.last_known_good.splice(0..0, before);
                let lifetime = self.authority.last_known_good_lifetime;
                state.last_known_good.retain(|before| before.is_good(now, lifetime));
                state.last_known_good.truncate(MAXIMUM_LAST_KNOWN_GOOD);
            }
            // Says nothing of the provider: the next request fetches at once.
            Err(FetchError::Abandoned) => {}
            Err(error) => {
                let has_keys = state.current.is_some();
                tracing::warn!(address, %error, has_keys, "keys of the identity provider not fetched");
                state.schedule.failed(now, has_keys);
            }
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// The end of a fetch, which comes also when its task is dropped: nobody waits for ever.
struct Fetched {
    discovery: Arc<Discovery>,
    result: Result<Discovered, FetchError>,
    over: Option<oneshot::Sender<()>>,
}

impl Fetched {
    fn with(mut self, result: Result<Discovered, FetchError>) {
        self.result = result;
        drop(self);
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(FetchError::Abandoned));
        self.discovery.conclude(result);
        if let Some(over) = self.over.take() {
            // Nobody may be waiting any more.
            let _ = over.send(());
        }
    }
}

/// Up to an hour.
fn jitter() -> Duration {
    let random = getrandom::u32().unwrap_or_default();
    Duration::from_secs(u64::from(random % 3600))
}

/// As many as the original keeps.
const MAXIMUM_LAST_KNOWN_GOOD: usize = 10;
