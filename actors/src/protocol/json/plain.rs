//! How far a text goes on without anything that JSON gives a meaning to, eight bytes at a time.
//!
//! Of a call with a short text nine tenths are such bytes, and they are passed over three times: when the record is read, when
//! its arguments are typed, and when the answer is written. One by one that was a sixth of all that a call cost among sixteen.

/// How many bytes at the front can stand inside a string that is read: up to a quote, a backslash or a control character.
pub(super) fn readable(text: &[u8]) -> usize {
    let ends = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    run(text, |word| below_space(word) | zeros(word ^ each(b'"')) | zeros(word ^ each(b'\\')), ends)
}

/// How many bytes at the front stand for themselves in a string that is written: those of ASCII that need no escape.
pub(super) fn writable(text: &[u8]) -> usize {
    let ends = |byte: u8| !matches!(byte, b' '..=b'~') || byte == b'"' || byte == b'\\';
    let end_in = |word: u64| {
        word & HIGH
            | below_space(word)
            | zeros(word ^ each(b'"'))
            | zeros(word ^ each(b'\\'))
            // Makes 0x80 of 0x7f; beyond that the byte itself is marked.
            | word.wrapping_add(each(1)) & HIGH
    };
    run(text, end_in, ends)
}

/// The length of a run, by a test of eight bytes that marks the first end by its highest bit and perhaps others behind it,
/// and one of a single byte.
fn run(text: &[u8], end_in: impl Fn(u64) -> u64, ends: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = text.as_chunks();
    let mut at = 0;
    for word in words {
        let found = end_in(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len())
}

/// Marks the bytes that are zero. What is behind the first may be marked wrongly.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(1)) & !word & HIGH
}

/// Marks the control characters of ASCII. What is behind the first may be marked wrongly.
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(each(b' ')) & !word & HIGH
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const HIGH: u64 = each(0x80);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_ends_a_run_or_does_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let ends_reading = byte < 0x20 || byte == b'"' || byte == b'\\';
            let ends_writing = ends_reading || byte >= 0x7f;
            for length in 1..20 {
                for at in 0..length {
                    // The neighbours are those that a carry from byte to byte would be seen at.
                    for around in [b' ', b'!', b'#', b'[', b']', b'~'] {
                        let mut text = vec![around; length];
                        text[at] = byte;
                        assert_eq!(readable(&text), if ends_reading { at } else { length }, "{text:x?}");
                        assert_eq!(writable(&text), if ends_writing { at } else { length }, "{text:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_ends_counts() {
        let ends: &[u8] = b"\0\x1f\"\\";
        for first in ends {
            for second in ends {
                for (at, behind) in [(0, 1), (0, 7), (3, 4), (6, 9), (7, 8)] {
                    let mut text = [b'a'; 16];
                    (text[at], text[behind]) = (*first, *second);
                    assert_eq!((readable(&text), writable(&text)), (at, at), "{text:x?}");
                }
            }
        }
        assert_eq!((readable(b"\xff\x80a"), writable(b"a\xff\x80")), (3, 1));
    }
}
