//! The client's side of stateful reconnect, and transports that a test cuts where it likes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix::prelude::*;
use actix_signalr_actors::{
    ClaimsPrincipal, ConnectRequest, ConnectionActor, ConnectionId, HubRuntime, NewConnection, Reconnect,
    ReconnectPlace, ReconnectTerms, StatefulReconnect,
    protocol::TransferFormat,
    transport::{Attachment, CloseReason, Flow, Outbound, Received, TransportClosed, TransportKind},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    channel::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
        oneshot,
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// A client that may resume its connection.
pub(crate) struct Client {
    pub(crate) connection: Addr<ConnectionActor>,
    pub(crate) place: Arc<Place>,
    /// Over when the connection is.
    lease: Option<oneshot::Receiver<()>>,
    by: Attachment,
    flow: Flow,
    events: UnboundedReceiver<Event>,
    /// Messages that have not been acknowledged, by their ids.
    kept: VecDeque<(i64, String)>,
    sent: i64,
    /// The id of the next message from the server, and the highest there has been.
    next: i64,
    highest: i64,
    part: Vec<u8>,
    /// Where the socket goes on, and has not said so yet.
    awaits_sequence: bool,
    /// Bytes that are still to be written and read until the socket is cut.
    budget: Budget,
    /// What the hub has said, repeats left out.
    pub(crate) heard: Vec<Value>,
    pub(crate) cuts: usize,
}

/// How many bytes a socket carries until it is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) up: usize,
    pub(crate) down: usize,
}

impl Budget {
    pub(crate) const NONE: Self = Self { up: usize::MAX, down: usize::MAX };
}

/// What a transport has been told.
#[derive(Debug)]
pub(crate) enum Event {
    Bytes(Bytes),
    Close,
    Abort,
}

/// What the connection has said of its place.
#[derive(Debug, Default)]
pub(crate) struct Place(Mutex<Vec<&'static str>>);

impl Place {
    pub(crate) fn told(&self) -> Vec<&'static str> {
        self.0.lock().clone()
    }
}

impl ReconnectPlace for Place {
    fn close(&self) {
        self.0.lock().push("closed");
    }

    fn time_out(&self) {
        self.0.lock().push("timed out");
    }
}

/// How a client connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) version: i32,
    pub(crate) window: Duration,
    pub(crate) maximum_backlog: usize,
    pub(crate) inbound_limit: usize,
    /// Whether the network takes what it is given.
    pub(crate) is_taken: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 2,
            window: Duration::from_secs(15),
            maximum_backlog: 1 << 20,
            inbound_limit: 132_768,
            is_taken: true,
        }
    }
}

impl Client {
    /// Connects, and waits until the handshake has been answered.
    pub(crate) async fn connect(runtime: &Arc<HubRuntime>, settings: Settings) -> Self {
        let mut client = Self::open(runtime, settings);
        client.write(format!("{{\"protocol\":\"json\",\"version\":{}}}\u{1e}", settings.version).as_bytes());
        assert_eq!(client.record().await.unwrap(), "{}");
        client
    }

    /// Connects without a word.
    pub(crate) fn open(runtime: &Arc<HubRuntime>, settings: Settings) -> Self {
        let flow = Flow::new(settings.inbound_limit, 65_536);
        let (sender, events) = unbounded();
        let place = Arc::new(Place::default());
        let (held, lease) = oneshot::channel::<()>();
        let transport = Transport { sender, flow: flow.clone(), is_taken: settings.is_taken }.start();
        let connection = runtime.connect(NewConnection {
            id: ConnectionId::random(),
            user: Arc::new(ClaimsPrincipal::default()),
            request: ConnectRequest::new(TransportKind::InProcess, "/first"),
            policy: None,
            transport: transport.recipient(),
            flow: flow.clone(),
            formats: &[TransferFormat::Text],
            has_inherent_keep_alive: false,
            maximum_backlog: settings.maximum_backlog,
            expires_at: None,
            stateful: StatefulReconnect::Resumable(ReconnectTerms {
                window: settings.window,
                place: place.clone(),
            }),
            lease: Box::new(held),
        });
        Self {
            connection,
            place,
            lease: Some(lease),
            by: Attachment::default(),
            flow,
            events,
            kept: VecDeque::new(),
            sent: 0,
            next: 1,
            highest: 0,
            part: Vec::new(),
            awaits_sequence: false,
            budget: Budget::NONE,
            heard: Vec::new(),
            cuts: 0,
        }
    }

    /// The socket is cut after so many bytes.
    pub(crate) const fn cut_after(&mut self, budget: Budget) {
        self.budget = budget;
    }

    /// Sends a message that counts.
    pub(crate) fn say(&mut self, message: &Value) {
        self.sent += 1;
        let record = format!("{message}\u{1e}");
        self.write(record.as_bytes());
        self.kept.push_back((self.sent, record));
    }

    /// Calls a method, with an answer if there is an id.
    pub(crate) fn call(&mut self, id: Option<String>, target: &str, arguments: &Value) {
        let mut message = json!({ "type": 1, "target": target, "arguments": arguments });
        if let Some(id) = id {
            message["invocationId"] = json!(id);
        }
        self.say(&message);
    }

    /// Sends a record that does not count.
    pub(crate) fn tell(&mut self, message: &Value) {
        self.write(format!("{message}\u{1e}").as_bytes());
    }

    /// Acknowledges all there has been.
    pub(crate) fn acknowledge(&mut self) {
        self.tell(&json!({ "type": 8, "sequenceId": self.highest }));
    }

    /// Sends any bytes, as far as the socket carries them.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let carried = bytes.len().min(self.budget.up);
        self.budget.up -= if self.budget.up == usize::MAX { 0 } else { carried };
        if carried > 0 {
            self.flow.inbound.add(carried);
            let bytes = Bytes::copy_from_slice(&bytes[..carried]);
            self.connection.do_send(Received { bytes, by: self.by });
        }
    }

    /// Reads until there is something new from the hub, or the socket is cut; says whether there is.
    pub(crate) async fn hear(&mut self) -> bool {
        loop {
            let Some(record) = self.record().await else { return false };
            let message: Value = serde_json::from_str(&record).unwrap();
            match message["type"].as_i64().unwrap() {
                8 => {
                    let id = message["sequenceId"].as_i64().unwrap();
                    assert!(id <= self.sent, "acknowledged what was never sent");
                    self.kept.retain(|(kept, _)| *kept > id);
                }
                9 => {
                    let id = message["sequenceId"].as_i64().unwrap();
                    assert!(id <= self.highest + 1, "messages are missing: {id} after {}", self.highest);
                    self.next = id;
                    self.awaits_sequence = false;
                }
                6 => {}
                7 => {
                    self.heard.push(message);
                    return true;
                }
                _ => {
                    assert!(!self.awaits_sequence, "a message before the sequence: {message}");
                    let id = self.next;
                    self.next += 1;
                    if id > self.highest {
                        assert_eq!(id, self.highest + 1);
                        self.highest = id;
                        self.heard.push(message);
                        return true;
                    }
                }
            }
        }
    }

    /// The next record; `None` where the socket is cut first.
    pub(crate) async fn record(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.part.iter().position(|byte| *byte == 0x1e) {
                let rest = self.part.split_off(end + 1);
                let record = std::mem::replace(&mut self.part, rest);
                return Some(String::from_utf8(record[..end].to_vec()).unwrap());
            }
            if self.is_cut() {
                return None;
            }
            match actix::clock::timeout(FAILURE_LIMIT, self.events.next()).await.expect("nothing comes") {
                Some(Event::Bytes(bytes)) => {
                    let carried = bytes.len().min(self.budget.down);
                    self.budget.down -= if self.budget.down == usize::MAX { 0 } else { carried };
                    self.part.extend_from_slice(&bytes[..carried]);
                }
                other => panic!("the socket is over: {other:?}"),
            }
        }
    }

    /// What the transport is told next.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        self.events.next().await
    }

    const fn is_cut(&self) -> bool {
        self.budget.up == 0 || self.budget.down == 0
    }

    /// The network is cut.
    pub(crate) fn lose(&self) {
        self.connection.do_send(TransportClosed { reason: CloseReason::Lost, by: self.by });
    }

    /// Comes back with another socket; says whether it is taken.
    pub(crate) async fn come_back(&mut self) -> bool {
        self.attach(Settings::default()).await
    }

    /// Comes back with another socket, of these settings.
    pub(crate) async fn attach(&mut self, settings: Settings) -> bool {
        self.cuts += 1;
        self.by = self.by.next();
        self.flow = Flow::new(settings.inbound_limit, 65_536);
        self.budget = Budget::NONE;
        self.part.clear();
        let (sender, events) = unbounded();
        self.events = events;
        let transport = Transport { sender, flow: self.flow.clone(), is_taken: settings.is_taken }.start();
        let taken = self.connection.send(Reconnect {
            by: self.by,
            transport: transport.recipient(),
            flow: self.flow.clone(),
            request: ConnectRequest::new(TransportKind::InProcess, "/again"),
            expires_at: None,
        });
        taken.await.unwrap_or(false)
    }

    /// Another hand on the socket there is now, with which this client has nothing to do any more.
    pub(crate) fn leave(&mut self) -> Self {
        let events = std::mem::replace(&mut self.events, unbounded().1);
        Self {
            connection: self.connection.clone(),
            place: self.place.clone(),
            lease: None,
            by: self.by,
            flow: self.flow.clone(),
            events,
            kept: VecDeque::new(),
            sent: 0,
            next: 1,
            highest: 0,
            part: Vec::new(),
            awaits_sequence: false,
            budget: Budget::NONE,
            heard: Vec::new(),
            cuts: 0,
        }
    }

    /// Waits until the connection is over, with all that belongs to it.
    pub(crate) async fn over(&mut self) {
        if let Some(lease) = self.lease.take() {
            let over = actix::clock::timeout(FAILURE_LIMIT, lease).await;
            assert!(over.is_ok(), "the connection is not over");
        }
    }

    /// Says where it goes on, and sends again what has not been acknowledged.
    pub(crate) fn send_again(&mut self) {
        self.awaits_sequence = true;
        let first = self.kept.front().map_or(self.sent + 1, |(id, _)| *id);
        self.tell(&json!({ "type": 9, "sequenceId": first }));
        for (_, record) in self.kept.clone() {
            self.write(record.as_bytes());
        }
    }
}

/// After so long a test has failed.
const FAILURE_LIMIT: Duration = Duration::from_secs(60);

/// Hands on what it is to write.
struct Transport {
    sender: UnboundedSender<Event>,
    flow: Flow,
    is_taken: bool,
}

impl Actor for Transport {
    type Context = Context<Self>;
}

impl Handler<Outbound> for Transport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, _: &mut Self::Context) {
        let event = match outbound {
            Outbound::Send(records) => {
                if self.is_taken {
                    let _ = self.flow.outbound.remove(records.len());
                }
                Event::Bytes(records)
            }
            Outbound::Close => Event::Close,
            Outbound::Abort => Event::Abort,
            Outbound::UseFormat(_) | Outbound::Resume => return,
        };
        let _ = self.sender.unbounded_send(event);
    }
}
