//! What a socket is given: the body of the response that became it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix::Addr;
use actix_signalr_actors::{ConnectionActor, transport::Flow};
use actix_web::{
    Error,
    web::{Bytes, BytesMut},
};
use futures::Stream;

use crate::transports::{
    taken_off,
    web_sockets::frame::{OpCode, encode_close, encode_header, encode_pong},
};

/// What is to be written, until the HTTP layer asks for it.
#[derive(Debug)]
pub(super) struct Outbox {
    records: Vec<Bytes>,
    /// Bytes of the backlog that are in it.
    counted: usize,
    opcode: OpCode,
    pongs: BytesMut,
    close: Option<u16>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { records: Vec::new(), counted: 0, opcode: OpCode::Text, pongs: BytesMut::new(), close: None }
    }
}

impl Outbox {
    /// Adds records; those behind a close frame are only taken off the backlog.
    pub(super) fn push(&mut self, records: Bytes, is_closed: bool) {
        self.counted += records.len();
        if !is_closed {
            self.records.push(records);
        }
    }

    /// From here on records are of another kind. Changes before the first of them, so none is waiting.
    pub(super) const fn use_opcode(&mut self, opcode: OpCode) {
        self.opcode = opcode;
    }

    /// Answers a ping. Of pings the socket has no room to answer, the rest stays without: a client that does not read its
    /// pongs does not get the memory filled with them.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if self.pongs.len() < MAXIMUM_PONG_BYTES {
            encode_pong(payload, &mut self.pongs);
        }
    }

    /// Ends what is written with a close frame.
    pub(super) const fn close(&mut self, code: u16) {
        self.close = Some(code);
    }

    /// All there is, as frames: what is waiting shares one message, as each hub record has its own end.
    fn take(&mut self) -> Option<Bytes> {
        if self.records.is_empty() && self.pongs.is_empty() && self.close.is_none() {
            return None;
        }
        let length: usize = self.records.iter().map(Bytes::len).sum();
        let mut frames = self.pongs.split();
        frames.reserve(length + LARGEST_HEADER * 2);
        if !self.records.is_empty() {
            encode_header(self.opcode, length, &mut frames);
            for records in self.records.drain(..) {
                frames.extend_from_slice(&records);
            }
        }
        if let Some(code) = self.close.take() {
            encode_close(code, &mut frames);
        }
        Some(frames.freeze())
    }
}

/// Runs the actor whenever the HTTP layer has room, and hands over what it has put in its outbox.
#[derive(Debug)]
pub(super) struct Body<S> {
    actor: Pin<Box<S>>,
    outbox: Rc<RefCell<Outbox>>,
    flow: Flow,
    connection: Option<Addr<ConnectionActor>>,
    has_ended: bool,
}

impl<S> Body<S> {
    pub(super) fn new(
        actor: S,
        outbox: Rc<RefCell<Outbox>>,
        flow: Flow,
        connection: Option<Addr<ConnectionActor>>,
    ) -> Self {
        Self { actor: Box::pin(actor), outbox, flow, connection, has_ended: false }
    }
}

impl<S: Stream<Item = Result<Bytes, Error>>> Stream for Body<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if !this.has_ended {
            // The actor writes into its outbox, never into its context.
            this.has_ended = matches!(this.actor.as_mut().poll_next(cx), Poll::Ready(None));
        }
        let (frames, counted) = {
            let mut outbox = this.outbox.borrow_mut();
            (outbox.take(), std::mem::take(&mut outbox.counted))
        };
        if let Some(connection) = &this.connection {
            taken_off(&this.flow, counted, connection);
        }
        match frames {
            Some(frames) => Poll::Ready(Some(Ok(frames))),
            None if this.has_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

/// A frame's head without a mask has at most ten bytes.
const LARGEST_HEADER: usize = 10;

/// Some thirty pongs of the largest size.
const MAXIMUM_PONG_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waiting_goes_out_as_one_message_with_the_close_frame_last() {
        let mut outbox = Outbox::default();
        assert!(outbox.take().is_none());
        outbox.push(Bytes::from_static(b"ab"), false);
        outbox.push(Bytes::from_static(b"c"), false);
        outbox.pong(b"p");
        outbox.close(1000);
        let expected = [&b"\x8a\x01p\x81\x03abc\x88\x02"[..], &1000_u16.to_be_bytes()].concat();
        assert_eq!(outbox.take().as_deref(), Some(&expected[..]));
        outbox.push(Bytes::from_static(b"late"), true);
        assert!(outbox.take().is_none());
        assert_eq!(outbox.counted, 7);
    }

    #[test]
    fn pongs_have_a_bound() {
        let mut outbox = Outbox::default();
        for _ in 0..10_000 {
            outbox.pong(&[0; 125]);
        }
        assert!(outbox.take().unwrap().len() < MAXIMUM_PONG_BYTES + 200);
    }
}
