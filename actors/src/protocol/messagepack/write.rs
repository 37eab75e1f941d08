//! Messages to MessagePack, each with its length in front.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use crate::protocol::{
    NamingPolicy,
    messagepack::{
        cursor::{FALSE, NIL, TRUE},
        head,
        ser::write_payload,
    },
    payload::PayloadError,
};

/// Writes the answer to a call: its result, encoded.
pub(in crate::protocol) fn write_result(invocation_id: &str, result: &[u8], out: &mut BytesMut) {
    framed(out, |out| {
        completion(invocation_id, 5, 3, out);
        out.put_slice(result);
    });
}

/// Writes the answer to a call that failed.
pub(in crate::protocol) fn write_error(invocation_id: &str, error: &str, out: &mut BytesMut) {
    framed(out, |out| {
        completion(invocation_id, 5, 1, out);
        string(error, out);
    });
}

/// Writes the end of a stream.
pub(in crate::protocol) fn write_completion_end(invocation_id: &str, out: &mut BytesMut) {
    framed(out, |out| completion(invocation_id, 4, 2, out));
}

/// Writes an item of a stream.
pub(in crate::protocol) fn write_stream_item(invocation_id: &str, item: &[u8], out: &mut BytesMut) {
    framed(out, |out| {
        out.put_slice(&[0x94, 2, NO_HEADERS]);
        string(invocation_id, out);
        out.put_slice(item);
    });
}

/// Writes a call of a method on the client's side.
pub(in crate::protocol) fn write_invocation(
    invocation_id: Option<&str>,
    target: &str,
    arguments: &impl Serialize,
    naming: NamingPolicy,
    out: &mut BytesMut,
) -> Result<(), PayloadError> {
    framed(out, |out| {
        out.put_slice(&[0x96, 1, NO_HEADERS]);
        match invocation_id {
            Some(id) => string(id, out),
            None => out.put_u8(NIL),
        }
        string(target, out);
        let start = out.len();
        write_payload(arguments, naming, out)?;
        match out.get(start) {
            // `()` is how Rust says "no arguments"; serde writes it as nil.
            Some(&NIL) if out.len() == start + 1 => {
                out.truncate(start);
                out.put_u8(NOTHING);
            }
            Some(0x90..=0x9f | 0xdc | 0xdd) => {}
            _ => return Err(NO_TUPLE),
        }
        out.put_u8(NOTHING);
        Ok(())
    })
}

/// Writes that the client's wish to go on is over.
pub(in crate::protocol) fn write_cancel(invocation_id: &str, out: &mut BytesMut) {
    framed(out, |out| {
        out.put_slice(&[0x93, 5, NO_HEADERS]);
        string(invocation_id, out);
    });
}

/// Writes the message that ends a connection.
pub(in crate::protocol) fn write_close(error: Option<&str>, allow_reconnect: bool, out: &mut BytesMut) {
    framed(out, |out| {
        out.put_slice(&[0x93, 7]);
        match error {
            Some(error) if !error.is_empty() => string(error, out),
            _ => out.put_u8(NIL),
        }
        out.put_u8(if allow_reconnect { TRUE } else { FALSE });
    });
}

/// Writes up to where messages have been received.
pub(in crate::protocol) fn write_ack(sequence_id: i64, out: &mut BytesMut) {
    sequence(8, sequence_id, out);
}

/// Writes where messages go on.
pub(in crate::protocol) fn write_sequence(sequence_id: i64, out: &mut BytesMut) {
    sequence(9, sequence_id, out);
}

fn sequence(kind: u8, sequence_id: i64, out: &mut BytesMut) {
    framed(out, |out| {
        out.put_slice(&[0x92, kind]);
        head::signed(sequence_id, out);
    });
}

fn completion(invocation_id: &str, elements: u8, result_kind: u8, out: &mut BytesMut) {
    out.put_slice(&[0x90 | elements, 3, NO_HEADERS]);
    string(invocation_id, out);
    out.put_u8(result_kind);
}

/// Writes a string of less than 4 GiB, as all are that this crate makes or has received.
fn string(text: &str, out: &mut BytesMut) {
    let _ = head::string(text, out);
}

/// Puts the length of what is written before it: nearly always a single byte, for which room is left.
fn framed<R>(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> R) -> R {
    let start = out.len();
    out.put_u8(0);
    let written = write(out);
    let length = out.len() - start - 1;
    let (prefix, width) = length_prefix(length);
    if width > 1 {
        out.put_bytes(0, width - 1);
        let content = start + 1;
        out.copy_within(content..content + length, start + width);
    }
    if let (Some(place), Some(prefix)) = (out.get_mut(start..start + width), prefix.get(..width)) {
        place.copy_from_slice(prefix);
    }
    written
}

/// A length, seven bits a byte, the least significant first; and how many bytes that are.
fn length_prefix(length: usize) -> ([u8; 10], usize) {
    let mut prefix = [0; 10];
    let mut rest = length;
    let mut width = 0;
    for place in &mut prefix {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        width += 1;
        *place = low & 0x7f | if rest > 0 { 0x80 } else { 0 };
        if rest == 0 {
            break;
        }
    }
    (prefix, width)
}

/// An empty map.
const NO_HEADERS: u8 = 0x80;

/// An empty array.
const NOTHING: u8 = 0x90;

const NO_TUPLE: PayloadError =
    PayloadError::new("arguments are given as a tuple: `(value,)` for a single one");
