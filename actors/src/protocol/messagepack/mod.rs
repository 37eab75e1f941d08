//! The MessagePack hub protocol: frames to messages and back.
//!
//! Reading follows the tables of the protocol's specification, section 4.2: elements are taken one after another; what
//! lies behind the last one is not looked at. Arguments, items and results stay as they are until their types are
//! known, so whatever is wrong inside of them is no fault of the envelope.
//!
//! The code is our own, down to the bytes. `rmp` and `rmp-serde` are old, small and widely used, and would do for most of
//! the writing. Reading is where the protocol is particular: no length is believed that the data does not bear out, nor
//! anything set aside for it; a number of one kind is none of another; strings that are no UTF-8 are mended; the last of
//! several members with one name counts; members are named differently from their declaration; and what a broken message
//! is answered with names the byte that broke it. Little of those crates would be left in use.

mod any;
mod cursor;
mod de;
pub(super) mod head;
mod members;
mod ser;
mod write;

use std::collections::{HashMap, hash_map::Entry};

use bytes::Bytes;
use bytestring::ByteString;

pub(super) use crate::protocol::messagepack::{
    cursor::{Cursor, Unreadable},
    de::Deserializer,
    ser::write_payload,
    write::{
        write_ack, write_cancel, write_close, write_completion_end, write_error, write_invocation,
        write_result, write_sequence, write_stream_item,
    },
};
use crate::{
    ProtocolError,
    protocol::{
        Argument, Arguments, CompletionResult, HubMessage, HubProtocol, Invocation, MessageHeaders,
        NamingPolicy,
        messagepack::cursor::{Integer, text},
    },
};

/// Reads one frame, given without its length.
pub(super) fn parse(frame: &Bytes, naming: NamingPolicy) -> Result<HubMessage, ProtocolError> {
    let mut reader = Reader { cursor: Cursor::new(frame), frame, naming };
    let elements = reader.cursor.array()?;
    match reader.integer("messageType", "Int32")? {
        1 => reader.invocation(elements, "Invocation").map(HubMessage::Invocation),
        4 => reader.invocation(elements, "StreamInvocation").map(HubMessage::Invocation),
        2 => {
            let stream_id = reader.required_id("StreamItem")?;
            Ok(HubMessage::StreamItem { stream_id, item: reader.rest("item") })
        }
        3 => reader.completion(),
        5 => Ok(HubMessage::CancelInvocation { invocation_id: reader.required_id("CancelInvocation")? }),
        6 => Ok(HubMessage::Ping),
        7 => reader.close(elements),
        8 => Ok(HubMessage::Ack { sequence_id: reader.integer("sequenceId", "Int64")? }),
        9 => Ok(HubMessage::Sequence { sequence_id: reader.integer("sequenceId", "Int64")? }),
        kind if i32::try_from(kind).is_ok() => Ok(HubMessage::Unknown),
        _ => Err(unread("messageType", "Int32")),
    }
}

/// A place in a frame.
struct Reader<'a> {
    cursor: Cursor<'a>,
    frame: &'a Bytes,
    naming: NamingPolicy,
}

impl Reader<'_> {
    fn invocation(&mut self, elements: usize, kind: &str) -> Result<Invocation, ProtocolError> {
        let headers = self.headers()?;
        let streaming = kind != "Invocation";
        let invocation_id = match streaming {
            true => Some(self.id(kind)?),
            false => self.string("invocationId")?.filter(|id| !id.is_empty()),
        };
        let target = self.string("target")?.filter(|target| !target.is_empty());
        let target = target.ok_or_else(|| invalid(format!("Null or empty target for {kind} message.")))?;
        let arguments = Arguments::MessagePack(self.frame.slice(self.cursor.position()..), self.naming);
        // Older clients send no ids of streams. Behind arguments that cannot be passed over nothing can be found;
        // they cannot be bound either, and then nobody looks further.
        let stream_ids = match elements > 5 && self.cursor.skip().is_ok() {
            true => self.stream_ids(),
            false => Ok(Vec::new()),
        };
        let (stream_ids, fault) = match stream_ids {
            Ok(stream_ids) => (stream_ids, None),
            Err(err) => (Vec::new(), Some(err)),
        };
        Ok(Invocation { invocation_id, target, arguments, stream_ids, streaming, headers, fault })
    }

    fn completion(&mut self) -> Result<HubMessage, ProtocolError> {
        let invocation_id = self.required_id("Completion")?;
        let result = match self.integer("resultKind", "Int32")? {
            1 => self.string("error")?.map_or(CompletionResult::Nothing, CompletionResult::Error),
            2 => CompletionResult::Nothing,
            3 => CompletionResult::Value(self.rest("argument")),
            kind if i32::try_from(kind).is_ok() => return Err(invalid("Invalid invocation result kind.")),
            _ => return Err(unread("resultKind", "Int32")),
        };
        Ok(HubMessage::Completion { invocation_id, result })
    }

    fn close(&mut self, elements: usize) -> Result<HubMessage, ProtocolError> {
        let error = self.string("error")?;
        if elements > 2 {
            self.cursor.boolean().map_err(|unreadable| match unreadable {
                Unreadable::Code(_) => unread("allowReconnect", "Boolean"),
                Unreadable::End => unreadable.into(),
            })?;
        }
        Ok(HubMessage::Close { error })
    }

    /// Headers must be texts, each key once.
    fn headers(&mut self) -> Result<Option<MessageHeaders>, ProtocolError> {
        let count = self.cursor.map().map_err(|_| invalid("Reading map length for 'headers' failed."))?;
        let mut headers = HashMap::new();
        for index in 0..count {
            let key = self.string(&format!("headers[{index}].Key"))?.filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| invalid("Null or empty key in header."))?;
            let value = self.string(&format!("headers[{index}].Value"))?.filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| invalid("Null or empty value in header."))?;
            match headers.entry(key) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(same) => {
                    let text =
                        format!("An item with the same key has already been added. Key: {}", same.key());
                    return Err(ProtocolError::named("ArgumentException", text));
                }
            };
        }
        Ok((!headers.is_empty()).then(|| MessageHeaders::map(headers)))
    }

    /// Headers, then an id.
    fn required_id(&mut self, kind: &str) -> Result<ByteString, ProtocolError> {
        self.headers()?;
        self.id(kind)
    }

    fn id(&mut self, kind: &str) -> Result<ByteString, ProtocolError> {
        let id = self.string("invocationId")?.filter(|id| !id.is_empty());
        id.ok_or_else(|| invalid(format!("Null or empty invocation ID for {kind} message.")))
    }

    fn stream_ids(&mut self) -> Result<Vec<ByteString>, ProtocolError> {
        let count =
            self.cursor.array().map_err(|_| invalid("Reading array length for 'streamIds' failed."))?;
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = self.nullable_string()?.filter(|id| !id.is_empty());
            ids.push(id.ok_or_else(|| invalid("Null or empty value in streamIds received."))?);
        }
        Ok(ids)
    }

    /// All that is left, of which the value is the first part.
    fn rest(&self, field: &'static str) -> Argument {
        let rest = self.frame.slice(self.cursor.position()..);
        Argument::new(HubProtocol::MessagePack, rest, self.naming, field)
    }

    fn string(&mut self, field: &str) -> Result<Option<ByteString>, ProtocolError> {
        self.nullable_string().map_err(|_| unread(field, "String"))
    }

    /// A string as a part of the frame it stands in, copied only where it is no UTF-8.
    fn nullable_string(&mut self) -> Result<Option<ByteString>, Unreadable> {
        if self.cursor.nil()? {
            return Ok(None);
        }
        let content = self.cursor.string()?;
        let end = self.cursor.position();
        let shared = ByteString::try_from(self.frame.slice(end - content.len()..end));
        Ok(Some(shared.unwrap_or_else(|_| text(content).into_owned().into())))
    }

    fn integer(&mut self, field: &str, wanted: &str) -> Result<i64, ProtocolError> {
        match self.cursor.integer() {
            Ok(Integer::Negative(value)) => Ok(value),
            Ok(Integer::Positive(value)) => i64::try_from(value).map_err(|_| unread(field, wanted)),
            Err(_) => Err(unread(field, wanted)),
        }
    }
}

fn unread(field: &str, wanted: &str) -> ProtocolError {
    invalid(format!("Reading '{field}' as {wanted} failed."))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> ProtocolError {
    ProtocolError::invalid_data(message)
}

#[cfg(test)]
mod tests;
