//! What servers tell each other over a backplane: envelopes in MessagePack, the bytes those of the original.
//!
//! An envelope carries finished frames of hub messages; they are copied and not looked at. What cannot be read is dropped, as
//! there: the channel is as trusted as whoever may write to it, and nobody waits for an error.

use std::{borrow::Cow, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::{
    ConnectionId,
    protocol::{
        CompletionResult, HubMessage, HubProtocol, NamingPolicy, RecordReader, SerializedMessage,
        messagepack::{Cursor, Unreadable, head},
    },
};

/// A message for clients.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Who is not meant, where many are.
    pub(crate) except: Vec<ConnectionId>,
    pub(crate) message: SerializedMessage,
    /// Who waits for an answer to it.
    pub(crate) asked_by: Option<AskedBy>,
}

/// Who waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedBy {
    pub(crate) invocation_id: ByteString,
    pub(crate) return_channel: String,
}

impl Envelope {
    /// Writes a message for clients, and who waits for an answer, if somebody does.
    pub(crate) fn write(
        except: &[ConnectionId],
        message: &SerializedMessage,
        asked_by: Option<&AskedBy>,
    ) -> Bytes {
        let frames = [HubProtocol::Json, HubProtocol::MessagePack]
            .map(|protocol| (protocol.name(), message.encoded(protocol)));
        let length: usize = frames.iter().filter_map(|(_, frame)| frame.map(Bytes::len)).sum();
        let mut out = Writer(BytesMut::with_capacity(length + 64 + except.len() * 24));
        out.array(if asked_by.is_some() { 4 } else { 2 });
        out.array(except.len());
        for id in except {
            out.string(id);
        }
        out.map(frames.iter().filter(|(_, frame)| frame.is_some()).count());
        for (name, frame) in frames {
            if let Some(frame) = frame {
                out.string(name);
                out.bytes(frame);
            }
        }
        if let Some(AskedBy { invocation_id, return_channel }) = asked_by {
            out.string(invocation_id);
            out.string(return_channel);
        }
        out.finish()
    }

    /// Reads a message for clients; `None` where it is none.
    pub(crate) fn read(payload: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let items = reader.array(2)?;
        let excluded = reader.array(0)?;
        let mut except = Vec::with_capacity(excluded.min(MOST_SET_ASIDE));
        for _ in 0..excluded {
            except.push(ConnectionId::from(&*reader.string()?));
        }
        let (mut json, mut messagepack) = (None, None);
        for _ in 0..reader.map()? {
            let name = reader.string()?;
            let frame = reader.bytes()?;
            match &*name {
                "json" => json = Some(frame),
                "messagepack" => messagepack = Some(frame),
                _ => {}
            }
        }
        let mut asked_by = None;
        if items > 3
            && let (Some(invocation_id), Some(return_channel)) =
                (reader.nil_or_string()?, reader.nil_or_string()?)
        {
            asked_by = Some(AskedBy {
                invocation_id: invocation_id.into_owned().into(),
                return_channel: return_channel.into_owned(),
            });
        }
        Some(Self { except, message: SerializedMessage::from_encodings(json, messagepack), asked_by })
    }
}

/// That a connection of another server is to be added to a group, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupCommand {
    /// To be given back in the acknowledgement.
    pub(crate) id: i32,
    /// The name of the server that asks.
    pub(crate) server: String,
    pub(crate) action: GroupAction,
    pub(crate) group: Arc<str>,
    pub(crate) connection_id: ConnectionId,
}

/// What a group command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupAction {
    Add,
    Remove,
    /// Without effect, and acknowledged all the same.
    Unknown,
}

impl GroupCommand {
    /// Writes it.
    pub(crate) fn write(&self) -> Bytes {
        let mut out = Writer(BytesMut::with_capacity(128));
        out.array(5);
        out.integer(self.id.into());
        out.string(&self.server);
        out.integer(match self.action {
            GroupAction::Unknown => 0,
            GroupAction::Add => 1,
            GroupAction::Remove => 2,
        });
        out.string(&self.group);
        out.string(&self.connection_id);
        out.finish()
    }

    /// Reads it; `None` where it is none.
    pub(crate) fn read(payload: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(payload);
        reader.array(5)?;
        Some(Self {
            id: reader.integer()?,
            server: reader.string()?.into_owned(),
            action: match reader.integer()? {
                1 => GroupAction::Add,
                2 => GroupAction::Remove,
                _ => GroupAction::Unknown,
            },
            group: reader.string()?.into(),
            connection_id: ConnectionId::from(&*reader.string()?),
        })
    }
}

/// Writes that a group command has been followed.
pub(crate) fn write_ack(command: i32) -> Bytes {
    let mut out = Writer(BytesMut::with_capacity(8));
    out.array(1);
    out.integer(command.into());
    out.finish()
}

/// Reads which group command has been followed.
pub(crate) fn read_ack(payload: &Bytes) -> Option<i32> {
    let mut reader = Reader::new(payload);
    reader.array(1)?;
    reader.integer()
}

/// What a client of another server has answered.
#[derive(Debug)]
pub(crate) struct ReturnedAnswer {
    pub(crate) invocation_id: ByteString,
    pub(crate) outcome: CompletionResult,
}

impl ReturnedAnswer {
    /// Writes an answer as the client's protocol has it.
    pub(crate) fn write(protocol: HubProtocol, invocation_id: &str, outcome: &CompletionResult) -> Bytes {
        let frame = protocol.completion(invocation_id, outcome);
        let mut out = Writer(BytesMut::with_capacity(frame.len() + 24));
        out.array(2);
        out.string(protocol.name());
        out.bytes(&frame);
        out.finish()
    }

    /// Reads an answer; `None` where it is none, or in a protocol this server does not have.
    pub(crate) fn read(payload: &Bytes, naming: NamingPolicy) -> Option<Self> {
        let mut reader = Reader::new(payload);
        reader.array(2)?;
        let protocol = match &*reader.string()? {
            "json" => HubProtocol::Json,
            "messagepack" => HubProtocol::MessagePack,
            _ => return None,
        };
        let mut frame = reader.bytes()?;
        let mut records = RecordReader::new(None);
        records.use_protocol(protocol);
        let record = records.next(&mut frame).ok()??;
        match protocol.parse_with(&record, naming).ok()? {
            HubMessage::Completion { invocation_id, result } => Some(Self { invocation_id, outcome: result }),
            _ => None,
        }
    }
}

/// What servers of this crate tell each other beside what the original knows. Members of other kinds do not subscribe to the
/// channel it comes by; those of this crate pass over kinds and versions that they do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ControlMessage {
    /// What it is about.
    pub(crate) kind: ByteString,
    /// What it says, as its kind has it.
    pub(crate) body: Bytes,
}

impl ControlMessage {
    /// The version written, and the only one read.
    const VERSION: i32 = 1;

    /// Writes it.
    pub(crate) fn write(&self) -> Bytes {
        let mut out = Writer(BytesMut::with_capacity(self.kind.len() + self.body.len() + 16));
        out.array(3);
        out.integer(Self::VERSION.into());
        out.string(&self.kind);
        out.bytes(&self.body);
        out.finish()
    }

    /// Reads it; `None` where it is none, or of another version.
    pub(crate) fn read(payload: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(payload);
        reader.array(3)?;
        if reader.integer()? != Self::VERSION {
            return None;
        }
        Some(Self { kind: reader.string()?.into_owned().into(), body: reader.bytes()? })
    }
}

/// Writes items one after another. What is too long for MessagePack, 4 GiB and more, does not come into being here: each
/// part has been encoded before, or is a name.
struct Writer(BytesMut);

impl Writer {
    fn array(&mut self, items: usize) {
        let _ = head::array(items, &mut self.0);
    }

    fn map(&mut self, pairs: usize) {
        let _ = head::map(pairs, &mut self.0);
    }

    fn integer(&mut self, value: i64) {
        head::signed(value, &mut self.0);
    }

    fn string(&mut self, text: &str) {
        let _ = head::string(text, &mut self.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let _ = head::bytes(bytes.len(), &mut self.0);
        self.0.put_slice(bytes);
    }

    fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Reads items one after another; what lies behind the last one wanted is not looked at.
struct Reader<'a> {
    cursor: Cursor<'a>,
    payload: &'a Bytes,
}

impl<'a> Reader<'a> {
    fn new(payload: &'a Bytes) -> Self {
        Self { cursor: Cursor::new(payload), payload }
    }

    /// The head of an array of so many items, or more.
    fn array(&mut self, least: usize) -> Option<usize> {
        self.cursor.array().ok().filter(|items| *items >= least)
    }

    fn map(&mut self) -> Option<usize> {
        self.cursor.map().ok()
    }

    /// An integer of 32 bits, in any width.
    fn integer(&mut self) -> Option<i32> {
        self.cursor.integer().ok()?.to_i32()
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.cursor.string().ok().map(String::from_utf8_lossy)
    }

    /// A string, `Some(None)` for nil.
    fn nil_or_string(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.cursor.nil() {
            Ok(true) => Some(None),
            Ok(false) => self.string().map(Some),
            Err(Unreadable::End | Unreadable::Code(_)) => None,
        }
    }

    /// Bytes, not copied; nil is none. A string will not do.
    fn bytes(&mut self) -> Option<Bytes> {
        if self.cursor.nil().ok()? {
            return Some(Bytes::new());
        }
        matches!(self.cursor.peek().ok()?, 0xc4..=0xc6).then_some(())?;
        let content = self.cursor.bytes().ok()?;
        Some(self.payload.slice_ref(content))
    }
}

/// Room for so many names is set aside before they are read.
const MOST_SET_ASIDE: usize = 64;

#[cfg(test)]
mod tests;
