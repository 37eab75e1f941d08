//! Frames from the client, decoded as their bytes come.
//!
//! A codec which yields whole frames keeps a frame until its last byte has come. But a frame may be of any
//! length here: only a record of the hub protocol has a limit, and one frame may hold any number of records.
//! So such a codec either refuses frames which clients may send, or grows as far as a client likes. This
//! decoder keeps no payload: each byte goes to the caller in the call which brings it, and holding the caller
//! up holds the client up.
//!
//! A frame's head is judged once it is whole, which for a client includes the mask.

use std::{error::Error, fmt, str::from_utf8};

use bytes::BytesMut;

use super::{
    frame::{
        CLOSE_INVALID_PAYLOAD, CLOSE_PROTOCOL_ERROR, FIN, LENGTH_OF_16_BITS, LENGTH_OF_64_BITS,
        MAX_CONTROL_BYTES, OpCode,
    },
    utf8::Utf8Validator,
};

/// Turns bytes from the socket into the client's byte stream and its control frames.
///
/// It holds at most a frame's head and one control frame's payload.
#[derive(Debug, Default)]
pub(crate) struct FrameDecoder {
    state: State,
    /// A head of which the rest has not come yet.
    head: Vec<u8>,
    /// Text or binary while a message is under way, also between its frames.
    message: Option<OpCode>,
    text: Utf8Validator,
    /// The payload of the control frame under way or reported last.
    control: Vec<u8>,
}

/// A control frame of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control<'a> {
    /// To be answered by a pong with this payload, of at most 125 bytes.
    Ping(&'a [u8]),
    /// Nothing to do.
    Pong,
    /// The client sends nothing more.
    Close {
        /// Why, if it says so: 1000-1003, 1007-1014 or 3000-4999.
        code: Option<u16>,
    },
}

/// How the client broke the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// A frame which must not be; the words say what is wrong with it.
    Protocol(&'static str),
    /// A text message is not UTF-8.
    InvalidUtf8,
}

impl FrameDecoder {
    /// Decodes until `input` is used up, which gives `None`, or a control frame has ended.
    ///
    /// Call it again as long as it gives `Some`; what is decoded is cut off the front of `input`. Payload is
    /// appended to `out`, whose growth is at most the length of `input`; on return it holds all data which
    /// came before the control frame, and none which came after. Op codes and the limits of messages are not
    /// kept.
    ///
    /// # Errors
    ///
    /// The first violation of the rules. `out` then has the data of the frames before. Where a text is
    /// invalid it is without this call's part of the offending frame.
    ///
    /// After an error or a close all further input is thrown away.
    pub(crate) fn decode<'a>(
        &'a mut self,
        input: &mut &[u8],
        out: &mut BytesMut,
    ) -> Result<Option<Control<'a>>, FrameError> {
        let ended = self.run(input, out).and_then(|ended| match ended {
            Some(OpCode::Close) => close_code(&self.control).map(|code| Some((OpCode::Close, code))),
            other => Ok(other.map(|op_code| (op_code, None))),
        });
        if matches!(ended, Err(_) | Ok(Some((OpCode::Close, _)))) {
            self.state = State::Ended;
            *input = &[];
        }
        Ok(ended?.map(|(op_code, code)| match op_code {
            OpCode::Ping => Control::Ping(&self.control),
            OpCode::Close => Control::Close { code },
            _ => Control::Pong,
        }))
    }

    /// Gives the op code of the control frame whose payload is now in `self.control`.
    fn run(&mut self, input: &mut &[u8], out: &mut BytesMut) -> Result<Option<OpCode>, FrameError> {
        loop {
            match &mut self.state {
                State::Head => match take_head(&mut self.head, input) {
                    Some(head) => self.state = State::Payload(self.begin(&head)?),
                    None => return Ok(None),
                },
                State::Payload(frame) => {
                    let part = frame.take(input);
                    let is_control = frame.is_control();
                    if is_control {
                        self.control.extend_from_slice(part);
                        frame.unmask(&mut self.control, part.len());
                    } else {
                        let start = out.len();
                        out.extend_from_slice(part);
                        let fresh = frame.unmask(out, part.len());
                        if frame.op_code == OpCode::Text
                            && !is_text(&mut self.text, fresh, frame.ends_message())
                        {
                            out.truncate(start);
                            return Err(FrameError::InvalidUtf8);
                        }
                    }

                    if frame.remaining > 0 {
                        return Ok(None);
                    }
                    let op_code = frame.op_code;
                    if frame.ends_message() {
                        self.message = None;
                    }
                    self.state = State::Head;
                    if is_control {
                        return Ok(Some(op_code));
                    }
                }
                State::Ended => {
                    *input = &[];
                    return Ok(None);
                }
            }
        }
    }

    /// Judges a head.
    fn begin(&mut self, head: &Head) -> Result<Frame, FrameError> {
        let protocol = |what| Err(FrameError::Protocol(what));
        let is_final = head.first & FIN != 0;
        if head.first & RESERVED != 0 {
            return protocol("a reserved bit is set");
        }
        if !head.is_masked {
            return protocol("the frame is not masked");
        }
        if head.len > MAX_LENGTH {
            return protocol("the length has more than 63 bits");
        }

        let op_code = match (OpCode::of(head.first), self.message) {
            (None, _) => return protocol("the op code is unknown"),
            (Some(OpCode::Continuation), None) => return protocol("there is no message to continue"),
            (Some(OpCode::Continuation), Some(message)) => message,
            (Some(OpCode::Text | OpCode::Binary), Some(_)) => {
                return protocol("a message begins inside another one");
            }
            (Some(message @ (OpCode::Text | OpCode::Binary)), None) => {
                self.message = Some(message);
                message
            }
            (Some(control), _) => {
                if !is_final {
                    return protocol("a control frame is fragmented");
                }
                if head.len > MAX_CONTROL_BYTES as u64 {
                    return protocol("a control frame is too long");
                }
                if control == OpCode::Close && head.len == 1 {
                    return protocol("a close frame has half a code");
                }
                self.control.clear();
                control
            }
        };
        Ok(Frame { op_code, is_final, remaining: head.len, mask: head.mask })
    }
}

impl FrameError {
    /// The code of the close frame which tells the client.
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::Protocol(_) => CLOSE_PROTOCOL_ERROR,
            Self::InvalidUtf8 => CLOSE_INVALID_PAYLOAD,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => write!(f, "invalid websocket frame: {what}"),
            Self::InvalidUtf8 => f.write_str("invalid utf-8 in a websocket text message"),
        }
    }
}

impl Error for FrameError {}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Payload(Frame),
    Ended,
}

/// The frame under way.
#[derive(Debug)]
struct Frame {
    /// Never `Continuation`: such a frame has its message's op code.
    op_code: OpCode,
    is_final: bool,
    /// Payload bytes still to come.
    remaining: u64,
    /// The mask, turned so that its first byte is for the next payload byte.
    mask: [u8; 4],
}

impl Frame {
    fn is_control(&self) -> bool {
        !matches!(self.op_code, OpCode::Text | OpCode::Binary)
    }

    /// Whether what has been taken is the end of a message.
    fn ends_message(&self) -> bool {
        self.is_final && self.remaining == 0 && !self.is_control()
    }

    /// Cuts this frame's payload off the front of the input, as far as it is there.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let (part, rest) = input.split_at_checked(wanted).unwrap_or((*input, &[]));
        *input = rest;
        self.remaining -= part.len() as u64;
        part
    }

    /// Unmasks the last `count` bytes of a buffer, which are the frame's next ones, and gives them.
    fn unmask<'a>(&mut self, buffer: &'a mut [u8], count: usize) -> &'a [u8] {
        let start = buffer.len().saturating_sub(count);
        let fresh = buffer.get_mut(start..).unwrap_or_default();
        apply_mask(fresh, self.mask);
        self.mask.rotate_left(count % 4);
        fresh
    }
}

/// The first bytes of a frame, not judged yet.
struct Head {
    /// The final bit, the reserved bits and the op code.
    first: u8,
    is_masked: bool,
    len: u64,
    mask: [u8; 4],
}

impl Head {
    /// Reads a head and gives what follows it; `None` if the head is not whole.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([first, second], rest) = bytes.split_first_chunk()?;
        let (len, rest) = match second & !MASKED {
            LENGTH_OF_16_BITS => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*len)), rest)
            }
            LENGTH_OF_64_BITS => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*len), rest)
            }
            short => (u64::from(short), rest),
        };
        let (mask, rest) = rest.split_first_chunk()?;
        let head = Self { first: *first, is_masked: second & MASKED != 0, len, mask: *mask };
        Some((head, rest))
    }
}

/// Cuts a head off the front of the input, or keeps the part of one in `kept`.
fn take_head(kept: &mut Vec<u8>, input: &mut &[u8]) -> Option<Head> {
    if kept.is_empty() {
        let Some((head, rest)) = Head::parse(input) else {
            // At most 13 bytes: more are a whole head.
            kept.extend_from_slice(input);
            *input = &[];
            return None;
        };
        *input = rest;
        return Some(head);
    }

    while let Some((byte, rest)) = input.split_first() {
        *input = rest;
        kept.push(*byte);
        if let Some((head, _)) = Head::parse(kept) {
            kept.clear();
            return Some(head);
        }
    }
    None
}

fn is_text(text: &mut Utf8Validator, piece: &[u8], is_last: bool) -> bool {
    text.push(piece).is_ok() && (!is_last || text.finish().is_ok())
}

fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Reads the payload of a close frame: nothing, or a code and a reason.
fn close_code(payload: &[u8]) -> Result<Option<u16>, FrameError> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Ok(None);
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::Protocol("the close code may not be sent"));
    }
    // Unlike a text message's, this is a protocol error.
    if from_utf8(reason).is_err() {
        return Err(FrameError::Protocol("the close reason is not utf-8"));
    }
    Ok(Some(code))
}

const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const MAX_LENGTH: u64 = u64::MAX >> 1;

#[cfg(test)]
mod tests;
