//! Latencies, slice by slice of what is measured.

use crate::{clock::NEVER, histogram::Histogram};

/// Slices beyond that go into the last one.
const MOST_SLICES: usize = 1000;

/// A histogram for each slice of time.
#[derive(Debug)]
pub(crate) struct Latencies {
    slices: Vec<Histogram>,
    slice: u64,
    /// When the last one ends.
    end: u64,
}

impl Latencies {
    /// `slice` in nanoseconds.
    pub(crate) fn new(slice: u64) -> Self {
        Self { slices: Vec::new(), slice: slice.max(1), end: NEVER }
    }

    /// From now on is measured.
    pub(crate) fn begin(&mut self, now: u64) {
        self.slices = vec![Histogram::default()];
        self.end = now + self.slice;
    }

    /// From now on is not.
    pub(crate) fn end(&mut self) {
        self.end = NEVER;
    }

    pub(crate) fn record(&mut self, now: u64, latency: u64) {
        if self.end == NEVER {
            return;
        }
        while now >= self.end {
            if self.slices.len() < MOST_SLICES {
                self.slices.push(Histogram::default());
            }
            self.end += self.slice;
        }
        if let Some(last) = self.slices.last_mut() {
            last.record(latency);
        }
    }

    pub(crate) fn slices(&self) -> &[Histogram] {
        &self.slices
    }

    /// Seconds of one slice.
    pub(crate) fn slice_seconds(&self) -> f64 {
        crate::clock::in_seconds(self.slice)
    }

    pub(crate) fn whole(&self) -> Histogram {
        let mut whole = Histogram::default();
        self.slices.iter().for_each(|slice| whole.merge(slice));
        whole
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.slices.len() < other.slices.len() {
            self.slices.resize_with(other.slices.len(), Histogram::default);
        }
        for (slice, more) in self.slices.iter_mut().zip(&other.slices) {
            slice.merge(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_goes_into_the_slice_of_its_time() {
        let mut latencies = Latencies::new(100);
        latencies.record(5, 1);
        latencies.begin(1000);
        for (now, latency) in [(1000, 10), (1099, 20), (1100, 30), (1350, 40)] {
            latencies.record(now, latency);
        }
        latencies.end();
        latencies.record(1360, 50);
        let counts =
            |latencies: &Latencies| latencies.slices().iter().map(Histogram::count).collect::<Vec<_>>();
        assert_eq!(counts(&latencies), [2, 1, 0, 1]);
        let mut other = Latencies::new(100);
        other.merge(&latencies);
        assert_eq!(counts(&other), [2, 1, 0, 1]);
        assert_eq!((other.whole().count(), other.whole().max()), (4, 40));
    }
}
