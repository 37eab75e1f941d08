//! Streams: from a hub to a client, and from a client to a hub.

use std::{
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use actix::{Message, Recipient};
use futures::{
    Stream, StreamExt,
    stream::{self, LocalBoxStream},
};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::{HubError, protocol::Argument};

/// What a hub method returns that answers with a stream.
///
/// Items are asked for as the client takes them. When the client cancels, or is gone, the stream is dropped; a method that
/// takes a `CancellationToken` is told instead, and ends the stream itself.
///
/// ```
/// use actix_signalr_actors::{HubCallerContext, HubStream};
/// use futures::stream;
///
/// # struct Clock;
/// impl Clock {
///     async fn count(&self, _ctx: HubCallerContext, to: u32) -> HubStream<u32> {
///         HubStream::of(stream::iter(0..to))
///     }
/// }
/// ```
pub struct HubStream<T>(LocalBoxStream<'static, Result<T, HubError>>);

impl<T: 'static> HubStream<T> {
    /// A stream whose items may fail; the first failure ends it, and the client is told.
    pub fn new<E: Into<HubError> + 'static>(items: impl Stream<Item = Result<T, E>> + 'static) -> Self {
        Self(items.map(|item| item.map_err(Into::into)).boxed_local())
    }

    /// A stream whose items cannot fail.
    pub fn of(items: impl Stream<Item = T> + 'static) -> Self {
        Self(items.map(Ok).boxed_local())
    }

    /// A stream of one failure.
    pub fn failed(err: impl Into<HubError>) -> Self {
        let err = err.into();
        Self(stream::once(async { Err(err) }).boxed_local())
    }
}

impl<T> Stream for HubStream<T> {
    type Item = Result<T, HubError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl<T> fmt::Debug for HubStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubStream").finish_non_exhaustive()
    }
}

/// An argument of a hub method that the client streams to it.
///
/// It ends with an error when the client says so, sends an item of another type, or is gone. At most
/// [`stream_buffer_capacity`](crate::HubOptions::stream_buffer_capacity) items wait in it; then the connection is read no
/// further until one is taken, or the method is over. Items that come after that are dropped.
pub struct ClientStream<T> {
    upload: Arc<Upload>,
    item: PhantomData<fn() -> T>,
}

impl<T> ClientStream<T> {
    pub(crate) const fn new(upload: Arc<Upload>) -> Self {
        Self { upload, item: PhantomData }
    }
}

impl<T: DeserializeOwned> Stream for ClientStream<T> {
    type Item = Result<T, HubError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match self.upload.poll_take(cx) {
            Poll::Ready(Some(Ok(item))) => item,
            Poll::Ready(Some(Err(err))) => return Poll::Ready(Some(Err(err))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(item.read::<T>().map_err(|err| {
            self.upload.end(None);
            let detailed = self.upload.detailed_errors;
            HubError::new(HubError::from(err).told_to_client("Failed to bind Stream message.", detailed))
        })))
    }
}

impl<T> Drop for ClientStream<T> {
    fn drop(&mut self) {
        self.upload.give_up();
    }
}

impl<T> fmt::Debug for ClientStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStream").finish_non_exhaustive()
    }
}

/// A stream from a client, between its connection and the method that takes it.
pub(crate) struct Upload {
    queue: Mutex<Queue>,
    capacity: usize,
    detailed_errors: bool,
    room: Recipient<UploadRoom>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Argument>,
    /// It has ended, with the error that is still to be told.
    end: Option<Option<HubError>>,
    waker: Option<Waker>,
    is_given_up: bool,
    /// The connection waits for room.
    is_waited_for: bool,
}

/// What became of an item.
#[derive(Debug)]
pub(crate) enum Pushed {
    Taken,
    /// There is no room; [`UploadRoom`] says when there is.
    Full(Argument),
    /// Nobody takes items any more.
    GivenUp,
}

/// An upload has room again, or is not needed any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct UploadRoom;

impl Upload {
    pub(crate) fn new(capacity: usize, detailed_errors: bool, room: Recipient<UploadRoom>) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::default(), capacity: capacity.max(1), detailed_errors, room })
    }

    pub(crate) fn push(&self, item: Argument) -> Pushed {
        let mut queue = self.queue.lock();
        if queue.is_given_up || queue.end.is_some() {
            return Pushed::GivenUp;
        }
        if queue.items.len() >= self.capacity {
            queue.is_waited_for = true;
            return Pushed::Full(item);
        }
        queue.items.push_back(item);
        queue.wake();
        Pushed::Taken
    }

    /// The client sends no more, perhaps because of an error.
    pub(crate) fn end(&self, err: Option<HubError>) {
        let mut queue = self.queue.lock();
        if queue.end.is_none() {
            queue.end = Some(err);
            queue.wake();
        }
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.queue.lock().is_given_up
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Result<Argument, HubError>>> {
        let mut queue = self.queue.lock();
        if let Some(item) = queue.items.pop_front() {
            let is_waited_for = std::mem::take(&mut queue.is_waited_for);
            drop(queue);
            if is_waited_for {
                self.room.do_send(UploadRoom);
            }
            return Poll::Ready(Some(Ok(item)));
        }
        match &mut queue.end {
            Some(err) => Poll::Ready(err.take().map(Err)),
            None => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody takes items any more.
    fn give_up(&self) {
        let mut queue = self.queue.lock();
        queue.is_given_up = true;
        queue.items.clear();
        let is_waited_for = std::mem::take(&mut queue.is_waited_for);
        drop(queue);
        if is_waited_for {
            self.room.do_send(UploadRoom);
        }
    }
}

impl Queue {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("items", &self.queue.lock().items.len()).finish_non_exhaustive()
    }
}
