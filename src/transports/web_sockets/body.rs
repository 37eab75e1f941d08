//! What a socket is given: the body of the response that became it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix::Addr;
use actix_signalr_actors::{
    ConnectionActor,
    transport::{Attachment, Flow, Outgoing, Waiting},
};
use actix_web::{
    Error,
    web::{Bytes, BytesMut},
};
use futures::Stream;

use crate::{
    transports::{
        taken_off,
        web_sockets::{
            frame::{CLOSE_BYTES, OpCode, encode_close, encode_header, encode_pong, header_len, whole_frame},
            woken::{Note, PolledWhenWoken},
        },
    },
    write_clock::{WriteLimit, Writes},
};

/// What is to be written, until the HTTP layer asks for it.
#[derive(Debug)]
pub(super) struct Outbox {
    records: Waiting,
    opcode: OpCode,
    pongs: BytesMut,
    close: Option<u16>,
    /// The close frame has been written.
    has_closed: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            records: Waiting::default(),
            opcode: OpCode::Text,
            pongs: BytesMut::new(),
            close: None,
            has_closed: false,
        }
    }
}

impl Outbox {
    /// Adds records.
    pub(super) fn push(&mut self, records: Bytes) {
        self.records.push(Outgoing::Own(records));
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

    /// In which frames records go out, where they are all there is from here on until the actor has had its turn.
    fn only_records(&self) -> Option<OpCode> {
        let is_empty = self.records.is_empty() && self.pongs.is_empty() && self.close.is_none();
        (is_empty && !self.has_closed).then_some(self.opcode)
    }

    /// All there is with what comes from elsewhere behind it, as frames, and how many bytes of the backlog that takes off. What
    /// comes behind a close frame is only taken off.
    fn take(&mut self, mut records: Waiting) -> (Option<Bytes>, usize) {
        if !self.records.is_empty() {
            let others = std::mem::replace(&mut records, std::mem::take(&mut self.records));
            records.append(others);
        }
        let counted = records.counted();
        if self.pongs.is_empty() && self.close.is_none() && !self.has_closed {
            return (frame_of(self.opcode, &records), counted);
        }
        if self.has_closed {
            return (None, counted);
        }
        let data = if records.is_empty() { 0 } else { header_len(counted) + counted };
        let close = if self.close.is_some() { CLOSE_BYTES } else { 0 };
        let mut frames = BytesMut::with_capacity(self.pongs.len() + data + close);
        frames.extend_from_slice(&std::mem::take(&mut self.pongs));
        if !records.is_empty() {
            encode_records(self.opcode, &records, &mut frames);
        }
        if let Some(code) = self.close.take() {
            self.has_closed = true;
            encode_close(code, &mut frames);
        }
        (Some(frames.freeze()), counted)
    }
}

/// What is waiting shares one message, as each hub record has its own end.
fn frame_of(opcode: OpCode, records: &Waiting) -> Option<Bytes> {
    if records.is_empty() {
        return None;
    }
    if let Some(Outgoing::Shared(message, protocol)) = records.only() {
        return message.framed(*protocol, |records| whole_frame(opcode, records));
    }
    let mut frame = BytesMut::with_capacity(header_len(records.counted()) + records.counted());
    encode_records(opcode, records, &mut frame);
    Some(frame.freeze())
}

fn encode_records(opcode: OpCode, records: &Waiting, out: &mut BytesMut) {
    encode_header(opcode, records.counted(), out);
    for outgoing in records.iter() {
        out.extend_from_slice(outgoing.records());
    }
}

/// Runs the actor whenever the HTTP layer has room, and hands over what it has put in its outbox.
#[derive(Debug)]
pub(super) struct Body<S> {
    actor: PolledWhenWoken<S>,
    outbox: Rc<RefCell<Outbox>>,
    flow: Flow,
    connection: Rc<Addr<ConnectionActor>>,
    writes: Writes,
    has_ended: bool,
    /// What the outbox has said last; `None` where it is to be asked.
    only_records: Option<OpCode>,
}

impl<S: Stream> Body<S> {
    pub(super) fn new(
        actor: S,
        note: Arc<Note>,
        outbox: Rc<RefCell<Outbox>>,
        flow: Flow,
        connection: Rc<Addr<ConnectionActor>>,
        by: Attachment,
        limit: WriteLimit,
    ) -> Self {
        let writes = limit.of(connection.clone(), by);
        let actor = PolledWhenWoken::new(actor, note);
        Self { actor, outbox, flow, connection, writes, has_ended: false, only_records: None }
    }
}

impl<S: Stream<Item = Result<Bytes, Error>>> Stream for Body<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.writes.end();
        let is_new = this.actor.meets(cx);
        if !this.has_ended && this.actor.is_woken() {
            // The actor writes into its outbox, never into its context.
            this.has_ended = matches!(this.actor.poll_next(), Poll::Ready(None));
            this.only_records = None;
        }
        let records = match &this.flow.outlet {
            Some(outlet) if is_new || outlet.has_some() => outlet.take(cx),
            _ => Waiting::default(),
        };
        // Of a thousand receivers of a message, all that is looked at lies far apart: two thirds of what a body costs is to wait
        // for memory. So the outbox is left alone where nobody has put something in.
        let (frames, counted) = match this.only_records {
            Some(opcode) => (frame_of(opcode, &records), records.counted()),
            None => {
                let mut outbox = this.outbox.borrow_mut();
                let taken = outbox.take(records);
                this.only_records = outbox.only_records();
                taken
            }
        };
        taken_off(&this.flow, counted, &this.connection);
        match frames {
            Some(frames) => {
                this.writes.begin();
                Poll::Ready(Some(Ok(frames)))
            }
            None if this.has_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

/// Some thirty pongs of the largest size.
const MAXIMUM_PONG_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use actix_signalr_actors::protocol::{HubProtocol, ProtocolSet, SerializedMessage};

    use super::*;

    #[test]
    fn what_is_waiting_goes_out_as_one_message_with_the_close_frame_last() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take(Waiting::default()), (None, 0));
        outbox.push(Bytes::from_static(b"ab"));
        outbox.push(Bytes::from_static(b"c"));
        outbox.pong(b"p");
        outbox.close(1000);
        let expected = [&b"\x8a\x01p\x81\x03abc\x88\x02"[..], &1000_u16.to_be_bytes()].concat();
        assert_eq!(outbox.take(Waiting::default()), (Some(expected.into()), 3));
        outbox.push(Bytes::from_static(b"late"));
        outbox.pong(b"late");
        assert_eq!(outbox.take(Waiting::default()), (None, 4));
    }

    #[test]
    fn a_message_for_many_is_put_into_its_frame_once() {
        let message = SerializedMessage::invocation("T", &(1,), ProtocolSet::ALL).unwrap();
        let written = || {
            let mut outbox = Outbox::default();
            outbox.records.push(Outgoing::Shared(message.clone(), HubProtocol::Json));
            outbox.take(Waiting::default()).0.unwrap()
        };
        let records = message.encoded(HubProtocol::Json).unwrap();
        let frame = written();
        assert_eq!(frame, [&[0x81, u8::try_from(records.len()).unwrap()], &**records].concat());
        assert_eq!(written().as_ptr(), frame.as_ptr());
    }

    #[test]
    fn pongs_have_a_bound() {
        let mut outbox = Outbox::default();
        for _ in 0..10_000 {
            outbox.pong(&[0; 125]);
        }
        assert!(outbox.take(Waiting::default()).0.unwrap().len() < MAXIMUM_PONG_BYTES + 200);
    }
}
