//! What `#[hub_client]` writes its methods with.

use std::future::Future;

use serde::{Serialize, de::DeserializeOwned};

use crate::{ClientProxy, HubResult, SendError, SingleClientProxy};

/// Whatever can be sent to: some clients, or one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing to send to",
    note = "the methods of a `#[hub_client]` are called on `ClientProxy` and `SingleClientProxy`: `ctx.clients().all()`"
)]
pub trait AnyClients: sealed::Sealed {
    /// As [`ClientProxy::send`].
    fn send<A: Serialize>(&self, method: &str, arguments: A) -> impl Future<Output = Result<(), SendError>>;
}

/// One client, which can answer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be asked: only one client answers",
    label = "may be any number of clients",
    note = "ask one of them: `clients().client(connection_id)`, or `clients().caller()` in a hub method"
)]
pub trait OneClient: AnyClients {
    /// As [`SingleClientProxy::invoke`].
    fn ask<R: ClientAnswer, A: Serialize>(
        &self,
        method: &str,
        arguments: A,
    ) -> impl Future<Output = HubResult<R>>;
}

impl AnyClients for ClientProxy {
    fn send<A: Serialize>(&self, method: &str, arguments: A) -> impl Future<Output = Result<(), SendError>> {
        Self::send(self, method, arguments)
    }
}

impl AnyClients for SingleClientProxy {
    fn send<A: Serialize>(&self, method: &str, arguments: A) -> impl Future<Output = Result<(), SendError>> {
        Self::send(self, method, arguments)
    }
}

impl OneClient for SingleClientProxy {
    fn ask<R: ClientAnswer, A: Serialize>(
        &self,
        method: &str,
        arguments: A,
    ) -> impl Future<Output = HubResult<R>> {
        self.invoke(method, arguments)
    }
}

/// What can be sent to clients.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a client's method",
    label = "not an argument a client can be given",
    note = "an argument implements `serde::Serialize`; it may be borrowed"
)]
pub trait ClientArgument: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> ClientArgument for T {}

/// An argument as it is; called where its type stands, so that it is found there that it cannot be written.
pub const fn client_argument<T: ClientArgument + ?Sized>(value: &T) -> impl Serialize {
    value
}

/// What a client can answer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a client",
    label = "not an answer that can be read",
    note = "an answer implements `serde::Deserialize` and is owned"
)]
pub trait ClientAnswer: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> ClientAnswer for T {}

mod sealed {
    use crate::{ClientProxy, SingleClientProxy};

    pub trait Sealed {}

    impl Sealed for ClientProxy {}
    impl Sealed for SingleClientProxy {}
}
