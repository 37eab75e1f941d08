//! Finding the ends of JSON values without making values of them.
//!
//! A hub message is read in one pass: the envelope's properties are looked at, the arguments only
//! measured, since their types are known later. The rules are those of the strict reader that
//! ASP.NET Core uses: no comments, no trailing commas, at most [`MAX_DEPTH`] levels.

use std::ops::Range;

use crate::protocol::json::plain::readable;

/// The deepest nesting a message may have, itself included.
pub(in crate::protocol) const MAX_DEPTH: u32 = 64;

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

/// The text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) struct Malformed;

/// What kind of value begins at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol) enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

impl Kind {
    /// The name the original's messages have for it.
    pub(in crate::protocol) const fn name(self) -> &'static str {
        match self {
            Self::Object => "Object",
            Self::Array => "Array",
            Self::String => "String",
            Self::Number => "Number",
            Self::True => "True",
            Self::False => "False",
            Self::Null => "Null",
        }
    }
}

impl<'a> Scanner<'a> {
    pub(in crate::protocol) const fn new(text: &'a [u8]) -> Self {
        Self::at(text, 0)
    }

    /// Somewhere behind its beginning.
    pub(super) const fn at(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// A part of the text.
    pub(in crate::protocol) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.text.get(range).unwrap_or_default()
    }

    /// The kind of the value that begins next.
    pub(in crate::protocol) fn kind(&mut self) -> Result<Kind, Malformed> {
        match self.next_byte()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b't' => Ok(Kind::True),
            b'f' => Ok(Kind::False),
            b'n' => Ok(Kind::Null),
            _ => Err(Malformed),
        }
    }

    /// The byte behind white space, not taken.
    pub(in crate::protocol) fn next_byte(&mut self) -> Result<u8, Malformed> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                _ => return Ok(byte),
            }
        }
        Err(Malformed)
    }

    /// Takes a byte behind white space if it is the one wanted.
    pub(in crate::protocol) fn take(&mut self, wanted: u8) -> Result<bool, Malformed> {
        let found = self.next_byte()? == wanted;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Takes the byte wanted.
    pub(in crate::protocol) fn expect(&mut self, wanted: u8) -> Result<(), Malformed> {
        if self.take(wanted)? { Ok(()) } else { Err(Malformed) }
    }

    /// Takes a string: where its content is, without the quotes, and whether it has escapes.
    pub(in crate::protocol) fn string(&mut self) -> Result<(Range<usize>, bool), Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        let has_escapes = self.skip_string()?;
        Ok((start..self.at - 1, has_escapes))
    }

    /// Takes any value, `depth` levels below the outermost; the range is that of its text.
    pub(in crate::protocol) fn value(&mut self, depth: u32) -> Result<Range<usize>, Malformed> {
        self.next_byte()?;
        let start = self.at;
        self.skip_value(depth)?;
        Ok(start..self.at)
    }

    /// Takes an array that has a comma behind its last element, and is well-formed but for that.
    pub(in crate::protocol) fn list_with_a_comma_too_many(
        &mut self,
        depth: u32,
    ) -> Result<Range<usize>, Malformed> {
        self.next_byte()?;
        let start = self.at;
        self.expect(b'[')?;
        loop {
            self.value(depth + 1)?;
            self.expect(b',')?;
            if self.take(b']')? {
                return Ok(start..self.at);
            }
        }
    }

    /// Passes over one value, without recursion: one bit a level says whether it is an object.
    fn skip_value(&mut self, depth: u32) -> Result<(), Malformed> {
        let mut objects: u64 = 0;
        let mut level = 0;
        loop {
            match self.next_byte()? {
                open @ (b'{' | b'[') => {
                    self.at += 1;
                    level += 1;
                    if depth + level > MAX_DEPTH {
                        return Err(Malformed);
                    }
                    objects = objects << 1 | u64::from(open == b'{');
                    let close = if open == b'{' { b'}' } else { b']' };
                    if !self.take(close)? {
                        if open == b'{' {
                            self.skip_name()?;
                        }
                        continue;
                    }
                    level -= 1;
                    objects >>= 1;
                }
                b'"' => {
                    self.at += 1;
                    let _ = self.skip_string()?;
                }
                b't' => self.skip_word(b"true")?,
                b'f' => self.skip_word(b"false")?,
                b'n' => self.skip_word(b"null")?,
                _ => self.skip_number()?,
            }
            loop {
                if level == 0 {
                    return Ok(());
                }
                let in_object = objects & 1 == 1;
                if self.take(b',')? {
                    if in_object {
                        self.skip_name()?;
                    }
                    break;
                }
                self.expect(if in_object { b'}' } else { b']' })?;
                level -= 1;
                objects >>= 1;
            }
        }
    }

    fn skip_name(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        let _ = self.skip_string()?;
        self.expect(b':')
    }

    /// Passes over the rest of a string and its closing quote; says whether there are escapes in it.
    fn skip_string(&mut self) -> Result<bool, Malformed> {
        let mut has_escapes = false;
        loop {
            self.at += readable(self.text.get(self.at..).ok_or(Malformed)?);
            match self.byte()? {
                b'"' => return Ok(has_escapes),
                b'\\' => has_escapes = true,
                _ => return Err(Malformed),
            }
            match self.byte()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    for _ in 0..4 {
                        if !self.byte()?.is_ascii_hexdigit() {
                            return Err(Malformed);
                        }
                    }
                }
                _ => return Err(Malformed),
            }
        }
    }

    fn skip_word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        let end = self.at + word.len();
        if self.text.get(self.at..end) != Some(word) {
            return Err(Malformed);
        }
        self.at = end;
        self.end_of_word()
    }

    fn skip_number(&mut self) -> Result<(), Malformed> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits()?,
            _ => return Err(Malformed),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        self.end_of_word()
    }

    fn skip_digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(Malformed) } else { Ok(()) }
    }

    /// A number or word must be followed by something that ends it.
    fn end_of_word(&self) -> Result<(), Malformed> {
        match self.peek() {
            None | Some(b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') => Ok(()),
            Some(_) => Err(Malformed),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> bool {
        Scanner::new(text.as_bytes()).value(0) == Ok(0..text.len())
    }

    #[test]
    fn every_kind_of_value_is_passed_over_whole() {
        for text in [
            "0",
            "-0",
            "-1.50e+10",
            "1E5",
            "true",
            "false",
            "null",
            "\"\"",
            "\"a\\u00e9\\\"\"",
            "[]",
            "{}",
            "[1,[2,{\"a\":[]}],3]",
            "{\"a\":{\"b\":{}},\"c\":null}",
            "[ 1 , 2 ]",
        ] {
            assert!(whole(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "-",
            "tru",
            "nulll",
            "NaN",
            "\"a",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[1,]",
            "[1 2]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "[",
            "{",
            "[}",
            "'a'",
            "/**/1",
        ] {
            assert!(Scanner::new(text.as_bytes()).value(0).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(whole(&nested(64)));
        assert!(!whole(&nested(65)));
        assert!(!whole(&nested(100_000)));
        assert!(Scanner::new(nested(63).as_bytes()).value(2).is_err());
    }

    #[test]
    fn any_cut_is_refused_and_never_panics() {
        let text = r#"{"a":[1,-2.5e3,"x\u0041",true,null],"b":{"c":false}}"#;
        for end in 0..text.len() {
            assert!(Scanner::new(&text.as_bytes()[..end]).value(0).is_err(), "{end}");
        }
    }
}
