//! Redis as a backplane: publish and subscribe, no keys.
//!
//! All hubs and workers of a process share one link (to each master, in a cluster). It lives on a thread of its own, so that
//! neither a busy worker holds up the link nor a worker that ends takes it along, unless it is to share that of a worker ([`host`]).
//! What is to be published, and which channels are to be subscribed to, waits in an [`Outbox`]; the link takes all that is there
//! in one round, and the next round when Redis has answered.

mod frames;
mod host;
mod link;
mod node;
mod options;
mod outbox;
mod routes;
mod sentinels;
mod slots;
mod socket;
mod topology;
mod under_way;
mod wire;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt,
    channel::oneshot,
    future::{ready, select},
    pin_mut,
};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::yield_now,
    time::{Instant, sleep_until},
};

pub use crate::backplane::redis::options::{RedisBackplaneBuilder, RedisBackplaneError};
use crate::backplane::redis::{
    host::Host,
    options::RedisOptions,
    outbox::{Outbox, Publication},
    routes::Routes,
    topology::subscribers_everywhere,
};
use crate::{
    BackplaneError,
    backplane::{Answer, Backplane, BackplaneCounts, Loss, Receiver},
};

/// A Redis or Valkey server that joins servers, those of ASP.NET Core's Redis backplane among them.
///
/// It speaks RESP3, which Redis has since version 6. The link is made, and made again, by itself: a server starts without Redis,
/// and its clients stay connected while Redis is away. [Sentinels](RedisBackplaneBuilder::sentinels) say which of several is the
/// master; [shards](RedisBackplaneBuilder::sharded) of a Redis Cluster share the work.
///
/// ```no_run
/// use actix_signalr_actors::backplane::RedisBackplane;
///
/// let backplane = RedisBackplane::builder("redis://127.0.0.1:6379").channel_prefix("shop:").build()?;
/// # Ok::<_, actix_signalr_actors::backplane::RedisBackplaneError>(())
/// ```
///
/// # What may be lost
///
/// Redis keeps nothing for who is not there. While the link is down, messages of other servers do not arrive; what is published
/// waits for 5 s and fails then, and what was under way when the link broke fails at once, since nobody knows whether it has
/// arrived. Nothing is sent twice. All that fails is counted, and its sender is told.
///
/// What Redis refuses fails at once. A channel that it refuses, as it may for as long as a script runs, is asked for again at each
/// [probe](RedisBackplaneBuilder::probe_interval); what is sent to it until then does not arrive.
pub struct RedisBackplane {
    shared: Arc<Shared>,
}

/// What callers and the link have in common.
pub(super) struct Shared {
    options: RedisOptions,
    host: Host,
    outbox: Mutex<Outbox>,
    routes: Mutex<Routes>,
    /// Wakes the link.
    wake: Notify,
    counts: Arc<BackplaneCounts>,
    /// Whether Redis does not know of all subscribers to a channel.
    counts_some_alone: AtomicBool,
}

impl RedisBackplane {
    /// The backplane on the Redis of a URL, `redis://[user:password@]host[:port]`, with the default settings. With the feature
    /// `redis-tls`, `rediss://` is TLS.
    ///
    /// # Errors
    /// When the URL cannot be read. That Redis does not answer is none.
    pub fn new(url: &str) -> Result<Self, RedisBackplaneError> {
        Self::builder(url).build()
    }

    /// A backplane with settings of its own.
    pub fn builder(url: &str) -> RedisBackplaneBuilder {
        RedisBackplaneBuilder::new(url)
    }

    /// Starts the thread of the link, unless it is to share that of a worker.
    fn start(options: RedisOptions) -> Result<Self, RedisBackplaneError> {
        let shares_worker = options.shares_worker;
        let shared = Arc::new(Shared {
            host: Host::default(),
            outbox: Mutex::new(Outbox::new(options.maximum_pending)),
            options,
            routes: Mutex::default(),
            wake: Notify::new(),
            counts: Arc::default(),
            counts_some_alone: AtomicBool::new(false),
        });
        if !shares_worker {
            shared.live().map_err(RedisBackplaneError::Thread)?;
        }
        Ok(Self { shared })
    }

    fn channel(&self, name: &str) -> Arc<str> {
        match &*self.shared.options.channel_prefix {
            "" => name.into(),
            prefix => format!("{prefix}{name}").into(),
        }
    }
}

impl Backplane for RedisBackplane {
    fn publish(&self, channel: &str, payload: Bytes) -> Answer<Result<usize, BackplaneError>> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.shared.options.message_timeout;
        let publication = Publication::new(self.channel(channel), payload, deadline, reply);
        if let Some(is_first) = self.shared.put(publication) {
            self.shared.counts.lost(Loss::Overflow);
            if is_first {
                tracing::warn!("more waits to be published than may; messages to other servers are lost");
            }
            return ready(Err(BackplaneError::Full)).boxed();
        }
        if self.shared.is_homeless() {
            self.shared.live_somewhere();
        }
        self.shared.wake.notify_one();
        // Only a link that has ended forgets to answer.
        Box::pin(async { answer.await.unwrap_or(Err(BackplaneError::Unreachable)) })
    }

    fn subscribe(&self, channel: &str, receiver: Arc<dyn Receiver>) -> Answer<()> {
        let channel = self.channel(channel);
        if self.shared.routes.lock().add(channel.clone(), receiver) {
            return ready(()).boxed();
        }
        self.shared.change(channel)
    }

    fn subscribers(&self, channel: &str) -> Option<Answer<Result<usize, BackplaneError>>> {
        if !self.shared.counts_some_alone.load(Ordering::Relaxed) {
            return None;
        }
        let (shared, channel) = (self.shared.clone(), self.channel(channel));
        let (sender, counted) = oneshot::channel();
        if let Some(runtime) = self.shared.clock() {
            runtime.spawn(async move {
                let (options, channels) = (&shared.options, [channel]);
                let everywhere =
                    subscribers_everywhere(&options.server, &options.connection(), &channels).await;
                let own = shared.routes.lock().is_subscribed(&channels[0]);
                // He may wait no more.
                let _ = sender.send(everywhere.map(|all| (all[0], own)));
            });
        }
        Some(Box::pin(async {
            let Ok(Ok((all, own))) = counted.await else { return Err(BackplaneError::Unreachable) };
            Ok(all.saturating_sub(usize::from(own)))
        }))
    }

    fn unsubscribe(&self, channel: &str) -> Answer<()> {
        let channel = self.channel(channel);
        self.shared.routes.lock().remove(&channel);
        self.shared.change(channel)
    }

    fn abandoned(&self, channel: &str) -> Answer<()> {
        let (sender, abandoned) = oneshot::channel();
        self.shared.outbox.lock().watch(self.channel(channel), sender);
        Box::pin(async {
            if abandoned.await.is_err() {
                // The link has ended; so has the process, or soon will.
                futures::future::pending().await
            }
        })
    }

    fn sleep(&self, duration: Duration) -> Answer<()> {
        let (end, shared) = (Instant::now() + duration, Arc::downgrade(&self.shared));
        Box::pin(async move {
            while Instant::now() < end
                && let Some(runtime) = shared.upgrade().and_then(|shared| shared.clock())
            {
                // Its runtime may end before, as that of a worker does; then there is another.
                if alarm(&runtime, end).await.is_err() {
                    yield_now().await;
                }
            }
        })
    }

    fn flushed(&self) -> Answer<()> {
        let (sender, flushed) = oneshot::channel();
        self.shared.outbox.lock().flush(sender);
        self.shared.wake.notify_one();
        flushed.map(drop).boxed()
    }

    fn counts(&self) -> &Arc<BackplaneCounts> {
        &self.shared.counts
    }

    fn worker_started(&self) {
        self.shared.live_here();
    }
}

impl Shared {
    /// A message is to be published. Where there is no room for it, says whether that is the first time.
    fn put(&self, publication: Publication) -> Option<bool> {
        let mut outbox = self.outbox.lock();
        if outbox.publish(publication) { None } else { Some(outbox.overflows()) }
    }

    /// A channel is wanted, or is not any more; answers when Redis knows.
    fn change(&self, channel: Arc<str>) -> Answer<()> {
        let answer = self.outbox.lock().change(channel);
        self.wake.notify_one();
        match answer {
            Some(answer) => answer.map(drop).boxed(),
            None => ready(()).boxed(),
        }
    }

    /// A runtime that has a clock; none when all is over.
    fn clock(self: &Arc<Self>) -> Option<Handle> {
        let is_closed = self.outbox.lock().is_closed();
        if is_closed { None } else { self.live_somewhere() }
    }

    /// The link is broken, or dropped.
    fn down(&self) {
        self.outbox.lock().down();
        self.routes.lock().down();
        self.counts.disconnected();
    }

    /// A message has come. Called on the thread of the link; never waits.
    fn receive(&self, channel: &[u8], payload: &[u8]) {
        let Ok(channel) = std::str::from_utf8(channel) else { return };
        let receiver = self.routes.lock().receiver(channel, payload);
        if let Some(receiver) = receiver {
            // Copied, so that a slow client does not hold all that was read with it.
            receiver.receive(Bytes::copy_from_slice(payload));
        }
    }

    /// Something that was to be published is lost: its sender is told.
    fn lose(&self, publication: Publication, loss: Loss, error: BackplaneError) {
        self.counts.lost(loss);
        // He may wait no more.
        let _ = publication.reply.send(Err(error));
    }
}

/// Answers at a time, or with an error when the runtime ends before.
fn alarm(runtime: &Handle, at: Instant) -> oneshot::Receiver<()> {
    let (mut sender, over) = oneshot::channel();
    runtime.spawn(async move {
        let sleep = sleep_until(at);
        pin_mut!(sleep);
        // Whoever waits may give up before.
        select(sleep, sender.cancellation()).await;
        let _ = sender.send(());
    });
    over
}

impl Drop for RedisBackplane {
    fn drop(&mut self) {
        self.shared.outbox.lock().close();
        self.shared.wake.notify_one();
    }
}

impl fmt::Debug for RedisBackplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackplane").field("counts", &self.shared.counts).finish_non_exhaustive()
    }
}
