//! What can be set for a hub.

use std::{borrow::Cow, time::Duration};

use crate::{SetTraceParent, error::short_name, protocol::NamingPolicy};

/// The options of one hub; the defaults are those of ASP.NET Core SignalR unless stated.
///
/// ```
/// use std::{borrow::Cow, time::Duration};
/// use actix_signalr_actors::HubOptions;
///
/// let options = HubOptions::default()
///     .keep_alive_interval(Duration::from_secs(5))
///     .client_timeout_interval(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HubOptions {
    pub(crate) handshake_timeout: Duration,
    pub(crate) keep_alive_interval: Duration,
    pub(crate) client_timeout_interval: Duration,
    pub(crate) maximum_receive_message_size: Option<usize>,
    pub(crate) detailed_errors: bool,
    pub(crate) maximum_parallel_invocations: usize,
    pub(crate) authorization_timeout: Duration,
    pub(crate) stream_buffer_capacity: usize,
    pub(crate) stateful_reconnect_buffer_size: usize,
    pub(crate) naming_policy: NamingPolicy,
    pub(crate) trace_parent: Option<SetTraceParent>,
    pub(crate) backplane_hub_name: Option<Cow<'static, str>>,
    pub(crate) audit_allowed_every: u32,
    pub(crate) keep_decisions: bool,
    pub(crate) single_session_per_user: bool,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(15),
            keep_alive_interval: Duration::from_secs(15),
            client_timeout_interval: Duration::from_secs(30),
            maximum_receive_message_size: Some(32 * 1024),
            detailed_errors: false,
            maximum_parallel_invocations: 1,
            authorization_timeout: Duration::from_secs(30),
            stream_buffer_capacity: 10,
            stateful_reconnect_buffer_size: 100_000,
            naming_policy: NamingPolicy::Conventional,
            trace_parent: None,
            backplane_hub_name: None,
            audit_allowed_every: 1,
            keep_decisions: true,
            single_session_per_user: false,
        }
    }
}

impl HubOptions {
    /// How long a client may take to say which protocol it speaks; 15 s. Later it is told
    /// `Handshake was canceled.` and let go.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How often a client is sent a ping; 15 s, kept to a quarter of a second.
    #[must_use]
    pub const fn keep_alive_interval(mut self, interval: Duration) -> Self {
        self.keep_alive_interval = interval;
        self
    }

    /// How long a client that has begun to send pings may be silent; 30 s, kept to a quarter of a second.
    /// A client that never pings is never timed out.
    #[must_use]
    pub const fn client_timeout_interval(mut self, interval: Duration) -> Self {
        self.client_timeout_interval = interval;
        self
    }

    /// The longest message a client may send, in bytes with its frame; 32,768. `None` is no
    /// limit, which lets a client fill the memory.
    #[must_use]
    pub const fn maximum_receive_message_size(mut self, bytes: Option<usize>) -> Self {
        self.maximum_receive_message_size = bytes;
        self
    }

    /// Whether clients are told what failed inside the server; off. Never in production.
    #[must_use]
    pub const fn detailed_errors(mut self, on: bool) -> Self {
        self.detailed_errors = on;
        self
    }

    /// How many calls of one client may run at a time; 1, so that they run in their order.
    ///
    /// 0 is taken for 1.
    #[must_use]
    pub const fn maximum_parallel_invocations(mut self, calls: usize) -> Self {
        self.maximum_parallel_invocations = if calls == 0 { 1 } else { calls };
        self
    }

    /// How many items of a stream from a client may wait for the method that takes them; 10. 0 is taken for 1.
    #[must_use]
    pub const fn stream_buffer_capacity(mut self, items: usize) -> Self {
        self.stream_buffer_capacity = items;
        self
    }

    /// How many bytes are kept of what a client has not acknowledged, where it may resume its connection, before none of its
    /// calls is started and its streams wait; 100,000. 0 is no limit.
    ///
    /// What is delivered to it does not wait: a client that leaves more unacknowledged than the `maximum_backlog` of its
    /// route is let go. Clients acknowledge once a second.
    #[must_use]
    pub const fn stateful_reconnect_buffer_size(mut self, bytes: usize) -> Self {
        self.stateful_reconnect_buffer_size = bytes;
        self
    }

    /// How much of what a client sends is read, where it may resume its connection, before it is worked off: as much as a
    /// client leaves unacknowledged that keeps to the same size, and one message.
    #[must_use]
    pub fn read_ahead_size(&self) -> usize {
        self.stateful_reconnect_buffer_size.saturating_add(self.maximum_receive_message_size.unwrap_or(0))
    }

    /// What the members of structs are called on the wire, in arguments, results and what is sent;
    /// [`NamingPolicy::Conventional`], so that a plain derive is what clients of either protocol expect.
    #[must_use]
    pub const fn naming_policy(mut self, naming: NamingPolicy) -> Self {
        self.naming_policy = naming;
        self
    }

    /// How long the authorization of one call may take before it is a denial; 30 s.
    /// ASP.NET Core waits forever.
    #[must_use]
    pub const fn authorization_timeout(mut self, timeout: Duration) -> Self {
        self.authorization_timeout = timeout;
        self
    }

    /// Whether a new connection ends the older ones of the same user, on this hub; no. Their clients are told that it is over
    /// and not to come back. Who has no user id may have many.
    ///
    /// Which of two is older is said by the clocks of their servers. The new one does not wait for the end of the old ones.
    #[must_use]
    pub const fn single_session_per_user(mut self, single: bool) -> Self {
        self.single_session_per_user = single;
        self
    }

    /// Whether it is kept for a connection that its user meets a policy which depends on the principal alone; yes. Otherwise
    /// each call is decided anew.
    #[must_use]
    pub const fn keep_decisions(mut self, keep: bool) -> Self {
        self.keep_decisions = keep;
        self
    }

    /// Of how many allowed connections and calls one is recorded as an event (target `actix_signalr::audit`, level debug);
    /// 1, so each of them, 0 is none. Denials (level info) are always recorded, and all are counted.
    #[must_use]
    pub const fn audit_allowed_every(mut self, decisions: u32) -> Self {
        self.audit_allowed_every = decisions;
        self
    }

    /// Makes the span of a call the child of what its client was doing; none, and each call is the root of its own trace.
    ///
    /// Called where somebody listens to the span and the call's headers have a `traceparent` that is one. What a client says
    /// of its trace is not more to be trusted than the rest of what it says.
    ///
    /// ```
    /// use actix_signalr_actors::{HubOptions, TraceContext};
    ///
    /// fn set_parent(span: &tracing::Span, trace: &TraceContext) {
    ///     // With tracing-opentelemetry: extract the parent by `trace.field(name)`, then `span.set_parent(parent)`.
    ///     tracing::debug!(parent: span, traceparent = trace.field("traceparent"), "called within a trace");
    /// }
    ///
    /// let options = HubOptions::default().trace_parent(set_parent);
    /// ```
    #[must_use]
    pub const fn trace_parent(mut self, set_parent: SetTraceParent) -> Self {
        self.trace_parent = Some(set_parent);
        self
    }

    /// The name by which all servers on a backplane know the hub; that of its type, without its path. Where ASP.NET Core is
    /// among them it has to be the full name of the class there, such as `Chat.ChatHub`.
    ///
    /// Two hubs of a server must not have the same one.
    #[must_use]
    pub fn backplane_hub_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.backplane_hub_name = Some(name.into());
        self
    }

    /// The name of a hub on a backplane: the one that is set, or that of its type, without its path.
    #[must_use]
    pub fn backplane_hub_name_of<H>(&self) -> &str {
        self.backplane_hub_name.as_deref().unwrap_or_else(|| short_name(std::any::type_name::<H>()))
    }
}
