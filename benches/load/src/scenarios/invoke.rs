//! Calls with an answer.

use std::collections::VecDeque;

use super::{id_of, schedule::Schedule, succeeded, text_of, unexpected};
use crate::{
    clock::NEVER,
    engine::{Connections, Findings, Latencies, Phase, Progress, Scenario},
    hub::{InvocationTemplate, Record, kind, printable},
    payload::{Digits, FIRST_ID, digits, filler, next_id},
    setup::Setup,
};

/// What is called, and how often.
#[derive(Clone, Debug)]
pub(crate) struct InvokePlan {
    pub(crate) method: String,
    /// Bytes of the text.
    pub(crate) payload: usize,
    pub(crate) pace: Pace,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many on each connection; the next are sent in one write when a batch of answers has come.
    InFlight { calls: usize, batch: usize },
    /// So many a second in all, unless more than so many answers are missing.
    Rate { per_second: f64, most_missing: u64 },
}

/// The calls of one thread.
///
/// The text begins with the call's id and the connection's number, as far as they fit, and the answer has to be the
/// same text.
pub(crate) struct Invoke {
    pace: Pace,
    schedule: Option<Schedule>,
    template: InvocationTemplate,
    text: Vec<u8>,
    calls: Vec<Calls>,
    /// Whose turn it is at a fixed rate.
    turn: usize,
    out: Vec<u8>,
    sent: u64,
    answered: u64,
    findings: Findings,
}

/// The calls of one connection.
#[derive(Debug)]
struct Calls {
    /// Id and time of those not answered, the oldest first.
    in_flight: VecDeque<(u32, u64)>,
    next_id: u32,
    /// Answers since the last batch was sent.
    answers: usize,
    number: Digits,
}

impl Calls {
    fn new(number: usize) -> Self {
        Self { in_flight: VecDeque::new(), next_id: FIRST_ID, answers: 0, number: digits(number as u32) }
    }

    /// Begins a call.
    fn begin(&mut self, time: u64) -> Digits {
        let id = self.next_id;
        self.next_id = next_id(id);
        self.in_flight.push_back((id, time));
        digits(id)
    }

    /// Ends a call; says when it was begun, and whether it was the oldest.
    fn end(&mut self, id: u32) -> Option<(u64, bool)> {
        let place = self.in_flight.iter().position(|call| call.0 == id)?;
        self.in_flight.remove(place).map(|(_, time)| (time, place == 0))
    }
}

impl Invoke {
    pub(crate) fn new(plan: &InvokePlan, setup: &Setup, thread: usize) -> Self {
        let text = filler(plan.payload);
        let numbers = (thread..setup.connections).step_by(setup.threads);
        let schedule = match plan.pace {
            Pace::Rate { per_second, .. } => Some(Schedule::new(per_second, thread, setup.threads)),
            Pace::InFlight { .. } => None,
        };
        Self {
            pace: plan.pace,
            schedule,
            template: InvocationTemplate::new(setup.protocol, &plan.method, &text, setup.mask),
            text,
            calls: numbers.map(Calls::new).collect(),
            turn: 0,
            out: Vec::new(),
            sent: 0,
            answered: 0,
            findings: Findings::new(Latencies::new(setup.slice)),
        }
    }

    /// Sends calls in one write.
    fn call(&mut self, connections: &mut Connections, index: usize, count: usize, time: u64) {
        self.out.clear();
        let calls = &mut self.calls[index];
        for _ in 0..count {
            let id = calls.begin(time);
            let fields = [&id, &calls.number].into_iter().take(fields(self.text.len()));
            self.template.put(&mut self.out, &id, fields);
        }
        self.sent += count as u64;
        connections.send(index, &self.out);
    }

    fn check(&self, index: usize, id: u32, text: &[u8]) -> Result<(), String> {
        let fields = [digits(id), self.calls[index].number].into_iter().take(fields(self.text.len()));
        let begin: Vec<u8> = fields.flatten().collect();
        match text.strip_prefix(&*begin) {
            Some(rest) if *rest == self.text[begin.len()..] => Ok(()),
            _ => Err(format!("a wrong answer to the call {id}: {}", printable(text))),
        }
    }
}

/// How many fields of seven digits the text has room for.
fn fields(length: usize) -> usize {
    (length / 7).min(2)
}

impl Scenario for Invoke {
    fn record(
        &mut self,
        _: &mut Connections,
        index: usize,
        record: &Record<'_>,
        now: u64,
    ) -> Result<(), String> {
        if record.kind != kind::COMPLETION {
            return Err(unexpected(record));
        }
        succeeded(record)?;
        let id = id_of(record)?;
        let Some((begun, was_oldest)) = self.calls[index].end(id) else {
            return Err(format!("an answer to the call {id}, which waits for none"));
        };
        self.check(index, id, text_of(record)?)?;
        self.findings.overtaken += u64::from(!was_oldest);
        self.findings.latencies.record(now, now.saturating_sub(begun));
        self.calls[index].answers += 1;
        self.answered += 1;
        Ok(())
    }

    fn read_over(&mut self, connections: &mut Connections, index: usize, now: u64) {
        let Pace::InFlight { batch, .. } = self.pace else { return };
        let answers = self.calls[index].answers;
        if answers >= batch && connections.phase().is_loaded() {
            self.calls[index].answers = 0;
            self.call(connections, index, answers, now);
        }
    }

    fn phase_changed(&mut self, connections: &mut Connections, now: u64) {
        match (connections.phase(), self.pace) {
            (Phase::WarmUp, Pace::InFlight { calls, .. }) => {
                (0..connections.len()).for_each(|index| self.call(connections, index, calls, now));
            }
            (Phase::WarmUp, Pace::Rate { .. }) => {
                self.schedule.iter_mut().for_each(|schedule| schedule.begin(now));
            }
            (Phase::Measure, _) => self.findings.latencies.begin(now),
            _ => self.findings.latencies.end(),
        }
    }

    fn due(&mut self, connections: &mut Connections, now: u64) -> u64 {
        let Pace::Rate { most_missing, .. } = self.pace else { return NEVER };
        while connections.phase().is_loaded()
            && let Some(schedule) = &mut self.schedule
        {
            let due = schedule.next();
            if due > now {
                return due;
            }
            let missing = self.sent - self.answered;
            if missing >= most_missing {
                connections.lanes.fail(format!("overload: {missing} answers are missing on one thread"));
                return NEVER;
            }
            schedule.pass();
            if connections.phase() == Phase::Measure {
                self.findings.lateness.record(now - due);
            }
            let index = self.turn;
            self.turn = (index + 1) % connections.len();
            self.call(connections, index, 1, due);
        }
        NEVER
    }

    fn progress(&self) -> Progress {
        Progress { done: self.answered, sent: self.sent, missing: (self.sent - self.answered) as i64 }
    }

    fn findings(mut self) -> Findings {
        self.findings.unanswered = self.sent - self.answered;
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_in_any_order() {
        let mut calls = Calls::new(7);
        let ids: Vec<_> = (10..13).map(|time| calls.begin(time)).collect();
        assert_eq!(ids, [*b"1000000", *b"1000001", *b"1000002"]);
        assert_eq!(calls.end(1_000_001), Some((11, false)));
        assert_eq!(calls.end(1_000_000), Some((10, true)));
        assert_eq!(calls.end(1_000_000), None);
        assert_eq!(calls.end(1_000_002), Some((12, true)));
    }

    #[test]
    fn texts_have_the_fields_that_fit() {
        assert_eq!([0, 6, 7, 13, 14, 500].map(fields), [0, 0, 1, 1, 2, 2]);
    }
}
