//! A report for people.

use std::fmt::Write;

use super::{LoadReport, Report, percentiles::Spread};

/// One line for each thing, its name before it.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, what: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name:<18} {what}");
    }
}

pub(super) fn of(report: &Report) -> String {
    let mut lines = Lines::default();
    let Report { connections, protocol, payload_bytes, server, .. } = report;
    lines.add(
        report.scenario,
        &format!("{connections} connections to {server}, {protocol}, {payload_bytes} bytes"),
    );
    if !report.parameters.is_empty() {
        lines.add("with", &report.parameters_in_words());
    }
    connecting(&mut lines, report);
    if let Some(load) = &report.load {
        loaded(&mut lines, load);
    }
    if let Some(percent) = report.idle_server_cpu_percent {
        lines.add("idle", &format!("{percent} % of a core at the server"));
    }
    if let Some(memory) = &report.server_memory {
        let kilobytes = |bytes: u64| bytes / 1024;
        lines.add(
            "server memory",
            &format!(
                "{} kB before, {} kB with connections, {} kB after them: {} bytes each, {} kept",
                kilobytes(memory.before),
                kilobytes(memory.held),
                kilobytes(memory.after_close),
                memory.per_connection,
                memory.kept_per_connection
            ),
        );
    }
    closed(&mut lines, report);
    lines.0
}

fn connecting(lines: &mut Lines, report: &Report) {
    let connect = &report.connect;
    lines.add("connected", &format!("{:.0} a second; {}", connect.per_second, spread(&connect.latency_us)));
    if let Some(negotiation) = &connect.negotiation_us {
        lines.add("  negotiation", &spread(negotiation));
    }
    let own = connect.own_cpu_us_per_connection;
    match connect.server_cpu_us_per_connection {
        Some(server) => lines.add("  CPU of each", &format!("{server} us at the server, {own} us here")),
        None => lines.add("  CPU of each", &format!("{own} us here")),
    }
}

fn loaded(lines: &mut Lines, load: &LoadReport) {
    let (unit, one) = (load.unit.name(), load.unit.one());
    lines.add("rate", &format!("{:.0} {unit} a second, for {:.2} s", load.per_second, load.seconds));
    let mut rates: Vec<_> = load.slices.iter().map(|slice| slice.per_second).collect();
    rates.sort_by(f64::total_cmp);
    if let [slowest, .., fastest] = rates[..] {
        let median = rates[rates.len() / 2];
        lines.add("  in slices", &format!("slowest {slowest:.0}, median {median:.0}, fastest {fastest:.0}"));
    }
    lines.add("latency", &spread(&load.latency_us));
    if let Some(first) = &load.first_item_us {
        lines.add("  first item", &spread(first));
    }
    if let Some(lateness) = &load.own_lateness_us {
        lines.add("  own lateness", &spread(lateness));
    }
    if let Some(server) = load.server_cpu {
        lines.add(
            "server CPU",
            &format!("{} % of a core, {} us for one {one}", server.percent, server.us_per_unit),
        );
    }
    let own = load.own_cpu;
    lines.add("CPU here", &format!("{} % of a core, {} us for one {one}", own.percent, own.us_per_unit));
    if let Some(ratio) = load.cpu_ratio {
        lines.add("server / here", &ratio.to_string());
    }
}

fn closed(lines: &mut Lines, report: &Report) {
    if report.close.cut > 0 {
        lines.add("cut", &format!("{} connections, whose server did not close its side", report.close.cut));
    }
    let checks = &report.checks;
    lines.add(
        "checked",
        &format!(
            "unanswered {}, lost {}, twice {}, out of order {}; overtaken {}, read in full {}",
            checks.unanswered,
            checks.lost,
            checks.duplicated,
            checks.out_of_order,
            checks.overtaken,
            checks.read_in_full
        ),
    );
    for err in &report.errors {
        lines.add("ERROR", err);
    }
    lines.add("result", if report.ok { "all well" } else { "not well" });
}

fn spread(spread: &Spread) -> String {
    format!(
        "p50 {:.0}, p90 {:.0}, p99 {:.0}, p99.9 {:.0}, max {:.0} us",
        spread.p50, spread.p90, spread.p99, spread.p999, spread.max
    )
}
