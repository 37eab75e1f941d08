//! Leads the threads of a run through its phases, and looks at the server at their boundaries.

use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use mio::Poll;

use crate::{
    clock,
    engine::{ConnectionCounts, EventLoop, Findings, Lanes, Phase, Scenario},
    options::Shared,
    process::Usage,
    setup::Setup,
};

/// How long to wait for connections to close, seconds.
const CLOSE_SECONDS: f64 = 10.0;
/// The same after a failure, when it is a courtesy.
const CLOSE_SECONDS_AFTER_FAILURE: f64 = 0.2;

/// What is done with the connections once they are open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    Load,
    /// Nothing, for so many seconds; the first of them, and as many after the end, to settle.
    Hold {
        settle: f64,
        seconds: f64,
    },
}

/// One moment of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) at: u64,
    pub(crate) done: u64,
    pub(crate) sent: u64,
    pub(crate) own: Usage,
    /// Where a process of the server was named.
    pub(crate) server: Usage,
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) findings: Findings,
    pub(crate) counts: ConnectionCounts,
    pub(crate) read_in_full: u64,
    pub(crate) all_opened: bool,
    pub(crate) before: Sample,
    pub(crate) opened: Sample,
    /// Of what is measured.
    pub(crate) begin: Sample,
    pub(crate) end: Sample,
    /// After the last connection has gone.
    pub(crate) after: Sample,
    pub(crate) connect_seconds: f64,
    pub(crate) close_seconds: f64,
    /// How much was done a second, slice by slice.
    pub(crate) rates: Vec<f64>,
    pub(crate) errors: Vec<String>,
}

struct Coordinator<'a> {
    shared: &'a Shared,
    lanes: Arc<Lanes>,
    deadline: u64,
    doing: &'static str,
}

/// Runs a scenario. An error is one of this machine; those of the server are in the outcome.
pub(crate) fn run<S: Scenario + 'static>(
    shared: &Shared,
    setup: &Arc<Setup>,
    plan: Plan,
    scenario: impl Fn(usize) -> S,
) -> Result<Outcome, String> {
    let failed = |err: io::Error| format!("no threads for the load: {err}");
    Usage::of(&shared.server_pid)?;
    let polls = (0..setup.threads).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let lanes = Arc::new(Lanes::new(&polls).map_err(failed)?);
    let mut loops = Vec::new();
    for (thread, poll) in polls.into_iter().enumerate() {
        let (setup, lanes) = (setup.clone(), lanes.clone());
        loops.push(EventLoop::new(thread, setup, lanes, poll, scenario(thread)).map_err(failed)?);
    }
    let budget = budget(shared, setup, plan);
    let deadline = clock::now() + clock::seconds(budget);
    let mut coordinator = Coordinator { shared, lanes, deadline, doing: "connecting" };
    let before = coordinator.sample();
    let threads: Vec<_> = loops.into_iter().map(|one| thread::spawn(move || one.run())).collect();

    let mut outcome = coordinator.lead(setup, plan, before);
    coordinator.lanes.enter(Phase::Exit);
    let mut merged: Option<Findings> = None;
    for thread in threads {
        let (findings, counts, read_in_full) =
            thread.join().map_err(|_| "a thread of the load has panicked")?;
        outcome.counts.merge(&counts);
        outcome.read_in_full += read_in_full;
        match &mut merged {
            Some(all) => all.merge(&findings),
            None => merged = Some(findings),
        }
    }
    if let Some(findings) = merged {
        outcome.findings = findings;
    }
    outcome.errors = coordinator.lanes.errors();
    Ok(outcome)
}

/// Seconds after which a run is given up, whatever happens.
fn budget(shared: &Shared, setup: &Setup, plan: Plan) -> f64 {
    let connections = setup.connections as f64;
    let connecting = if setup.connect_rate > 0.0 { connections / setup.connect_rate } else { 0.0 };
    let load = match plan {
        Plan::Load => shared.warmup + shared.duration + shared.drain,
        Plan::Hold { settle, seconds } => seconds.max(settle) + settle,
    };
    60.0 + connecting + connections / 500.0 + load
}

impl Coordinator<'_> {
    fn lead(&mut self, setup: &Setup, plan: Plan, before: Sample) -> Outcome {
        let all = setup.connections as u64;
        let all_opened = self
            .wait_for(f64::INFINITY, |lanes| lanes.sum(|lane| &lane.opened) == all && lanes.missing() <= 0);
        let opened = self.sample();
        let first = self.lanes.iter().map(|lane| lane.first_opening.load(Relaxed)).min();
        let last = self.lanes.iter().map(|lane| lane.last_opened.load(Relaxed)).max();
        let took = last.unwrap_or_default().saturating_sub(first.unwrap_or_default());

        let (mut begin, mut end, mut rates) = (opened, opened, Vec::new());
        match plan {
            _ if !all_opened => {}
            Plan::Load => (begin, end) = self.load(setup, &mut rates),
            Plan::Hold { settle, seconds } => {
                self.doing = "holding the connections";
                self.pause(settle.min(seconds));
                begin = self.sample();
                self.pause((seconds - settle).max(0.0));
                end = self.sample();
            }
        }

        let closing = clock::now();
        let is_well = !self.lanes.has_failed();
        self.close(if is_well { CLOSE_SECONDS } else { CLOSE_SECONDS_AFTER_FAILURE });
        let closed = self.lanes.iter().map(|lane| lane.last_closed.load(Relaxed)).max();
        if let Plan::Hold { settle, .. } = plan {
            self.pause(settle);
        }
        Outcome {
            findings: Findings::new(crate::engine::Latencies::new(1)),
            counts: ConnectionCounts::default(),
            read_in_full: 0,
            all_opened,
            before,
            opened,
            begin,
            end,
            after: self.sample(),
            connect_seconds: clock::in_seconds(took),
            close_seconds: clock::in_seconds(closed.unwrap_or_default().saturating_sub(closing)),
            rates,
            errors: Vec::new(),
        }
    }

    /// Warms up, measures, and waits for what is still to come.
    fn load(&mut self, setup: &Setup, rates: &mut Vec<f64>) -> (Sample, Sample) {
        self.doing = "warming up";
        self.lanes.enter(Phase::WarmUp);
        self.watch(self.shared.warmup, setup.slice, &mut Vec::new());
        self.doing = "measuring";
        self.lanes.enter(Phase::Measure);
        let begin = self.sample();
        self.watch(self.shared.duration, setup.slice, rates);
        let end = self.sample();
        self.doing = "waiting for the rest";
        self.lanes.enter(Phase::Drain);
        // What is missing means nothing before the phase has arrived everywhere: until then, more is sent.
        let is_over = |lanes: &Lanes| lanes.have_entered(Phase::Drain) && lanes.missing() <= 0;
        let drain = self.shared.drain;
        if !self.wait_for(drain, is_over) && !self.lanes.has_failed() {
            let missing = self.lanes.missing();
            self.lanes.fail(format!("{missing} answers or deliveries did not come within {drain} s"));
        }
        (begin, end)
    }

    /// Watches load, slice by slice, and gives up when nothing is done any more.
    fn watch(&mut self, seconds: f64, slice: u64, rates: &mut Vec<f64>) {
        let end = clock::now() + clock::seconds(seconds);
        let (mut at, mut done) = (clock::now(), self.lanes.sum(|lane| &lane.done));
        let mut progress = at;
        while at < end && self.sleep_until((at + slice).min(end)) {
            let now = clock::now();
            let sum = self.lanes.sum(|lane| &lane.done);
            // A last slice of a moment says nothing of the rate.
            if now - at > slice / 2 {
                rates.push((sum - done) as f64 / clock::in_seconds(now - at));
            }
            if sum > done {
                progress = now;
            } else if now - progress > clock::seconds(self.shared.stall) {
                let (stall, missing) = (self.shared.stall, self.lanes.missing());
                self.lanes
                    .fail(format!("no progress for {stall} s; {missing} answers or deliveries are missing"));
            }
            (at, done) = (now, sum);
        }
    }

    fn close(&self, seconds: f64) {
        self.lanes.enter(Phase::Close);
        let end = clock::now() + clock::seconds(seconds);
        let open = || self.lanes.sum(|lane| &lane.opened) > self.lanes.sum(|lane| &lane.closed);
        while open() && clock::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn sample(&self) -> Sample {
        let server = Usage::of(&self.shared.server_pid).unwrap_or_else(|err| {
            self.lanes.fail(err);
            Usage::default()
        });
        Sample {
            at: clock::now(),
            done: self.lanes.sum(|lane| &lane.done),
            sent: self.lanes.sum(|lane| &lane.sent),
            own: Usage::own(),
            server,
        }
    }

    fn pause(&self, seconds: f64) {
        self.sleep_until(clock::now() + clock::seconds(seconds));
    }

    /// Whether the run may go on then.
    fn sleep_until(&self, until: u64) -> bool {
        loop {
            let now = clock::now();
            if self.lanes.has_failed() {
                return false;
            }
            if now >= self.deadline {
                self.lanes.fail(format!("given up while {}: it takes too long", self.doing));
                return false;
            }
            if now >= until {
                return true;
            }
            let left = until.min(self.deadline) - now;
            thread::sleep(Duration::from_nanos(left).min(Duration::from_millis(50)));
        }
    }

    fn wait_for(&self, seconds: f64, is_so: impl Fn(&Lanes) -> bool) -> bool {
        let end = clock::now().saturating_add(clock::seconds(seconds));
        loop {
            let now = clock::now();
            if is_so(&self.lanes) {
                return true;
            }
            if now >= end || !self.sleep_until(now + 4_000_000) {
                return is_so(&self.lanes);
            }
        }
    }
}
