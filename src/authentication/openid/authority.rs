//! An identity provider, and how its keys are kept up to date.

use std::{fmt, sync::Arc, time::Duration};

use crate::authentication::openid::Backchannel;

/// An identity provider whose keys and issuer are those of its OpenID Connect document.
///
/// The document is fetched when the first token comes, by one request for all workers. It is fetched anew every twelve hours
/// or so, and when a token names a key that is not known; while that goes on, and as long as it fails, the keys at hand are used.
///
/// ```
/// # #[cfg(feature = "openid-connect")] {
/// use std::time::Duration;
///
/// use actix_signalr::{Authority, JwtBearer};
///
/// let bearer = JwtBearer::with_authority("https://login.example.com").audience("chat");
///
/// let in_development = Authority::new("http://localhost:3000").require_https_metadata(false);
/// let bearer = JwtBearer::with_authority(in_development).audience("chat");
/// # }
/// ```
pub struct Authority {
    pub(super) metadata_address: String,
    pub(super) require_https_metadata: bool,
    pub(super) automatic_refresh_interval: Duration,
    pub(super) refresh_interval: Duration,
    pub(super) backchannel_timeout: Duration,
    pub(super) last_known_good_lifetime: Duration,
    pub(super) backchannel: Arc<dyn Backchannel>,
}

impl Authority {
    /// The provider at an address, whose document is at `.well-known/openid-configuration` below it.
    #[cfg(feature = "openid-connect")]
    #[must_use]
    pub fn new(address: impl AsRef<str>) -> Self {
        Self::through(address, super::HttpBackchannel::new())
    }

    /// The provider at an address, whose documents an HTTP client of the application's own fetches.
    #[must_use]
    pub fn through(address: impl AsRef<str>, backchannel: impl Backchannel) -> Self {
        let metadata_address =
            format!("{}/.well-known/openid-configuration", address.as_ref().trim_end_matches('/'));
        Self {
            metadata_address,
            require_https_metadata: true,
            automatic_refresh_interval: Duration::from_secs(12 * 3600),
            refresh_interval: Duration::from_secs(300),
            backchannel_timeout: Duration::from_secs(60),
            last_known_good_lifetime: Duration::from_secs(3600),
            backchannel: Arc::new(backchannel),
        }
    }

    /// Where the document is, if not below the address.
    #[must_use]
    pub fn metadata_address(mut self, address: impl Into<String>) -> Self {
        self.metadata_address = address.into();
        self
    }

    /// Whether documents are fetched by HTTPS alone; yes. Over HTTP, whoever stands between can make himself the provider.
    #[must_use]
    pub const fn require_https_metadata(mut self, required: bool) -> Self {
        self.require_https_metadata = required;
        self
    }

    /// After which time the document is fetched anew, up to an hour more; 12 h, and 5 min at the least.
    #[must_use]
    pub const fn automatic_refresh_interval(mut self, interval: Duration) -> Self {
        self.automatic_refresh_interval = interval;
        self
    }

    /// How long after the last time the document is fetched anew for a token with an unknown key, and to which time the waits
    /// after failures grow; 5 min, and 1 s at the least. The first token with an unknown key does not wait.
    #[must_use]
    pub const fn refresh_interval(mut self, interval: Duration) -> Self {
        self.refresh_interval = interval;
        self
    }

    /// How long the provider may take for the document and the keys together; 1 min. As long, requests wait when there are no
    /// keys yet.
    #[must_use]
    pub const fn backchannel_timeout(mut self, timeout: Duration) -> Self {
        self.backchannel_timeout = timeout;
        self
    }

    /// How long after the last token that they verified keys are used which the provider has withdrawn; 1 h. With zero
    /// they are not.
    #[must_use]
    pub const fn last_known_good_lifetime(mut self, lifetime: Duration) -> Self {
        self.last_known_good_lifetime = lifetime;
        self
    }

    /// The option that cannot have its value, and why.
    pub(in crate::authentication) fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        if self.require_https_metadata && !is_https(&self.metadata_address) {
            let why = "must use HTTPS unless disabled for development by `require_https_metadata(false)`";
            return Err(("with_authority", why));
        }
        if !is_https(&self.metadata_address) && !starts_with(&self.metadata_address, "http://") {
            return Err(("with_authority", "must be an address that begins with https:// or http://"));
        }
        if self.automatic_refresh_interval < Duration::from_secs(300) {
            return Err(("automatic_refresh_interval", "must be 5 minutes or more"));
        }
        if self.refresh_interval < Duration::from_secs(1) {
            return Err(("refresh_interval", "must be a second or more"));
        }
        Ok(())
    }

    /// Whether a document may be fetched from there.
    pub(super) fn allows(&self, address: &str) -> bool {
        is_https(address) || !self.require_https_metadata && starts_with(address, "http://")
    }
}

#[cfg(feature = "openid-connect")]
impl<S: AsRef<str>> From<S> for Authority {
    fn from(address: S) -> Self {
        Self::new(address)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("metadata_address", &self.metadata_address)
            .field("require_https_metadata", &self.require_https_metadata)
            .field("automatic_refresh_interval", &self.automatic_refresh_interval)
            .field("refresh_interval", &self.refresh_interval)
            .field("backchannel_timeout", &self.backchannel_timeout)
            .field("last_known_good_lifetime", &self.last_known_good_lifetime)
            .finish_non_exhaustive()
    }
}

fn is_https(address: &str) -> bool {
    starts_with(address, "https://")
}

fn starts_with(address: &str, scheme: &str) -> bool {
    address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}
