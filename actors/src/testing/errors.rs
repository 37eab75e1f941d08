//! What a client is told when something does not work.

use std::{error::Error, fmt};

/// A call failed. Its text is just what the client was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeError(pub(super) String);

impl fmt::Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvokeError {}

/// A client was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The hub demands something of its callers, and nobody is known here; over HTTP a 401.
    Unauthorized,
    /// The hub demands something that this user does not have; over HTTP a 403.
    Forbidden,
    /// The handshake was refused, with the text the client was sent.
    Handshake(String),
    /// The connection ended without an answer to the handshake.
    Ended,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => f.write_str("the hub demands an authenticated user"),
            Self::Forbidden => f.write_str("the user does not meet what the hub demands"),
            Self::Handshake(error) => f.write_str(error),
            Self::Ended => f.write_str("the connection ended during its handshake"),
        }
    }
}

impl Error for ConnectError {}

/// Credentials of a client have not been replaced; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshError {
    /// They are those of another user; over HTTP a 403 with `user_changed`.
    UserChanged,
    /// The connection is over; over HTTP a 404 with `connection_not_found`.
    Ended,
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserChanged => "the credentials are those of another user",
            Self::Ended => "the connection is over",
        })
    }
}

impl Error for RefreshError {}
