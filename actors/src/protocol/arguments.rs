//! Arguments of a call: raw until the method's types are known.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{ProtocolError, protocol::scan::Scanner};

/// The arguments of a call as they came, in the client's protocol.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Arguments {
    /// A JSON array.
    Json(Bytes),
}

impl Arguments {
    /// Reads them one after another.
    #[must_use]
    pub fn reader(&self) -> ArgumentReader<'_> {
        let Self::Json(text) = self;
        let mut scanner = Scanner::new(text);
        // That it is an array was seen when the record was read.
        let at_end = scanner.expect(b'[').is_err() || scanner.take(b']').unwrap_or(true);
        ArgumentReader { text, scanner, at_end, taken: 0 }
    }
}

/// One value as it came, in the client's protocol: an item of a stream, or the answer to a question.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Argument {
    /// A JSON value.
    Json(Bytes),
}

impl Argument {
    /// Reads it as the type wanted.
    ///
    /// # Errors
    /// When it is no such value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        let Self::Json(text) = self;
        serde_json::from_slice(text).map_err(|err| ProtocolError::named("JsonException", err.to_string()))
    }
}

/// A place in a list of arguments.
#[derive(Debug)]
pub struct ArgumentReader<'a> {
    text: &'a Bytes,
    scanner: Scanner<'a>,
    at_end: bool,
    taken: usize,
}

impl ArgumentReader<'_> {
    /// Takes the next argument; `None` where there is none left.
    ///
    /// # Errors
    /// When it is not of the type wanted.
    #[allow(clippy::should_implement_trait, reason = "each item has a type of its own")]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        self.raw()?.map(|value| serde_json::from_slice(value).map_err(|_| wrong_type())).transpose()
    }

    /// Checks that nothing is left, after `taken` arguments were asked for.
    ///
    /// # Errors
    /// When the client sent more or fewer.
    pub fn finish(mut self, expected: usize) -> Result<(), ProtocolError> {
        while self.raw()?.is_some() {}
        if self.taken == expected {
            return Ok(());
        }
        let provided = self.taken;
        Err(ProtocolError::invalid_data(format!(
            "Invocation provides {provided} argument(s) but target expects {expected}."
        )))
    }

    fn raw(&mut self) -> Result<Option<&[u8]>, ProtocolError> {
        if self.at_end {
            return Ok(None);
        }
        let value = self.scanner.value(1)?;
        self.at_end = !self.scanner.take(b',')?;
        self.taken += 1;
        Ok(self.text.get(value))
    }
}

fn wrong_type() -> ProtocolError {
    ProtocolError::invalid_data(
        "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(text: &'static str) -> Result<(Option<i32>, Option<String>), String> {
        let arguments = Arguments::Json(Bytes::from_static(text.as_bytes()));
        let mut reader = arguments.reader();
        let mut both = || Ok((reader.next::<i32>()?, reader.next::<Option<String>>()?.flatten()));
        let found = both().map_err(|err: ProtocolError| err.to_string())?;
        reader.finish(2).map_err(|err| err.to_string())?;
        Ok(found)
    }

    #[test]
    fn each_argument_is_read_as_the_type_wanted() {
        assert_eq!(bind(r#"[1,"x"]"#), Ok((Some(1), Some("x".into()))));
        assert_eq!(bind("[ 1 , null ]"), Ok((Some(1), None)));
    }

    #[test]
    fn the_count_must_be_right_and_a_wrong_type_is_said_first() {
        let count = |n| Err(format!("Invocation provides {n} argument(s) but target expects 2."));
        assert_eq!(bind("[]"), count(0));
        assert_eq!(bind("[1]"), count(1));
        assert_eq!(bind(r#"[1,"x",[3,{}]]"#), count(3));
        for wrong in [r#"["1","x",3]"#, "[1.0]", "[1e2]", "[null]", "[1,2]"] {
            assert!(bind(wrong).expect_err(wrong).starts_with("Error binding arguments."), "{wrong}");
        }
    }
}
