//! What a server counts, for whoever watches it.
//!
//! Plain atomics, always there. What happens with every message is counted apart for each worker, so that threads do not
//! fight over one place in memory; whoever reads adds it up. Nothing here knows a user, a connection or a method: the number
//! of series is fixed.

mod active_connection;
mod counters;
mod histogram;
mod instrument;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(crate) use crate::metrics::counters::{Counters, InvocationOutcome};
pub use crate::metrics::{
    active_connection::ActiveConnection,
    counters::ConnectionRefusal,
    histogram::HistogramValue,
    instrument::{Data, Instrument, Point, Tags},
};
use crate::{metrics::histogram::Histogram, transport::TransportKind};

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
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            active: Default::default(),
            durations: Default::default(),
            counters: std::array::from_fn(|_| Arc::default()),
            next: AtomicUsize::new(0),
            is_shutting_down: AtomicBool::new(false),
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

    /// All counts as they are now, in a fixed order, those that are zero too.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        let transports = || TRANSPORTS.into_iter().enumerate();
        let active = transports().map(|(at, (_, transport))| Point {
            tags: vec![(TRANSPORT, transport)],
            value: self.active[at].load(Ordering::Relaxed),
        });
        let durations = transports().flat_map(|(at, (_, transport))| {
            ConnectionStatus::ALL.into_iter().zip(&self.durations[at]).map(move |(status, histogram)| Point {
                tags: vec![(STATUS, status.tag()), (TRANSPORT, transport)],
                value: histogram.value(),
            })
        });
        let sum = |count: &dyn Fn(&Counters) -> u64| {
            self.counters.iter().map(|counters| count(counters)).fold(0, u64::wrapping_add)
        };
        let untagged = |count: &dyn Fn(&Counters) -> u64| vec![Point { tags: Vec::new(), value: sum(count) }];
        let invocations = InvocationOutcome::ALL.map(|outcome| Point {
            tags: vec![(OUTCOME, outcome.tag())],
            value: sum(&|counters| counters.invocations(outcome)),
        });
        let refused = ConnectionRefusal::ALL.map(|reason| Point {
            tags: vec![(REFUSAL, reason.tag())],
            value: sum(&|counters| counters.connections_refused(reason)),
        });
        vec![
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
        ]
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
