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
    fn ask<R: DeserializeOwned, A: Serialize>(
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
    fn ask<R: DeserializeOwned, A: Serialize>(
        &self,
        method: &str,
        arguments: A,
    ) -> impl Future<Output = HubResult<R>> {
        self.invoke(method, arguments)
    }
}

/// An argument, as it is: what cannot be written is found here, where its type stands.
pub const fn client_argument<T: Serialize + ?Sized>(value: &T) -> &T {
    value
}

/// Compiles only if the answer can be read.
pub const fn assert_answer<T: DeserializeOwned>() {}

mod sealed {
    use crate::{ClientProxy, SingleClientProxy};

    pub trait Sealed {}

    impl Sealed for ClientProxy {}
    impl Sealed for SingleClientProxy {}
}
