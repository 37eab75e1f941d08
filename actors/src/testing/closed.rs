//! How a connection ended.

/// How a connection ended, as its client sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// What the server said was wrong; `None` where it said nothing.
    pub error: Option<String>,
    /// Whether the server allows the client to come back.
    pub allow_reconnect: bool,
    /// Whether a close message came; without one the transport has just ended.
    pub was_told: bool,
}
