//! Texts and numbers as JSON, in the spelling of the original's relaxed writer.
//!
//! Letters of the basic plane stand for themselves; `"`, `\`, control characters, what lies outside the basic
//! plane, and code points that are no characters are escaped with upper-case digits. Floating-point numbers have
//! the shortest form that reads back the same, `1` for one and `1E+20` for large ones.

use std::{borrow::Cow, fmt::Write as _};

use bytes::{BufMut, BytesMut};

use crate::protocol::json::plain::writable;

/// Writes a string with its quotes.
pub(in crate::protocol) fn write_string(text: &str, out: &mut BytesMut) {
    out.reserve(text.len() + 2);
    out.put_u8(b'"');
    let plain = writable(text.as_bytes());
    if plain == text.len() {
        out.put_slice(text.as_bytes());
    } else {
        write_escaped(text, plain, out);
    }
    out.put_u8(b'"');
}

/// Writes what is inside of quotes, of which so many bytes at the front stand for themselves. Apart, as most texts need none of
/// it.
#[inline(never)]
fn write_escaped(text: &str, plain: usize, out: &mut BytesMut) {
    let bytes = text.as_bytes();
    let (mut written, mut at) = (0, plain);
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let next = at + character.len_utf8();
        if character < '\u{7f}' || is_escaped(character) {
            out.put_slice(bytes.get(written..at).unwrap_or_default());
            write_escape(character, out);
            written = next;
        }
        at = next + writable(bytes.get(next..).unwrap_or_default());
    }
    out.put_slice(bytes.get(written..).unwrap_or_default());
}

/// Writes a number; `None` where JSON has no form for it.
pub(super) fn write_f64(value: f64, out: &mut BytesMut) -> Option<()> {
    value.is_finite().then(|| write_shortest(&format!("{value:e}"), 15, out))
}

/// Writes a number; `None` where JSON has no form for it.
pub(super) fn write_f32(value: f32, out: &mut BytesMut) -> Option<()> {
    value.is_finite().then(|| write_shortest(&format!("{value:e}"), 7, out))
}

/// The text of a string's content, given as it stands between its quotes and with or without escapes; `None` where
/// it is none.
pub(in crate::protocol) fn unescape(content: &[u8], has_escapes: bool) -> Option<Cow<'_, str>> {
    if !has_escapes {
        return std::str::from_utf8(content).ok().map(Cow::Borrowed);
    }
    let mut quoted = Vec::with_capacity(content.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(content);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}

fn write_escape(character: char, out: &mut BytesMut) {
    let short = match character {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\u{8}' => b"\\b",
        '\u{c}' => b"\\f",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Buffers that grow take all that is written.
                let _ = write!(out, "\\u{unit:04X}");
            }
            return;
        }
    };
    out.put_slice(short);
}

/// Whether the original's relaxed writer escapes a character that JSON would let stand.
const fn is_escaped(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{a0}'
        | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..)
}

/// Writes the shortest digits of a number, given as `1.25e-7`: plain from 1e-4 to below 10^`precision`, else with an
/// exponent of at least two digits.
fn write_shortest(scientific: &str, precision: i32, out: &mut BytesMut) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    // Buffers that grow take all that is written.
    let _ = if exponent >= precision || exponent < -4 {
        let direction = if exponent < 0 { '-' } else { '+' };
        write!(out, "{sign}{mantissa}E{direction}{:02}", exponent.abs())
    } else if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        write!(out, "{sign}0.{:0<zeros$}{digits}", "")
    } else {
        match digits.split_at_checked(whole) {
            Some((whole, "")) => write!(out, "{sign}{whole}"),
            Some((whole, part)) => write!(out, "{sign}{whole}.{part}"),
            None => write!(out, "{sign}{digits:0<whole$}"),
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut out = BytesMut::new();
        write_string(text, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_the_original_does() {
        assert_eq!(text("Aé漢😀 <b>&'+`\"\\/"), r#""Aé漢\uD83D\uDE00 <b>&'+`\"\\/""#);
        assert_eq!(text("a\0b\u{1f}\n\t\r\u{8}\u{c}"), r#""a\u0000b\u001F\n\t\r\b\f""#);
        assert_eq!(
            text("\u{2028}\u{7f}\u{85}\u{ffff}\u{feff}\u{e000}x"),
            r#""\u2028\u007F\u0085\uFFFF\uFEFF\uE000x""#
        );
    }

    #[test]
    fn numbers_have_the_shortest_form() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (-12.25, "-12.25"),
            (100.0, "100"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1E-05"),
            (1e14, "100000000000000"),
            (1e15, "1E+15"),
            (1.25e20, "1.25E+20"),
            (1e-7, "1E-07"),
            (1e300, "1E+300"),
            (123456.789, "123456.789"),
        ] {
            let mut out = BytesMut::new();
            write_f64(number, &mut out).unwrap();
            assert_eq!(out, expected);
        }
        for (number, expected) in [(0.1, "0.1"), (1e7, "1E+07"), (1_234_567.0, "1234567"), (-0.0, "-0")] {
            let mut out = BytesMut::new();
            write_f32(number, &mut out).unwrap();
            assert_eq!(out, expected);
        }
        assert!(write_f64(f64::NAN, &mut BytesMut::new()).is_none());
        assert!(write_f32(f32::INFINITY, &mut BytesMut::new()).is_none());
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescape(br"a\u00e9\n", true).as_deref(), Some("aé\n"));
        assert_eq!(unescape(b"plain", false).as_deref(), Some("plain"));
        assert_eq!(unescape(br"\ud800", true), None);
        assert_eq!(unescape(b"\xff", false), None);
    }
}
