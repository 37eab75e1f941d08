//! How the owner of a socket is told to cut it off.

use std::{
    cell::{Cell, RefCell},
    task::Waker,
};

/// Between who finds that a client does not read and the task that waits to write to it.
#[derive(Debug, Default)]
pub(crate) struct CutOff {
    is_due: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl CutOff {
    /// Whether the socket is to be cut off; if not, the task is woken when it is.
    pub(crate) fn is_due(&self, task: &Waker) -> bool {
        let is_due = self.is_due.get();
        if !is_due {
            match &mut *self.task.borrow_mut() {
                Some(known) => known.clone_from(task),
                unknown => *unknown = Some(task.clone()),
            }
        }
        is_due
    }

    pub(super) fn order(&self) {
        self.is_due.set(true);
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}
