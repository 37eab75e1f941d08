//! Values as JSON text, in the spelling of the original's relaxed writer.
//!
//! Letters of the basic plane stand for themselves; `"`, `\`, control characters, what lies outside the basic
//! plane, and code points that are no characters are escaped with upper-case digits. Floating-point numbers have
//! the shortest form that reads back the same, `1` for one and `1E+20` for large ones.

use std::{borrow::Cow, io};

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// Writes a value at the end of `out`.
pub(super) fn write_payload<T: Serialize + ?Sized>(
    value: &T,
    out: &mut BytesMut,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out.writer(), Relaxed))
}

/// The text of a string's content, given as it stands between its quotes; `None` where it is none.
pub(super) fn unescape(content: &[u8]) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', content).is_none() {
        return std::str::from_utf8(content).ok().map(Cow::Borrowed);
    }
    let mut quoted = Vec::with_capacity(content.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(content);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}

struct Relaxed;

impl Formatter for Relaxed {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        // Bytes first: what needs an escape begins with 0x7f or above.
        while let Some(at) = rest.bytes().position(|byte| byte >= 0x7f) {
            let Some((at, character)) =
                rest[at..].char_indices().map(|(off, c)| (at + off, c)).find(|(_, c)| is_escaped(*c))
            else {
                break;
            };
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04X}")?;
            }
            rest = &rest[at + character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let short = match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"\\/",
            CharEscape::Backspace => b"\\b",
            CharEscape::FormFeed => b"\\f",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return write!(writer, "\\u{byte:04X}"),
        };
        writer.write_all(short)
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write_shortest(writer, &format!("{value:e}"), 15)
    }

    fn write_f32<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        write_shortest(writer, &format!("{value:e}"), 7)
    }
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
fn write_shortest<W: io::Write + ?Sized>(writer: &mut W, scientific: &str, precision: i32) -> io::Result<()> {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    if exponent >= precision || exponent < -4 {
        let direction = if exponent < 0 { '-' } else { '+' };
        return write!(writer, "{sign}{mantissa}E{direction}{:02}", exponent.abs());
    }
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return write!(writer, "{sign}0.{:0<zeros$}{digits}", "");
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    match digits.split_at_checked(whole) {
        Some((whole, "")) => write!(writer, "{sign}{whole}"),
        Some((whole, part)) => write!(writer, "{sign}{whole}.{part}"),
        None => write!(writer, "{sign}{digits:0<whole$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T: Serialize + ?Sized>(value: &T) -> String {
        let mut out = BytesMut::new();
        write_payload(value, &mut out).unwrap();
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
            assert_eq!(text(&number), expected);
        }
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescape(br"a\u00e9\n").as_deref(), Some("aé\n"));
        assert_eq!(unescape(b"plain").as_deref(), Some("plain"));
        assert_eq!(unescape(br"\ud800"), None);
        assert_eq!(unescape(b"\xff"), None);
    }
}
