//! Tables of frames, each of them cut in every way.

use super::*;

/// What came out, in its order; data which belongs together is one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Data(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Failed(FrameError),
}

fn data(bytes: &[u8]) -> Event {
    Event::Data(bytes.to_vec())
}

fn failed(what: &'static str) -> Event {
    Event::Failed(FrameError::Protocol(what))
}

const BAD_TEXT: Event = Event::Failed(FrameError::InvalidUtf8);

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = FrameDecoder::default();
    let mut events = Vec::new();
    for mut piece in pieces {
        feed(&mut decoder, &mut piece, &mut events);
    }
    events
}

fn feed(decoder: &mut FrameDecoder, piece: &mut &[u8], events: &mut Vec<Event>) {
    loop {
        let before = piece.len();
        let mut out = BytesMut::new();
        let event = match decoder.decode(piece, &mut out) {
            Ok(None) => None,
            Ok(Some(Control::Ping(payload))) => {
                assert!(payload.len() <= MAX_CONTROL_BYTES);
                Some(Event::Ping(payload.to_vec()))
            }
            Ok(Some(Control::Pong)) => Some(Event::Pong),
            Ok(Some(Control::Close { code })) => Some(Event::Close(code)),
            Err(err) => Some(Event::Failed(err)),
        };
        assert!(out.len() <= before - piece.len(), "no more data than input");
        match events.last_mut() {
            _ if out.is_empty() => {}
            Some(Event::Data(last)) => last.extend_from_slice(&out),
            _ => events.push(data(&out)),
        }
        let Some(event) = event else {
            assert!(piece.is_empty(), "all input is used up");
            return;
        };
        events.push(event);
    }
}

/// Decodes the bytes whole, cut in two at every position, byte by byte, and cut at random.
fn check(name: &str, bytes: &[u8], expected: &[Event]) {
    assert_eq!(decode([bytes]), expected, "{name}");
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_same(&decode([first, second]), expected, &format!("{name}, cut at {at}"));
    }
    assert_same(&decode(bytes.chunks(1)), expected, &format!("{name}, byte by byte"));
    let mut random = Random(0x5eed);
    for round in 0..20 {
        let pieces = random.cut(bytes, 12);
        assert_same(&decode(pieces), expected, &format!("{name}, random cut {round}"));
    }
}

/// Equal, but that the offending text frame leaves as much data as calls came before the offending one.
fn assert_same(found: &[Event], expected: &[Event], name: &str) {
    if expected.last() != Some(&BAD_TEXT) {
        assert_eq!(found, expected, "{name}");
        return;
    }
    assert!(stream(found).starts_with(&stream(expected)), "{name}: {found:?}");
    assert_eq!(controls(found), controls(expected), "{name}");
}

/// The data of all events.
fn stream(events: &[Event]) -> Vec<u8> {
    let pieces = events.iter().filter_map(|event| match event {
        Event::Data(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    pieces.collect::<Vec<_>>().concat()
}

/// Everything but the data.
fn controls(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| !matches!(event, Event::Data(_))).cloned().collect()
}

/// A frame as a client sends it, masked one byte at a time.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len();
    let head = match len {
        0..126 => vec![first, 0x80 | len as u8],
        126..65_536 => [&[first, 0xfe][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[first, 0xff][..], &(len as u64).to_be_bytes()].concat(),
    };
    masked(&head, payload)
}

fn masked(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let hidden = payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]);
    head.iter().copied().chain(mask).chain(hidden).collect()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

const TEXT: u8 = 0x81;
const TEXT_PART: u8 = 0x01;
const BINARY: u8 = 0x82;
const BINARY_PART: u8 = 0x02;
const LAST_PART: u8 = 0x80;
const PART: u8 = 0x00;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }

    fn cut<'a>(&mut self, mut bytes: &'a [u8], longest: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at((1 + self.below(longest)).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

#[test]
fn payloads_become_one_stream() {
    let cases: Vec<(&str, Vec<u8>, Vec<Event>)> = vec![
        ("nothing", vec![], vec![]),
        ("text", frame(TEXT, b"{}\x1e"), vec![data(b"{}\x1e")]),
        ("binary of any bytes", frame(BINARY, b"\xff\xfe\x00"), vec![data(b"\xff\xfe\x00")]),
        ("empty text", frame(TEXT, b""), vec![]),
        ("empty binary", frame(BINARY, b""), vec![]),
        (
            "two messages of both kinds",
            [frame(TEXT, b"ab"), frame(BINARY, b"\xc3")].concat(),
            vec![data(b"ab\xc3")],
        ),
        (
            "fragments",
            [frame(TEXT_PART, b"ab"), frame(PART, b"cd"), frame(LAST_PART, b"ef")].concat(),
            vec![data(b"abcdef")],
        ),
        (
            "empty first and last fragments",
            [frame(BINARY_PART, b""), frame(PART, b"x"), frame(LAST_PART, b""), frame(TEXT, b"y")].concat(),
            vec![data(b"xy")],
        ),
        ("a short length in the form of 16 bits", masked(&[TEXT, 0xfe, 0, 3], b"abc"), vec![data(b"abc")]),
        (
            "a short length in the form of 64 bits",
            masked(&[TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 3], b"abc"),
            vec![data(b"abc")],
        ),
        ("a frame without its end", masked(&[TEXT, 0x85], b"abc"), vec![data(b"abc")]),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, &expected);
    }
}

#[test]
fn every_length_form_is_read() {
    for len in [125, 126, 127, 300, 65_535, 65_536, 70_001] {
        let payload = Random(len as u64).bytes(len);
        let bytes = [frame(BINARY, &payload), frame(PING, b"next")].concat();
        let expected = [Event::Data(payload), Event::Ping(b"next".to_vec())];
        assert_eq!(decode([&bytes[..]]), expected, "{len} bytes");
        for size in [1, 7, 4096] {
            assert_eq!(decode(bytes.chunks(size)), expected, "{len} bytes, {size} at a time");
        }
    }
}

#[test]
fn a_frame_of_the_greatest_length_takes_no_memory() {
    let head = [BINARY, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    check("2^63 - 1 bytes", &masked(&head, b"begins"), &[data(b"begins")]);
}

#[test]
fn control_frames_keep_their_place_in_the_stream() {
    let long = [b'x'; 125];
    let cases: Vec<(&str, Vec<u8>, Vec<Event>)> = vec![
        ("an empty ping", frame(PING, b""), vec![Event::Ping(vec![])]),
        ("a ping of 125 bytes", frame(PING, &long), vec![Event::Ping(long.to_vec())]),
        ("a pong", frame(PONG, b"unasked"), vec![Event::Pong]),
        (
            "pings between messages and inside one",
            [
                frame(TEXT, b"a"),
                frame(PING, b"1"),
                frame(TEXT_PART, b"b"),
                frame(PING, b"2"),
                frame(PONG, b""),
                frame(LAST_PART, b"c"),
                frame(PING, b"3"),
            ]
            .concat(),
            vec![
                data(b"a"),
                Event::Ping(b"1".to_vec()),
                data(b"b"),
                Event::Ping(b"2".to_vec()),
                Event::Pong,
                data(b"c"),
                Event::Ping(b"3".to_vec()),
            ],
        ),
        (
            "a ping inside a character",
            [frame(TEXT_PART, b"\xe6\xbc"), frame(PING, b"\xff"), frame(LAST_PART, b"\xa2")].concat(),
            vec![data(b"\xe6\xbc"), Event::Ping(b"\xff".to_vec()), data(b"\xa2")],
        ),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, &expected);
    }
}

#[test]
fn nothing_is_decoded_after_a_close() {
    let cases: Vec<(&str, Vec<u8>, Vec<Event>)> = vec![
        ("no code", frame(CLOSE, b""), vec![Event::Close(None)]),
        ("a reason", close(1000, "tschüß".as_bytes()), vec![Event::Close(Some(1000))]),
        ("the longest reason", close(1001, &[b'r'; 123]), vec![Event::Close(Some(1001))]),
        (
            "a message and a wrong frame behind it",
            [close(1000, b""), frame(TEXT, b"late"), frame(0x83, b"")].concat(),
            vec![Event::Close(Some(1000))],
        ),
        (
            "inside a message and a character",
            [frame(TEXT_PART, b"a\xf0\x9f"), close(1000, b"")].concat(),
            vec![data(b"a\xf0\x9f"), Event::Close(Some(1000))],
        ),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, &expected);
    }
}

#[test]
fn close_codes_are_those_which_may_be_sent() {
    for code in 0..=u16::MAX {
        let expected = match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Event::Close(Some(code)),
            _ => failed("the close code may not be sent"),
        };
        assert_eq!(decode([&close(code, b"")[..]]), [expected], "{code}");
    }
}

#[test]
fn wrong_frames_are_refused() {
    let cases: Vec<(&str, Vec<u8>, Event)> = vec![
        ("rsv1", frame(TEXT | 0x40, b"x"), failed("a reserved bit is set")),
        ("rsv2", frame(TEXT | 0x20, b"x"), failed("a reserved bit is set")),
        ("rsv3", frame(TEXT | 0x10, b"x"), failed("a reserved bit is set")),
        ("rsv1 of a close", frame(CLOSE | 0x40, b""), failed("a reserved bit is set")),
        ("unmasked", b"\x81\x05hello".to_vec(), failed("the frame is not masked")),
        ("op code 3", frame(0x83, b"x"), failed("the op code is unknown")),
        ("op code 11", frame(0x8b, b"x"), failed("the op code is unknown")),
        ("op code 15", frame(0x8f, b"x"), failed("the op code is unknown")),
        (
            "the top bit of a length",
            masked(&[TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1], b"x"),
            failed("the length has more than 63 bits"),
        ),
        ("continuation", frame(LAST_PART, b"x"), failed("there is no message to continue")),
        (
            "continuation of an ended message",
            [frame(TEXT_PART, b""), frame(LAST_PART, b""), frame(LAST_PART, b"")].concat(),
            failed("there is no message to continue"),
        ),
        (
            "text inside a message",
            [frame(TEXT_PART, b""), frame(TEXT, b"x")].concat(),
            failed("a message begins inside another one"),
        ),
        (
            "part of binary inside a message",
            [frame(TEXT_PART, b""), frame(BINARY_PART, b"x")].concat(),
            failed("a message begins inside another one"),
        ),
        ("fragmented ping", frame(0x09, b"x"), failed("a control frame is fragmented")),
        ("fragmented close", frame(0x08, b""), failed("a control frame is fragmented")),
        ("ping of 126 bytes", frame(PING, &[0; 126]), failed("a control frame is too long")),
        ("close of 126 bytes", close(1000, &[b'r'; 124]), failed("a control frame is too long")),
        ("close of one byte", frame(CLOSE, b"\x03"), failed("a close frame has half a code")),
        ("close reason", close(1000, b"\xff\xfe"), failed("the close reason is not utf-8")),
        ("half a close reason", close(1000, b"\xe6\xbc"), failed("the close reason is not utf-8")),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, std::slice::from_ref(&expected));
        let framed = [frame(TEXT, b"before"), bytes, frame(TEXT, b"behind")].concat();
        let Event::Failed(err) = expected else { panic!("{name}: {expected:?}") };
        assert_eq!(err.close_code(), 1002);
        if !name.contains("inside") && !name.contains("ended") {
            check(name, &framed, &[data(b"before"), expected]);
        }
    }
}

#[test]
fn text_is_utf8_over_a_whole_message() {
    let cases: Vec<(&str, Vec<u8>, Vec<Event>)> = vec![
        (
            "a character across fragments",
            [frame(TEXT_PART, b"a\xf0\x9f"), frame(PART, b""), frame(LAST_PART, b"\x98\x80z")].concat(),
            vec![data("a😀z".as_bytes())],
        ),
        (
            "half a character in binary messages",
            [frame(BINARY, b"\xf0\x9f"), frame(TEXT, b"a"), frame(BINARY, b"\x98\x80")].concat(),
            vec![data(b"\xf0\x9fa\x98\x80")],
        ),
        (
            "a character across messages",
            [frame(TEXT, b"\xf0\x9f"), frame(TEXT, b"\x98\x80")].concat(),
            vec![BAD_TEXT],
        ),
        (
            "a character cut off by an empty fragment",
            [frame(TEXT_PART, b"ab\xf0"), frame(LAST_PART, b"")].concat(),
            vec![data(b"ab\xf0"), BAD_TEXT],
        ),
        ("a wrong byte", frame(TEXT, b"{\"\xc3\x28\"}"), vec![BAD_TEXT]),
        (
            "a wrong byte in a later fragment",
            [frame(TEXT_PART, b"good"), frame(LAST_PART, b"bad\xff")].concat(),
            vec![data(b"good"), BAD_TEXT],
        ),
        (
            "a wrong byte behind a ping",
            [frame(TEXT, b"good"), frame(PING, b""), frame(TEXT, b"\xff")].concat(),
            vec![data(b"good"), Event::Ping(vec![]), BAD_TEXT],
        ),
        ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), vec![BAD_TEXT]),
        ("a detour", frame(TEXT, b"\xc0\x80"), vec![BAD_TEXT]),
        ("beyond the last character", frame(TEXT, b"\xf4\x90\x80\x80"), vec![BAD_TEXT]),
    ];
    for (name, bytes, expected) in cases {
        check(name, &bytes, &expected);
    }
    assert_eq!(FrameError::InvalidUtf8.close_code(), 1007);
}

#[test]
fn a_wrong_byte_is_refused_before_its_frame_ends() {
    let bytes = masked(&[TEXT, 0xfe, 0xff, 0xff], b"ab\xff");
    assert_eq!(decode([&bytes[..]]), [BAD_TEXT]);
}

#[test]
fn an_error_is_told_once() {
    let mut decoder = FrameDecoder::default();
    let mut out = BytesMut::new();
    let bytes = [frame(0x83, b""), frame(TEXT, b"x")].concat();
    let mut input = &bytes[..];
    assert!(decoder.decode(&mut input, &mut out).is_err());
    assert!(input.is_empty());
    input = &bytes;
    assert_eq!(decoder.decode(&mut input, &mut out), Ok(None));
    assert!(input.is_empty() && out.is_empty());
}

#[test]
fn what_is_in_the_buffer_stays_in_front() {
    let mut decoder = FrameDecoder::default();
    let mut out = BytesMut::from(&b"kept"[..]);
    let good = frame(TEXT, b" good");
    let bad = frame(TEXT, b" bad\xff");
    assert_eq!(decoder.decode(&mut &good[..], &mut out), Ok(None));
    assert_eq!(decoder.decode(&mut &bad[..], &mut out), Err(FrameError::InvalidUtf8));
    assert_eq!(&out[..], b"kept good");
}

#[test]
fn random_messages_come_out_as_they_went_in() {
    let mut random = Random(0xfee1_600d);
    for round in 0..200 {
        let mut bytes = Vec::new();
        let mut sent = Vec::new();
        let mut pings = Vec::new();
        for _ in 0..random.below(6) {
            let len = random.below(400);
            let (op_code, payload) = match random.below(2) {
                0 => (BINARY_PART, random.bytes(len)),
                _ => (TEXT_PART, "aé漢😀".repeat(len / 10).into_bytes()),
            };
            let parts = random.cut(&payload, 200);
            for (at, part) in parts.iter().enumerate() {
                let fin = if at + 1 == parts.len() { LAST_PART } else { PART };
                bytes.extend(frame(fin | if at == 0 { op_code } else { 0 }, part));
                if random.below(3) == 0 {
                    let len = random.below(126);
                    let ping = random.bytes(len);
                    bytes.extend(frame(PING, &ping));
                    pings.push(Event::Ping(ping));
                }
            }
            sent.extend_from_slice(&payload);
        }
        let whole = decode([&bytes[..]]);
        assert_eq!(stream(&whole), sent, "round {round}");
        assert_eq!(controls(&whole), pings, "round {round}");
        for longest in [1, 3, 20, 500] {
            let pieces = random.cut(&bytes, longest);
            assert_eq!(decode(pieces), whole, "round {round}, pieces up to {longest}");
        }
    }
}

#[test]
fn a_text_message_has_the_verdict_of_the_whole_text() {
    let alphabet: &[&[u8]] =
        &[b"a", b"\x7f", "é".as_bytes(), "漢".as_bytes(), "😀".as_bytes(), b"\xed", b"\x80", b"\xff"];
    let mut random = Random(0x07f8);
    let mut valid = 0;
    for round in 0..2000 {
        let text: Vec<u8> =
            (0..random.below(8)).flat_map(|_| alphabet[random.below(alphabet.len())]).copied().collect();
        let parts = random.cut(&text, 3);
        let mut bytes = frame(TEXT_PART, b"");
        for part in &parts {
            bytes.extend(frame(PART, part));
        }
        bytes.extend(frame(LAST_PART, b""));
        bytes.extend(frame(PING, b""));
        let is_valid = from_utf8(&text).is_ok();
        valid += usize::from(is_valid);
        let expected = if is_valid { Event::Ping(vec![]) } else { BAD_TEXT };
        let pieces = random.cut(&bytes, 9);
        assert_eq!(decode(pieces).last(), Some(&expected), "round {round}: {text:x?}");
    }
    assert!((400..1600).contains(&valid), "{valid} of 2000 are valid");
}

#[test]
fn random_bytes_do_no_harm() {
    let mut random = Random(0xbad5eed);
    let mut failures = 0;
    for _ in 0..3000 {
        let mut bytes = Vec::new();
        for _ in 0..random.below(12) {
            // Mostly frames which are nearly right, so that they get past the head.
            let len = random.below(140);
            match random.below(8) {
                0 => bytes.extend(random.bytes(len)),
                1 => bytes.extend([TEXT, 0xff]),
                _ => {
                    let first =
                        [TEXT, TEXT_PART, BINARY, BINARY_PART, PART, LAST_PART, PING, PONG, CLOSE, 0x0b];
                    bytes.extend(frame(first[random.below(first.len())], &random.bytes(len)));
                }
            }
        }
        let whole = decode([&bytes[..]]);
        let pieces = random.cut(&bytes, 30);
        assert_same(&decode(pieces), &whole, "random bytes");
        failures += usize::from(matches!(whole.last(), Some(Event::Failed(_))));
    }
    assert!((1000..3000).contains(&failures), "{failures} of 3000 failed");
}
