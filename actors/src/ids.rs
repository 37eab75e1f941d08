//! The identifiers of connections.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The public id of a connection: 22 characters of `A-Z a-z 0-9 - _`.
///
/// It names the connection to other clients and in logs. Knowing it gives no access to the
/// connection; that is what the [`ConnectionToken`] is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl ConnectionId {
    /// A new id of 16 bytes from the operating system's generator.
    #[must_use]
    pub fn random() -> Self {
        Self(random_text().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for ConnectionId {
    fn from(id: T) -> Self {
        Self(id.into())
    }
}

impl Deref for ConnectionId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ConnectionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ConnectionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret of a connection: whoever has it can speak for the connection.
///
/// Its `Debug` form hides the value, and it has no `Display` form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionToken(Arc<str>);

impl ConnectionToken {
    /// A new token of 16 bytes from the operating system's generator.
    #[must_use]
    pub fn random() -> Self {
        Self(random_text().into())
    }

    /// The token of a connection whose id is its token too: negotiation version 0, and a
    /// WebSocket without negotiation.
    #[must_use]
    pub fn same_as(id: &ConnectionId) -> Self {
        Self(id.0.clone())
    }

    /// The secret itself, for the one client it belongs to.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ConnectionToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConnectionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionToken(..)")
    }
}

/// 16 random bytes as unpadded base64url, 22 characters.
///
/// # Panics
/// When the operating system has no random bytes to give: nothing secure can be served then.
#[allow(clippy::expect_used, reason = "without a random source no connection can be kept apart from another")]
fn random_text() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system's random source works");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_22_url_safe_characters_and_differ() {
        let (a, b) = (ConnectionId::random(), ConnectionId::random());
        assert_ne!(a, b);
        assert_eq!(a.len(), 22);
        assert!(a.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = ConnectionToken::random();
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
