//! Lets things go when their time is over, also where no request comes any more that would see to it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_rt::{task::JoinHandle, time::sleep};

/// A task that looks at things shared by all workers, as long as there are some and somebody has them.
#[derive(Debug, Default)]
pub(crate) struct Sweeper(Option<JoinHandle<()>>);

impl Sweeper {
    /// Starts the task on this worker if none runs: the worker that the last one was on may have ended. `sweep` lets go of what
    /// is over, and says when to look again; never, where nothing is left.
    pub(crate) fn start<T: 'static>(&mut self, things: &Arc<T>, sweep: fn(&T, Instant) -> Option<Duration>) {
        if self.0.as_ref().is_none_or(JoinHandle::is_finished) {
            let things = Arc::downgrade(things);
            self.0 = Some(actix_rt::spawn(async move {
                let again = || things.upgrade().and_then(|things| sweep(&things, Instant::now()));
                while let Some(pause) = again() {
                    sleep(pause).await;
                }
            }));
        }
    }

    /// The task has nothing to look at any more, and ends.
    pub(crate) fn ends(&mut self) {
        self.0 = None;
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_rt::{System, task::yield_now};
    use parking_lot::Mutex;

    use super::*;

    /// How often it is still to be looked at, and with what pauses; and how often it has been.
    #[derive(Default)]
    struct Things(Mutex<(Vec<Duration>, usize, Sweeper)>);

    impl Things {
        fn new(pauses: &[Duration]) -> Arc<Self> {
            Arc::new(Self(Mutex::new((pauses.to_vec(), 0, Sweeper::default()))))
        }

        fn start(self: &Arc<Self>) {
            self.0.lock().2.start(self, |things, _| {
                let mut things = things.0.lock();
                things.1 += 1;
                let pause = things.0.pop();
                if pause.is_none() {
                    things.2.ends();
                }
                pause
            });
        }

        fn looked(&self) -> usize {
            self.0.lock().1
        }

        fn runs(&self) -> bool {
            self.0.lock().2.0.as_ref().is_some_and(|task| !task.is_finished())
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[actix_web::test]
    async fn one_task_looks_until_nothing_is_left() {
        let things = Things::new(&[Duration::ZERO; 2]);
        things.start();
        things.start();
        while things.runs() {
            yield_now().await;
        }
        assert_eq!(things.looked(), 3);
        things.start();
        while things.runs() {
            yield_now().await;
        }
        assert_eq!(things.looked(), 4);
    }

    #[test]
    fn another_worker_looks_when_one_has_ended() {
        let things = Things::new(&[HOUR; 2]);
        for looked in [1, 2] {
            System::new().block_on(async {
                things.start();
                yield_now().await;
            });
            assert_eq!(things.looked(), looked);
        }
    }

    #[actix_web::test]
    async fn nobody_waits_for_what_is_gone() {
        let things = Things::new(&[HOUR]);
        things.start();
        yield_now().await;
        let task = things.0.lock().2.0.as_ref().unwrap().abort_handle();
        assert!(!task.is_finished());
        drop(things);
        yield_now().await;
        assert!(task.is_finished());
    }
}
