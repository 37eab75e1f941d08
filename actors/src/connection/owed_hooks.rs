//! When the hub is told that its client has replaced its credentials.

/// Hooks that the hub is owed, and where in the order of calls the first of them stands.
///
/// Of the calls that wait, a hook lets pass the one that is next, as that one waits for a turn already, and stands before the
/// others. It is a number, so that a client which refreshes while a call runs takes no room.
#[derive(Debug, Default)]
pub(super) struct OwedHooks {
    count: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// What is next is not known while calls are on their way to the hub: those that have not begun come back.
    #[default]
    Undecided,
    /// Behind the call that is next.
    BehindNext,
    Next,
}

impl OwedHooks {
    pub(super) const fn add(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes a hook whose turn to wait for a turn has come.
    pub(super) fn take(&mut self, is_call_next: bool, have_all_begun: bool) -> bool {
        if self.count == 0 {
            return false;
        }
        if self.place == Place::Undecided && have_all_begun {
            self.place = if is_call_next { Place::BehindNext } else { Place::Next };
        }
        let is_next = self.place == Place::Next;
        if is_next {
            self.count -= 1;
            self.place = Place::Undecided;
        }
        is_next
    }

    /// The call that was next has a turn.
    pub(super) fn passed(&mut self) {
        if self.place == Place::BehindNext {
            self.place = Place::Next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(count: usize) -> OwedHooks {
        let mut hooks = OwedHooks::default();
        (0..count).for_each(|_| hooks.add());
        hooks
    }

    #[test]
    fn nothing_is_owed_at_first() {
        assert!(!owed(0).take(false, true));
    }

    #[test]
    fn a_hook_is_next_where_no_call_waits() {
        let mut hooks = owed(1);
        assert!(hooks.take(false, true));
        assert!(!hooks.take(false, true), "once");
    }

    #[test]
    fn a_hook_lets_one_call_pass() {
        let mut hooks = owed(1);
        assert!(!hooks.take(true, true));
        assert!(!hooks.take(true, true), "it has no turn yet");
        hooks.passed();
        assert!(hooks.take(true, true), "the second call is behind the hook");
    }

    #[test]
    fn a_hook_has_no_place_before_the_calls_that_have_not_begun_are_back() {
        let mut hooks = owed(1);
        assert!(!hooks.take(false, false));
        hooks.passed();
        assert!(!hooks.take(true, true));
        hooks.passed();
        assert!(hooks.take(false, false));
    }

    #[test]
    fn the_second_hook_is_behind_the_first() {
        let mut hooks = owed(2);
        assert!(hooks.take(false, true));
        assert!(!hooks.take(true, true), "the first waits for its turn");
        hooks.passed();
        assert!(hooks.take(false, true));
        assert!(!hooks.take(false, true));
    }
}
