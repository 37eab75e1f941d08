//! How the servers of Redis are found, and which there are at a moment.

use std::sync::Arc;

use futures::future::select_ok;
use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, Value};

use crate::backplane::redis::{
    sentinels::Sentinels,
    slots::{Slots, members},
};

/// How the servers of Redis are found.
pub(super) enum Topology {
    /// There is one, where the URL says.
    Single,
    /// There is one at a time, which Sentinels know.
    Sentinels(Sentinels),
    /// There are several, each with channels of its own.
    Sharded(Nodes),
}

/// Servers of a cluster that may be asked which there are.
pub(super) struct Nodes {
    /// Those that are named in the settings.
    named: Vec<ConnectionInfo>,
    /// Those that were there when somebody was asked last.
    last: Mutex<Vec<ConnectionInfo>>,
}

/// Which servers there are, and which channels each has.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) servers: Vec<ConnectionAddr>,
    pub(super) slots: Slots,
}

impl Topology {
    /// Finds out which servers there are.
    pub(super) async fn layout(
        &self,
        server: &ConnectionInfo,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Layout> {
        match self {
            Self::Single => Ok(Layout::of_one(server.addr().clone())),
            Self::Sentinels(sentinels) => {
                let (host, port) = sentinels.master(config).await?;
                Ok(Layout::of_one(elsewhere(server.addr(), host, port)))
            }
            Self::Sharded(nodes) => {
                let layout = nodes.layout(config).await?;
                *nodes.last.lock() =
                    layout.servers.iter().map(|address| server.clone().set_addr(address.clone())).collect();
                Ok(layout)
            }
        }
    }

    /// Whether it is to be looked at again and again.
    pub(super) const fn changes(&self) -> bool {
        !matches!(self, Self::Single)
    }

    /// Whether channels are those of shards.
    pub(super) const fn is_sharded(&self) -> bool {
        matches!(self, Self::Sharded(_))
    }

    /// Whether who is linked to has to be a master.
    pub(super) const fn wants_masters(&self) -> bool {
        matches!(self, Self::Sentinels(_))
    }
}

impl Layout {
    const NOBODY: &'static str = "a slot of the cluster is served by nobody";

    fn of_one(server: ConnectionAddr) -> Self {
        Self { servers: vec![server], slots: Slots::default() }
    }

    /// Asks a server of a cluster.
    async fn ask(server: ConnectionInfo, config: &AsyncConnectionConfig) -> RedisResult<Self> {
        let address = server.addr().clone();
        let answer = ask_for_slots(server, config).await?;
        let (slots, servers) =
            Slots::read(&answer).ok_or_else(|| RedisError::from(std::io::Error::other(Self::NOBODY)))?;
        let servers = servers.into_iter().map(|(host, port)| elsewhere(&address, host, port)).collect();
        Ok(Self { servers, slots })
    }
}

impl Nodes {
    pub(super) const fn named(named: Vec<ConnectionInfo>) -> Self {
        Self { named, last: Mutex::new(Vec::new()) }
    }

    /// What the first says that answers.
    async fn layout(&self, config: &AsyncConnectionConfig) -> RedisResult<Layout> {
        let mut nodes = self.last.lock().clone();
        nodes.extend(self.named.iter().cloned());
        let asked = nodes.into_iter().map(|node| Box::pin(Layout::ask(node, config)));
        select_ok(asked).await.map(|(layout, _)| layout)
    }
}

async fn ask_for_slots(server: ConnectionInfo, config: &AsyncConnectionConfig) -> RedisResult<Value> {
    let mut connection = Client::open(server)?.get_multiplexed_async_connection_with_config(config).await?;
    redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await
}

/// How many are subscribed to each of some channels on all servers of a cluster together.
///
/// # Errors
/// When one of them does not say.
pub(super) async fn subscribers_everywhere(
    server: &ConnectionInfo,
    config: &AsyncConnectionConfig,
    channels: &[Arc<str>],
) -> RedisResult<Vec<usize>> {
    let answer = ask_for_slots(server.clone(), config).await?;
    let mut everywhere = vec![0; channels.len()];
    for (host, port) in members(&answer) {
        let member = server.clone().set_addr(elsewhere(server.addr(), host, port));
        let mut connection =
            Client::open(member)?.get_multiplexed_async_connection_with_config(config).await?;
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB");
        for channel in channels {
            command.arg(&**channel);
        }
        let here: Vec<(String, usize)> = command.query_async(&mut connection).await?;
        everywhere.iter_mut().zip(here).for_each(|(sum, (_, here))| *sum += here);
    }
    Ok(everywhere)
}

/// The same way of being reached at another address; the same host, where none is given.
fn elsewhere(like: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    let or_its = |its: &String| if host.is_empty() { its.clone() } else { host.clone() };
    match like {
        ConnectionAddr::TcpTls { host: its, insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host: or_its(its),
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        ConnectionAddr::Tcp(its, _) => ConnectionAddr::Tcp(or_its(its), port),
        _ => ConnectionAddr::Tcp(host, port),
    }
}
