#![no_main]

use actix_signalr_fuzz::client_frames::ClientFrames;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use web_sockets::decoder::{Control, FrameDecoder, FrameError};

// Of the library they are no public part, and they need nothing of it.
#[allow(dead_code, reason = "what answers is for the server")]
#[path = "../../src/transports/web_sockets"]
mod web_sockets {
    pub mod decoder;
    mod frame;
    mod utf8;
}

/// A decoder, and what has come out of it.
#[derive(Default)]
struct Read {
    decoder: FrameDecoder,
    data: BytesMut,
    /// Pings, with what they carry, and how much data came before each.
    pings: Vec<(usize, Vec<u8>)>,
    end: Option<End>,
}

/// Why nothing more is decoded.
#[derive(Debug, PartialEq)]
enum End {
    Close(Option<u16>),
    Failed(FrameError),
}

impl Read {
    fn piece(&mut self, mut piece: &[u8]) {
        loop {
            let (before, length) = (self.data.len(), piece.len());
            let decoded = self.decoder.decode(&mut piece, &mut self.data);
            let grown = self.data.len() - before;
            assert!(grown <= length - piece.len());
            if self.end.is_some() {
                assert!(grown == 0 && piece.is_empty() && matches!(decoded, Ok(None)));
            }
            match decoded {
                Ok(None) => {
                    assert!(piece.is_empty());
                    return;
                }
                Ok(Some(Control::Ping(payload))) => {
                    assert!(payload.len() <= 125);
                    self.pings.push((self.data.len(), payload.to_vec()));
                }
                Ok(Some(Control::Pong)) => {}
                Ok(Some(Control::Close { code })) => self.end = Some(End::Close(code)),
                Err(err) => self.end = Some(End::Failed(err)),
            }
        }
    }
}

/// Pieces of two lengths in turn.
fn cut<'a>(mut stream: &'a [u8], lengths: &[u8; 2]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = lengths.iter().cycle().map(|length| usize::from(*length).max(1));
    std::iter::from_fn(move || {
        let length = lengths.next()?.min(stream.len());
        let (piece, rest) = stream.split_at(length);
        stream = rest;
        (length > 0).then_some(piece)
    })
}

/// However bytes come, they say the same.
fn any_bytes(stream: &[u8], lengths: &[u8; 2]) {
    let (mut whole, mut read) = (Read::default(), Read::default());
    whole.piece(stream);
    cut(stream, lengths).for_each(|piece| read.piece(piece));
    assert_eq!((&read.pings, &read.end), (&whole.pings, &whole.end));
    // Of a text that is wrong, what calls before the last one have brought is there.
    if whole.end == Some(End::Failed(FrameError::InvalidUtf8)) {
        assert!(read.data.starts_with(&whole.data));
    } else {
        assert_eq!(read.data, whole.data);
    }
}

/// What a client says comes out, and of data nothing is held back.
fn good_frames(script: &[u8], lengths: &[u8; 2]) {
    let sent = ClientFrames::write(script);
    let (mut read, mut at) = (Read::default(), 0);
    for piece in cut(&sent.bytes, lengths) {
        read.piece(piece);
        at += piece.len();
        assert_eq!(read.data.len(), sent.data_within(at));
    }
    assert_eq!(read.data, sent.data);
    assert_eq!(read.pings, sent.pings);
    assert_eq!(read.end, sent.close.map(End::Close));
}

fuzz_target!(|data: &[u8]| {
    let Some((lengths, rest)) = data.split_first_chunk() else { return };
    any_bytes(rest, lengths);
    good_frames(rest, lengths);
});
