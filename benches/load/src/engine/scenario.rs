//! What a kind of load has to do on its thread.

use super::{Connections, Latencies};
use crate::{clock::NEVER, histogram::Histogram, hub::Record};

/// One thread's part of a kind of load.
pub(crate) trait Scenario: Send {
    /// A connection is open.
    fn opened(&mut self, _connections: &mut Connections, _index: usize) {}

    /// A record of the server, neither a ping nor a close message.
    fn record(
        &mut self,
        connections: &mut Connections,
        index: usize,
        record: &Record<'_>,
        now: u64,
    ) -> Result<(), String>;

    /// All that one read has brought has been handed over.
    fn read_over(&mut self, _connections: &mut Connections, _index: usize, _now: u64) {}

    /// `connections.phase()` is another one.
    fn phase_changed(&mut self, _connections: &mut Connections, _now: u64) {}

    /// Does what is due; says when to come again.
    fn due(&mut self, _connections: &mut Connections, _now: u64) -> u64 {
        NEVER
    }

    fn progress(&self) -> Progress;

    /// What it has found, in the end.
    fn findings(self) -> Findings;
}

/// How far a thread has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) done: u64,
    pub(crate) sent: u64,
    pub(crate) missing: i64,
}

/// What was measured, and what was not as it should be.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) latencies: Latencies,
    /// Until the first item of a stream.
    pub(crate) first_item: Histogram,
    /// How late this program itself was with what was due at a fixed rate.
    pub(crate) lateness: Histogram,
    /// Answers that did not come.
    pub(crate) unanswered: u64,
    /// Deliveries that did not come.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) out_of_order: u64,
    /// Answers that came before those to earlier calls, which servers may do.
    pub(crate) overtaken: u64,
}

impl Findings {
    pub(crate) fn new(latencies: Latencies) -> Self {
        Self {
            latencies,
            first_item: Histogram::default(),
            lateness: Histogram::default(),
            unanswered: 0,
            lost: 0,
            duplicated: 0,
            out_of_order: 0,
            overtaken: 0,
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.first_item.merge(&other.first_item);
        self.lateness.merge(&other.lateness);
        self.unanswered += other.unanswered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.overtaken += other.overtaken;
    }
}
