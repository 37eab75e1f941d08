//! WebSocket frames as clients write them.

/// What a client sends, and what of it a server is to see.
#[derive(Default)]
pub struct ClientFrames {
    /// What goes over the wire.
    pub bytes: Vec<u8>,
    /// Where the payloads of data frames begin in `bytes`, and how much data goes before each.
    payloads: Vec<(usize, usize)>,
    /// What all messages carry.
    pub data: Vec<u8>,
    /// What pings carry, and how much data goes before each.
    pub pings: Vec<(usize, Vec<u8>)>,
    /// The code of the close frame, if one is sent and it has one.
    pub close: Option<Option<u16>>,
}

impl ClientFrames {
    /// Takes messages from a script: of each a byte that chooses, a mask, the length of its frames, its own, and what it carries.
    pub fn write(mut script: &[u8]) -> Self {
        let mut frames = Self::default();
        while let Some(([choice, a, b, c, d, part, length], rest)) = script.split_first_chunk() {
            let (payload, rest) = rest.split_at(rest.len().min(usize::from(*length)));
            script = rest;
            let mask = [*a, *b, *c, *d];
            if choice & CLOSES != 0 {
                let code = CODES.get(usize::from(*part)).copied();
                let said = code.map(|code| [&u16::to_be_bytes(code)[..], &reason(payload)].concat());
                frames.frame(0x88, &said.unwrap_or_default(), *choice, mask);
                frames.close = Some(code);
                return frames;
            }
            frames.message(*choice, mask, *part, payload);
        }
        frames
    }

    fn message(&mut self, choice: u8, mask: [u8; 4], part: u8, payload: &[u8]) {
        let is_text = choice & IS_TEXT != 0;
        let payload =
            if is_text { String::from_utf8_lossy(payload).into_owned().into() } else { payload.to_vec() };
        let mut op_code = if is_text { 0x1 } else { 0x2 };
        let mut rest = &payload[..];
        loop {
            let at = if part == 0 { rest.len() } else { rest.len().min(part.into()) };
            let (now, later) = rest.split_at(at);
            rest = later;
            // Where frames have a length and it is used up, an empty one may end the message.
            let is_last = rest.is_empty() && (choice & ENDS_EMPTY == 0 || now.is_empty());
            self.frame(op_code | if is_last { 0x80 } else { 0 }, now, choice, mask);
            self.payloads.push((self.bytes.len() - now.len(), self.data.len()));
            self.data.extend_from_slice(now);
            op_code = 0x0;
            let said = &now[..now.len().min(125)];
            if choice & PINGS != 0 {
                self.frame(0x89, said, choice, mask);
                self.pings.push((self.data.len(), said.to_vec()));
            }
            if choice & PONGS != 0 {
                self.frame(0x8a, said, choice, mask);
            }
            if is_last {
                return;
            }
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8], choice: u8, mask: [u8; 4]) {
        self.bytes.push(first);
        let length = payload.len() as u64;
        let [.., high, low] = length.to_be_bytes();
        match (choice & LENGTH_FORM, length) {
            (0, ..126) => self.bytes.push(0x80 | low),
            (0 | 1, _) => self.bytes.extend([0xfe, high, low]),
            _ => {
                self.bytes.push(0xff);
                self.bytes.extend(length.to_be_bytes());
            }
        }
        self.bytes.extend(mask);
        self.bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// How much data there is in as many of the bytes.
    pub fn data_within(&self, count: usize) -> usize {
        let begun = self.payloads.partition_point(|(at, _)| *at <= count);
        let Some((at, before)) = begun.checked_sub(1).map(|last| self.payloads[last]) else { return 0 };
        let whole = self.payloads.get(begun).map_or(self.data.len(), |(_, before)| *before);
        whole.min(before + count - at)
    }
}

/// What a close frame has room for beside its code.
fn reason(payload: &[u8]) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(payload).into_owned();
    text.truncate(text.floor_char_boundary(123));
    text.into()
}

/// The length as short as it can be, or in two bytes, or in eight.
const LENGTH_FORM: u8 = 0b11;
const IS_TEXT: u8 = 1 << 2;
/// A ping behind each frame, and so a pong, with the beginning of what the frame carries.
const PINGS: u8 = 1 << 3;
const PONGS: u8 = 1 << 4;
const ENDS_EMPTY: u8 = 1 << 5;
/// Instead of a message, the end.
const CLOSES: u8 = 1 << 7;

/// Those that may be sent: the first and the last of each range.
const CODES: [u16; 6] = [1000, 1003, 1007, 1014, 3000, 4999];
