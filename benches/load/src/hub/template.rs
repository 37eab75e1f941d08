//! Invocations that differ in their id and the beginning of their text alone.

use super::{Argument, HubProtocol, Invocation, kind};
use crate::{payload::Digits, websocket};

/// The frame of an invocation, masked and ready but for two places.
#[derive(Debug)]
pub(crate) struct InvocationTemplate {
    frame: Vec<u8>,
    key: [u8; 4],
    body: usize,
    id: usize,
    text: usize,
}

impl InvocationTemplate {
    pub(crate) fn new(protocol: HubProtocol, target: &str, text: &[u8], key: [u8; 4]) -> Self {
        let mut record = Vec::new();
        let places = protocol.put_invocation(
            &mut record,
            &Invocation {
                kind: kind::INVOCATION,
                id: Some(&Digits::default()),
                target,
                arguments: &[Argument::Text(text)],
            },
        );
        let mut frame = Vec::new();
        let body = websocket::put(&mut frame, protocol.opcode(), key, &record);
        Self { frame, key, body, id: body + places.id, text: body + places.text }
    }

    /// Appends an invocation with this id, and these parts of its text from its beginning.
    pub(crate) fn put<'a>(
        &self,
        out: &mut Vec<u8>,
        id: &Digits,
        parts: impl IntoIterator<Item = &'a Digits>,
    ) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        self.patch(frame, self.id, id);
        let mut text = self.text;
        for part in parts {
            self.patch(frame, text, part);
            text += part.len();
        }
    }

    fn patch(&self, frame: &mut [u8], place: usize, digits: &Digits) {
        for (index, digit) in digits.iter().enumerate() {
            frame[place + index] = digit ^ self.key[(place + index - self.body) % 4];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patched_frame_is_the_one_that_would_be_written_anew() {
        let key = [0x11, 0xa2, 0x33, 0xc4];
        for protocol in [HubProtocol::Json, HubProtocol::MessagePack] {
            for length in [14, 15, 32, 300, 70_000] {
                let mut text = vec![b'x'; length];
                let template = InvocationTemplate::new(protocol, "Echo", &text, key);
                let mut patched = Vec::new();
                template.put(&mut patched, b"1234567", [b"7654321", b"0000009"]);
                text[..14].copy_from_slice(b"76543210000009");
                let arguments = &[Argument::Text(&text)];
                let invocation = Invocation { kind: 1, id: Some(b"1234567"), target: "Echo", arguments };
                let (mut record, mut written) = (Vec::new(), Vec::new());
                protocol.put_invocation(&mut record, &invocation);
                websocket::put(&mut written, protocol.opcode(), key, &record);
                assert_eq!(patched, written, "{protocol:?}, {length}");
            }
        }
    }
}
