//! What a frame is made of, and the frames the server sends: unmasked, whole, the length in its shortest
//! form.

use bytes::{BufMut, Bytes, BytesMut};

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum OpCode {
    /// The next part of the message under way.
    Continuation = 0x0,
    /// The (first part of a) message which is UTF-8.
    Text = 0x1,
    /// The (first part of a) message of any bytes.
    Binary = 0x2,
    /// The end of what this side sends.
    Close = 0x8,
    /// A question which a pong of the same payload answers.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life.
    Pong = 0xa,
}

impl OpCode {
    /// The op code of a frame's first byte; `None` for the ten which have no meaning.
    pub(crate) fn of(first_byte: u8) -> Option<Self> {
        Some(match first_byte & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }
}

/// Writes the head of a frame of `len` payload bytes.
pub(crate) fn encode_header(op_code: OpCode, len: usize, out: &mut BytesMut) {
    out.put_u8(FIN | op_code as u8);
    if let Some(short) = u8::try_from(len).ok().filter(|len| *len < LENGTH_OF_16_BITS) {
        out.put_u8(short);
    } else if let Ok(middle) = u16::try_from(len) {
        out.put_u8(LENGTH_OF_16_BITS);
        out.put_u16(middle);
    } else {
        out.put_u8(LENGTH_OF_64_BITS);
        out.put_u64(len as u64);
    }
}

/// How many bytes the head of a frame of `len` payload bytes has. Who sets aside just what a frame takes saves an allocation: a
/// buffer that is full needs none when it is frozen.
pub(super) const fn header_len(len: usize) -> usize {
    match len {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    }
}

/// Writes a whole message as one frame.
pub(crate) fn encode_data(op_code: OpCode, payload: &[u8], out: &mut BytesMut) {
    out.reserve(header_len(payload.len()) + payload.len());
    encode_header(op_code, payload.len(), out);
    out.put_slice(payload);
}

/// A whole message as one frame, by itself.
pub(super) fn whole_frame(op_code: OpCode, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    encode_data(op_code, payload, &mut out);
    out.freeze()
}

/// Writes the answer to a ping of this payload, which has at most [`MAX_CONTROL_BYTES`].
pub(crate) fn encode_pong(payload: &[u8], out: &mut BytesMut) {
    debug_assert!(payload.len() <= MAX_CONTROL_BYTES);
    encode_data(OpCode::Pong, payload, out);
}

/// Writes a close frame with this code and no reason.
pub(crate) fn encode_close(code: u16, out: &mut BytesMut) {
    encode_data(OpCode::Close, &code.to_be_bytes(), out);
}

/// Close code: all is well.
pub(crate) const CLOSE_NORMAL: u16 = 1000;
/// Close code: the frames were against the rules.
pub(crate) const CLOSE_PROTOCOL_ERROR: u16 = 1002;
/// Close code: a text was not UTF-8.
pub(crate) const CLOSE_INVALID_PAYLOAD: u16 = 1007;

/// The most bytes a close, ping or pong may carry.
pub(crate) const MAX_CONTROL_BYTES: usize = 125;

/// The first byte's bit of a message's last (or only) frame.
pub(super) const FIN: u8 = 0x80;
/// The length field's value which says that the length follows in two bytes.
pub(super) const LENGTH_OF_16_BITS: u8 = 126;
/// The length field's value which says that the length follows in eight bytes.
pub(super) const LENGTH_OF_64_BITS: u8 = 127;

/// The bytes of a close frame with a code and no reason.
pub(super) const CLOSE_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_takes_its_shortest_form() {
        let table: &[(usize, &[u8])] = &[
            (0, &[0x82, 0]),
            (1, &[0x82, 1]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (255, &[0x82, 126, 0, 255]),
            (256, &[0x82, 126, 1, 0]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (16_909_060, &[0x82, 127, 0, 0, 0, 0, 1, 2, 3, 4]),
        ];
        for (len, expected) in table {
            let mut out = BytesMut::new();
            encode_header(OpCode::Binary, *len, &mut out);
            assert_eq!(&out[..], *expected, "{len} bytes");
            assert_eq!(header_len(*len), out.len(), "{len} bytes");
        }
    }

    #[test]
    fn frames_are_appended_to_what_is_there() {
        let mut out = BytesMut::new();
        encode_close(CLOSE_NORMAL, &mut out);
        assert_eq!(out.len(), CLOSE_BYTES);
        out.clear();
        encode_data(OpCode::Text, b"{}\x1e", &mut out);
        encode_data(OpCode::Binary, b"", &mut out);
        encode_pong(b"p", &mut out);
        encode_close(CLOSE_PROTOCOL_ERROR, &mut out);
        assert_eq!(&out[..], b"\x81\x03{}\x1e\x82\x00\x8a\x01p\x88\x02\x03\xea");
    }

    #[test]
    fn an_op_code_is_read_back_and_ten_are_unknown() {
        let known =
            [OpCode::Continuation, OpCode::Text, OpCode::Binary, OpCode::Close, OpCode::Ping, OpCode::Pong];
        for op_code in known {
            assert_eq!(OpCode::of(FIN | op_code as u8), Some(op_code));
        }
        assert_eq!((0..16).filter(|byte| OpCode::of(*byte).is_none()).count(), 10);
    }
}
