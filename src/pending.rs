//! Connections that have been negotiated and not opened: how many there may be, of a server and of one client.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix_signalr_actors::{ClaimsPrincipal, GiveBack, hash_user};
use parking_lot::Mutex;

use crate::error::ConnectError;

/// The places for such connections, shared by all routes and workers of a server.
#[derive(Debug)]
pub(crate) struct PendingConnections {
    maximum: usize,
    maximum_per_client: usize,
    taken: Mutex<Taken>,
    /// Its keys are random, so that nobody can choose a user or an address to be taken for another.
    hashes: RandomState,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<u64, usize>,
}

/// A place that is taken; given back when it is dropped.
pub(crate) struct Place {
    pending: Arc<PendingConnections>,
    client: Option<u64>,
}

impl PendingConnections {
    pub(crate) fn new(maximum: usize, maximum_per_client: usize) -> Self {
        Self { maximum, maximum_per_client, taken: Mutex::default(), hashes: RandomState::new() }
    }

    /// Takes a place for somebody: a user, or else whoever is at an address.
    ///
    /// # Errors
    /// When there is none left, of the server or for him.
    pub(crate) fn take(
        self: &Arc<Self>,
        user: &ClaimsPrincipal,
        address: Option<SocketAddr>,
    ) -> Result<Place, ConnectError> {
        let client = self.client(user, address);
        let mut taken = self.taken.lock();
        if taken.all >= self.maximum {
            return Err(ConnectError::TooManyConnections);
        }
        if let Some(client) = client {
            let count = taken.by_client.entry(client).or_default();
            if *count >= self.maximum_per_client {
                return Err(ConnectError::TooManyOfClient);
            }
            *count += 1;
        }
        taken.all += 1;
        Ok(Place { pending: self.clone(), client })
    }

    /// Who is counted as one; nobody where nothing is known of him.
    fn client(&self, user: &ClaimsPrincipal, address: Option<SocketAddr>) -> Option<u64> {
        if user.is_authenticated() {
            return Some(self.hashes.hash_one(HashedUser(user)));
        }
        address.map(|address| self.hashes.hash_one(network_of(address.ip())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.pending.taken.lock();
        taken.all -= 1;
        let Some(client) = self.client else { return };
        let left = taken.by_client.get_mut(&client).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            taken.by_client.remove(&client);
            taken.by_client.give_back();
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

struct HashedUser<'a>(&'a ClaimsPrincipal);

impl std::hash::Hash for HashedUser<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        hash_user(self.0, state);
    }
}

/// Who has one address of version 6 has the whole network of 64 bits that it is in.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

/// As many as may wait on a server unless it says otherwise.
pub(crate) const MAXIMUM: usize = 65_536;

/// As many as may wait for one client unless the server says otherwise.
pub(crate) const MAXIMUM_PER_CLIENT: usize = 4096;

#[cfg(test)]
mod tests {
    use actix_signalr_actors::{ClaimsIdentity, claim_types};

    use super::*;

    fn user(name: &str) -> ClaimsPrincipal {
        ClaimsIdentity::new("Test").claim(claim_types::NAME_IDENTIFIER, name).into()
    }

    fn address(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_places_of_a_client_are_those_of_a_user_or_else_of_an_address() {
        let pending = Arc::new(PendingConnections::new(100, 1));
        let take = |who: &ClaimsPrincipal, at: &str| pending.take(who, address(at));
        let nobody = ClaimsPrincipal::default();
        let held =
            [take(&user("ann"), "10.0.0.1:1"), take(&user("bob"), "10.0.0.1:2"), take(&nobody, "10.0.0.1:3")];
        assert!(held.iter().all(Result::is_ok));
        for (who, at) in
            [(&user("ann"), "10.0.0.2:1"), (&nobody, "10.0.0.1:9"), (&nobody, "[::ffff:10.0.0.1]:9")]
        {
            assert_eq!(take(who, at).unwrap_err(), ConnectError::TooManyOfClient, "{at}");
        }
        let _network = take(&nobody, "[2001:db8::1]:1").unwrap();
        assert_eq!(take(&nobody, "[2001:db8::ffff:1]:1").unwrap_err(), ConnectError::TooManyOfClient);
        assert!(take(&nobody, "[2001:db8:0:1::1]:1").is_ok());
        let unknown = [pending.take(&nobody, None), pending.take(&nobody, None)];
        assert!(unknown.iter().all(Result::is_ok), "of whom nothing is known");
    }

    #[test]
    fn a_place_is_free_again_when_it_is_given_back() {
        let pending = Arc::new(PendingConnections::new(1, 10));
        let place = pending.take(&user("ann"), None).unwrap();
        assert_eq!(pending.take(&user("bob"), None).unwrap_err(), ConnectError::TooManyConnections);
        drop(place);
        assert!(pending.take(&user("bob"), None).is_ok());
        let taken = pending.taken.lock();
        assert_eq!((taken.all, taken.by_client.len()), (0, 0));
    }
}
