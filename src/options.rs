//! What can be set for one route of a hub.

use std::time::Duration;

use actix_signalr_actors::{AuthorizeData, transport::TransportKind};

/// The options of one route of a hub; the defaults are those of ASP.NET Core SignalR unless stated.
///
/// ```
/// use actix_signalr::{HttpConnectionOptions, TransportKind};
///
/// let options = HttpConnectionOptions::default().transports([TransportKind::WebSockets]);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpConnectionOptions {
    pub(crate) transports: Vec<TransportKind>,
    pub(crate) authorize: Vec<AuthorizeData>,
    pub(crate) application_max_buffer_size: usize,
    pub(crate) transport_max_buffer_size: usize,
    pub(crate) maximum_backlog: usize,
    pub(crate) minimum_protocol_version: i32,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) close_on_authentication_expiration: bool,
}

impl Default for HttpConnectionOptions {
    fn default() -> Self {
        Self {
            transports: ALL_TRANSPORTS.to_vec(),
            authorize: Vec::new(),
            application_max_buffer_size: 64 * 1024,
            transport_max_buffer_size: 64 * 1024,
            maximum_backlog: 1024 * 1024,
            minimum_protocol_version: 0,
            disconnect_timeout: Duration::from_secs(15),
            close_timeout: Duration::from_secs(5),
            poll_timeout: Duration::from_secs(90),
            close_on_authentication_expiration: false,
        }
    }
}

impl HttpConnectionOptions {
    /// Which transports may be used; all.
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = TransportKind>) -> Self {
        let wanted: Vec<_> = transports.into_iter().collect();
        self.transports = ALL_TRANSPORTS.into_iter().filter(|transport| wanted.contains(transport)).collect();
        self
    }

    /// Demands something of everybody who connects by this route, on top of what the hub demands.
    #[must_use]
    pub fn authorize(mut self, demand: AuthorizeData) -> Self {
        self.authorize.push(demand);
        self
    }

    /// How many bytes of a client may wait for the hub before no more is read; 65,536. 0 is no limit.
    #[must_use]
    pub const fn application_max_buffer_size(mut self, bytes: usize) -> Self {
        self.application_max_buffer_size = bytes;
        self
    }

    /// How many bytes may wait for a client before none of its calls is started; 65,536. 0 is no limit.
    #[must_use]
    pub const fn transport_max_buffer_size(mut self, bytes: usize) -> Self {
        self.transport_max_buffer_size = bytes;
        self
    }

    /// How many bytes may wait for a client that does not read before it is let go; 1,048,576. ASP.NET Core lets
    /// senders wait instead, so that one such client holds up all that is sent to its group.
    #[must_use]
    pub const fn maximum_backlog(mut self, bytes: usize) -> Self {
        self.maximum_backlog = bytes;
        self
    }

    /// The lowest version of negotiation a client may ask for; 0. At 1 the public id of a connection can never be its
    /// secret, but for WebSockets without negotiation.
    #[must_use]
    pub const fn minimum_protocol_version(mut self, version: i32) -> Self {
        self.minimum_protocol_version = version;
        self
    }

    /// Whether a connection ends when the credentials expire that made it; no. Its client is told within a second or two
    /// and may come back. Each poll counts anew, so that one with a newer token keeps the connection.
    ///
    /// Expiry is taken by the letter, without the clock skew a scheme may allow: with a token that is past its time but
    /// within the skew, a client is let in and sent away at once.
    #[must_use]
    pub const fn close_on_authentication_expiration(mut self, close: bool) -> Self {
        self.close_on_authentication_expiration = close;
        self
    }

    /// How long a poll waits for something to answer with; 90 s. Clients give up after 100 s.
    #[must_use]
    pub const fn poll_timeout(mut self, timeout: Duration) -> Self {
        self.poll_timeout = timeout;
        self
    }

    /// How long a connection is kept without a transport: after negotiation, and between polls; 15 s.
    #[must_use]
    pub const fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.disconnect_timeout = timeout;
        self
    }

    /// How long a client may take to close its end of a WebSocket; 5 s.
    #[must_use]
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}

/// In the order in which clients are to try them.
pub(crate) const ALL_TRANSPORTS: [TransportKind; 3] =
    [TransportKind::WebSockets, TransportKind::ServerSentEvents, TransportKind::LongPolling];
