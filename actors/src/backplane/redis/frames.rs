//! What Redis says, cut out of bytes (RESP3).
//!
//! Only what comes with every message is read here: messages, and answers that are numbers. All else is left as it is, for the
//! reader of the crate `redis`.

use memchr::memchr;

/// One thing that Redis has said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A message on a channel.
    Message { channel: &'a [u8], payload: &'a [u8] },
    /// Something else that it says by itself, or that a subscription has changed.
    Push(&'a [u8]),
    /// An answer that is a number.
    Number(i64),
    /// Another answer.
    Answer(&'a [u8]),
}

/// These are not the bytes of a Redis server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The first thing in some bytes, and how many of them it takes; nothing until all of it is there.
pub(super) fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let mut cutter = Cutter { bytes, at: 0 };
    match cutter.frame() {
        Ok(frame) => Ok(Some((frame, cutter.at))),
        Err(Stop::More) if bytes.len() < LONGEST => Ok(None),
        Err(_) => Err(Malformed),
    }
}

struct Cutter<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why nothing could be cut.
enum Stop {
    /// Not all is there.
    More,
    Malformed,
}

impl<'a> Cutter<'a> {
    fn frame(&mut self) -> Result<Frame<'a>, Stop> {
        match self.bytes.first().ok_or(Stop::More)? {
            b':' => {
                self.at = 1;
                self.number().map(Frame::Number)
            }
            b'>' => self.push(),
            _ => {
                self.skip(0)?;
                Ok(Frame::Answer(&self.bytes[..self.at]))
            }
        }
    }

    fn push(&mut self) -> Result<Frame<'a>, Stop> {
        self.at = 1;
        if self.number()? == 3 && self.bytes[self.at..].starts_with(MESSAGE) {
            self.at += MESSAGE.len();
            return Ok(Frame::Message { channel: self.text()?, payload: self.text()? });
        }
        self.at = 0;
        self.skip(0)?;
        Ok(Frame::Push(&self.bytes[..self.at]))
    }

    /// A string with its length in front.
    fn text(&mut self) -> Result<&'a [u8], Stop> {
        match self.byte()? {
            b'$' => self.measured()?.ok_or(Stop::Malformed),
            _ => Err(Stop::Malformed),
        }
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::More)?;
        self.at += 1;
        Ok(byte)
    }

    /// What is up to the end of the line.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let end = memchr(b'\r', rest).ok_or(Stop::More)?;
        match rest.get(end + 1).ok_or(Stop::More)? {
            b'\n' => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            _ => Err(Stop::Malformed),
        }
    }

    fn number(&mut self) -> Result<i64, Stop> {
        let line = std::str::from_utf8(self.line()?).map_err(|_| Stop::Malformed)?;
        line.parse().map_err(|_| Stop::Malformed)
    }

    /// How much follows; nothing where it is null.
    fn length(&mut self) -> Result<Option<usize>, Stop> {
        match self.number()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) if length <= LONGEST => Ok(Some(length)),
                _ => Err(Stop::Malformed),
            },
        }
    }

    /// As many bytes as the line says, and the end of a line behind them.
    fn measured(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        let Some(length) = self.length()? else { return Ok(None) };
        let rest = &self.bytes[self.at..];
        match rest.get(length..length + 2).ok_or(Stop::More)? {
            b"\r\n" => {
                self.at += length + 2;
                Ok(Some(&rest[..length]))
            }
            _ => Err(Stop::Malformed),
        }
    }

    fn skip(&mut self, depth: usize) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Err(Stop::Malformed);
        }
        let things = match self.byte()? {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => return self.line().map(drop),
            b'$' | b'!' | b'=' => return self.measured().map(drop),
            b'*' | b'~' | b'>' => self.length()?.unwrap_or(0),
            b'%' => self.length()?.unwrap_or(0) * 2,
            // Attributes stand before what they belong to.
            b'|' => self.length()?.unwrap_or(0) * 2 + 1,
            _ => return Err(Stop::Malformed),
        };
        (0..things).try_for_each(|_| self.skip(depth + 1))
    }
}

/// How a message begins, behind the number of its parts.
const MESSAGE: &[u8] = b"$7\r\nmessage\r\n";

/// More than Redis hands on in one message.
const LONGEST: usize = 1024 * 1024 * 1024;

/// Deeper than any answer we ask for.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// All there is, however the bytes are cut into reads.
    fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
        let (mut frames, mut begin) = (Vec::new(), 0);
        for end in 0..=bytes.len() {
            while let Some((frame, length)) = first(&bytes[begin..end]).expect("well formed") {
                frames.push(frame);
                begin += length;
            }
        }
        assert_eq!(begin, bytes.len());
        frames
    }

    #[test]
    fn messages_and_numbers_are_read_and_all_else_is_cut_out() {
        let said: [(&[u8], Frame<'_>); 13] = [
            (b":12\r\n", Frame::Number(12)),
            (b":-1\r\n", Frame::Number(-1)),
            (
                b">3\r\n$7\r\nmessage\r\n$3\r\nc\r\n\r\n$2\r\n:1\r\n",
                Frame::Message { channel: b"c\r\n", payload: b":1" },
            ),
            (b">3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n", Frame::Message { channel: b"", payload: b"" }),
            (
                b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
                Frame::Push(b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"),
            ),
            (
                b">4\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n:2\r\n",
                Frame::Push(b">4\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n:2\r\n"),
            ),
            (b">1\r\n+x\r\n", Frame::Push(b">1\r\n+x\r\n")),
            (b"+OK\r\n", Frame::Answer(b"+OK\r\n")),
            (b"-ERR no\r\n", Frame::Answer(b"-ERR no\r\n")),
            (b"$-1\r\n", Frame::Answer(b"$-1\r\n")),
            (b"*2\r\n*0\r\n*-1\r\n", Frame::Answer(b"*2\r\n*0\r\n*-1\r\n")),
            (b"%1\r\n+a\r\n~1\r\n_\r\n", Frame::Answer(b"%1\r\n+a\r\n~1\r\n_\r\n")),
            (b"|1\r\n+a\r\n#t\r\n=5\r\ntxt:a\r\n", Frame::Answer(b"|1\r\n+a\r\n#t\r\n=5\r\ntxt:a\r\n")),
        ];
        let all: Vec<u8> = said.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        assert_eq!(frames(&all), said.map(|(_, frame)| frame));
    }

    #[test]
    fn what_redis_would_not_say_is_malformed() {
        let deep = b"*1\r\n".repeat(DEEPEST + 2);
        let wrong: [&[u8]; 10] = [
            b"HTTP/1.1 400",
            b":1\rx",
            b":x\r\n",
            b":\r\n",
            b":99999999999999999999\r\n",
            b"$-2\r\n",
            b"$99999999999\r\n",
            b"$1\r\nabc",
            b">3\r\n$7\r\nmessage\r\n:1\r\n",
            &deep,
        ];
        for bytes in wrong {
            assert_eq!(first(bytes), Err(Malformed), "{}", bytes.escape_ascii());
        }
        let endless = b"*1000000000\r\n";
        assert_eq!(first(endless), Ok(None), "nothing is set aside for what has not come");
    }
}
