//! What servers of this crate tell each other beside what the original has words for.
//!
//! A control message is a kind and what it says, in a versioned envelope of our own, on a channel that members of other kinds do
//! not listen to. Members that do not know a kind pass over it, so a new one needs no new version.

use bytes::Bytes;
use serde::Serialize;

use crate::{
    ConnectionId,
    protocol::ControlMessage,
    registry::order::{OrderDone, RemoteOrder},
};

/// Something that every server is to do with the connections it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Ends a connection.
    Disconnect(ConnectionId),
    /// Does something with connections, and says when that is done.
    Order(RemoteOrder),
    /// Something of that kind is done.
    Done(OrderDone),
}

impl Control {
    /// As other servers get it.
    pub(super) fn to_message(&self) -> ControlMessage {
        match self {
            Self::Disconnect(id) => {
                ControlMessage { kind: DISCONNECT.into(), body: id.as_bytes().to_vec().into() }
            }
            Self::Order(order) => ControlMessage { kind: ORDER.into(), body: json(order) },
            Self::Done(done) => ControlMessage { kind: DONE.into(), body: json(done) },
        }
    }

    /// What another server has said; `None` where this one does not know how to do that.
    pub(super) fn from_message(message: &ControlMessage) -> Option<Self> {
        let text = || std::str::from_utf8(&message.body).ok();
        match &*message.kind {
            DISCONNECT => Some(Self::Disconnect(text()?.into())),
            ORDER => serde_json::from_slice(&message.body).ok().map(Self::Order),
            DONE => serde_json::from_slice(&message.body).ok().map(Self::Done),
            _ => None,
        }
    }
}

/// Plain data, which can always be written.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

const DISCONNECT: &str = "disconnect";
const ORDER: &str = "order";
const DONE: &str = "done";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood_and_what_is_not_known_is_passed_over() {
        let control = Control::Disconnect("c".into());
        let mut message = control.to_message();
        assert_eq!(Control::from_message(&message), Some(control));
        message.kind = "of a later version".into();
        assert_eq!(Control::from_message(&message), None);
        let message = ControlMessage { kind: DISCONNECT.into(), body: vec![0xff].into() };
        assert_eq!(Control::from_message(&message), None);
    }
}
