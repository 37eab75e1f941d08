//! A backplane in memory, so that several servers can be tested in one process.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use parking_lot::Mutex;

use crate::{
    BackplaneError,
    backplane::{Answer, Backplane, BackplaneCounts, Receiver},
};

/// What joins several [`TestHub`](crate::testing::TestHub)s, each of them a server of its own.
///
/// ```
/// use actix_signalr_actors::{
///     Hub, HubCallerContext, HubDescriptor, SendError,
///     testing::{TestHub, TestNetwork, user},
/// };
///
/// struct ChatHub;
///
/// impl ChatHub {
///     async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
///         ctx.clients().all().send("ReceiveMessage", (text,)).await
///     }
/// }
///
/// impl Hub for ChatHub {
///     fn describe(hub: &mut HubDescriptor<Self>) {
///         hub.method("SendMessage", Self::send_message);
///     }
/// }
///
/// # actix_rt::System::new().block_on(async {
/// let network = TestNetwork::default();
/// let [here, there] = [0, 1].map(|_| TestHub::builder(ChatHub).backplane(network.server()).start());
/// let ann = here.connect(user("ann")).await;
/// let bob = there.connect(user("bob")).await;
/// // A client is reached from elsewhere when its first call is answered.
/// bob.invoke::<()>("SendMessage", ("I am here",)).await.unwrap();
///
/// ann.invoke::<()>("SendMessage", ("hello",)).await.unwrap();
///
/// bob.receive::<(String,)>("ReceiveMessage").await;
/// assert_eq!(bob.receive::<(String,)>("ReceiveMessage").await, ("hello".to_owned(),));
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestNetwork {
    channels: Arc<Mutex<Channels>>,
    servers: Arc<AtomicUsize>,
}

/// Who is subscribed to each channel: by the number of the server.
#[derive(Default)]
struct Channels(HashMap<String, Vec<Subscription>>);

/// The number of a server, and what takes what comes.
type Subscription = (usize, Arc<dyn Receiver>);

impl TestNetwork {
    /// The backplane of one more server.
    #[must_use]
    pub fn server(&self) -> Arc<dyn Backplane> {
        let server = self.servers.fetch_add(1, Ordering::Relaxed);
        Arc::new(TestBackplane { network: self.clone(), server, counts: Arc::default() })
    }

    /// How many servers are subscribed to a channel.
    #[must_use]
    pub fn subscribers(&self, channel: &str) -> usize {
        self.channels.lock().0.get(channel).map_or(0, Vec::len)
    }
}

/// The part of one server.
#[derive(Debug)]
struct TestBackplane {
    network: TestNetwork,
    server: usize,
    counts: Arc<BackplaneCounts>,
}

impl Backplane for TestBackplane {
    fn publish(&self, channel: &str, payload: Bytes) -> Answer<Result<usize, BackplaneError>> {
        let subscribers = self.network.channels.lock().0.get(channel).cloned().unwrap_or_default();
        let mut others = 0;
        for (_, receiver) in subscribers.into_iter().filter(|(server, _)| *server != self.server) {
            receiver.receive(payload.clone());
            others += 1;
        }
        futures::future::ready(Ok(others)).boxed()
    }

    fn subscribe(&self, channel: &str, receiver: Arc<dyn Receiver>) -> Answer<()> {
        let mut channels = self.network.channels.lock();
        let subscribers = channels.0.entry(channel.to_owned()).or_default();
        if subscribers.iter().all(|(server, _)| *server != self.server) {
            subscribers.push((self.server, receiver));
        }
        futures::future::ready(()).boxed()
    }

    fn unsubscribe(&self, channel: &str) -> Answer<()> {
        let mut channels = self.network.channels.lock();
        if let Some(subscribers) = channels.0.get_mut(channel) {
            subscribers.retain(|(server, _)| *server != self.server);
        }
        futures::future::ready(()).boxed()
    }

    fn abandoned(&self, channel: &str) -> Answer<()> {
        let (network, channel) = (self.network.clone(), channel.to_owned());
        Box::pin(async move {
            while network.subscribers(&channel) > 0 {
                actix_rt::time::sleep(LOOKED_AT_EVERY).await;
            }
        })
    }

    fn sleep(&self, duration: Duration) -> Answer<()> {
        actix_rt::time::sleep(duration).boxed()
    }

    fn flushed(&self) -> Answer<()> {
        futures::future::ready(()).boxed()
    }

    fn counts(&self) -> &Arc<BackplaneCounts> {
        &self.counts
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How soon it is noticed that nobody is subscribed any more.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(10);
