//! What a run has shown, as text, JSON and a picture.

mod chart;
mod percentiles;
mod picture;
mod text;

use serde::{Serialize, Serializer};
use serde_json::Value;

use self::percentiles::{Point, Spread, microseconds};
use crate::{
    clock::in_seconds,
    coordinator::{Outcome, Sample},
    engine::Findings,
    histogram::Histogram,
    options::Shared,
    setup::Setup,
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Connections,
    Answers,
    Deliveries,
    Items,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Answers => "answers",
            Self::Deliveries => "deliveries",
            Self::Items => "items",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Connections => "connection",
            Self::Answers => "answer",
            Self::Deliveries => "delivery",
            Self::Items => "item",
        }
    }
}

/// A report. Names in JSON end in their unit; what is not known is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    server: String,
    protocol: &'static str,
    connections: usize,
    payload_bytes: usize,
    threads: usize,
    negotiate: bool,
    #[serde(serialize_with = "as_map")]
    parameters: Vec<(&'static str, Value)>,
    connect: ConnectReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<LoadReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_server_cpu_percent: Option<f64>,
    close: CloseReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_memory: Option<MemoryReport>,
    checks: Checks,
    errors: Vec<String>,
    ok: bool,
}

#[derive(Debug, Serialize)]
struct ConnectReport {
    all: bool,
    seconds: f64,
    per_second: f64,
    latency_us: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    negotiation_us: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu_us_per_connection: Option<f64>,
    own_cpu_us_per_connection: f64,
    #[serde(skip)]
    distribution: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct CloseReport {
    seconds: f64,
    /// Connections whose server did not close its side.
    cut: u64,
}

#[derive(Debug, Serialize)]
struct LoadReport {
    unit: Unit,
    seconds: f64,
    count: u64,
    per_second: f64,
    /// Calls, messages or streams.
    sent_per_second: f64,
    latency_us: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_item_us: Option<Spread>,
    /// How late this program itself was, at a fixed rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_lateness_us: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu: Option<CpuReport>,
    own_cpu: CpuReport,
    /// The server's CPU time over this program's, which does the same work for every server.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ratio: Option<f64>,
    slices: Vec<Slice>,
    distribution: Vec<Point>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct CpuReport {
    percent: f64,
    us_per_unit: f64,
}

/// A part of the time that was measured.
#[derive(Clone, Copy, Debug, Serialize)]
struct Slice {
    /// When it ended.
    second: f64,
    per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<SliceLatency>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct SliceLatency {
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

/// Resident memory of the server, bytes.
#[derive(Debug, Serialize)]
struct MemoryReport {
    before: u64,
    held: u64,
    after_close: u64,
    peak: u64,
    per_connection: i64,
    kept_per_connection: i64,
}

/// What every answer and delivery was looked at for. Of `overtaken` answers, and of records that were
/// `read_in_full`, there may be any number.
#[derive(Debug, Serialize)]
struct Checks {
    unanswered: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    overtaken: u64,
    read_in_full: u64,
    pings_received: u64,
    pings_sent: u64,
}

impl Report {
    pub(crate) fn new(
        scenario: &'static str,
        shared: &Shared,
        setup: &Setup,
        unit: Unit,
        parameters: Vec<(&'static str, Value)>,
        outcome: &Outcome,
    ) -> Self {
        let findings = &outcome.findings;
        let has_server = !shared.server_pid.is_empty();
        let checks = Checks {
            unanswered: findings.unanswered,
            lost: findings.lost,
            duplicated: findings.duplicated,
            out_of_order: findings.out_of_order,
            overtaken: findings.overtaken,
            read_in_full: outcome.read_in_full,
            pings_received: outcome.counts.pings_received,
            pings_sent: outcome.counts.pings_sent,
        };
        let errors: Vec<_> = outcome.errors.iter().cloned().chain(checks.errors()).collect();
        let is_loaded = unit != Unit::Connections && outcome.end.at > outcome.begin.at;
        let idle = in_seconds(outcome.end.at - outcome.begin.at);
        let idle_cpu = in_seconds(outcome.end.server.cpu.saturating_sub(outcome.begin.server.cpu));
        Self {
            scenario,
            server: setup.target.shown(),
            protocol: setup.protocol.name(),
            connections: setup.connections,
            payload_bytes: shared.payload,
            threads: setup.threads,
            negotiate: setup.negotiate,
            parameters,
            connect: ConnectReport::new(setup, has_server, outcome),
            load: is_loaded.then(|| LoadReport::new(unit, has_server, outcome)),
            idle_server_cpu_percent: (scenario == "idle" && has_server && idle > 0.0)
                .then(|| rounded(100.0 * idle_cpu / idle, 2)),
            close: CloseReport { seconds: rounded(outcome.close_seconds, 4), cut: outcome.counts.cut },
            server_memory: has_server.then(|| MemoryReport::new(setup.connections, outcome)),
            checks,
            ok: errors.is_empty(),
            errors,
        }
    }

    /// Whether nothing was wrong.
    pub(crate) fn is_well(&self) -> bool {
        self.ok
    }

    /// What the scenario was given, in words.
    fn parameters_in_words(&self) -> String {
        let words = |(name, value): &(&str, Value)| {
            format!("{} {}", name.replace('_', " "), value.to_string().trim_matches('"'))
        };
        self.parameters.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|err| format!("{{\"errors\":[\"{err}\"],\"ok\":false}}"))
    }

    pub(crate) fn text(&self) -> String {
        text::of(self)
    }

    /// An SVG.
    pub(crate) fn picture(&self) -> String {
        picture::of(self)
    }
}

impl ConnectReport {
    fn new(setup: &Setup, has_server: bool, outcome: &Outcome) -> Self {
        let connections = setup.connections as f64;
        let cpu = |of: fn(&Sample) -> u64| {
            let used = of(&outcome.opened).saturating_sub(of(&outcome.before));
            rounded(used as f64 / 1e3 / connections, 2)
        };
        let connect = &outcome.counts.connect;
        Self {
            all: outcome.all_opened,
            seconds: rounded(outcome.connect_seconds, 4),
            per_second: per_second(connect.count(), outcome.connect_seconds),
            latency_us: Spread::of(connect),
            negotiation_us: setup.negotiate.then(|| Spread::of(&outcome.counts.negotiate)),
            server_cpu_us_per_connection: has_server.then(|| cpu(|sample| sample.server.cpu)),
            own_cpu_us_per_connection: cpu(|sample| sample.own.cpu),
            distribution: percentiles::distribution(connect),
        }
    }
}

impl LoadReport {
    fn new(unit: Unit, has_server: bool, outcome: &Outcome) -> Self {
        let (begin, end) = (&outcome.begin, &outcome.end);
        let seconds = in_seconds(end.at - begin.at);
        let count = end.done - begin.done;
        let cpu = |of: fn(&Sample) -> u64| {
            let used = of(end).saturating_sub(of(begin)) as f64;
            let us_per_unit = rounded(used / 1e3 / count.max(1) as f64, 3);
            (used, CpuReport { percent: rounded(used / 1e7 / seconds, 1), us_per_unit })
        };
        let (server, server_cpu) = cpu(|sample| sample.server.cpu);
        let (own, own_cpu) = cpu(|sample| sample.own.cpu);
        let latency = outcome.findings.latencies.whole();
        let some = |histogram: &Histogram| (histogram.count() > 0).then(|| Spread::of(histogram));
        Self {
            unit,
            seconds: rounded(seconds, 4),
            count,
            per_second: per_second(count, seconds),
            sent_per_second: per_second(end.sent - begin.sent, seconds),
            latency_us: Spread::of(&latency),
            first_item_us: some(&outcome.findings.first_item),
            own_lateness_us: some(&outcome.findings.lateness),
            server_cpu: has_server.then_some(server_cpu),
            own_cpu,
            cpu_ratio: (has_server && own > 0.0).then(|| rounded(server / own, 3)),
            slices: slices(&outcome.rates, &outcome.findings),
            distribution: percentiles::distribution(&latency),
        }
    }
}

impl MemoryReport {
    fn new(connections: usize, outcome: &Outcome) -> Self {
        let (before, held) = (outcome.before.server.resident, outcome.end.server.resident);
        let after_close = outcome.after.server.resident;
        let per_connection = |now: u64| (now as i64 - before as i64) / connections as i64;
        Self {
            before,
            held,
            after_close,
            peak: outcome.after.server.peak,
            per_connection: per_connection(held),
            kept_per_connection: per_connection(after_close),
        }
    }
}

impl Checks {
    fn errors(&self) -> impl Iterator<Item = String> {
        let counts = [
            (self.unanswered, "calls were not answered"),
            (self.lost, "deliveries did not come"),
            (self.duplicated, "deliveries came twice"),
            (self.out_of_order, "deliveries were out of order"),
        ];
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"))
    }
}

fn slices(rates: &[f64], findings: &Findings) -> Vec<Slice> {
    let length = findings.latencies.slice_seconds();
    let slice = |(index, per_second): (usize, &f64)| {
        let latency = findings.latencies.slices().get(index).filter(|latency| latency.count() > 0);
        Slice {
            second: rounded((index + 1) as f64 * length, 3),
            per_second: rounded(*per_second, 1),
            latency: latency.map(|latency| SliceLatency {
                p50_us: microseconds(latency.quantile(0.5)),
                p99_us: microseconds(latency.quantile(0.99)),
                max_us: microseconds(latency.max()),
            }),
        }
    };
    rates.iter().enumerate().map(slice).collect()
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rounded(count as f64 / seconds, 1) } else { 0.0 }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn as_map<S: Serializer>(pairs: &[(&'static str, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
