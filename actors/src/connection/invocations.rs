//! Which calls of a connection may start: their order and their number.

use crate::authorization::{Call, Step, Turn, Turns};

/// Calls that have gone to the hub and are not over, against how many may run at a time.
///
/// With one at a time, several may go down together and run one after another there. With more, each goes alone.
#[derive(Debug)]
pub(super) struct Invocations {
    limit: usize,
    in_flight: usize,
    /// Batches of which the hub has not said yet that it has looked at them.
    unreported: usize,
    /// A call that takes no turn is among them; what is behind it must not overtake it.
    is_alone: bool,
    /// Calls that take no turn, and are not over.
    beside: usize,
    batch: Vec<Step>,
    /// How many there were in the batch before, which most often are as many as there will be.
    usual: usize,
}

/// What becomes of a step.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is in the batch.
    Taken,
    /// It needs no turn and nothing is before it: to be answered at once.
    Immediate(Step),
    /// It takes no turn, and goes down by itself.
    Alone(Step),
    /// Nothing more is read until a call is over, or has begun.
    Held(Step),
    /// So many calls run beside the others that no more are taken.
    TooMany(Step),
}

/// Steps that go down.
#[derive(Debug)]
pub(super) enum Batch {
    /// As one message, to run one after another.
    Together(Vec<Step>),
    /// As one each, since they may run beside each other.
    Apart(Vec<Step>),
}

impl Invocations {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, in_flight: 0, unreported: 0, is_alone: false, beside: 0, batch: Vec::new(), usual: 0 }
    }

    /// Takes a step into the batch, if its turn can come there.
    pub(super) fn admit(&mut self, step: Step) -> Admission {
        let needs_fresh_decision = match &step {
            Step::Refused(_) if self.batch.is_empty() && self.has_started_all() => {
                return Admission::Immediate(step);
            }
            Step::Refused(_) | Step::Refreshed => false,
            // Any call may come to run beside the others, by asking its client.
            Step::Call(_) if self.beside >= MAXIMUM_BESIDE => return Admission::TooMany(step),
            Step::Call(call) if call.turn == Turn::Beside => {
                let is_next = self.batch.is_empty() && self.unreported == 0 && self.in_flight <= self.limit;
                return if is_next { self.take_alone(step) } else { Admission::Held(step) };
            }
            // What a handler says of a call may depend on the calls before it, so it is asked after them.
            Step::Call(call) => {
                call.is_guarded() && call.policy.as_ref().is_some_and(|policy| !policy.is_immediate())
            }
        };
        let has_room = match self.limit {
            1 => self.in_flight == 0 && self.batch.len() < LARGEST_BATCH,
            limit => self.in_flight + self.batch.len() < limit,
        };
        let decides_now = self.batch.is_empty() && self.unreported == 0;
        if !has_room || self.is_alone || (needs_fresh_decision && !decides_now) {
            return Admission::Held(step);
        }
        if self.batch.is_empty() {
            self.batch.reserve_exact(self.usual.max(1));
        }
        self.batch.push(step);
        Admission::Taken
    }

    /// Puts a call behind the one that runs, where it is of the same batch as if it had come with that; gives back what has to
    /// wait. Only one is put there, as what a client sends meanwhile is to wait with its transport.
    pub(super) fn join(&mut self, step: Step, join: impl FnOnce(Step) -> Option<Step>) -> Option<Step> {
        let has_room = self.limit == 1 && self.unreported == 0 && self.in_flight == 1;
        let may_join = |call: &Call| call.turn == Turn::Takes && !call.is_guarded();
        if !has_room || !matches!(&step, Step::Call(call) if may_join(call)) {
            return Some(step);
        }
        let left = join(step);
        self.in_flight += usize::from(left.is_none());
        left
    }

    fn take_alone(&mut self, step: Step) -> Admission {
        self.unreported += 1;
        self.beside += 1;
        self.is_alone = true;
        Admission::Alone(step)
    }

    /// The steps that go down now, of which there is one at least.
    pub(super) fn take_batch(&mut self) -> Batch {
        let steps = std::mem::take(&mut self.batch);
        self.usual = steps.len();
        self.in_flight += steps.iter().filter(|step| step.turn() == Turn::Takes).count();
        if self.limit == 1 {
            self.unreported += 1;
            Batch::Together(steps)
        } else {
            self.unreported += steps.len();
            Batch::Apart(steps)
        }
    }

    /// The hub has looked at so many batches more, and some calls are over.
    pub(super) const fn completed(&mut self, turns: Turns, batches: usize) {
        self.in_flight = self.in_flight.saturating_sub(turns.freed);
        self.beside = (self.beside + turns.moved).saturating_sub(turns.over);
        self.unreported = self.unreported.saturating_sub(batches);
        self.is_alone &= self.unreported > 0;
    }

    /// Whether no call waits for the end of another, so that messages about calls may be looked at.
    pub(super) const fn none_waits(&self) -> bool {
        self.in_flight <= self.limit && !self.is_alone
    }

    /// Whether all calls have begun, and those that need not wait are answered.
    pub(super) const fn has_started_all(&self) -> bool {
        self.in_flight <= self.limit && self.unreported == 0
    }

    /// Whether calls run one after another, and one has not ended.
    pub(super) const fn are_one_by_one(&self) -> bool {
        self.limit == 1 && (self.in_flight > 0 || self.has_batch())
    }

    /// The steps that have not gone down yet.
    pub(super) fn batch_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.batch.iter_mut()
    }

    /// Whether a batch is being put together.
    pub(super) const fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }
}

/// So that one client's calls do not hold a thread for too long.
const LARGEST_BATCH: usize = 64;

/// Streams and unanswered questions of one connection; more calls are refused until one of them is over.
const MAXIMUM_BESIDE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::Refusal;

    fn refusal(in_turn: bool) -> Step {
        let turn = if in_turn { Turn::Takes } else { Turn::None };
        Step::Refused(Refusal { invocation_id: None, error: String::new(), turn, is_tracked: false })
    }

    #[test]
    fn a_refusal_is_immediate_only_where_nothing_is_before_it() {
        let mut calls = Invocations::new(1);
        assert!(matches!(calls.admit(refusal(false)), Admission::Immediate(_)));
        calls.in_flight = 1;
        assert!(matches!(calls.admit(refusal(false)), Admission::Immediate(_)), "the one call has started");
        calls.in_flight = 2;
        assert!(matches!(calls.admit(refusal(false)), Admission::Held(_)), "one still waits");
        calls.completed(Turns { freed: 2, ..Turns::default() }, 0);
        calls.batch.push(refusal(true));
        assert!(matches!(calls.admit(refusal(false)), Admission::Taken));
        assert!(matches!(calls.take_batch(), Batch::Together(_)));
        assert_eq!(calls.in_flight, 1);
        assert!(!calls.has_started_all(), "the hub has not looked at it");
        calls.completed(Turns::default(), 1);
        assert!(calls.has_started_all());
    }

    #[test]
    fn calls_beside_each_other_go_alone_and_up_to_the_limit() {
        let mut calls = Invocations::new(2);
        calls.batch.extend([refusal(true), refusal(true)]);
        assert!(matches!(calls.admit(refusal(true)), Admission::Held(_)));
        assert!(matches!(calls.take_batch(), Batch::Apart(steps) if steps.len() == 2));
        assert_eq!(calls.in_flight, 2);
    }
}
