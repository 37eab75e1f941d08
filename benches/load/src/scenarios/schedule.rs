//! When what comes at a fixed rate is due.

/// The moments of one thread; those of all threads together are evenly apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Nanoseconds from one to the next.
    step: f64,
    /// Nanoseconds until the first.
    offset: f64,
    begin: u64,
    passed: u64,
}

impl Schedule {
    /// `rate` of all threads together; `part` of so many `parts` is this one.
    pub(super) fn new(rate: f64, part: usize, parts: usize) -> Self {
        let step = parts as f64 * 1e9 / rate;
        Self { step, offset: step * part as f64 / parts as f64, begin: 0, passed: 0 }
    }

    pub(super) fn begin(&mut self, now: u64) {
        self.begin = now;
    }

    /// The next moment.
    pub(super) fn next(&self) -> u64 {
        self.begin + (self.offset + self.step * self.passed as f64) as u64
    }

    pub(super) fn pass(&mut self) {
        self.passed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_turns() {
        let moments = |part| {
            let mut schedule = Schedule::new(1000.0, part, 2);
            schedule.begin(5);
            let mut moments = Vec::new();
            for _ in 0..3 {
                moments.push(schedule.next());
                schedule.pass();
            }
            moments
        };
        assert_eq!(moments(0), [5, 2_000_005, 4_000_005]);
        assert_eq!(moments(1), [1_000_005, 3_000_005, 5_000_005]);
    }
}
