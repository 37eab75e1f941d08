//! A place in MessagePack data.

use std::borrow::Cow;

use crate::ProtocolError;

/// Reads one thing after another. No length is believed beyond what is there.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

/// Why the next thing cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Unreadable {
    /// The data ends before.
    End,
    /// Something else begins here.
    Code(u8),
}

/// An integer, as large as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Integer {
    Positive(u64),
    Negative(i64),
}

impl Integer {
    /// As 32 bits, where it fits.
    pub(in crate::protocol) fn to_i32(self) -> Option<i32> {
        match self {
            Self::Positive(value) => i32::try_from(value).ok(),
            Self::Negative(value) => i32::try_from(value).ok(),
        }
    }
}

impl<'a> Cursor<'a> {
    pub(in crate::protocol) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// How far it is.
    pub(in crate::protocol) const fn position(&self) -> usize {
        self.at
    }

    /// What lies between here and a later place.
    pub(in crate::protocol) fn between(&self, later: &Self) -> &'a [u8] {
        self.data.get(self.at..later.at).unwrap_or_default()
    }

    /// All from here on.
    pub(in crate::protocol) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    const fn left(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    /// What comes next, not taken.
    pub(in crate::protocol) fn peek(&self) -> Result<u8, Unreadable> {
        self.data.get(self.at).copied().ok_or(Unreadable::End)
    }

    /// Takes bytes.
    pub(in crate::protocol) fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let taken = self.rest().get(..length).ok_or(Unreadable::End)?;
        self.at += length;
        Ok(taken)
    }

    /// Takes a number of `N` bytes, the first one the most significant.
    fn number<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.take(N)?.try_into().map_err(|_| Unreadable::End)
    }

    /// Takes the length of something, written in `width` bytes.
    fn length(&mut self, width: usize) -> Result<usize, Unreadable> {
        let length = self.take(width)?.iter().fold(0_u32, |length, byte| length << 8 | u32::from(*byte));
        usize::try_from(length).map_err(|_| Unreadable::End)
    }

    /// Takes nil if it is there.
    pub(in crate::protocol) fn nil(&mut self) -> Result<bool, Unreadable> {
        let is_nil = self.peek()? == NIL;
        self.at += usize::from(is_nil);
        Ok(is_nil)
    }

    pub(in crate::protocol) fn boolean(&mut self) -> Result<bool, Unreadable> {
        let value = match self.peek()? {
            FALSE => false,
            TRUE => true,
            code => return Err(Unreadable::Code(code)),
        };
        self.at += 1;
        Ok(value)
    }

    /// Takes an integer of any width.
    pub(in crate::protocol) fn integer(&mut self) -> Result<Integer, Unreadable> {
        let code = self.peek()?;
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let signed = |value: i64| u64::try_from(value).map_or(Integer::Negative(value), Integer::Positive);
        let value = match code {
            0..=0x7f => Integer::Positive(code.into()),
            0xe0.. => Integer::Negative(i8::from_be_bytes([code]).into()),
            0xcc => Integer::Positive(u8::from_be_bytes(ahead.number()?).into()),
            0xcd => Integer::Positive(u16::from_be_bytes(ahead.number()?).into()),
            0xce => Integer::Positive(u32::from_be_bytes(ahead.number()?).into()),
            0xcf => Integer::Positive(u64::from_be_bytes(ahead.number()?)),
            0xd0 => signed(i8::from_be_bytes(ahead.number()?).into()),
            0xd1 => signed(i16::from_be_bytes(ahead.number()?).into()),
            0xd2 => signed(i32::from_be_bytes(ahead.number()?).into()),
            0xd3 => signed(i64::from_be_bytes(ahead.number()?)),
            _ => return Err(Unreadable::Code(code)),
        };
        *self = ahead;
        Ok(value)
    }

    /// Takes a floating-point number of either width; an integer is one too.
    pub(in crate::protocol) fn float(&mut self) -> Result<f64, Unreadable> {
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let value = match self.peek()? {
            F32 => f32::from_be_bytes(ahead.number()?).into(),
            F64 => f64::from_be_bytes(ahead.number()?),
            _ => {
                return self.integer().map(|value| match value {
                    #[allow(clippy::cast_precision_loss, reason = "the nearest one is what is wanted")]
                    Integer::Positive(value) => value as f64,
                    #[allow(clippy::cast_precision_loss, reason = "the nearest one is what is wanted")]
                    Integer::Negative(value) => value as f64,
                });
            }
        };
        *self = ahead;
        Ok(value)
    }

    /// Takes a string, as bytes.
    pub(in crate::protocol) fn string(&mut self) -> Result<&'a [u8], Unreadable> {
        let code = self.peek()?;
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let length = match code {
            0xa0..=0xbf => usize::from(code & 0x1f),
            0xd9 => ahead.length(1)?,
            0xda => ahead.length(2)?,
            0xdb => ahead.length(4)?,
            _ => return Err(Unreadable::Code(code)),
        };
        let content = ahead.take(length)?;
        *self = ahead;
        Ok(content)
    }

    /// Takes bytes; a string will do.
    pub(in crate::protocol) fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let length = match self.peek()? {
            0xc4 => ahead.length(1)?,
            0xc5 => ahead.length(2)?,
            0xc6 => ahead.length(4)?,
            _ => return self.string(),
        };
        let content = ahead.take(length)?;
        *self = ahead;
        Ok(content)
    }

    /// Takes the head of an array: how many elements follow. There are as many bytes, at least.
    pub(in crate::protocol) fn array(&mut self) -> Result<usize, Unreadable> {
        let code = self.peek()?;
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let count = match code {
            0x90..=0x9f => usize::from(code & 0x0f),
            0xdc => ahead.length(2)?,
            0xdd => ahead.length(4)?,
            _ => return Err(Unreadable::Code(code)),
        };
        if count > ahead.left() {
            return Err(Unreadable::End);
        }
        *self = ahead;
        Ok(count)
    }

    /// Takes the head of a map: how many pairs follow. There are twice as many bytes, at least.
    pub(in crate::protocol) fn map(&mut self) -> Result<usize, Unreadable> {
        let code = self.peek()?;
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let count = match code {
            0x80..=0x8f => usize::from(code & 0x0f),
            0xde => ahead.length(2)?,
            0xdf => ahead.length(4)?,
            _ => return Err(Unreadable::Code(code)),
        };
        if count > ahead.left() / 2 {
            return Err(Unreadable::End);
        }
        *self = ahead;
        Ok(count)
    }

    /// Takes an extension: its type and its content.
    pub(in crate::protocol) fn extension(&mut self) -> Result<(i8, &'a [u8]), Unreadable> {
        let code = self.peek()?;
        let mut ahead = Self { data: self.data, at: self.at + 1 };
        let length = match code {
            0xd4..=0xd8 => 1 << (code - 0xd4),
            0xc7 => ahead.length(1)?,
            0xc8 => ahead.length(2)?,
            0xc9 => ahead.length(4)?,
            _ => return Err(Unreadable::Code(code)),
        };
        let kind = i8::from_be_bytes(ahead.number()?);
        let content = ahead.take(length)?;
        *self = ahead;
        Ok((kind, content))
    }

    /// Passes over one value, however deep: all that is kept is how many are left.
    pub(in crate::protocol) fn skip(&mut self) -> Result<(), Unreadable> {
        let mut left: usize = 1;
        while left > 0 {
            left -= 1;
            match self.peek()? {
                0x80..=0x8f | 0xde | 0xdf => left = left.saturating_add(self.map()?.saturating_mul(2)),
                0x90..=0x9f | 0xdc | 0xdd => left = left.saturating_add(self.array()?),
                0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb => self.bytes().map(|_| ())?,
                0xc7..=0xc9 | 0xd4..=0xd8 => self.extension().map(|_| ())?,
                NIL | FALSE | TRUE => self.at += 1,
                F32 | F64 => self.float().map(|_| ())?,
                _ => self.integer().map(|_| ())?,
            }
        }
        Ok(())
    }
}

impl From<Unreadable> for ProtocolError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::End => {
                Self::named("EndOfStreamException", "Attempted to read past the end of the stream.")
            }
            Unreadable::Code(code) => Self::named(
                "MessagePackSerializationException",
                format!("Unexpected msgpack code {code} ({}) encountered.", code_name(code)),
            ),
        }
    }
}

/// The text of a string. What is no UTF-8 in it becomes replacement characters, as with the original.
pub(in crate::protocol) fn text(content: &[u8]) -> Cow<'_, str> {
    // Which looks at one byte after the other where the check alone takes many at once.
    std::str::from_utf8(content).map_or_else(|_| String::from_utf8_lossy(content), Cow::Borrowed)
}

/// The name of what begins with a byte.
const fn code_name(code: u8) -> &'static str {
    match code {
        0..=0x7f => "positive fixint",
        0x80..=0x8f => "fixmap",
        0x90..=0x9f => "fixarray",
        0xa0..=0xbf => "fixstr",
        0xc0 => "nil",
        0xc1 => "(never used)",
        0xc2 => "false",
        0xc3 => "true",
        0xc4 => "bin 8",
        0xc5 => "bin 16",
        0xc6 => "bin 32",
        0xc7 => "ext 8",
        0xc8 => "ext 16",
        0xc9 => "ext 32",
        0xca => "float 32",
        0xcb => "float 64",
        0xcc => "uint 8",
        0xcd => "uint 16",
        0xce => "uint 32",
        0xcf => "uint 64",
        0xd0 => "int 8",
        0xd1 => "int 16",
        0xd2 => "int 32",
        0xd3 => "int 64",
        0xd4 => "fixext 1",
        0xd5 => "fixext 2",
        0xd6 => "fixext 4",
        0xd7 => "fixext 8",
        0xd8 => "fixext 16",
        0xd9 => "str 8",
        0xda => "str 16",
        0xdb => "str 32",
        0xdc => "array 16",
        0xdd => "array 32",
        0xde => "map 16",
        0xdf => "map 32",
        0xe0.. => "negative fixint",
    }
}

pub(super) const NIL: u8 = 0xc0;
pub(super) const FALSE: u8 = 0xc2;
pub(super) const TRUE: u8 = 0xc3;
pub(super) const F32: u8 = 0xca;
pub(super) const F64: u8 = 0xcb;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_in_every_width() {
        for (data, expected) in [
            (&[0x00][..], Integer::Positive(0)),
            (&[0x7f], Integer::Positive(127)),
            (&[0xff], Integer::Negative(-1)),
            (&[0xe0], Integer::Negative(-32)),
            (&[0xcc, 0x05], Integer::Positive(5)),
            (&[0xcd, 0x01, 0x00], Integer::Positive(256)),
            (&[0xce, 0xff, 0xff, 0xff, 0xff], Integer::Positive(u32::MAX.into())),
            (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Integer::Positive(u64::MAX)),
            (&[0xd0, 0x05], Integer::Positive(5)),
            (&[0xd0, 0x80], Integer::Negative(-128)),
            (&[0xd1, 0x80, 0x00], Integer::Negative(-32768)),
            (&[0xd2, 0x80, 0x00, 0x00, 0x00], Integer::Negative(i32::MIN.into())),
            (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Integer::Negative(i64::MIN)),
        ] {
            let mut cursor = Cursor::new(data);
            assert_eq!(cursor.integer(), Ok(expected), "{data:x?}");
            assert_eq!(cursor.position(), data.len());
            for end in 0..data.len() {
                assert_eq!(Cursor::new(&data[..end]).integer(), Err(Unreadable::End));
            }
        }
        assert_eq!(Cursor::new(&[0xca, 0, 0, 0, 0]).integer(), Err(Unreadable::Code(0xca)));
    }

    #[test]
    fn a_claim_beyond_the_end_is_refused_and_nothing_is_taken() {
        for data in [&[0x91][..], &[0xdc, 0xff, 0xff, 0], &[0xdd, 0xff, 0xff, 0xff, 0xff, 0, 0]] {
            let mut cursor = Cursor::new(data);
            assert_eq!((cursor.array(), cursor.position()), (Err(Unreadable::End), 0), "{data:x?}");
        }
        for data in [&[0x81, 0][..], &[0xde, 0xff, 0xff, 0], &[0xdf, 0xff, 0xff, 0xff, 0xff, 0, 0]] {
            assert_eq!(Cursor::new(data).map(), Err(Unreadable::End), "{data:x?}");
        }
        for data in [&[0xa2, 0x41][..], &[0xdb, 0xff, 0xff, 0xff, 0xff, 0x41], &[0xd9], &[0xc6, 0, 0, 0, 1]] {
            assert_eq!(Cursor::new(data).bytes(), Err(Unreadable::End), "{data:x?}");
        }
        assert_eq!(Cursor::new(&[0xd8, 1, 2]).extension(), Err(Unreadable::End));
    }

    #[test]
    fn every_kind_of_value_is_passed_over_whole_and_no_cut_of_it() {
        for data in [
            &[0x05][..],
            &[0xc0],
            &[0xc3],
            &[0xa1, 0x41],
            &[0xd9, 1, 0x41],
            &[0xda, 0, 1, 0x41],
            &[0xdb, 0, 0, 0, 1, 0x41],
            &[0xc4, 1, 0],
            &[0xc5, 0, 1, 0],
            &[0xc6, 0, 0, 0, 1, 0],
            &[0xc7, 2, 5, 1, 1],
            &[0xc8, 0, 1, 5, 1],
            &[0xc9, 0, 0, 0, 1, 5, 1],
            &[0xd4, 5, 1],
            &[0xd5, 5, 1, 1],
            &[0xd6, 5, 1, 1, 1, 1],
            &[0xd7, 5, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0xca, 0, 0, 0, 0],
            &[0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x92, 0x91, 0x01, 0x81, 0xa1, 0x41, 0xc0],
            &[0xdc, 0, 1, 0xdd, 0, 0, 0, 1, 0xde, 0, 1, 1, 0xdf, 0, 0, 0, 0],
        ] {
            let mut cursor = Cursor::new(data);
            assert_eq!((cursor.skip(), cursor.position()), (Ok(()), data.len()), "{data:x?}");
            for end in 0..data.len() {
                assert_eq!(Cursor::new(&data[..end]).skip(), Err(Unreadable::End), "{data:x?} {end}");
            }
        }
        assert_eq!(Cursor::new(&[0x91, 0xc1]).skip(), Err(Unreadable::Code(0xc1)));
        let deep: Vec<u8> = std::iter::repeat_n(0x91, 1_000_000).chain([0xc0]).collect();
        assert_eq!(Cursor::new(&deep).skip(), Ok(()));
    }
}
