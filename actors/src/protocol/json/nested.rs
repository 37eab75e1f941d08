//! Members of an envelope that are made of others: ids of uploads, and headers.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    ProtocolError,
    protocol::json::{Kind, Scanner, invalid, read_string, shared_string},
};

/// The ids of uploads.
pub(super) fn read_stream_ids(record: &Bytes, array: Range<usize>) -> Result<Vec<ByteString>, ProtocolError> {
    let text = record.slice(array);
    let mut scanner = Scanner::new(&text);
    let mut ids = Vec::new();
    scanner.expect(b'[')?;
    if scanner.take(b']')? {
        return Ok(ids);
    }
    loop {
        match scanner.kind()? {
            Kind::String => {
                let (content, has_escapes) = scanner.string()?;
                ids.push(shared_string(&text, content, has_escapes)?);
            }
            Kind::Null => return Err(invalid("Null value for 'streamIds' is not valid.")),
            kind => {
                let text = format!("Cannot get the value of a token type '{}' as a string.", kind.name());
                return Err(ProtocolError::named("InvalidOperationException", text));
            }
        }
        if !scanner.take(b',')? {
            return Ok(ids);
        }
    }
}

/// Headers must be texts; they are looked at where somebody traces calls.
pub(super) fn check_headers(object: &[u8]) -> Result<(), ProtocolError> {
    let mut scanner = Scanner::new(object);
    scanner.expect(b'{')?;
    if scanner.take(b'}')? {
        return Ok(());
    }
    loop {
        let (name, has_escapes) = scanner.string()?;
        scanner.expect(b':')?;
        if scanner.kind()? != Kind::String {
            let name = read_string(&object[name], has_escapes)?;
            return Err(invalid(format!("Expected header '{name}' to be of type String.")));
        }
        scanner.string()?;
        if !scanner.take(b',')? {
            return Ok(());
        }
    }
}
