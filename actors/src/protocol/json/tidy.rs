//! JSON text without what it can do without.

use bytes::{BufMut, BytesMut};

use crate::protocol::json::{
    scan::Scanner,
    text::{unescape, write_string},
};

/// The text without white space between its parts, its strings spelt as this crate spells them; numbers stay as they
/// are. `None` where a string is no text.
///
/// The text has been read once already: only its strings have insides.
pub(super) fn tidy(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = BytesMut::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let whole = rest;
        rest = behind;
        match byte {
            b'"' => {
                let (content, has_escapes) = Scanner::new(whole).string().ok()?;
                let end = content.end;
                write_string(&unescape(whole.get(content)?, has_escapes)?, &mut out);
                rest = whole.get(end + 1..)?;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => out.put_u8(byte),
        }
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_needless_escapes_go() {
        for (text, expected) in [
            (
                r#" { "a" : [ 1 , 2.50 ] , "\u0041\/" : "\ud83d\ude00\"\\" } "#,
                r#"{"a":[1,2.50],"A/":"\uD83D\uDE00\"\\"}"#,
            ),
            ("-0.0", "-0.0"),
            ("\"a b\"", "\"a b\""),
            ("\t[]\n", "[]"),
        ] {
            assert_eq!(tidy(text.as_bytes()).as_deref(), Some(expected.as_bytes()));
        }
        for text in [r#""\ud800""#, r#"{"\udc00":1}"#, "\"a", "\"\\", "\"\u{fffd}\\\""] {
            assert_eq!(tidy(text.as_bytes()), None, "{text}");
        }
        assert_eq!(tidy(b"\"\xff\""), None);
    }
}
