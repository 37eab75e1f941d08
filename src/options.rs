//! What can be set for one route of a hub.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use actix_signalr_actors::{AuthorizeData, HubResult, transport::TransportKind};

use crate::refresh_callback::{AuthenticationRefreshContext, RefreshCallback};

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
    pub(crate) transport_send_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) close_on_authentication_expiration: bool,
    pub(crate) allow_stateful_reconnects: bool,
    pub(crate) enable_authentication_refresh: bool,
    pub(crate) on_authentication_refresh: Option<RefreshCallback>,
    pub(crate) maximum_authentication_expiration: Option<Duration>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) sub_protocol: Option<SubProtocolSelector>,
    pub(crate) one_time_tickets: bool,
    pub(crate) subprotocol_token: bool,
}

/// Chooses one of the subprotocols that a client offers.
#[derive(Clone)]
pub(crate) struct SubProtocolSelector(Arc<SelectSubProtocol>);

type SelectSubProtocol = dyn Fn(&[&str]) -> Option<String> + Send + Sync;

impl SubProtocolSelector {
    pub(crate) fn select(&self, offered: &[&str]) -> Option<String> {
        (self.0)(offered)
    }
}

impl fmt::Debug for SubProtocolSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubProtocolSelector").finish_non_exhaustive()
    }
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
            transport_send_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            poll_timeout: Duration::from_secs(90),
            close_on_authentication_expiration: false,
            allow_stateful_reconnects: false,
            allowed_origins: Vec::new(),
            sub_protocol: None,
            one_time_tickets: false,
            subprotocol_token: false,
            enable_authentication_refresh: false,
            on_authentication_refresh: None,
            maximum_authentication_expiration: None,
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

    /// Whether clients that ask for it may resume a connection whose WebSocket was cut, within
    /// [`disconnect_timeout`](Self::disconnect_timeout); no. Nothing is lost then, nor comes twice, in either direction.
    ///
    /// Costs memory for what a client has not acknowledged: see
    /// [`stateful_reconnect_buffer_size`](actix_signalr_actors::HubOptions::stateful_reconnect_buffer_size).
    #[must_use]
    pub const fn allow_stateful_reconnects(mut self, allow: bool) -> Self {
        self.allow_stateful_reconnects = allow;
        self
    }

    /// From pages of which origins WebSockets may be opened, such as `https://app.example.com`, beside the server's own; `*`
    /// is all. Others are answered 403. A request without an `Origin` header is not from a page, and passes.
    ///
    /// Browsers open WebSockets from every page, and send cookies along: CORS does not cover them. Where nothing is named, a
    /// page of any origin is let in, unless its browser has [sent the credentials by
    /// itself](crate::AuthenticationScheme::is_sent_by_itself): then it must be of the origin that `Host` names.
    ///
    /// In ASP.NET Core it is an option of the WebSocket middleware, and all origins are allowed until some are named, cookies
    /// or not.
    #[must_use]
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Chooses among the subprotocols that the client of a WebSocket offers, which may be none; by default none is agreed
    /// on. The clients of SignalR offer none.
    #[must_use]
    pub fn sub_protocol_selector(
        mut self,
        select: impl Fn(&[&str]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.sub_protocol = Some(SubProtocolSelector(Arc::new(select)));
        self
    }

    /// Whether clients may trade their credentials for a ticket that opens one connection; no. ASP.NET Core has nothing like
    /// it.
    ///
    /// `POST {hub}/ticket`, with the credentials and under the policy of the hub, answers `{"ticket":"...","expiresIn":30}`.
    /// The request that connects shows it in its query, as `ticket`: once, within 30 s, on the same route. So a browser, which
    /// cannot give a WebSocket or an event source a header, need not write its token into an address, where logs keep it. At
    /// the most 65,536 tickets of a route are there at a time; beyond that, 503. `ticket` must not be the name of a
    /// query parameter of the application's own.
    #[must_use]
    pub const fn one_time_tickets(mut self, on: bool) -> Self {
        self.one_time_tickets = on;
        self
    }

    /// Whether a WebSocket may bring its bearer token among its subprotocols; no. ASP.NET Core has nothing like it.
    ///
    /// A page cannot give a WebSocket headers, and a token in its address ends up in logs. With this it may offer the two
    /// subprotocols `signalr` and `signalr.bearer.TOKEN`, the token in base64url without padding. Schemes find it as
    /// `Authorization: Bearer ...`, as from any other client; answered is `signalr`.
    ///
    /// With Microsoft's JavaScript client, negotiated or not:
    ///
    /// ```js
    /// class QuietWebSocket extends WebSocket {
    ///   constructor(url) {
    ///     const address = new URL(url), token = address.searchParams.get("access_token");
    ///     address.searchParams.delete("access_token");
    ///     super(address, token ? ["signalr", "signalr.bearer." + base64url(token)] : []);
    ///   }
    /// }
    /// const base64url = (text) => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    /// new HubConnectionBuilder().withUrl("/chat", { accessTokenFactory, WebSocket: QuietWebSocket });
    /// ```
    #[must_use]
    pub const fn subprotocol_token(mut self, on: bool) -> Self {
        self.subprotocol_token = on;
        self
    }

    /// Whether clients can replace their credentials without a new connection; no. There is a route for it then,
    /// `POST {path}/refresh` with the new credentials and the header `X-SignalR-Connection-Token`; negotiation says how long
    /// the credentials are good (`tokenLifetimeSeconds`); and polls and resumed sockets may bring fresher ones.
    ///
    /// New credentials must be those of the same user. Calls that begin later are made as the new principal and authorized with
    /// it, the hub is told by [`Hub::on_authentication_refreshed`](crate::Hub::on_authentication_refreshed), and a deadline of
    /// [`close_on_authentication_expiration`](Self::close_on_authentication_expiration), which goes well with it, moves.
    #[must_use]
    pub const fn enable_authentication_refresh(mut self, enable: bool) -> Self {
        self.enable_authentication_refresh = enable;
        self
    }

    /// Asked before credentials are replaced by others of the same user; none, and they are. `Ok(false)` refuses them: at a
    /// request to refresh nothing else happens, a poll and a resumed socket end the connection as well. An error, a panic, or
    /// that it takes longer than [`HubOptions::authorization_timeout`](crate::HubOptions::authorization_timeout) are answered
    /// 500, and logged; the connection stays as it is then.
    ///
    /// ```
    /// use actix_signalr::HttpConnectionOptions;
    ///
    /// let options = HttpConnectionOptions::default()
    ///     .enable_authentication_refresh(true)
    ///     .on_authentication_refresh(async |refresh| Ok(!refresh.new_user().is_in_role("Suspended")));
    /// ```
    #[must_use]
    pub fn on_authentication_refresh<F>(
        mut self,
        callback: impl Fn(AuthenticationRefreshContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = HubResult<bool>> + 'static,
    {
        self.on_authentication_refresh = Some(RefreshCallback::new(callback));
        self
    }

    /// For how long credentials are good at the most, counted from each request that shows them, also those that do not expire;
    /// `None`, as long as they say. It counts whether they can be refreshed or not. Zero is an error of
    /// [`build`](crate::SignalRBuilder::build).
    #[must_use]
    pub fn maximum_authentication_expiration(mut self, maximum: impl Into<Option<Duration>>) -> Self {
        self.maximum_authentication_expiration = maximum.into();
        self
    }

    /// How long a poll waits for something to answer with; 90 s. Clients give up after 100 s.
    #[must_use]
    pub const fn poll_timeout(mut self, timeout: Duration) -> Self {
        self.poll_timeout = timeout;
        self
    }

    /// How long a connection is kept without a transport: after negotiation, between polls, and until a client resumes it;
    /// 15 s.
    #[must_use]
    pub const fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.disconnect_timeout = timeout;
        self
    }

    /// How long one write to a client may take - a message of a WebSocket, an event, the answer to a poll - before the
    /// client is cut off and its hub told; 10 s, kept to the second and at least one. `Duration::MAX` is for ever.
    ///
    /// Small writes go into buffers of the HTTP layer and of the system, where they count as taken. Over HTTP/2, where a TCP
    /// connection may serve others too, the hub is told, and the stream is left to the client.
    #[must_use]
    pub const fn transport_send_timeout(mut self, timeout: Duration) -> Self {
        self.transport_send_timeout = timeout;
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
