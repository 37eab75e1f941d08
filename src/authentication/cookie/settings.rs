//! What can be said of a cookie, and of who signs in.

use std::time::SystemTime;

/// Which requests from other sites carry the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// None does.
    Strict,
    /// Following a link does; nothing that a page does by itself, such as opening a WebSocket.
    #[default]
    Lax,
    /// All do. That no other site's pages open hubs as the user is then up to the check of their origin alone, see
    /// [`HttpConnectionOptions::allowed_origins`](crate::HttpConnectionOptions::allowed_origins). The cookie is then marked as secure, or no
    /// browser keeps it.
    None,
    /// The cookie says nothing of it, and each browser does as it likes; most take it for [`Lax`](Self::Lax).
    Unspecified,
}

/// When a cookie is for HTTPS alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurePolicy {
    /// If the request that it answers came over TLS to this server. Behind a proxy that ends TLS, say
    /// [`Always`](Self::Always).
    #[default]
    SameAsRequest,
    /// Always.
    Always,
    /// Never: whoever listens on the way to this server can become its user.
    Never,
}

/// How somebody is signed in.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SignInProperties {
    pub(super) expires_at: Option<SystemTime>,
    pub(super) is_persistent: bool,
    pub(super) forbid_refresh: bool,
}

impl SignInProperties {
    /// For as long as the scheme says, until the browser is closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Until then, whatever the scheme says.
    pub const fn expires_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Whether the browser keeps the cookie when it is closed; no.
    pub const fn persistent(mut self, persistent: bool) -> Self {
        self.is_persistent = persistent;
        self
    }

    /// Whether the cookie may be renewed while it is used; yes, if the scheme does so.
    pub const fn allow_refresh(mut self, allow: bool) -> Self {
        self.forbid_refresh = !allow;
        self
    }
}
