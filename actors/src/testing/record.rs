//! One record of the server, as a client reads it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    ProtocolError,
    protocol::{Argument, HubProtocol, NamingPolicy},
};

/// A record as it came, and what it says.
#[derive(Debug)]
pub(super) struct Record {
    /// Without its separator.
    pub(super) text: String,
    message: Value,
}

impl Record {
    /// Reads a record, given without its separator. What is no JSON is no message of any kind.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let message = serde_json::from_slice(bytes).unwrap_or_default();
        Self { text: String::from_utf8_lossy(bytes).into_owned(), message }
    }

    /// Its length on the wire.
    pub(super) const fn len(&self) -> usize {
        self.text.len() + 1
    }

    fn is_of_kind(&self, kind: u64) -> bool {
        self.message["type"].as_u64() == Some(kind)
    }

    /// Whether it calls a method of the client.
    pub(super) fn calls(&self, method: &str) -> bool {
        self.is_of_kind(1) && self.message["target"] == method
    }

    /// Whether it answers a call.
    pub(super) fn answers(&self, invocation_id: &str) -> bool {
        self.is_of_kind(3) && self.message["invocationId"] == invocation_id
    }

    /// Whether it ends the connection.
    pub(super) fn closes(&self) -> bool {
        self.is_of_kind(7)
    }

    /// Whether the client may come back.
    pub(super) fn allows_reconnect(&self) -> bool {
        self.message["allowReconnect"] == true
    }

    /// What went wrong, if something did.
    pub(super) fn error(&self) -> Option<&str> {
        self.message["error"].as_str()
    }

    /// The result of a call.
    pub(super) fn result<R: DeserializeOwned>(&self, naming: NamingPolicy) -> Result<R, ProtocolError> {
        typed(&self.message["result"], naming)
    }

    /// The arguments of a call: as a tuple, or a single one alone.
    pub(super) fn arguments<T: DeserializeOwned>(&self, naming: NamingPolicy) -> Result<T, ProtocolError> {
        let arguments = &self.message["arguments"];
        typed(arguments, naming).or_else(|err| match arguments.as_array().map(Vec::as_slice) {
            Some([]) => typed(&Value::Null, naming),
            Some([single]) => typed(single, naming),
            _ => Err(err),
        })
    }
}

/// A value as the hub names the members of its types.
fn typed<T: DeserializeOwned>(value: &Value, naming: NamingPolicy) -> Result<T, ProtocolError> {
    Argument::new(HubProtocol::Json, value.to_string().into(), naming, "value").read()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments<T: DeserializeOwned>(list: &str) -> Option<T> {
        Record::read(format!(r#"{{"type":1,"target":"T","arguments":{list}}}"#).as_bytes())
            .arguments(NamingPolicy::default())
            .ok()
    }

    #[test]
    fn a_single_argument_is_read_with_and_without_its_tuple() {
        assert_eq!(arguments::<(i32,)>("[7]"), Some((7,)));
        assert_eq!(arguments::<i32>("[7]"), Some(7));
        assert_eq!(arguments::<Vec<i32>>("[[1,2]]"), Some(vec![1, 2]));
        assert_eq!(arguments::<(i32, String)>(r#"[7,"x"]"#), Some((7, "x".into())));
        assert_eq!(arguments::<()>("[]"), Some(()));
        assert_eq!(arguments::<i32>("[7,8]"), None);
    }
}
