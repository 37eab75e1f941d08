//! A histogram as numbers.

use serde::Serialize;

use super::rounded;
use crate::histogram::Histogram;

/// Microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spread {
    pub(super) count: u64,
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

impl Spread {
    pub(super) fn of(histogram: &Histogram) -> Self {
        let quantile = |share| microseconds(histogram.quantile(share));
        Self {
            count: histogram.count(),
            min: microseconds(histogram.min()),
            mean: rounded(histogram.mean() / 1e3, 1),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: microseconds(histogram.max()),
        }
    }
}

/// Which latency is not exceeded by which share of all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    pub(super) percent: f64,
    pub(super) us: f64,
}

/// Points that grow denser to the end: ten for each further nine, as long as a point stands for ten values.
pub(super) fn distribution(histogram: &Histogram) -> Vec<Point> {
    let mut points = Vec::new();
    for step in 0_u8..=50 {
        let beyond = 10_f64.powf(-f64::from(step) / 10.0);
        if histogram.count() == 0 || (step > 0 && beyond * (histogram.count() as f64) < 10.0) {
            break;
        }
        let us = microseconds(histogram.quantile(1.0 - beyond));
        points.push(Point { percent: rounded(100.0 * (1.0 - beyond), 5), us });
    }
    points
}

pub(super) fn microseconds(nanoseconds: u64) -> f64 {
    rounded(nanoseconds as f64 / 1e3, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_goes_as_far_as_there_are_values() {
        assert_eq!(distribution(&Histogram::default()), []);
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|value| histogram.record(value * 1000));
        let points = distribution(&histogram);
        assert_eq!((points.len(), points[0].us), (31, 1.0));
        assert_eq!(points[10].percent, 90.0);
        assert!((points[10].us / 9000.0 - 1.0).abs() < 0.01);
        assert_eq!(points[30].percent, 99.9);
        assert_eq!(Spread::of(&histogram).max, 10_000.0);
    }
}
