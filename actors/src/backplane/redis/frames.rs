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

/// How far something has been looked through that is not all there yet: it may be long, and come in small pieces.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    at: usize,
    /// How many things are still to be passed from there on; none where nothing has been looked at.
    things: usize,
}

/// The first thing in some bytes, and how many of them it takes; nothing until all of it is there. What is asked next begins with the
/// same bytes, or behind the thing.
pub(super) fn first<'a>(
    bytes: &'a [u8],
    progress: &mut Progress,
) -> Result<Option<(Frame<'a>, usize)>, Malformed> {
    let mut cutter = Cutter { bytes, at: 0 };
    match cutter.frame(progress) {
        Ok(frame) => {
            *progress = Progress::default();
            Ok(Some((frame, cutter.at)))
        }
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
    fn frame(&mut self, progress: &mut Progress) -> Result<Frame<'a>, Stop> {
        match self.bytes.first().ok_or(Stop::More)? {
            b':' => {
                self.at = 1;
                self.number().map(Frame::Number)
            }
            b'>' => self.push(progress),
            _ => {
                self.pass(progress)?;
                Ok(Frame::Answer(&self.bytes[..self.at]))
            }
        }
    }

    fn push(&mut self, progress: &mut Progress) -> Result<Frame<'a>, Stop> {
        self.at = 1;
        if self.number()? == 3 && self.bytes[self.at..].starts_with(MESSAGE) {
            self.at += MESSAGE.len();
            return Ok(Frame::Message { channel: self.text()?, payload: self.text()? });
        }
        self.pass(progress)?;
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
        let Some(end) = memchr(b'\r', &rest[..rest.len().min(LONGEST_LINE)]) else {
            return Err(if rest.len() < LONGEST_LINE { Stop::More } else { Stop::Malformed });
        };
        match rest.get(end + 1).ok_or(Stop::More)? {
            b'\n' => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            _ => Err(Stop::Malformed),
        }
    }

    fn number(&mut self) -> Result<i64, Stop> {
        let (digits, mut number) = (&self.bytes[self.at..], 0);
        // Nearly all are lengths and counts of few digits; there are three with each message.
        for (length, byte) in digits.iter().enumerate().take(MOST_DIGITS) {
            match byte {
                b'0'..=b'9' => number = number * 10 + i64::from(byte - b'0'),
                b'\r' if length > 0 && digits.get(length + 1) == Some(&b'\n') => {
                    self.at += length + 2;
                    return Ok(number);
                }
                _ => break,
            }
        }
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

    /// Passes one thing with all that is in it, from where that ended before.
    fn pass(&mut self, progress: &mut Progress) -> Result<(), Stop> {
        if progress.things == 0 {
            *progress = Progress { at: 0, things: 1 };
        }
        self.at = progress.at;
        while progress.things > 0 {
            let within = self.enter()?;
            *progress = Progress { at: self.at, things: (progress.things - 1).saturating_add(within) };
        }
        Ok(())
    }

    /// Passes what stands by itself, or the head of what consists of others; says of how many.
    fn enter(&mut self) -> Result<usize, Stop> {
        match self.byte()? {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => self.line().map(|_| 0),
            b'$' | b'!' | b'=' => self.measured().map(|_| 0),
            b'*' | b'~' | b'>' => Ok(self.length()?.unwrap_or(0)),
            b'%' => Ok(self.length()?.unwrap_or(0) * 2),
            // Attributes stand before what they belong to.
            b'|' => Ok(self.length()?.unwrap_or(0) * 2 + 1),
            _ => Err(Stop::Malformed),
        }
    }
}

/// How a message begins, behind the number of its parts.
const MESSAGE: &[u8] = b"$7\r\nmessage\r\n";

/// More than Redis hands on in one message.
const LONGEST: usize = 1024 * 1024 * 1024;

/// Longer than any line: what is long has its length in front.
const LONGEST_LINE: usize = 64 * 1024;

/// With so many, and a sign or the end of the line behind them, no number is too large.
const MOST_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    /// All there is, however the bytes are cut into reads.
    fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
        let (mut frames, mut begin, mut progress) = (Vec::new(), 0, Progress::default());
        for end in 0..=bytes.len() {
            while let Some((frame, length)) = first(&bytes[begin..end], &mut progress).expect("well formed") {
                frames.push(frame);
                begin += length;
            }
        }
        assert_eq!(begin, bytes.len());
        frames
    }

    #[test]
    fn messages_and_numbers_are_read_and_all_else_is_cut_out() {
        let said: [(&[u8], Frame<'_>); 15] = [
            (b":12\r\n", Frame::Number(12)),
            (b":-1\r\n", Frame::Number(-1)),
            (b":999999999999999999\r\n", Frame::Number(999_999_999_999_999_999)),
            (b":9223372036854775807\r\n", Frame::Number(i64::MAX)),
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
        let endless = b"+".repeat(LONGEST_LINE + 1);
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
            &endless,
        ];
        for bytes in wrong {
            assert_eq!(first(bytes, &mut Progress::default()), Err(Malformed), "{}", bytes.escape_ascii());
        }
        let endless = b"*1000000000\r\n";
        assert_eq!(
            first(endless, &mut Progress::default()),
            Ok(None),
            "nothing is set aside for what has not come"
        );
    }

    #[test]
    fn what_has_been_passed_is_not_looked_at_again() {
        let mut progress = Progress::default();
        let begun = b"*3\r\n*2\r\n$1\r\na\r\n:1\r\n$5\r\nab";
        assert_eq!(first(begun, &mut progress), Ok(None));
        assert_eq!(progress, Progress { at: begun.len() - 6, things: 2 });
        let all = b"*3\r\n*2\r\n$1\r\na\r\n:1\r\n$5\r\nabcde\r\n_\r\n";
        assert_eq!(first(all, &mut progress), Ok(Some((Frame::Answer(all), all.len()))));
        assert_eq!(progress, Progress::default());
    }
}
