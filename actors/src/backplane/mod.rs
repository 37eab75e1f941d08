//! What joins several servers: a carrier of bytes over named channels.
//!
//! A hub whose server has a [`Backplane`] is one hub with those of the same name on all servers: it reaches connections
//! wherever they are, in the format of the Redis backplane of ASP.NET Core, whose servers may be members too. A backplane
//! carries that format and does not look at it; this crate brings the one for Redis (feature `redis`). Without one, a hub is
//! that of its process, and pays nothing.

mod channels;
mod counts;
#[cfg(feature = "redis")]
mod redis;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;

pub(crate) use crate::backplane::channels::Channels;
pub use crate::backplane::counts::{BackplaneCounts, Loss};
#[cfg(feature = "redis")]
pub use crate::backplane::redis::{RedisBackplane, RedisBackplaneBuilder, RedisBackplaneError};
use crate::error::BackplaneError;

/// What comes of asking a backplane: begun when asked, whether it is waited for or not.
pub type Answer<T> = BoxFuture<'static, T>;

/// Carries bytes between servers by way of named channels.
///
/// Any number of hubs share one. No method waits: each begins what it is for, in the order in which it is called, and
/// answers with a future. Nothing need be polled for it to happen.
///
/// What a carrier has to promise:
///
/// - What one server publishes arrives at each other server in the order in which it was published, over all channels.
/// - It does not come back to the server that published it.
/// - Nothing comes twice. Something may be lost; it is counted then, in [`counts`](Self::counts).
/// - All that waits has a bound.
pub trait Backplane: fmt::Debug + Send + Sync + 'static {
    /// Hands bytes to all who are subscribed to a channel; answers how many there are, as far as the carrier knows.
    ///
    /// # Errors
    /// When nobody takes it in time, or it is not known whether anybody has.
    fn publish(&self, channel: &str, payload: Bytes) -> Answer<Result<usize, BackplaneError>>;

    /// Hands what is published on a channel to a receiver, from when this answers at the latest. To subscribe again changes
    /// nothing and answers when the subscription stands.
    ///
    /// Where other servers are out of reach it answers at once: the subscription stands when they are back.
    fn subscribe(&self, channel: &str, receiver: Arc<dyn Receiver>) -> Answer<()>;

    /// How many other servers are subscribed to a channel, where [`publish`](Self::publish) does not know of all of them; `None`
    /// where it does.
    fn subscribers(&self, _channel: &str) -> Option<Answer<Result<usize, BackplaneError>>> {
        None
    }

    /// Ends a subscription.
    fn unsubscribe(&self, channel: &str) -> Answer<()>;

    /// Answers when a channel is found to have no subscriber any more; it is looked at now and then.
    fn abandoned(&self, channel: &str) -> Answer<()>;

    /// Answers after a while: callers may have no clock of their own.
    fn sleep(&self, duration: Duration) -> Answer<()>;

    /// Answers when all that was published before has gone out, or is lost.
    fn flushed(&self) -> Answer<()>;

    /// What it has lost.
    fn counts(&self) -> &Arc<BackplaneCounts>;

    /// A worker begins to serve a hub. Called on its thread, within its runtime, which the carrier may use for work of its own.
    /// Nothing need be done.
    fn worker_started(&self) {}
}

/// Several servers of a process may share a backplane, if their hubs have different names.
impl<B: Backplane + ?Sized> Backplane for Arc<B> {
    fn publish(&self, channel: &str, payload: Bytes) -> Answer<Result<usize, BackplaneError>> {
        (**self).publish(channel, payload)
    }

    fn subscribe(&self, channel: &str, receiver: Arc<dyn Receiver>) -> Answer<()> {
        (**self).subscribe(channel, receiver)
    }

    fn subscribers(&self, channel: &str) -> Option<Answer<Result<usize, BackplaneError>>> {
        (**self).subscribers(channel)
    }

    fn unsubscribe(&self, channel: &str) -> Answer<()> {
        (**self).unsubscribe(channel)
    }

    fn abandoned(&self, channel: &str) -> Answer<()> {
        (**self).abandoned(channel)
    }

    fn sleep(&self, duration: Duration) -> Answer<()> {
        (**self).sleep(duration)
    }

    fn flushed(&self) -> Answer<()> {
        (**self).flushed()
    }

    fn counts(&self) -> &Arc<BackplaneCounts> {
        (**self).counts()
    }

    fn worker_started(&self) {
        (**self).worker_started();
    }
}

/// Takes what comes over a channel.
pub trait Receiver: Send + Sync + 'static {
    /// Called in the order in which messages arrive; must not wait.
    fn receive(&self, payload: Bytes);
}
