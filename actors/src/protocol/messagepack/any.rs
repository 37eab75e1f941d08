//! Values of any kind, the way the original sends them back.

use std::collections::HashSet;

use bytes::{BufMut, BytesMut};

use crate::protocol::{
    messagepack::{
        cursor::{Cursor, F32, F64, FALSE, Integer, NIL, TRUE, text},
        head,
    },
    payload::PayloadError,
};

/// Takes one value, as it is written again.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, PayloadError> {
    let mut out = BytesMut::new();
    let mut levels: Vec<Level> = Vec::new();
    loop {
        let start = out.len();
        let is_key = levels.last().is_some_and(Level::is_at_key);
        match cursor.peek()? {
            0x80..=0x8f | 0xde | 0xdf if !is_key => {
                let pairs = cursor.map()?;
                head::map(pairs, &mut out)?;
                levels.push(Level { left: pairs * 2, keys: Some(HashSet::new()) });
            }
            0x90..=0x9f | 0xdc | 0xdd if !is_key => {
                let left = cursor.array()?;
                head::array(left, &mut out)?;
                levels.push(Level { left, keys: None });
            }
            NIL | 0xc4..=0xc6 | 0x80..=0x9f | 0xdc..=0xdf if is_key => return Err(NO_KEY),
            _ if levels.is_empty() => {
                scalar(cursor, false, &mut out)?;
                return Ok(out.into());
            }
            _ => {
                scalar(cursor, true, &mut out)?;
                if let Some(level) = levels.last_mut() {
                    level.pass(out.get(start..).unwrap_or_default(), is_key)?;
                }
            }
        }
        if levels.len() > MAX_DEPTH {
            return Err(PayloadError::new("nested too deep"));
        }
        // What is full ends, and is a part of what it is in.
        while let Some(0) = levels.last().map(|level| level.left) {
            levels.pop();
            match levels.last_mut() {
                Some(level) => level.left -= 1,
                None => return Ok(out.into()),
            }
        }
    }
}

/// An array or a map of which something is still to come.
struct Level {
    /// How many values, keys included.
    left: usize,
    /// The keys so far, as they are written; for a map.
    keys: Option<HashSet<Vec<u8>>>,
}

impl Level {
    const fn is_at_key(&self) -> bool {
        self.keys.is_some() && self.left.is_multiple_of(2)
    }

    fn pass(&mut self, written: &[u8], is_key: bool) -> Result<(), PayloadError> {
        self.left -= 1;
        match &mut self.keys {
            Some(keys) if is_key => match keys.insert(written.to_vec()) {
                true => Ok(()),
                false => Err(PayloadError::new("a key is there twice")),
            },
            _ => Ok(()),
        }
    }
}

/// What has no parts. Inside of something integers keep their width, and small ones get one.
fn scalar(cursor: &mut Cursor<'_>, is_inside: bool, out: &mut BytesMut) -> Result<(), PayloadError> {
    let start = *cursor;
    match cursor.peek()? {
        0xa0..=0xbf | 0xd9..=0xdb => head::string(&text(cursor.string()?), out)?,
        0xc4..=0xc6 => {
            let bytes = cursor.bytes()?;
            head::bytes(bytes.len(), out)?;
            out.put_slice(bytes);
        }
        0xc7..=0xc9 | 0xd4..=0xd8 => {
            let (kind, content) = cursor.extension()?;
            let timestamp = (kind == -1).then(|| Timestamp::read(content)).flatten();
            timestamp.ok_or(PayloadError::new("an extension that is no timestamp"))?.write(out);
        }
        NIL | FALSE | TRUE | F32 | F64 | 0xc1 => {
            let mut behind = *cursor;
            behind.skip()?;
            *cursor = behind;
            out.put_slice(start.between(&behind));
        }
        code => match (cursor.integer()?, is_inside) {
            (Integer::Positive(value), false) => head::unsigned(value, out),
            (Integer::Negative(value), false) => head::signed(value, out),
            (Integer::Positive(_), true) if code < 0x80 => out.put_slice(&[0xcc, code]),
            (Integer::Negative(_), true) if code >= 0xe0 => out.put_slice(&[0xd0, code]),
            (_, true) => out.put_slice(start.between(cursor)),
        },
    }
    Ok(())
}

/// A time, as exact as the original's: in tenths of a microsecond.
struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    fn read(content: &[u8]) -> Option<Self> {
        let (seconds, nanoseconds) = match content.len() {
            4 => (i64::from(u32::from_be_bytes(content.try_into().ok()?)), 0),
            8 => {
                let packed = u64::from_be_bytes(content.try_into().ok()?);
                (i64::try_from(packed & 0x3_ffff_ffff).ok()?, u32::try_from(packed >> 34).ok()?)
            }
            12 => {
                let (nanoseconds, seconds) = content.split_at_checked(4)?;
                (
                    i64::from_be_bytes(seconds.try_into().ok()?),
                    u32::from_be_bytes(nanoseconds.try_into().ok()?),
                )
            }
            _ => return None,
        };
        let seconds = seconds.checked_add(i64::from(nanoseconds / SECOND))?;
        let nanoseconds = nanoseconds % SECOND / 100 * 100;
        YEARS_1_TO_9999.contains(&seconds).then_some(Self { seconds, nanoseconds })
    }

    fn write(&self, out: &mut BytesMut) {
        let nanoseconds = self.nanoseconds;
        match (u32::try_from(self.seconds), u64::try_from(self.seconds)) {
            (Ok(seconds), _) if nanoseconds == 0 => {
                out.put_slice(&[0xd6, 0xff]);
                out.put_u32(seconds);
            }
            (_, Ok(seconds)) if seconds >> 34 == 0 => {
                out.put_slice(&[0xd7, 0xff]);
                out.put_u64(u64::from(nanoseconds) << 34 | seconds);
            }
            _ => {
                out.put_slice(&[0xc7, 12, 0xff]);
                out.put_u32(nanoseconds);
                out.put_i64(self.seconds);
            }
        }
    }
}

/// The deepest nesting, that of the original. Here it takes no room on the stack.
const MAX_DEPTH: usize = 500;

/// In nanoseconds.
const SECOND: u32 = 1_000_000_000;

/// The times the original knows, in seconds.
const YEARS_1_TO_9999: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

const NO_KEY: PayloadError = PayloadError::new("not a key of a map");

#[cfg(test)]
mod tests {
    use super::*;

    fn again(data: &[u8]) -> Option<Vec<u8>> {
        let mut cursor = Cursor::new(data);
        let value = read(&mut cursor).ok()?;
        assert_eq!(cursor.position(), data.len());
        Some(value)
    }

    #[test]
    fn values_are_written_as_the_original_sends_them_back() {
        for (data, expected) in [
            // Alone, all that can be is as short as can be.
            (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 5][..], &[0x05][..]),
            (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb], &[0xfb]),
            (&[0xdb, 0, 0, 0, 1, 0x78], &[0xa1, 0x78]),
            (&[0xc6, 0, 0, 0, 1, 0x78], &[0xc4, 1, 0x78]),
            (&[0xca, 0x3f, 0xc0, 0, 0], &[0xca, 0x3f, 0xc0, 0, 0]),
            (&[0xa1, 0xff], &[0xa3, 0xef, 0xbf, 0xbd]),
            (&[0xc0], &[0xc0]),
            (&[0xdc, 0, 0], &[0x90]),
            (&[0xde, 0, 0], &[0x80]),
            // Inside, integers keep their width.
            (&[0x93, 5, 0xcd, 0, 5, 0xfb], &[0x93, 0xcc, 5, 0xcd, 0, 5, 0xd0, 0xfb]),
            (&[0x82, 0xa1, 0x62, 1, 0xa1, 0x61, 2], &[0x82, 0xa1, 0x62, 0xcc, 1, 0xa1, 0x61, 0xcc, 2]),
            (&[0x82, 1, 0xc0, 0xcd, 0, 1, 0x91, 0xc3], &[0x82, 0xcc, 1, 0xc0, 0xcd, 0, 1, 0x91, 0xc3]),
            (&[0x81, 0xca, 0, 0, 0, 0, 0x80], &[0x81, 0xca, 0, 0, 0, 0, 0x80]),
            // Timestamps.
            (&[0xd6, 0xff, 0x5f, 0x5e, 0x10, 0], &[0xd6, 0xff, 0x5f, 0x5e, 0x10, 0]),
            (&[0xd7, 0xff, 0, 0, 0, 4, 0x5f, 0x5e, 0x10, 0], &[0xd6, 0xff, 0x5f, 0x5e, 0x10, 0]),
            (
                &[0xd7, 0xff, 0, 0, 4, 0, 0x5f, 0x5e, 0x10, 0],
                &[0xd7, 0xff, 0, 0, 3, 0x20, 0x5f, 0x5e, 0x10, 0],
            ),
            (
                &[0xd7, 0xff, 0xff, 0xff, 0xff, 0xfc, 0x5f, 0x5e, 0x10, 0],
                &[0xd7, 0xff, 0x11, 0x94, 0xd7, 0xa0, 0x5f, 0x5e, 0x10, 1],
            ),
            (
                &[0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x5f, 0x5e, 0x10, 0],
                &[0xd6, 0xff, 0x5f, 0x5e, 0x10, 0],
            ),
            (
                &[0xc7, 12, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                &[0xc7, 12, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
        ] {
            assert_eq!(again(data).as_deref(), Some(expected), "{data:x?}");
        }
    }

    #[test]
    fn what_the_original_refuses_is_refused() {
        for data in [
            &[0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2][..],
            &[0x82, 1, 1, 0xcc, 1, 2],
            &[0x81, 0xc0, 1],
            &[0x81, 0x90, 1],
            &[0x81, 0x80, 1],
            &[0x81, 0xc4, 1, 1, 1],
            &[0xd4, 5, 1],
            &[0x91, 0xc7, 0, 5],
            &[0xc7, 3, 0xff, 0, 0, 0],
            &[0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xc1],
            &[0x9f, 1],
            &[0x8f, 0xa1, 0x61, 1],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[],
        ] {
            assert!(read(&mut Cursor::new(data)).is_err(), "{data:x?}");
        }
    }

    #[test]
    fn nesting_has_the_limit_of_the_original() {
        let deep = |levels| -> Vec<u8> { std::iter::repeat_n(0x91, levels).chain([0xc0]).collect() };
        assert_eq!(again(&deep(500)), Some(deep(500)));
        assert!(read(&mut Cursor::new(&deep(501))).is_err());
        assert!(read(&mut Cursor::new(&deep(1_000_000))).is_err());
    }
}
