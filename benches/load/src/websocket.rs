//! WebSocket frames of both directions (RFC 6455), without any I/O.

/// Longer frames and records are refused: no server of a hub has reason for one.
pub(crate) const LONGEST: usize = 128 << 20;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The head of a frame that a server has sent; its payload follows after `head` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) opcode: u8,
    pub(crate) head: usize,
    pub(crate) payload: usize,
}

impl Head {
    /// Reads a head; `None` when more bytes are needed.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err("a WebSocket frame has reserved bits");
        }
        let opcode = first & 0x0f;
        if opcode > PONG || (opcode > BINARY && opcode < CLOSE) {
            return Err("a WebSocket frame has an unknown opcode");
        }
        if second & 0x80 != 0 {
            return Err("a WebSocket frame of the server is masked");
        }
        let (payload, head) = match second & 0x7f {
            126 => match rest {
                [a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 4),
                _ => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(length) => match usize::try_from(u64::from_be_bytes(*length)) {
                    Ok(length) if length <= LONGEST => (length, 10),
                    _ => return Err("a WebSocket frame is longer than 128 MiB"),
                },
                None => return Ok(None),
            },
            length => (usize::from(length), 2),
        };
        if opcode >= CLOSE && (payload > 125 || first & 0x80 == 0) {
            return Err("a WebSocket control frame is too long or in pieces");
        }
        Ok(Some(Self { opcode, head, payload }))
    }
}

/// Appends a frame as clients send it, masked; gives the place of its payload.
pub(crate) fn put(out: &mut Vec<u8>, opcode: u8, key: [u8; 4], payload: &[u8]) -> usize {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&key);
    let place = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[place..], key);
    place
}

/// Masks bytes, or unmasks them.
pub(crate) fn mask(bytes: &mut [u8], key: [u8; 4]) {
    let (chunks, rest) = bytes.as_chunks_mut::<4>();
    for chunk in chunks {
        *chunk = (u32::from_ne_bytes(*chunk) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// What a close frame says.
pub(crate) fn close_reason(payload: &[u8]) -> String {
    match payload {
        [a, b, reason @ ..] => {
            format!("code {} {}", u16::from_be_bytes([*a, *b]), String::from_utf8_lossy(reason))
                .trim_end()
                .to_owned()
        }
        _ => "no code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_that_of_the_rfc() {
        let mut out = Vec::new();
        let place = put(&mut out, TEXT, [0x37, 0xfa, 0x21, 0x3d], b"Hello");
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        mask(&mut out[place..], [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(&out[place..], b"Hello");
    }

    #[test]
    fn heads_are_read_in_all_three_forms_and_only_whole() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let mut masked = Vec::new();
            let place = put(&mut masked, BINARY, [1, 2, 3, 250], &payload);
            mask(&mut masked[place..], [1, 2, 3, 250]);
            assert_eq!(&masked[place..], payload);
            // The same as a server sends it: without the bit and the key.
            let mut plain = masked.clone();
            plain[1] &= 0x7f;
            plain.drain(place - 4..place);
            for cut in 0..place - 4 {
                assert_eq!(Head::read(&plain[..cut]), Ok(None), "{length}, {cut}");
            }
            let head = Head { opcode: BINARY, head: place - 4, payload: length };
            assert_eq!(Head::read(&plain), Ok(Some(head)));
        }
    }

    #[test]
    fn wrong_heads_are_refused() {
        let huge = [0x82, 127, 0, 0, 0, 0, 8, 0, 0, 1];
        for wrong in
            [&[0xc1, 0][..], &[0x83, 0], &[0x8b, 0], &[0x08, 0], &[0x88, 126, 0, 200], &[0x81, 0x80], &huge]
        {
            assert!(Head::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn close_frames_say_why() {
        assert_eq!(close_reason(&[]), "no code");
        assert_eq!(close_reason(&[3, 232]), "code 1000");
        assert_eq!(close_reason(b"\x03\xf3going down"), "code 1011 going down");
    }
}
