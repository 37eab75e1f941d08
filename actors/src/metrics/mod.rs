//! What a server counts, for whoever watches it.
//!
//! Plain atomics, always there. What happens with every message is counted apart for each worker, so that threads do not
//! fight over one place in memory; whoever reads adds it up. Nothing here knows a user, a connection or a method, and
//! policies are those the program has: the number of series is fixed when a server is built.

mod active_connection;
mod backplane;
mod counters;
mod decision_counter;
mod histogram;
mod instrument;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

pub use crate::metrics::{
    active_connection::ActiveConnection,
    counters::ConnectionRefusal,
    histogram::HistogramValue,
    instrument::{Data, Instrument, Point, Tags},
};
pub(crate) use crate::metrics::{
    counters::{Counters, InvocationOutcome},
    decision_counter::DecisionCounter,
};
use crate::{backplane::BackplaneCounts, metrics::histogram::Histogram, transport::TransportKind};

/// The counts of one server: all of its hubs, on all workers. Names, units and tags are those of ASP.NET Core where it has
/// them.
///
/// ```
/// use actix_signalr_actors::metrics::{Data, Metrics};
///
/// for instrument in Metrics::default().instruments() {
///     if let Data::Counter(points) = &instrument.data {
///         for point in points {
///             println!("{} {:?} {}", instrument.name, point.tags, point.value);
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Metrics {
    active: [AtomicI64; TRANSPORTS.len()],
    /// By transport, then by status.
    durations: [[Histogram; ConnectionStatus::ALL.len()]; TRANSPORTS.len()],
    /// One for each worker; with more workers than that, some share one.
    counters: [Arc<Counters>; STRIPES],
    next: AtomicUsize,
    is_shutting_down: AtomicBool,
    backplane: OnceLock<Arc<BackplaneCounts>>,
    /// One for each place where a policy is demanded; they may have one name.
    decisions: Mutex<Vec<Arc<DecisionCounter>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            active: Default::default(),
            durations: Default::default(),
            counters: std::array::from_fn(|stripe| Arc::new(Counters::new(stripe))),
            next: AtomicUsize::new(0),
            is_shutting_down: AtomicBool::new(false),
            backplane: OnceLock::new(),
            decisions: Mutex::default(),
        }
    }
}

impl Metrics {
    /// A connection has its transport; it counts as active until what this returns is dropped.
    pub fn connected(self: &Arc<Self>, transport: TransportKind) -> ActiveConnection {
        ActiveConnection::begin(self.clone(), transport)
    }

    /// A connection is refused.
    pub fn refused(&self, reason: ConnectionRefusal) {
        if let Some(counters) = self.counters.first() {
            counters.connection_refused(reason);
        }
    }

    /// The server shuts down: connections that end from here on have not ended by themselves.
    pub fn shut_down(&self) {
        self.is_shutting_down.store(true, Ordering::Relaxed);
    }

    /// The server has a backplane, whose counts are shown from now on; of several, those of the first.
    pub fn watch_backplane(&self, counts: Arc<BackplaneCounts>) {
        let _ = self.backplane.set(counts);
    }

    /// All counts as they are now, in a fixed order, those that are zero too; those of a backplane only where there is one.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let transports = || TRANSPORTS.into_iter().enumerate();
        let active = transports().map(|(at, (_, transport))| Point {
            tags: vec![(TRANSPORT, transport.into())],
            value: self.active[at].load(Ordering::Relaxed),
        });
        let durations = transports().flat_map(|(at, (_, transport))| {
            ConnectionStatus::ALL.into_iter().zip(&self.durations[at]).map(move |(status, histogram)| Point {
                tags: vec![(STATUS, status.tag().into()), (TRANSPORT, transport.into())],
                value: histogram.value(),
            })
        });
        let sum = |count: &dyn Fn(&Counters) -> u64| {
            self.counters.iter().map(|counters| count(counters)).fold(0, u64::wrapping_add)
        };
        let untagged = |count: &dyn Fn(&Counters) -> u64| vec![Point { tags: Vec::new(), value: sum(count) }];
        let invocations = InvocationOutcome::ALL.map(|outcome| Point {
            tags: vec![(OUTCOME, outcome.tag().into())],
            value: sum(&|counters| counters.invocations(outcome)),
        });
        let refused = ConnectionRefusal::ALL.map(|reason| Point {
            tags: vec![(REFUSAL, reason.tag().into())],
            value: sum(&|counters| counters.connections_refused(reason)),
        });
        let mut instruments = vec![
            Instrument {
                name: "signalr.server.connection.duration",
                description: "The duration of connections on the server.",
                unit: "s",
                data: Data::Histogram(durations.collect()),
            },
            Instrument {
                name: "signalr.server.active_connections",
                description: "Number of connections that are currently active on the server.",
                unit: "{connection}",
                data: Data::UpDownCounter(active.collect()),
            },
            Instrument {
                name: "signalr.server.connections.refused",
                description: "Connections that were negotiated or opened, and not taken.",
                unit: "{connection}",
                data: Data::Counter(refused.to_vec()),
            },
            Instrument {
                name: "signalr.server.invocations",
                description: "Calls of hub methods by clients, by how they ended.",
                unit: "{invocation}",
                data: Data::Counter(invocations.to_vec()),
            },
            Instrument {
                name: "signalr.server.authorization.decisions",
                description: "Decisions of authorization policies, on connections and calls.",
                unit: "{decision}",
                data: Data::Counter(self.decisions()),
            },
            Instrument {
                name: "signalr.server.messages.delivered",
                description: "Messages of hubs handed to connections, one for each that receives it.",
                unit: "{message}",
                data: Data::Counter(untagged(&Counters::messages_delivered)),
            },
            Instrument {
                name: "signalr.server.slow_clients",
                description: "Connections ended since the client did not read what it was sent.",
                unit: "{connection}",
                data: Data::Counter(untagged(&Counters::slow_clients)),
            },
        ];
        instruments
            .extend(self.backplane.get().into_iter().flat_map(|counts| backplane::instruments(counts)));
        instruments
    }

    /// A policy is in use; its decisions are among the counts from here on.
    pub(crate) fn watch(&self, decisions: Option<&Arc<DecisionCounter>>) {
        let mut watched = self.decisions.lock();
        let is_new = |new: &&Arc<DecisionCounter>| !watched.iter().any(|known| Arc::ptr_eq(known, new));
        if let Some(new) = decisions.filter(is_new) {
            watched.push(new.clone());
        }
    }

    fn decisions(&self) -> Vec<Point<u64>> {
        let mut counts = BTreeMap::<String, [u64; 2]>::new();
        for decisions in self.decisions.lock().iter() {
            let count = counts.entry(decisions.policy().to_owned()).or_default();
            count[0] += decisions.value(true);
            count[1] += decisions.value(false);
        }
        let points = |(policy, count): (String, [u64; 2])| {
            ["allowed", "denied"].into_iter().zip(count).map(move |(decision, value)| Point {
                tags: vec![(POLICY, Cow::Owned(policy.clone())), (DECISION, decision.into())],
                value,
            })
        };
        counts.into_iter().flat_map(points).collect()
    }

    /// The counters of a worker that begins.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % STRIPES;
        self.counters[turn].clone()
    }

    fn begin(&self, transport: TransportKind) {
        if let Some(at) = position(transport) {
            self.active[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn end(&self, transport: TransportKind, has_timed_out: bool, duration: Duration) {
        let status = match has_timed_out {
            true => ConnectionStatus::Timeout,
            false if self.is_shutting_down.load(Ordering::Relaxed) => ConnectionStatus::AppShutdown,
            false => ConnectionStatus::NormalClosure,
        };
        if let Some(at) = position(transport) {
            self.active[at].fetch_sub(1, Ordering::Relaxed);
            self.durations[at][status as usize].record(duration);
        }
    }
}

/// How a connection ended, seen from its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionStatus {
    /// Anything else, faults included.
    NormalClosure,
    /// Its transport did not come back in time.
    Timeout,
    AppShutdown,
}

impl ConnectionStatus {
    const ALL: [Self; 3] = [Self::NormalClosure, Self::Timeout, Self::AppShutdown];

    const fn tag(self) -> &'static str {
        match self {
            Self::NormalClosure => "normal_closure",
            Self::Timeout => "timeout",
            Self::AppShutdown => "app_shutdown",
        }
    }
}

/// Where the counts of a transport are; those within the process are not counted.
fn position(transport: TransportKind) -> Option<usize> {
    TRANSPORTS.iter().position(|(kind, _)| *kind == transport)
}

/// The transports and their names here.
const TRANSPORTS: [(TransportKind, &str); 3] = [
    (TransportKind::WebSockets, "web_sockets"),
    (TransportKind::ServerSentEvents, "server_sent_events"),
    (TransportKind::LongPolling, "long_polling"),
];

const TRANSPORT: &str = "signalr.transport";
const STATUS: &str = "signalr.connection.status";
const OUTCOME: &str = "signalr.invocation.outcome";
const REFUSAL: &str = "signalr.connection.refusal";
const POLICY: &str = "signalr.authorization.policy";
const DECISION: &str = "signalr.authorization.decision";

/// As many as a server has workers, most often.
const STRIPES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(metrics: &Metrics, name: &str, tag: &str) -> u64 {
        let instruments = metrics.instruments();
        let found = instruments.iter().find(|instrument| instrument.name == name).unwrap();
        let Data::Counter(points) = &found.data else { panic!("{name} is no counter") };
        points.iter().find(|point| point.tags.first().is_none_or(|(_, value)| *value == tag)).unwrap().value
    }

    fn active(metrics: &Metrics) -> Vec<i64> {
        let Data::UpDownCounter(points) = &metrics.instruments()[1].data else { panic!("no such counter") };
        points.iter().map(|point| point.value).collect()
    }

    /// For each transport, how many connections ended in each way.
    fn ended(metrics: &Metrics) -> Vec<u64> {
        let Data::Histogram(points) = &metrics.instruments()[0].data else { panic!("no histogram") };
        points.iter().map(|point| point.value.count).collect()
    }

    #[test]
    fn a_connection_counts_from_its_beginning_to_its_end() {
        let metrics = Arc::new(Metrics::default());
        let first = metrics.connected(TransportKind::WebSockets);
        let second = metrics.connected(TransportKind::LongPolling);
        drop(metrics.connected(TransportKind::InProcess));
        assert_eq!(active(&metrics), [1, 0, 1]);
        assert_eq!(ended(&metrics), [0; 9], "none has ended");
        second.time_out();
        drop(second);
        metrics.shut_down();
        drop(first);
        assert_eq!(active(&metrics), [0; 3]);
        assert_eq!(ended(&metrics), [0, 0, 1, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn decisions_are_counted_by_the_name_of_their_policy() {
        let metrics = Metrics::default();
        let [first, second] = ["Staff", "Staff"].map(|name| Arc::new(DecisionCounter::new(name.to_owned())));
        for counter in [&first, &second, &first] {
            metrics.watch(Some(counter));
        }
        first.count(Some(&metrics.counters()), true);
        second.count(Some(&metrics.counters()), true);
        second.count(None, false);
        let points: Vec<_> = metrics.decisions().iter().map(|point| point.value).collect();
        assert_eq!(points, [2, 1]);
    }

    #[test]
    fn what_workers_count_apart_is_added_up() {
        let metrics = Metrics::default();
        for _ in 0..STRIPES * 2 {
            let counters = metrics.counters();
            counters.invocation(InvocationOutcome::Completed);
            counters.delivered(3);
        }
        metrics.refused(ConnectionRefusal::Hub);
        assert_eq!(counter(&metrics, "signalr.server.invocations", "completed"), 32);
        assert_eq!(counter(&metrics, "signalr.server.invocations", "failed"), 0);
        assert_eq!(counter(&metrics, "signalr.server.messages.delivered", ""), 96);
        assert_eq!(counter(&metrics, "signalr.server.connections.refused", "hub"), 1);
        assert_eq!(counter(&metrics, "signalr.server.slow_clients", ""), 0);
    }
}
