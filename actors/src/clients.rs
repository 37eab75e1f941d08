//! Whom a hub sends to.

use std::{ops::Deref, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ConnectionId, HubCallerContext, HubError, HubResult, SendError,
    error::short_name,
    registry::{Registry, Target},
};

/// The clients of a hub, seen from anywhere.
///
/// Ids and names are compared with case. That nobody is meant is no error.
#[derive(Clone, Debug)]
pub struct HubClients {
    registry: Registry,
}

impl HubClients {
    pub(crate) const fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Every client.
    pub fn all(&self) -> ClientProxy {
        self.to(Target::All)
    }

    /// Every client but those of the connections.
    pub fn all_except(&self, connection_ids: impl IntoIterator<Item: AsRef<str>>) -> ClientProxy {
        self.to(Target::AllExcept(ids(connection_ids)))
    }

    /// The client of one connection.
    pub fn client(&self, connection_id: impl AsRef<str>) -> SingleClientProxy {
        SingleClientProxy::new(self.registry.clone(), connection_id.as_ref().into(), None)
    }

    /// The clients of the connections, each once; where there is a backplane, as often as they are named.
    pub fn clients(&self, connection_ids: impl IntoIterator<Item: AsRef<str>>) -> ClientProxy {
        self.to(Target::Connections(ids(connection_ids)))
    }

    /// The members of a group.
    pub fn group(&self, name: impl AsRef<str>) -> ClientProxy {
        self.to(Target::Group(name.as_ref().into()))
    }

    /// The members of each group; who is in two of them receives twice. An empty name is an error when
    /// sending; where there is a backplane it is passed over.
    pub fn groups(&self, names: impl IntoIterator<Item: AsRef<str>>) -> ClientProxy {
        self.to(Target::Groups(shared(names)))
    }

    /// The members of a group but those of the connections.
    pub fn group_except(
        &self,
        name: impl AsRef<str>,
        connection_ids: impl IntoIterator<Item: AsRef<str>>,
    ) -> ClientProxy {
        self.to(Target::GroupExcept(name.as_ref().into(), ids(connection_ids)))
    }

    /// All connections of a user.
    pub fn user(&self, user_id: impl AsRef<str>) -> ClientProxy {
        self.to(Target::User(user_id.as_ref().into()))
    }

    /// All connections of the users, each once; where there is a backplane, as often as they are named.
    pub fn users(&self, user_ids: impl IntoIterator<Item: AsRef<str>>) -> ClientProxy {
        self.to(Target::Users(shared(user_ids)))
    }

    fn to(&self, target: Target) -> ClientProxy {
        ClientProxy { registry: self.registry.clone(), target }
    }
}

/// The clients of a hub, seen from the call of one of them. All of [`HubClients`] is here too.
#[derive(Clone, Debug)]
pub struct HubCallerClients {
    clients: HubClients,
    ctx: HubCallerContext,
}

impl HubCallerClients {
    pub(crate) const fn new(registry: Registry, ctx: HubCallerContext) -> Self {
        Self { clients: HubClients::new(registry), ctx }
    }

    /// Who calls.
    pub fn caller(&self) -> SingleClientProxy {
        self.client(self.ctx.connection_id())
    }

    /// The client of one connection.
    pub fn client(&self, connection_id: impl AsRef<str>) -> SingleClientProxy {
        let asker = Some(self.ctx.clone());
        SingleClientProxy::new(self.clients.registry.clone(), connection_id.as_ref().into(), asker)
    }

    /// Every client but who calls.
    pub fn others(&self) -> ClientProxy {
        self.all_except([self.ctx.connection_id()])
    }

    /// The members of a group but who calls.
    pub fn others_in_group(&self, name: impl AsRef<str>) -> ClientProxy {
        self.group_except(name, [self.ctx.connection_id()])
    }
}

impl Deref for HubCallerClients {
    type Target = HubClients;

    fn deref(&self) -> &HubClients {
        &self.clients
    }
}

/// Some clients, to send to.
#[derive(Clone, Debug)]
#[must_use = "a proxy does nothing until something is sent"]
pub struct ClientProxy {
    registry: Registry,
    target: Target,
}

impl ClientProxy {
    /// Calls a method of the clients, without an answer. The arguments are a tuple: `("text", 7)`, `("text",)` for
    /// one, `()` for none.
    ///
    /// They are encoded once, however many clients there are. When this returns, the clients of this worker have
    /// the message queued: what is sent to a caller arrives before the answer to its call. A client that is gone or
    /// too slow is no error here.
    ///
    /// # Errors
    /// When the arguments cannot be written, a group has no name, or other servers are not reached.
    pub async fn send<A: Serialize>(&self, method: &str, arguments: A) -> Result<(), SendError> {
        if let Target::Groups(names) = &self.target
            && names.iter().any(|name| name.is_empty())
            && !self.registry.passes_over_empty_names()
        {
            return Err(SendError::EmptyName);
        }
        let message = self.registry.encode(method, &arguments)?;
        self.registry.publish(self.target.clone(), message).await
    }
}

/// One client, to send to, or to ask.
#[derive(Clone, Debug)]
#[must_use = "a proxy does nothing until something is sent"]
pub struct SingleClientProxy {
    registry: Registry,
    connection_id: ConnectionId,
    /// The call that asks, if it is one.
    asker: Option<HubCallerContext>,
}

impl SingleClientProxy {
    const fn new(registry: Registry, connection_id: ConnectionId, asker: Option<HubCallerContext>) -> Self {
        Self { registry, connection_id, asker }
    }

    /// Calls a method of the client, as [`ClientProxy::send`] does.
    ///
    /// # Errors
    /// When the arguments cannot be written, or the server of the client is not reached.
    pub async fn send<A: Serialize>(&self, method: &str, arguments: A) -> Result<(), SendError> {
        let message = self.registry.encode(method, &arguments)?;
        self.registry.publish(Target::Connection(self.connection_id.clone()), message).await
    }

    /// Calls a method of the client and waits for its answer; however long that takes, so a client that never answers is
    /// best met with a timeout around it. Dropping the future forgets the question.
    ///
    /// A hub method that asks gives up its turn: calls of its caller that wait behind it may start, as otherwise the
    /// answer could not be read.
    ///
    /// # Errors
    /// What the client answers in place of a result, which a hub method may pass on to its own caller; an answer of
    /// another type; that the connection does not exist, or is over before it has answered; and any question in
    /// `on_connected`, where the client is not listened to.
    pub async fn invoke<R: DeserializeOwned, A: Serialize>(
        &self,
        method: &str,
        arguments: A,
    ) -> HubResult<R> {
        if let Some(asker) = &self.asker {
            asker.before_asking()?;
        }
        let answer = self.registry.ask(&self.connection_id, method, &arguments).await?;
        answer.read().map_err(|err| {
            let wanted = wanted_type::<R>();
            HubError::new(format!("Error trying to deserialize result to {wanted}. {err}"))
        })
    }
}

/// The name of the type an answer was to have; that it may be missing is not said.
fn wanted_type<R>() -> &'static str {
    let name = std::any::type_name::<R>();
    let name =
        name.strip_prefix("core::option::Option<").and_then(|name| name.strip_suffix('>')).unwrap_or(name);
    short_name(name)
}

fn ids(ids: impl IntoIterator<Item: AsRef<str>>) -> Vec<ConnectionId> {
    ids.into_iter().map(|id| id.as_ref().into()).collect()
}

fn shared(names: impl IntoIterator<Item: AsRef<str>>) -> Vec<Arc<str>> {
    names.into_iter().map(|name| name.as_ref().into()).collect()
}
