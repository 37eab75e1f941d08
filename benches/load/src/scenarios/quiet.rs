//! Connections without load.

use super::unexpected;
use crate::{
    engine::{Connections, Findings, Latencies, Progress, Scenario},
    hub::Record,
};

/// Neither sends nor expects anything.
pub(crate) struct Quiet;

impl Scenario for Quiet {
    fn record(&mut self, _: &mut Connections, _: usize, record: &Record<'_>, _: u64) -> Result<(), String> {
        Err(unexpected(record))
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }

    fn findings(self) -> Findings {
        Findings::new(Latencies::new(1))
    }
}
