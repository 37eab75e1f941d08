//! How often which latency occurred.

/// Steps of one octave: what is read is within 0.8 % of what was recorded.
const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
/// Values are cut at 2^42 ns, more than an hour.
const VALUE_BITS: u32 = 42;
const BUCKETS: usize = STEPS * (VALUE_BITS - STEP_BITS + 1) as usize;

/// A histogram of nanoseconds whose buckets grow with their values.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], count: 0, sum: 0, min: u64::MAX, max: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn min(&self) -> u64 {
        if self.count == 0 { 0 } else { self.min }
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The value at or below which this share of all values lies; 0 when there is none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(index).clamp(self.min(), self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min((1 << VALUE_BITS) - 1);
    if value < STEPS as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    (shift as usize) * STEPS + (value >> shift) as usize
}

fn middle(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    let low = ((STEPS + bucket % STEPS) as u64) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut last = 0;
        for value in 0..100_000 {
            let index = bucket(value);
            assert!(index == last || index == last + 1, "{value}");
            last = index;
        }
        for value in (0..100_000).chain((1..41).map(|bits| 1 << bits)) {
            let off = (middle(bucket(value)) as f64 - value as f64).abs() / value.max(1) as f64;
            assert!(off < 0.008, "{value}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut histogram = Histogram::default();
        for value in 1..=1000 {
            histogram.record(value * 1000);
        }
        let near = |value: u64, wanted: f64| (value as f64 / wanted - 1.0).abs() < 0.01;
        assert!(near(histogram.quantile(0.5), 500_000.0));
        assert!(near(histogram.quantile(0.99), 990_000.0));
        assert_eq!((histogram.min(), histogram.quantile(1.0)), (1000, 1_000_000));
        assert!((histogram.mean() - 500_500.0).abs() < 1.0);
        let mut twice = histogram.clone();
        twice.merge(&histogram);
        assert_eq!(twice.count(), 2000);
        assert!(near(twice.quantile(0.5), 500_000.0));
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
