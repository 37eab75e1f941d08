//! Records of the hub protocols: what a client writes, and how a server's are read.

mod json;
mod layout;
mod messagepack;
mod reader;
mod template;

use std::borrow::Cow;

use clap::ValueEnum;

pub(crate) use self::{reader::RecordReader, template::InvocationTemplate};
use crate::websocket;

/// Ends a JSON record, and the handshake of every protocol.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1e;

/// The types of records.
pub(crate) mod kind {
    pub(crate) const INVOCATION: u8 = 1;
    pub(crate) const STREAM_ITEM: u8 = 2;
    pub(crate) const COMPLETION: u8 = 3;
    pub(crate) const STREAM_INVOCATION: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const CLOSE: u8 = 7;
}

/// Which hub protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HubProtocol {
    Json,
    #[value(name = "messagepack")]
    MessagePack,
}

impl HubProtocol {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "messagepack",
        }
    }

    /// The kind of frame that carries it. As in the .NET client, the handshake goes the way of the records.
    pub(crate) fn opcode(self) -> u8 {
        match self {
            Self::Json => websocket::TEXT,
            Self::MessagePack => websocket::BINARY,
        }
    }

    pub(crate) fn handshake(self) -> Vec<u8> {
        format!("{{\"protocol\":\"{}\",\"version\":1}}\u{1e}", self.name()).into_bytes()
    }

    pub(crate) fn ping(self) -> &'static [u8] {
        match self {
            Self::Json => b"{\"type\":6}\x1e",
            Self::MessagePack => &[2, 0x91, kind::PING],
        }
    }

    /// Appends an invocation of either kind; says where in `out` its id and its last text landed.
    pub(crate) fn put_invocation(self, out: &mut Vec<u8>, invocation: &Invocation<'_>) -> Places {
        match self {
            Self::Json => json::put_invocation(out, invocation),
            Self::MessagePack => messagepack::put_invocation(out, invocation),
        }
    }
}

/// A call that a client makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) kind: u8,
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) target: &'a str,
    pub(crate) arguments: &'a [Argument<'a>],
}

/// Texts must be letters and digits, so that no protocol has to escape them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument<'a> {
    Text(&'a [u8]),
    Number(u32),
}

/// Where the parts of an invocation that differ from call to call are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) id: usize,
    pub(crate) text: usize,
}

/// A record of the server, as far as load has to do with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: u8,
    pub(crate) id: Option<Cow<'a, [u8]>>,
    pub(crate) target: Option<Cow<'a, [u8]>>,
    /// The result, the item, or the last argument.
    pub(crate) value: Value<'a>,
    /// How many arguments an invocation has.
    pub(crate) arguments: usize,
    pub(crate) error: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// None at all, or null.
    #[default]
    Nothing,
    Text(Cow<'a, [u8]>),
    Other,
}

/// Bytes for an error text: printable, and not too many.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(200)];
    let dots = if cut.len() < bytes.len() { "..." } else { "" };
    format!("{}{dots}", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_shake_hands_in_json() {
        assert_eq!(HubProtocol::Json.handshake(), b"{\"protocol\":\"json\",\"version\":1}\x1e");
        assert_eq!(HubProtocol::MessagePack.handshake(), b"{\"protocol\":\"messagepack\",\"version\":1}\x1e");
    }

    #[test]
    fn what_is_printed_of_bytes_is_short_and_harmless() {
        assert_eq!(printable(b"a\x1e\n"), "a\\x1e\\n");
        assert!(printable(&[b'x'; 1000]).len() < 210);
    }
}
