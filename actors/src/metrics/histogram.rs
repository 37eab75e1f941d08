//! How long things took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Durations, counted by buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Each for itself; the last one is for what is longer than every bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// In microseconds: half a million years of connections fit.
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().take_while(|bound| seconds > **bound).count();
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> HistogramValue {
        let mut count = 0;
        let mut below = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let buckets = BOUNDS.into_iter().zip(&self.buckets).map(|(bound, bucket)| (bound, below(bucket)));
        let buckets = buckets.collect();
        let count = self.buckets.last().map_or(0, below);
        let sum = Duration::from_micros(self.sum.load(Ordering::Relaxed)).as_secs_f64();
        HistogramValue { buckets, count, sum }
    }
}

/// What a histogram has counted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistogramValue {
    /// Bounds, and how many values are at the most as large.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there are.
    pub count: u64,
    /// All values together.
    pub sum: f64,
}

/// In seconds: what the original advises.
const BOUNDS: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_every_bound_that_is_not_smaller() {
        let histogram = Histogram::default();
        for millis in [10, 11, 1_000, 300_001] {
            histogram.record(Duration::from_millis(millis));
        }
        let value = histogram.value();
        let counts: Vec<_> = value.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(value.count, 4);
        assert!((value.sum - 301.022).abs() < 1e-6, "{}", value.sum);
    }
}
