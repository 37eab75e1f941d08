//! Orders to connections of all workers and servers: to end, or to be looked at again.

use std::{fmt, sync::Arc, time::Duration};

use actix::Message;
use futures::{StreamExt, channel::oneshot, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId,
    registry::Target,
    revocation::{ConnectionSelector, Which},
};

/// What those connections are to do that are meant.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) selector: ConnectionSelector,
    pub(crate) act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// End. Clients are not told to come back.
    End,
    /// The same, and who is meant is kept out for a time.
    Revoke(Duration),
    /// Nobody is kept out any more who is meant.
    Reinstate,
    /// End if it began before another one: one of them must go, and each has to know which.
    EndIfOlder(Age),
    /// Ask again whether the user may be here, and in the groups he is in.
    Reauthorize,
    /// Ask again whether the user may be in the groups he is in.
    RecheckGroups,
}

/// When a connection began. No two are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Age {
    /// Microseconds since 1970, by the clock of the server.
    pub(crate) since: u64,
    pub(crate) id: String,
}

impl Order {
    /// Where connections are that may be meant; each knows best whether it is.
    pub(super) fn target(&self) -> Target {
        match &self.selector.0 {
            Which::Connection(id) => Target::Connection(id.clone()),
            Which::User(id) => Target::User(id.clone()),
            Which::All | Which::Claim(..) | Which::Matching(_) => Target::All,
        }
    }

    /// As other servers get it; none where it says something that only this process knows.
    pub(super) fn to_remote(&self, server: &str, id: u64) -> Option<RemoteOrder> {
        let who = match &self.selector.0 {
            Which::All => Who::All,
            Which::Connection(id) => Who::Connection((**id).to_owned()),
            Which::User(id) => Who::User((**id).to_owned()),
            Which::Claim(claim_type, value) => Who::Claim((**claim_type).to_owned(), (**value).to_owned()),
            Which::Matching(_) => return None,
        };
        Some(RemoteOrder { server: server.to_owned(), id, who, act: self.act.clone() })
    }
}

/// An order of another server, which waits until it has been carried out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemoteOrder {
    pub(super) server: String,
    pub(super) id: u64,
    who: Who,
    act: Act,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Who {
    All,
    Connection(String),
    User(String),
    Claim(String, String),
}

impl RemoteOrder {
    pub(super) fn order(&self) -> Order {
        let selector = match &self.who {
            Who::All => ConnectionSelector::all(),
            Who::Connection(id) => ConnectionSelector::connection(id),
            Who::User(id) => ConnectionSelector::user(id),
            Who::Claim(claim_type, value) => ConnectionSelector::claim(claim_type, value),
        };
        Order { selector, act: self.act.clone() }
    }
}

impl fmt::Debug for RemoteOrder {
    /// Without values: a claim may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOrder").field("id", &self.id).field("act", &self.act).finish_non_exhaustive()
    }
}

/// Another server has carried out an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderDone {
    /// Whose order it was.
    pub(super) server: String,
    pub(super) id: u64,
    pub(super) ended: usize,
}

/// What has come of an order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    /// How many connections are over, and their hub has been told.
    pub(crate) ended: usize,
    /// Some have not ended in time, or a server has not said that they have.
    pub(crate) is_incomplete: bool,
}

impl Carried {
    /// Waits for the connections of a worker.
    pub(super) async fn when(answers: Vec<oneshot::Receiver<()>>) -> Self {
        let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
        let mut ended = 0;
        let all = async {
            while let Some(answer) = answers.next().await {
                ended += usize::from(answer.is_ok());
            }
        };
        let is_incomplete = actix_rt::time::timeout(ORDER_TIMEOUT, all).await.is_err();
        Self { ended, is_incomplete }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self { ended: self.ended + other.ended, is_incomplete: self.is_incomplete || other.is_incomplete }
    }
}

/// Hands an order to the connections of a worker; answered when they are over and their hub has been told.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Carried")]
pub(crate) struct Carry(pub(crate) Arc<Order>);

/// An order on its way to one connection.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) order: Arc<Order>,
    /// The guarded groups it is in.
    pub(crate) groups: Vec<Arc<str>>,
    /// Whether the connection has ended, said when it has; dropped where it has not.
    pub(crate) ended: oneshot::Sender<()>,
}

/// Asks a connection of a worker to join a guarded group. `None`: it is not of this worker.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Option<bool>")]
pub(crate) struct AskToJoin(pub(crate) ConnectionId, pub(crate) Arc<str>);

/// How long the end of connections is waited for: their hubs have to be told, and other servers to say so.
pub(super) const ORDER_TIMEOUT: Duration = Duration::from_secs(10);
