//! What follows the head of a request, read from the socket when it is asked for.

use std::{
    cell::RefCell,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use actix_http::error::PayloadError;
use actix_web::web::Bytes;
use futures::Stream;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};

thread_local! {
    /// What a read goes into: one for all sockets of a worker, as what came is copied out of it before the next one reads.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// The reading end of a socket as a request's payload. It has no buffer of its own: nothing is read before somebody asks, and
/// then into memory that the worker's sockets share, of which as much is kept as came.
pub(super) struct SocketPayload {
    socket: OwnedReadHalf,
    /// What came together with the head.
    early: Bytes,
}

impl SocketPayload {
    pub(super) const fn new(socket: OwnedReadHalf, early: Bytes) -> Self {
        Self { socket, early }
    }
}

impl Stream for SocketPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.early.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.early))));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(pin!(&mut self.socket).poll_read(cx, &mut read))?;
            let read = read.filled();
            Poll::Ready((!read.is_empty()).then(|| Ok(Bytes::copy_from_slice(read))))
        })
    }
}

/// A message of a hub is seldom longer; one that is comes in several reads.
const SCRATCH_BYTES: usize = 16 * 1024;
