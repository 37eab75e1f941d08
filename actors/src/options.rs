//! What can be set for a hub.

use std::time::Duration;

use crate::{SetTraceParent, protocol::NamingPolicy};

/// The options of one hub; the defaults are those of ASP.NET Core SignalR unless stated.
///
/// ```
/// use std::time::Duration;
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
    pub(crate) naming_policy: NamingPolicy,
    pub(crate) trace_parent: Option<SetTraceParent>,
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
            naming_policy: NamingPolicy::Conventional,
            trace_parent: None,
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

    /// How often a client is sent a ping; 15 s, kept to the second.
    #[must_use]
    pub const fn keep_alive_interval(mut self, interval: Duration) -> Self {
        self.keep_alive_interval = interval;
        self
    }

    /// How long a client that has begun to send pings may be silent; 30 s, kept to the second.
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
}
