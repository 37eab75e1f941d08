//! Rights that are taken away, or looked at again, while connections are open.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;

use crate::{
    ConnectionSelector,
    registry::{Act, Carried, Order, Registry},
};

/// The people who are connected, as far as their rights go: of one hub, or of all hubs of a server.
///
/// What is returned is ready when the connections in question are over and their hubs have been told, on all workers and, with a
/// backplane, on all servers. Their clients are told that the connection has ended, and not to come back; the official ones then do not try to. Calls that
/// run go on, and can see it by [`HubCallerContext::aborted`](crate::HubCallerContext::aborted); calls that wait, for their
/// turn or for a decision, do not run any more.
///
/// ```
/// use std::time::Duration;
///
/// use actix_signalr_actors::{ConnectionSelector, Hub, HubContext};
///
/// /// A token was stolen: whoever has it goes, and stays out until it has expired.
/// async fn stolen<H: Hub>(hub: &HubContext<H>, jti: &str) {
///     let token = ConnectionSelector::claim("jti", jti);
///     match hub.users().revoke(&token, Duration::from_secs(3600)).await {
///         Ok(ended) => println!("{ended} connections have ended"),
///         Err(err) => println!("{err}"),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Users {
    hubs: Vec<Registry>,
}

impl Users {
    pub(crate) fn new(hub: Registry) -> Self {
        Self { hubs: vec![hub] }
    }

    /// Those of other hubs of the same server too.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.hubs.extend(others.hubs);
        self
    }

    /// Ends connections; says how many. Who is meant may connect again at once; and a connection that is just being made
    /// may not be among them. [`revoke`](Self::revoke) does not leave these gaps.
    ///
    /// # Errors
    /// When some have not ended within 10 s, or another server has not said so.
    pub async fn disconnect(&self, selector: &ConnectionSelector) -> Result<usize, RevocationError> {
        self.carry(selector, Act::End).await
    }

    /// Ends connections, and keeps out for a time who is meant: as long as the tokens in question are good. Says how many
    /// have ended.
    ///
    /// Connections that are being made, negotiated or in their handshake, do not slip through: they are refused with 401 or
    /// ended before their hub hears of them. So are requests of the transports that are made of requests. After the
    /// process has been started anew nobody is kept out: what has to last belongs where tokens are checked.
    ///
    /// # Errors
    /// When 65,536 revocations last (or 64 by functions), there is no room for another: the connections have ended then, but
    /// nobody is kept out. When some have not ended within 10 s, or another server has not said so.
    pub async fn revoke(
        &self,
        selector: &ConnectionSelector,
        time: Duration,
    ) -> Result<usize, RevocationError> {
        // First, so that whoever connects from here on is kept out, and whoever did before is found.
        let now = Instant::now();
        let has_room = self.hubs.iter().all(|hub| hub.revocations().add(selector, time, now));
        let ended = self.carry(selector, Act::Revoke(time)).await?;
        if has_room { Ok(ended) } else { Err(RevocationError::TooMany { ended }) }
    }

    /// Takes a revocation back. One by a function cannot be taken back.
    ///
    /// # Errors
    /// When another server has not said that it has heard of it.
    pub async fn reinstate(&self, selector: &ConnectionSelector) -> Result<(), RevocationError> {
        self.carry(selector, Act::Reinstate).await.map(drop)
    }

    /// Evaluates again the policy by which connections were let in, and those of the guarded groups they are in: who does
    /// not meet the one any more is disconnected, who does not meet the others leaves the groups. Decisions that were kept
    /// for their calls are forgotten. Says how many connections have ended.
    ///
    /// Policies see the principal as it is now, and the request that made the connection.
    ///
    /// # Errors
    /// When some have not answered within 10 s, or another server has not said that its own have.
    pub async fn reauthorize(&self, selector: &ConnectionSelector) -> Result<usize, RevocationError> {
        self.carry(selector, Act::Reauthorize).await
    }

    async fn carry(&self, selector: &ConnectionSelector, act: Act) -> Result<usize, RevocationError> {
        let order = Arc::new(Order { selector: selector.clone(), act });
        let carried = join_all(self.hubs.iter().map(|hub| hub.carry(order.clone()))).await;
        let Carried { ended, is_incomplete } = carried.into_iter().fold(Carried::default(), Carried::and);
        if is_incomplete { Err(RevocationError::Incomplete { ended }) } else { Ok(ended) }
    }
}

/// Why it is not certain that a right has been taken away everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationError {
    /// There are as many revocations as there may be.
    TooMany {
        /// How many connections have ended all the same.
        ended: usize,
    },
    /// Some connections, or another server, have not said in time that it is done: a hub that does not come back from
    /// `on_disconnected`, a server that is out of reach. It may be done yet.
    Incomplete {
        /// How many connections are known to have ended.
        ended: usize,
    },
}

impl fmt::Display for RevocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { ended } => {
                write!(f, "there is no room for another revocation; {ended} connections have ended")
            }
            Self::Incomplete { ended } => {
                write!(f, "not all have said that it is done; {ended} connections have ended")
            }
        }
    }
}

impl Error for RevocationError {}
