//! Judging what a client asks for in its handshake.

use bytes::Bytes;

use crate::{
    HubError, ProtocolError,
    protocol::{HandshakeRequest, HubProtocol, MAXIMUM_VERSION, TransferFormat},
};

/// What the connection speaks from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) protocol: HubProtocol,
    pub(super) version: i32,
}

/// Reads the request and says what is agreed, or the text of the refusal. The checks and their order are those of
/// section 1 of the protocol.
pub(super) fn judge(record: &Bytes, formats: &[TransferFormat], detailed: bool) -> Result<Agreed, String> {
    let request = HandshakeRequest::parse(record).map_err(|err| unexpected(err, detailed))?;
    let HandshakeRequest { protocol: name, version } = request;
    let protocol =
        HubProtocol::by_name(&name).ok_or_else(|| format!("The protocol '{name}' is not supported."))?;
    if version > MAXIMUM_VERSION {
        return Err(format!("The server does not support version {version} of the '{name}' protocol."));
    }
    let format = protocol.transfer_format();
    if !formats.contains(&format) {
        return Err(format!(
            "Cannot use the '{}' protocol on the current transport. The transport does not support '{}' transfer format.",
            protocol.name(),
            format.name()
        ));
    }
    Ok(Agreed { protocol, version })
}

/// The text for what the client could not have meant.
fn unexpected(err: ProtocolError, detailed: bool) -> String {
    let base = "An unexpected error occurred during connection handshake.";
    HubError::from(err).told_to_client(base, detailed)
}

/// The text of a refusal without what the client has sent, which may be more than a handshake.
pub(super) fn without_content(error: &str) -> &str {
    error.split(" Message content: ").next().unwrap_or_default()
}

/// The text for a handshake that took too long or was too large.
pub(super) const CANCELED: &str = "Handshake was canceled.";

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &'static str, formats: &[TransferFormat]) -> Result<Agreed, String> {
        judge(&Bytes::from_static(text.as_bytes()), formats, false)
    }

    #[test]
    fn names_are_compared_without_case_and_low_versions_pass() {
        let text = [TransferFormat::Text];
        for (request, version) in [
            (r#"{"protocol":"json","version":1}"#, 1),
            (r#"{"protocol":"JSON","version":2}"#, 2),
            (r#"{"protocol":"json","version":-1}"#, -1),
        ] {
            let agreed = Agreed { protocol: HubProtocol::Json, version };
            assert_eq!(judged(request, &text), Ok(agreed), "{request}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let text = [TransferFormat::Text];
        for (request, formats, error) in [
            (r#"{"protocol":"x","version":1}"#, &text[..], "The protocol 'x' is not supported."),
            (
                r#"{"protocol":"Json","version":3}"#,
                &text[..],
                "The server does not support version 3 of the 'Json' protocol.",
            ),
            (
                r#"{"protocol":"JSON","version":1}"#,
                &[TransferFormat::Binary][..],
                "Cannot use the 'json' protocol on the current transport. The transport does not support 'Text' transfer format.",
            ),
            ("{}", &text[..], "An unexpected error occurred during connection handshake."),
        ] {
            assert_eq!(judged(request, formats), Err(error.to_owned()));
        }
    }
}
