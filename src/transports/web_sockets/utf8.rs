//! UTF-8, checked piece by piece.

use std::str::from_utf8;

/// Checks text which comes in pieces, however the pieces cut its characters.
///
/// A character's valid beginning at the end of a piece is carried over to the next one; all else is judged at
/// once.
#[derive(Debug, Default)]
pub(crate) struct Utf8Validator {
    carried: [u8; MAX_CHARACTER_BYTES],
    carried_len: usize,
}

/// The text is not UTF-8, and no further piece can make it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidUtf8;

impl Utf8Validator {
    /// Takes the next piece.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.carried_len > 0 {
            let Some((byte, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.carry(*byte);
            match from_utf8(self.carried()) {
                Ok(_) => self.carried_len = 0,
                Err(err) if err.error_len().is_none() => {}
                Err(_) => return Err(InvalidUtf8),
            }
        }

        match from_utf8(piece) {
            Ok(_) => Ok(()),
            Err(err) if err.error_len().is_none() => {
                for byte in piece.get(err.valid_up_to()..).unwrap_or_default() {
                    self.carry(*byte);
                }
                Ok(())
            }
            Err(_) => Err(InvalidUtf8),
        }
    }

    /// Ends the text, and is ready for the next one: a character must not be left half.
    pub(crate) fn finish(&mut self) -> Result<(), InvalidUtf8> {
        let half = self.carried_len > 0;
        self.carried_len = 0;
        if half { Err(InvalidUtf8) } else { Ok(()) }
    }

    fn carry(&mut self, byte: u8) {
        // There is always room: what is carried is at most a character, and a whole one is not kept.
        if let Some(slot) = self.carried.get_mut(self.carried_len) {
            *slot = byte;
            self.carried_len += 1;
        }
    }

    fn carried(&self) -> &[u8] {
        self.carried.get(..self.carried_len).unwrap_or_default()
    }
}

const MAX_CHARACTER_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), InvalidUtf8> {
        let mut validator = Utf8Validator::default();
        for piece in pieces {
            validator.push(piece)?;
        }
        validator.finish()
    }

    #[test]
    fn any_cut_gives_the_verdict_on_the_whole_text() {
        let texts: &[&[u8]] = &[
            b"",
            b"plain",
            "aé漢😀z".as_bytes(),
            "\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
            b"a\x80",
            b"a\xff",
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xc3(",
            b"\xc3",
            b"\xe0\x80\x80",
            b"\xe0\x9f\xbf",
            b"\xed\xa0\x80",
            b"\xe6\xbc",
            b"\xf0\x8f\xbf\xbf",
            b"\xf0\x9f\x98",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\xf0\x9f\x98a",
        ];
        for text in texts {
            let expected = from_utf8(text).map(|_| ()).map_err(|_| InvalidUtf8);
            assert_eq!(verdict(text.chunks(1)), expected, "{text:x?} byte by byte");
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(verdict(pieces), expected, "{pieces:x?}");
                }
            }
        }
    }

    #[test]
    fn an_impossible_beginning_is_refused_at_once() {
        let mut validator = Utf8Validator::default();
        assert_eq!(validator.push(b"a\xed"), Ok(()));
        assert_eq!(validator.push(b"\xa0"), Err(InvalidUtf8));
    }

    #[test]
    fn a_text_does_not_inherit_from_the_one_before() {
        let mut validator = Utf8Validator::default();
        assert_eq!(validator.push(b"\xe6\xbc"), Ok(()));
        assert_eq!(validator.finish(), Err(InvalidUtf8));
        assert_eq!(validator.push(b"\xa2"), Err(InvalidUtf8));
    }
}
