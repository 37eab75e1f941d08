//! The MessagePack hub protocol: records are arrays behind their length.

use std::{borrow::Cow, ops::Range};

use super::{Argument, Invocation, Places, Record, Value, kind};

/// How deeply values of a record may be nested.
const DEEPEST: u32 = 64;

pub(super) fn put_invocation(out: &mut Vec<u8>, invocation: &Invocation<'_>) -> Places {
    let mut body = vec![0x96, invocation.kind, 0x80];
    let mut places = Places::default();
    match invocation.id {
        Some(id) => places.id = put_text(&mut body, id),
        None => body.push(0xc0),
    }
    put_text(&mut body, invocation.target.as_bytes());
    body.push(0x90 | invocation.arguments.len() as u8);
    for argument in invocation.arguments {
        match argument {
            Argument::Text(text) => places.text = put_text(&mut body, text),
            Argument::Number(number) => {
                body.push(0xce);
                body.extend_from_slice(&number.to_be_bytes());
            }
        }
    }
    body.push(0x90);
    put_length(out, body.len());
    places.id += out.len();
    places.text += out.len();
    out.extend_from_slice(&body);
    places
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Appends a text; gives the place of its bytes.
fn put_text(out: &mut Vec<u8>, text: &[u8]) -> usize {
    match text.len() {
        length @ 0..32 => out.push(0xa0 | length as u8),
        length @ 32..256 => out.extend_from_slice(&[0xd9, length as u8]),
        length @ 256..65_536 => {
            out.push(0xda);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xdb);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
    let place = out.len();
    out.extend_from_slice(text);
    place
}

/// Where the body of the first record is, if all of it is there.
pub(super) fn split(bytes: &[u8]) -> Result<Option<Range<usize>>, String> {
    let mut length = 0;
    for index in 0..5 {
        let Some(byte) = bytes.get(index) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let body = index + 1..index + 1 + length;
            return Ok((bytes.len() >= body.end).then_some(body));
        }
    }
    Err("the length of a record has more than five bytes".to_owned())
}

/// Reads the body of one record.
pub(super) fn read(body: &[u8]) -> Result<Record<'_>, &'static str> {
    let mut reader = Reader { rest: body };
    let Token::Array(length) = reader.token()? else { return Err("not an array") };
    let Token::Integer(kind @ 1..=255) = reader.token()? else { return Err("no type") };
    let mut record = Record { kind: kind as u8, ..Record::default() };
    let read = match (record.kind, length) {
        (kind::INVOCATION, 5..) => {
            reader.value(DEEPEST)?;
            record.id = reader.text()?;
            record.target = reader.text()?;
            let Token::Array(arguments) = reader.token()? else { return Err("arguments are no array") };
            for _ in 0..arguments {
                record.value = reader.value(DEEPEST)?;
            }
            record.arguments = arguments;
            5
        }
        (kind::STREAM_ITEM, 4..) => {
            reader.value(DEEPEST)?;
            record.id = reader.text()?;
            record.value = reader.value(DEEPEST)?;
            4
        }
        (kind::COMPLETION, 4..) => {
            reader.value(DEEPEST)?;
            record.id = reader.text()?;
            match (reader.token()?, length) {
                (Token::Integer(1), 5..) => {
                    record.error = reader.text()?.map(printed);
                    5
                }
                (Token::Integer(2), _) => 4,
                (Token::Integer(3), 5..) => {
                    record.value = reader.value(DEEPEST)?;
                    5
                }
                _ => return Err("the completion's kind of result is unknown"),
            }
        }
        (kind::PING, _) => 1,
        (kind::CLOSE, 2..) => {
            record.error = reader.text()?.map(printed);
            2
        }
        _ => return Err("unknown, or too short"),
    };
    for _ in read..length {
        reader.value(DEEPEST)?;
    }
    if reader.rest.is_empty() { Ok(record) } else { Err("bytes after the array") }
}

fn printed(text: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(text.as_ref()).into_owned()
}

struct Reader<'a> {
    rest: &'a [u8],
}

enum Token<'a> {
    Nil,
    Integer(i64),
    Text(&'a [u8]),
    Array(usize),
    Map(usize),
    Other,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("too short")?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<usize, &'static str> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn skip(&mut self, length: usize) -> Result<Token<'a>, &'static str> {
        self.take(length).map(|_| Token::Other)
    }

    fn token(&mut self) -> Result<Token<'a>, &'static str> {
        let first = self.take(1)?[0];
        Ok(match first {
            0x00..=0x7f => Token::Integer(i64::from(first)),
            0x80..=0x8f => Token::Map(usize::from(first & 15)),
            0x90..=0x9f => Token::Array(usize::from(first & 15)),
            0xa0..=0xbf => Token::Text(self.take(usize::from(first & 31))?),
            0xc0 => Token::Nil,
            0xc1 => return Err("the byte 0xc1 means nothing"),
            0xc2 | 0xc3 => Token::Other,
            0xc4..=0xc6 => {
                let length = self.number(1 << (first - 0xc4))?;
                self.skip(length)?
            }
            0xc7..=0xc9 => {
                let length = self.number(1 << (first - 0xc7))?;
                self.skip(length + 1)?
            }
            0xca => self.skip(4)?,
            0xcb => self.skip(8)?,
            0xcc..=0xcf => Token::Integer(self.number(1 << (first - 0xcc))? as i64),
            0xd0..=0xd3 => self.skip(1 << (first - 0xd0))?,
            0xd4..=0xd8 => self.skip((1 << (first - 0xd4)) + 1)?,
            0xd9..=0xdb => {
                let length = self.number(1 << (first - 0xd9))?;
                Token::Text(self.take(length)?)
            }
            0xdc | 0xdd => Token::Array(self.number(2 << (first - 0xdc))?),
            0xde | 0xdf => Token::Map(self.number(2 << (first - 0xde))?),
            0xe0..=0xff => Token::Other,
        })
    }

    /// Reads any value, and keeps it if it is a text.
    fn value(&mut self, deeper: u32) -> Result<Value<'a>, &'static str> {
        let inside = match self.token()? {
            Token::Nil => return Ok(Value::Nothing),
            Token::Text(text) => return Ok(Value::Text(Cow::Borrowed(text))),
            Token::Integer(_) | Token::Other => return Ok(Value::Other),
            Token::Array(length) => length,
            Token::Map(length) => length * 2,
        };
        let deeper = deeper.checked_sub(1).ok_or("nested too deeply")?;
        for _ in 0..inside {
            self.value(deeper)?;
        }
        Ok(Value::Other)
    }

    fn text(&mut self) -> Result<Option<Cow<'a, [u8]>>, &'static str> {
        match self.token()? {
            Token::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Token::Nil => Ok(None),
            _ => Err("not a text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value<'_> {
        Value::Text(Cow::Borrowed(text))
    }

    #[test]
    fn an_invocation_is_that_of_the_specification() {
        let mut out = Vec::new();
        let arguments = &[Argument::Text(b"42")];
        let invocation = Invocation { kind: 1, id: Some(b"xyz"), target: "method", arguments };
        let places = put_invocation(&mut out, &invocation);
        assert_eq!(out, b"\x13\x96\x01\x80\xa3xyz\xa6method\x91\xa242\x90");
        assert_eq!((&out[places.id..][..3], &out[places.text..][..2]), (&b"xyz"[..], &b"42"[..]));
    }

    #[test]
    fn texts_of_every_width_come_back() {
        for length in [0, 31, 32, 255, 256, 65_535, 65_536] {
            let long = vec![b'a'; length];
            let arguments = &[Argument::Number(70_000), Argument::Text(&long)];
            let mut out = Vec::new();
            put_invocation(&mut out, &Invocation { kind: 1, id: None, target: "X", arguments });
            let body = split(&out).unwrap().unwrap();
            assert_eq!(body.end, out.len());
            let record = read(&out[body]).unwrap();
            assert_eq!((record.arguments, record.value, record.id), (2, text(&long), None));
            assert_eq!(split(&out[..out.len() - 1]), Ok(None));
        }
        assert!(split(&[0xff; 6]).is_err());
        assert_eq!(split(&[0xff; 4]), Ok(None));
    }

    #[test]
    fn records_of_every_kind_are_read() {
        let record = read(b"\x95\x03\x80\xa17\x03\xa2ok").unwrap();
        assert_eq!((record.kind, record.id.as_deref(), record.value), (3, Some(&b"7"[..]), text(b"ok")));
        assert_eq!(read(b"\x94\x03\x80\xa17\x02").unwrap().value, Value::Nothing);
        assert_eq!(read(b"\x95\x03\x80\xa17\x03\xc0").unwrap().value, Value::Nothing);
        assert_eq!(read(b"\x95\x03\x80\xa17\x01\xa2no").unwrap().error.as_deref(), Some("no"));
        assert_eq!(read(b"\x95\x03\x81\xa1h\xa1v\xa17\x03\x92\x01\xca0000").unwrap().value, Value::Other);
        assert_eq!(read(b"\x94\x02\x80\xa19\xa1x").unwrap().value, text(b"x"));
        let record = read(b"\x96\x01\x80\xc0\xa1R\x91\xa1x\x90").unwrap();
        assert_eq!((record.target.as_deref(), record.arguments), (Some(&b"R"[..]), 1));
        assert_eq!(read(b"\x91\x06").unwrap().kind, kind::PING);
        assert_eq!(read(b"\x93\x07\xa3bye\xc3").unwrap().error.as_deref(), Some("bye"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for wrong in [
            &b""[..],
            b"\x90",
            b"\x91\xa16",
            b"\x80",
            b"\x94\x03\x80\xa1",
            b"\x94\x03\x80\xa17\x09",
            b"\x92\x03\x80",
            b"\x91\x06\x06",
            b"\x95\x03\x80\xa17\x03\xdb\xff\xff\xff\xff",
            b"\x95\x03\x80\xa17\x03\xdd\xff\xff\xff\xff",
            b"\x95\x03\xc1\xa17\x03\xc0",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let deep = [&b"\x95\x03\x80\xa17\x03"[..], &[0x91; 500]].concat();
        assert!(read(&deep).is_err());
    }
}
