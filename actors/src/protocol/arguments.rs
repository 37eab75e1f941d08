//! Arguments of a call: raw until the method's types are known.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{
    ProtocolError,
    protocol::{
        NamingPolicy,
        json::{self, Scanner},
        messagepack::{self, Cursor, Unreadable},
        payload::PayloadError,
    },
};

/// The arguments of a call as they came, in the client's protocol.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Arguments {
    /// A JSON array.
    Json(Bytes, NamingPolicy),
    /// All of a frame from the arguments on.
    MessagePack(Bytes, NamingPolicy),
}

impl Arguments {
    /// Reads them one after another.
    #[must_use]
    pub fn reader(&self) -> ArgumentReader<'_> {
        let (place, naming) = match self {
            Self::Json(text, naming) => {
                let mut scanner = Scanner::new(text);
                // That it is an array was seen when the record was read.
                let at_end = scanner.expect(b'[').is_err() || scanner.take(b']').unwrap_or(true);
                (Place::Json { scanner, at_end }, *naming)
            }
            Self::MessagePack(data, naming) => {
                let mut cursor = Cursor::new(data);
                let count = cursor.array();
                (Place::MessagePack { cursor, count }, *naming)
            }
        };
        ArgumentReader { place, naming, taken: 0 }
    }
}

/// A place in a list of arguments.
#[derive(Debug)]
pub struct ArgumentReader<'a> {
    place: Place<'a>,
    naming: NamingPolicy,
    taken: usize,
}

#[derive(Debug)]
enum Place<'a> {
    Json { scanner: Scanner<'a>, at_end: bool },
    MessagePack { cursor: Cursor<'a>, count: Result<usize, Unreadable> },
}

impl ArgumentReader<'_> {
    /// Says how many arguments will be asked for. A protocol that knows how many there are compares before it reads any.
    ///
    /// # Errors
    /// When the client sent more or fewer, or no arguments at all.
    pub fn expect(&self, expected: usize) -> Result<(), ProtocolError> {
        match self.place {
            Place::Json { .. } => Ok(()),
            Place::MessagePack { count: Ok(count), .. } => check_count(count, expected),
            Place::MessagePack { count: Err(_), .. } => {
                Err(ProtocolError::invalid_data("Reading array length for 'arguments' failed."))
            }
        }
    }

    /// Takes the next argument; `None` where there is none left.
    ///
    /// # Errors
    /// When it is not of the type wanted.
    #[allow(clippy::should_implement_trait, reason = "an iterator has items of one type")]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        let value = match &mut self.place {
            Place::Json { at_end: true, .. } => return Ok(None),
            Place::Json { scanner, at_end } => {
                check_comma(scanner)?;
                let mut deserializer = json::Deserializer::at(*scanner, self.naming);
                let value = T::deserialize(&mut deserializer).map_err(wrong_type)?;
                *scanner = deserializer.scanner();
                *at_end = !scanner.take(b',')?;
                value
            }
            Place::MessagePack { cursor, count } => {
                if count.is_ok_and(|count| count == self.taken) {
                    return Ok(None);
                }
                let mut deserializer = messagepack::Deserializer::at(*cursor, self.naming);
                let value = T::deserialize(&mut deserializer).map_err(wrong_type)?;
                *cursor = deserializer.cursor();
                value
            }
        };
        self.taken += 1;
        Ok(Some(value))
    }

    /// Checks that nothing is left, after `expected` arguments were asked for.
    ///
    /// # Errors
    /// When the client sent more or fewer.
    pub fn finish(mut self, expected: usize) -> Result<(), ProtocolError> {
        self.expect(expected)?;
        if let Place::Json { scanner, at_end } = &mut self.place {
            while !*at_end {
                check_comma(scanner)?;
                scanner.value(1)?;
                *at_end = !scanner.take(b',')?;
                self.taken += 1;
            }
        }
        check_count(self.taken, expected)
    }
}

fn check_count(provided: usize, expected: usize) -> Result<(), ProtocolError> {
    if provided == expected {
        return Ok(());
    }
    Err(ProtocolError::invalid_data(format!(
        "Invocation provides {provided} argument(s) but target expects {expected}."
    )))
}

/// Behind a comma there must be something.
fn check_comma(scanner: &mut Scanner<'_>) -> Result<(), ProtocolError> {
    match scanner.next_byte()? {
        b']' => Err(ProtocolError::named("JsonReaderException", "The JSON array contains a trailing comma.")),
        _ => Ok(()),
    }
}

fn wrong_type(_: PayloadError) -> ProtocolError {
    ProtocolError::invalid_data(
        "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(arguments: &Arguments) -> Result<(Option<i32>, Option<String>), String> {
        let mut reader = arguments.reader();
        let mut both = || {
            reader.expect(2)?;
            Ok((reader.next::<i32>()?, reader.next::<Option<String>>()?.flatten()))
        };
        let found = both().map_err(|err: ProtocolError| err.to_string())?;
        reader.finish(2).map_err(|err| err.to_string())?;
        Ok(found)
    }

    fn json(text: &'static str) -> Result<(Option<i32>, Option<String>), String> {
        bind(&Arguments::Json(text.into(), NamingPolicy::default()))
    }

    fn messagepack(data: &'static [u8]) -> Result<(Option<i32>, Option<String>), String> {
        bind(&Arguments::MessagePack(Bytes::from_static(data), NamingPolicy::default()))
    }

    fn count(provided: usize) -> Result<(Option<i32>, Option<String>), String> {
        Err(format!("Invocation provides {provided} argument(s) but target expects 2."))
    }

    #[test]
    fn each_argument_is_read_as_the_type_wanted() {
        assert_eq!(json(r#"[1,"x"]"#), Ok((Some(1), Some("x".into()))));
        assert_eq!(json("[ 1 , null ]"), Ok((Some(1), None)));
        assert_eq!(messagepack(&[0x92, 1, 0xa1, 0x78, 0x90]), Ok((Some(1), Some("x".into()))));
        assert_eq!(messagepack(&[0xdc, 0, 2, 1, 0xc0]), Ok((Some(1), None)));
    }

    #[test]
    fn in_json_a_wrong_type_is_said_before_a_wrong_count() {
        assert_eq!(json("[]"), count(0));
        assert_eq!(json("[1]"), count(1));
        assert_eq!(json(r#"[1,"x",[3,{}]]"#), count(3));
        for wrong in [r#"["1","x",3]"#, "[1.0]", "[1e2]", "[null]", "[1,2]"] {
            assert!(json(wrong).expect_err(wrong).starts_with("Error binding arguments."), "{wrong}");
        }
    }

    #[test]
    fn in_messagepack_a_wrong_count_is_said_before_a_wrong_type() {
        assert_eq!(messagepack(&[0x90, 0x90]), count(0));
        assert_eq!(messagepack(&[0x91, 0xc1, 0x90]), count(1));
        assert_eq!(messagepack(&[0x93, 0xa1, 0x78, 0xc1, 0xc1, 0x90]), count(3));
        for wrong in [
            &[0x92, 0xa1, 0x31, 0xc0][..],
            &[0x92, 1, 2],
            &[0x92, 0xc0, 0xc0],
            &[0x92, 1, 0xd9],
            &[0x92, 0xc1, 0],
        ] {
            assert!(
                messagepack(wrong).expect_err("wrong").starts_with("Error binding arguments."),
                "{wrong:x?}"
            );
        }
        for none in [&[][..], &[0xc0], &[0x80], &[0x92, 1], &[0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1]] {
            let err = messagepack(none).expect_err("no array");
            assert_eq!(err, "Reading array length for 'arguments' failed.", "{none:x?}");
        }
    }
}
