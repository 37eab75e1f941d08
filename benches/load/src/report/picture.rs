//! A report as a picture: rate and latency over time, and the distribution of latency.

use std::fmt::Write;

use super::{
    LoadReport, Report,
    chart::{Axis, Chart, Curve, HEIGHT, Scale, WIDTH, escaped},
    percentiles::Point,
};

const HEAD: f64 = 64.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#333}\
    .head{font-size:17px;font-weight:600}.title{font-size:14px;font-weight:600}\
    .grid{stroke:#ddd;stroke-width:1}polyline,path{fill:none;stroke-width:1.8;stroke-linejoin:round}";

pub(super) fn of(report: &Report) -> String {
    let mut charts = Vec::new();
    match &report.load {
        Some(load) => {
            charts.push(rate(load));
            charts.push(latency(load));
            charts.push(distribution("Latency by percentile", &load.distribution));
        }
        None => charts.push(distribution("Time to connect by percentile", &report.connect.distribution)),
    }
    let height = HEAD + HEIGHT * charts.len() as f64;
    let title = format!(
        "{}: {} connections, {}, {} bytes",
        report.scenario, report.connections, report.protocol, report.payload_bytes
    );
    let (title, server) = (escaped(&title), escaped(&report.server));
    let parameters = escaped(&report.parameters_in_words());
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">
<style>{STYLE}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="20" y="28" class="head">{title}</text>
<text x="20" y="48">{server} {parameters}</text>"#
    );
    for (index, chart) in charts.iter().enumerate() {
        chart.draw(&mut out, HEAD + HEIGHT * index as f64);
    }
    out.push_str("</svg>\n");
    out
}

fn rate(load: &LoadReport) -> Chart {
    let points: Vec<_> = load.slices.iter().map(|slice| (slice.second, slice.per_second)).collect();
    Chart {
        title: format!("Rate: {} {} a second", short(load.per_second), load.unit.name()),
        x: seconds(load),
        y: Axis {
            label: "per second",
            scale: Scale::linear(points.iter().map(|point| point.1)),
            tick: short,
        },
        curves: vec![Curve { name: "", points }],
    }
}

fn latency(load: &LoadReport) -> Chart {
    let known = || load.slices.iter().filter_map(|slice| Some((slice.second, slice.latency?)));
    let curves = vec![
        Curve { name: "p50", points: known().map(|(second, latency)| (second, latency.p50_us)).collect() },
        Curve { name: "p99", points: known().map(|(second, latency)| (second, latency.p99_us)).collect() },
        Curve { name: "max", points: known().map(|(second, latency)| (second, latency.max_us)).collect() },
    ];
    let values = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
    Chart {
        title: "Latency".to_owned(),
        x: seconds(load),
        y: Axis { label: "latency", scale: Scale::logarithmic(values), tick: time },
        curves,
    }
}

/// Percentiles are further apart the nearer they are to all: each nine has the same room.
fn distribution(title: &str, distribution: &[Point]) -> Chart {
    let beyond = |point: &Point| 100.0 / (100.0 - point.percent);
    let points: Vec<_> = distribution.iter().map(|point| (beyond(point), point.us)).collect();
    Chart {
        title: title.to_owned(),
        x: Axis {
            label: "percentile",
            scale: Scale::logarithmic(points.iter().map(|point| point.0).chain([1.0])),
            tick: percentile,
        },
        y: Axis {
            label: "latency",
            scale: Scale::logarithmic(points.iter().map(|point| point.1)),
            tick: time,
        },
        curves: vec![Curve { name: "", points }],
    }
}

fn seconds(load: &LoadReport) -> Axis {
    let scale = Scale::linear(load.slices.iter().map(|slice| slice.second));
    Axis { label: "seconds", scale, tick: |second| super::rounded(second, 3).to_string() }
}

fn percentile(beyond: f64) -> String {
    format!("{} %", super::rounded(100.0 - 100.0 / beyond, 4))
}

/// A number in few letters.
fn short(number: f64) -> String {
    match number {
        1e6.. => format!("{} M", super::rounded(number / 1e6, 2)),
        1e4.. => format!("{} k", super::rounded(number / 1e3, 1)),
        _ => super::rounded(number, 1).to_string(),
    }
}

/// Microseconds in few letters.
fn time(microseconds: f64) -> String {
    match microseconds {
        1e6.. => format!("{} s", super::rounded(microseconds / 1e6, 2)),
        1e3.. => format!("{} ms", super::rounded(microseconds / 1e3, 2)),
        _ => format!("{} us", super::rounded(microseconds, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 950.0, 12_500.0, 1_250_000.0].map(short), ["0", "950", "12.5 k", "1.25 M"]);
        assert_eq!([10.0, 1000.0, 2_000_000.0].map(time), ["10 us", "1 ms", "2 s"]);
        assert_eq!([1.0, 10.0, 1000.0].map(percentile), ["0 %", "90 %", "99.9 %"]);
    }
}
