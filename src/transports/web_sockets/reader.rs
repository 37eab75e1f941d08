//! What a socket brings: all frames of one read as one item.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use actix_signalr_actors::transport::Backlog;
use actix_web::{
    dev::Payload,
    web::{Bytes, BytesMut},
};
use futures::Stream;

use crate::transports::web_sockets::decoder::{Control, FrameDecoder, FrameError};

/// Reads while the hub keeps up with what has been read.
pub(super) struct Reader {
    payload: Payload,
    /// Woken when there is more in the payload, where that is not the task.
    waker: Option<Waker>,
    decoder: FrameDecoder,
    inbound: Backlog,
    /// Bytes of a read whose data has gone up and whose rest has not been looked at.
    rest: Bytes,
    next: Option<Read>,
}

/// Something a socket has brought.
#[derive(Debug)]
pub(super) enum Read {
    /// The payload of data frames, counted in the backlog.
    Data(Bytes),
    /// A ping to be answered.
    Ping(Bytes),
    /// The client closes its end.
    Closed,
    /// The client does not keep to the rules.
    Failed(FrameError),
}

impl Reader {
    pub(super) fn new(payload: Payload, waker: Option<Waker>, inbound: Backlog) -> Self {
        Self { payload, waker, decoder: FrameDecoder::default(), inbound, rest: Bytes::new(), next: None }
    }

    /// Decodes what has been read up to the next control frame; data that came before it goes first.
    fn decode(&mut self) -> Option<Read> {
        let mut data = BytesMut::with_capacity(self.rest.len());
        let mut input = &self.rest[..];
        let control = match self.decoder.decode(&mut input, &mut data) {
            Ok(Some(Control::Ping(payload))) => Some(Read::Ping(Bytes::copy_from_slice(payload))),
            Ok(Some(Control::Close { .. })) => Some(Read::Closed),
            Ok(Some(Control::Pong) | None) => None,
            Err(err) => Some(Read::Failed(err)),
        };
        let left = input.len();
        self.rest = self.rest.split_off(self.rest.len() - left);
        if data.is_empty() {
            return control;
        }
        self.next = control;
        self.inbound.add(data.len());
        Some(Read::Data(data.freeze()))
    }
}

impl Stream for Reader {
    type Item = Read;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        if let Some(read) = self.next.take() {
            return Poll::Ready(Some(read));
        }
        loop {
            while !self.rest.is_empty() {
                if let Some(read) = self.decode() {
                    return Poll::Ready(Some(read));
                }
            }
            // Its connection sends `Resume` when there is room again, and every message has this polled.
            if self.inbound.wait() {
                return Poll::Pending;
            }
            let Self { payload, waker, .. } = &mut *self;
            let waker = waker.as_ref().unwrap_or_else(|| cx.waker());
            match Pin::new(payload).poll_next(&mut Context::from_waker(waker)) {
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
