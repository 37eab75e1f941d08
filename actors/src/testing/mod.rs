//! The test kit for hubs: real actors, an in-memory transport, no HTTP and no sleeping.
//!
//! [`TestHub`] runs the connection, hub, authorization and registry actors just as a server does; only the bytes go
//! through memory. A [`TestClient`] speaks the JSON hub protocol over it. Whatever waits, waits for an event, and for a
//! second at the most.
//!
//! ```
//! use actix_signalr_actors::{
//!     Hub, HubCallerContext, HubDescriptor, SendError,
//!     testing::{TestHub, user},
//! };
//!
//! struct ChatHub;
//!
//! impl ChatHub {
//!     async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
//!         ctx.clients().all().send("ReceiveMessage", (ctx.user().name(), text)).await
//!     }
//! }
//!
//! impl Hub for ChatHub {
//!     fn describe(hub: &mut HubDescriptor<Self>) {
//!         hub.method("SendMessage", Self::send_message);
//!     }
//! }
//!
//! # actix_rt::System::new().block_on(async {
//! let hub = TestHub::start(ChatHub);
//! let ann = hub.connect(user("ann")).await;
//! let bob = hub.connect(user("bob")).await;
//!
//! ann.invoke::<()>("SendMessage", ("hello",)).await.unwrap();
//!
//! let heard: (String, String) = bob.receive("ReceiveMessage").await;
//! assert_eq!(heard, ("ann".to_owned(), "hello".to_owned()));
//! # });
//! ```

mod closed;
mod errors;
mod pipe;
mod probe;
mod record;
mod refresh;
mod test_backplane;
mod test_client;
mod test_connect;
mod test_hub;
mod transport;
mod users;

use std::{future::Future, time::Duration};

pub use crate::testing::{
    closed::Closed,
    errors::{ConnectError, InvokeError, RefreshError},
    probe::{Nothing, Probe, ProbeInbox, probe},
    test_backplane::TestNetwork,
    test_client::TestClient,
    test_connect::TestConnect,
    test_hub::{TestHub, TestHubBuilder},
    users::{anonymous, user},
};

/// How long anything is waited for that is to come at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits for something that is to come at once; `None` when it has not.
async fn soon<T>(event: impl Future<Output = T>) -> Option<T> {
    actix_rt::time::timeout(PATIENCE, event).await.ok()
}
