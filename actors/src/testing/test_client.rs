//! A client in memory.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::Addr;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    ClaimsPrincipal, ConnectionActor, ConnectionId, ProtocolError,
    protocol::{HubProtocol, NamingPolicy, RECORD_SEPARATOR},
    testing::{Closed, InvokeError, pipe::Pipe, record::Record, soon},
    transport::{Flow, Received, TransportClosed},
};

/// A client that speaks the JSON hub protocol to a [`TestHub`](crate::testing::TestHub).
///
/// What the server sends stays here, in its order, until something asks for it. Dropping the client is the loss of
/// its network.
pub struct TestClient {
    id: ConnectionId,
    pipe: Arc<Pipe>,
    flow: Flow,
    pub(super) connection: Addr<ConnectionActor>,
    calls: AtomicU64,
    naming: NamingPolicy,
    /// As whom its last request was made.
    pub(super) user: Mutex<Arc<ClaimsPrincipal>>,
}

impl TestClient {
    pub(super) const fn new(
        id: ConnectionId,
        pipe: Arc<Pipe>,
        flow: Flow,
        connection: Addr<ConnectionActor>,
        naming: NamingPolicy,
        user: Arc<ClaimsPrincipal>,
    ) -> Self {
        Self { id, pipe, flow, connection, calls: AtomicU64::new(0), naming, user: Mutex::new(user) }
    }

    /// The public id of the connection.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.id
    }

    /// Calls a hub method and waits for its answer. The arguments are a tuple: `("text", 7)`, `("text",)` for one, `()`
    /// for none; a method without a result answers `()`.
    ///
    /// Calls go out in the order in which their futures are first polled; several may be on their way.
    ///
    /// # Errors
    /// The error the client is told, or that the connection has ended before the answer.
    ///
    /// # Panics
    /// When the arguments are no tuple, the result is no `R`, or no answer comes within a minute.
    pub async fn invoke<R: DeserializeOwned>(
        &self,
        method: &str,
        arguments: impl Serialize,
    ) -> Result<R, InvokeError> {
        let id = (self.calls.fetch_add(1, Ordering::Relaxed) + 1).to_string();
        self.send_record(&self.invocation(Some(&id), method, &arguments)).await;
        let answer = self.pipe.take(|state| match state.first(|record| record.answers(&id)) {
            None if state.has_ended => Some(None),
            answer => answer.map(Some),
        });
        let Ok(answer) = actix_rt::time::timeout(LONGEST_CALL, answer).await else {
            panic!("no answer from '{method}' within {LONGEST_CALL:?}; {}", self.unread());
        };
        let answer = answer.ok_or_else(|| InvokeError(CONNECTION_CLOSED.to_owned()))?;
        match answer.error() {
            Some(error) => Err(InvokeError(error.to_owned())),
            None => Ok(read(&answer, |record| record.result(self.naming))),
        }
    }

    /// Calls a hub method without wanting an answer; returns when the call is on its way.
    ///
    /// # Panics
    /// When the arguments are no tuple.
    pub async fn send(&self, method: &str, arguments: impl Serialize) {
        self.send_record(&self.invocation(None, method, &arguments)).await;
    }

    /// The arguments of the first call of a client method that has not been taken yet; waits for it, a second at the
    /// most. Several arguments are a tuple; a single one may be `T` or `(T,)`. Calls of other methods stay where they
    /// are.
    ///
    /// # Panics
    /// When no such call comes, or its arguments are no `T`.
    pub async fn receive<T: DeserializeOwned>(&self, method: &str) -> T {
        let call = self.pipe.take(|state| match state.first(|record| record.calls(method)) {
            None if state.has_ended => Some(None),
            call => call.map(Some),
        });
        let Some(Some(call)) = soon(call).await else {
            panic!("'{method}' has not been called; {}", self.unread());
        };
        read(&call, |record| record.arguments(self.naming))
    }

    /// Whether a call of a client method is here that has not been taken yet. Waits for nothing: to be sure that
    /// something was not sent, await the answer to a call that would have come behind it.
    ///
    /// ```
    /// # use actix_signalr_actors::{Hub, HubCallerContext, HubDescriptor, SendError, testing::{TestHub, user}};
    /// # struct ChatHub;
    /// # impl ChatHub {
    /// #     async fn send_message(&self, ctx: HubCallerContext, text: String) -> Result<(), SendError> {
    /// #         ctx.clients().others().send("ReceiveMessage", (text,)).await
    /// #     }
    /// # }
    /// # impl Hub for ChatHub {
    /// #     fn describe(hub: &mut HubDescriptor<Self>) {
    /// #         hub.method("SendMessage", Self::send_message);
    /// #     }
    /// # }
    /// # actix_rt::System::new().block_on(async {
    /// # let hub = TestHub::start(ChatHub);
    /// let ann = hub.connect(user("ann")).await;
    /// let bob = hub.connect(user("bob")).await;
    /// ann.invoke::<()>("SendMessage", ("hello",)).await.unwrap();
    /// assert!(bob.has_received("ReceiveMessage"));
    /// assert!(!ann.has_received("ReceiveMessage"));
    /// # });
    /// ```
    #[must_use]
    pub fn has_received(&self, method: &str) -> bool {
        self.pipe.look(|state| state.records().any(|record| record.calls(method)))
    }

    /// Sends one record as it is; its separator is added.
    ///
    /// # Panics
    /// When the server does not read on for a second.
    pub async fn send_record(&self, text: &str) {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(RECORD_SEPARATOR);
        self.send_bytes(bytes).await;
    }

    /// Sends any bytes, to arrive in one read: several records, or a part of one.
    ///
    /// # Panics
    /// When the server does not read on for a second.
    pub async fn send_bytes(&self, bytes: impl Into<Bytes>) {
        let inbound = &self.flow.inbound;
        if soon(self.pipe.take(|state| (state.has_ended || !inbound.wait()).then_some(()))).await.is_none() {
            panic!("the server does not read on; {}", self.unread());
        }
        let bytes = bytes.into();
        inbound.add(bytes.len());
        self.connection.do_send(Received::from(bytes));
    }

    /// The next record that has not been taken yet, without its separator, whatever it is; waits for it, a second at the
    /// most. `None` where the transport has ended and there is none.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next_record(&self) -> Option<String> {
        let record = self.pipe.take(|state| match state.first(|_| true) {
            None if state.has_ended => Some(None),
            record => record.map(Some),
        });
        let Some(record) = soon(record).await else { panic!("no record has come") };
        record.map(|record| record.text)
    }

    /// Ends the connection in good order: says so, and waits until the server has done all that belongs to it.
    ///
    /// # Panics
    /// When that takes longer than a second.
    pub async fn close(&self) -> Closed {
        self.send_record(r#"{"type":7}"#).await;
        self.disconnected().await
    }

    /// Loses the network: nothing comes from the client any more, and nothing reaches it. Waits until the server has done
    /// all that belongs to it.
    ///
    /// # Panics
    /// When that takes longer than a second.
    pub async fn vanish(&self) {
        self.connection.do_send(TransportClosed::default());
        self.disconnected().await;
    }

    /// Waits until the connection is over and its hub has been told.
    ///
    /// # Panics
    /// When that takes longer than a second.
    pub async fn disconnected(&self) -> Closed {
        let over =
            self.pipe.take(|state| (state.has_ended && state.is_over).then(|| state.first(Record::closes)));
        let Some(close) = soon(over).await else {
            panic!("the connection has not ended; {}", self.unread());
        };
        close.map_or_else(Closed::default, |close| Closed {
            error: close.error().map(str::to_owned),
            allow_reconnect: close.allows_reconnect(),
            was_told: true,
        })
    }

    /// A call as a record, without its separator.
    fn invocation(&self, id: Option<&str>, method: &str, arguments: &impl Serialize) -> String {
        let arguments = match HubProtocol::Json.encode_payload_with(arguments, self.naming) {
            Ok(payload) => String::from_utf8_lossy(&payload.0).into_owned(),
            Err(err) => panic!("the arguments cannot be written: {err}"),
        };
        let arguments = match &*arguments {
            "null" => "[]",
            list if list.starts_with('[') => list,
            _ => panic!("arguments are given as a tuple: `(value,)` for a single one"),
        };
        let method = Value::from(method);
        let id = id.map(|id| format!(r#""invocationId":{},"#, Value::from(id))).unwrap_or_default();
        format!(r#"{{"type":1,{id}"target":{method},"arguments":{arguments}}}"#)
    }

    /// What nobody has taken, for the text of a panic.
    fn unread(&self) -> String {
        self.pipe.look(|state| {
            let records: Vec<_> = state.records().take(SHOWN_RECORDS).map(|record| &*record.text).collect();
            let ended = if state.has_ended { ", and the connection has ended" } else { "" };
            format!("not taken: {records:?}{ended}")
        })
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        if self.pipe.look(|state| !state.is_over) {
            self.connection.do_send(TransportClosed::default());
        }
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Reads a value out of a record.
fn read<T>(record: &Record, read: impl FnOnce(&Record) -> Result<T, ProtocolError>) -> T {
    match read(record) {
        Ok(value) => value,
        Err(err) => panic!("{} holds no such value: {err}", record.text),
    }
}

/// What the official client says of calls that are lost with their connection.
const CONNECTION_CLOSED: &str = "Invocation canceled due to the underlying connection being closed.";

/// Longer than any default timeout of the server, whose clock a test may have paused.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// Enough to see what came instead.
const SHOWN_RECORDS: usize = 10;
