//! Calls that go on behind those that run, without a way by the actors.

use parking_lot::Mutex;

use crate::authorization::Step;

/// Calls of one connection that have come while others run, for the run that those are of.
///
/// A run that has to wait takes more, until it finds that there is nothing: so nothing is put where nobody looks. Its connection
/// and it are on one worker.
#[derive(Debug, Default)]
pub(crate) struct Following(Mutex<Option<Waiting>>);

#[derive(Debug)]
struct Waiting {
    refreshes: u64,
    steps: Vec<Step>,
}

impl Following {
    /// A run takes more, of the user who made its calls: how often the client had replaced its credentials by then.
    pub(crate) fn open(&self, refreshes: u64) {
        self.0.lock().get_or_insert(Waiting { refreshes, steps: Vec::new() });
    }

    /// Puts a step behind those that run; gives it back where no run takes it.
    pub(crate) fn join(&self, step: Step, refreshes: u64) -> Option<Step> {
        match &mut *self.0.lock() {
            Some(waiting) if waiting.refreshes == refreshes => {
                waiting.steps.push(step);
                None
            }
            _ => Some(step),
        }
    }

    /// What the run goes on with. Where that is nothing, it takes no more.
    pub(crate) fn take(&self) -> Vec<Step> {
        let mut waiting = self.0.lock();
        let steps = waiting.as_mut().map(|waiting| std::mem::take(&mut waiting.steps)).unwrap_or_default();
        if steps.is_empty() {
            *waiting = None;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_where_nobody_looks() {
        let following = Following::default();
        assert!(following.join(Step::Refreshed, 0).is_some(), "nobody has said that he takes more");
        following.open(0);
        assert!(following.join(Step::Refreshed, 1).is_some(), "they are of another user");
        assert!(following.join(Step::Refreshed, 0).is_none());
        assert_eq!(following.take().len(), 1);
        assert!(following.join(Step::Refreshed, 0).is_none(), "he may have to wait again");
        following.open(1);
        assert_eq!(following.take().len(), 1);
        assert!(following.take().is_empty());
        assert!(following.join(Step::Refreshed, 0).is_some(), "he is over");
    }
}
