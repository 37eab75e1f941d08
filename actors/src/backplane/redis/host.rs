//! Where the link lives: on a thread of its own, or on that of a worker.

use std::{io, sync::Arc};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};

use crate::{
    BackplaneError,
    backplane::{
        Loss,
        redis::{Shared, link},
    },
};

/// The runtime that the link is a task of; none until somebody needs a link.
#[derive(Debug, Default)]
pub(super) struct Host(Mutex<Option<Handle>>);

impl Shared {
    /// Has the link live on this thread, if it is to and does not live elsewhere.
    pub(super) fn live_here(self: &Arc<Self>) {
        if !self.options.shares_worker || self.outbox.lock().is_closed() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        {
            let mut host = self.host.0.lock();
            if host.is_some() {
                return;
            }
            *host = Some(runtime.clone());
        }
        // Not under the lock: a runtime that is about to end drops the task at once.
        let tenant = Tenant { shared: self.clone(), moves: true };
        runtime.spawn(tenant.live());
    }

    /// Whether the link lives nowhere yet.
    pub(super) fn is_homeless(&self) -> bool {
        self.host.0.lock().is_none()
    }

    /// Has the link live on a thread of its own, unless it lives somewhere.
    pub(super) fn live(self: &Arc<Self>) -> io::Result<Handle> {
        let mut host = self.host.0.lock();
        if let Some(runtime) = &*host {
            return Ok(runtime.clone());
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let shared = self.clone();
        std::thread::Builder::new().name("signalr-redis".to_owned()).spawn(move || {
            runtime.block_on(Tenant { shared, moves: false }.live());
        })?;
        Ok(host.insert(handle).clone())
    }

    /// The same for who has nobody to tell that there is no thread to be had.
    pub(super) fn live_somewhere(self: &Arc<Self>) -> Option<Handle> {
        let no_thread = match self.live() {
            Ok(runtime) => return Some(runtime),
            Err(err) => err,
        };
        tracing::error!(error = %no_thread, "the thread of the link to Redis cannot be started");
        let waiting = self.outbox.lock().take_all();
        for publication in waiting {
            self.lose(publication, Loss::Unsent, BackplaneError::Unreachable);
        }
        None
    }
}

/// The link in its place.
struct Tenant {
    shared: Arc<Shared>,
    /// Whether it moves to a thread of its own when its place is gone.
    moves: bool,
}

impl Tenant {
    async fn live(self) {
        link::run(&self.shared).await;
    }
}

impl Drop for Tenant {
    /// The link is over, or its runtime has ended, as that of a worker does. A link that fails on a thread of its own, which
    /// has no way to, is not tried again before somebody wants it.
    fn drop(&mut self) {
        let is_closed = self.shared.outbox.lock().is_closed();
        if !is_closed {
            // While it still counts as living here: the next one must not be up before this one is down.
            self.shared.down();
        }
        *self.shared.host.0.lock() = None;
        if self.moves && !is_closed {
            self.shared.live_somewhere();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use bytes::Bytes;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::backplane::{Backplane, RedisBackplane};

    /// To a port nobody listens at.
    fn backplane(shares_worker: bool) -> RedisBackplane {
        let builder =
            RedisBackplane::builder("redis://127.0.0.1:1").message_timeout(Duration::from_millis(1));
        builder.share_worker(shares_worker).build().unwrap()
    }

    fn worker() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn lives_at(backplane: &RedisBackplane, runtime: &Runtime) -> bool {
        let host = backplane.shared.host.0.lock();
        host.as_ref().is_some_and(|host| host.id() == runtime.handle().id())
    }

    #[test]
    fn a_link_lives_with_the_first_worker_and_moves_when_that_has_ended() {
        let (backplane, first, second) = (backplane(true), worker(), worker());
        assert!(backplane.shared.is_homeless());
        backplane.worker_started();
        assert!(backplane.shared.is_homeless(), "there is no runtime here");
        first.block_on(async { backplane.worker_started() });
        second.block_on(async { backplane.worker_started() });
        assert!(lives_at(&backplane, &first));
        drop(second);
        assert!(lives_at(&backplane, &first));
        drop(first);
        assert!(!backplane.shared.is_homeless(), "it has a thread of its own");
    }

    #[test]
    fn a_link_that_is_wanted_before_a_worker_starts_does_not_wait_for_one() {
        let (backplane, worker) = (backplane(true), worker());
        let sent = backplane.publish("c", Bytes::new());
        worker.block_on(async {
            backplane.worker_started();
            assert_eq!(sent.await, Err(BackplaneError::Unreachable));
        });
        assert!(!lives_at(&backplane, &worker) && !backplane.shared.is_homeless());
    }

    #[test]
    fn a_link_has_a_thread_of_its_own_unless_it_is_to_share_one() {
        let (backplane, worker) = (backplane(false), worker());
        assert!(!backplane.shared.is_homeless());
        worker.block_on(async { backplane.worker_started() });
        assert!(!lives_at(&backplane, &worker));
    }

    #[test]
    fn a_worker_that_is_about_to_end_is_no_place_to_live() {
        let (backplane, worker) = (backplane(true), worker());
        let handle = worker.handle().clone();
        drop(worker);
        {
            let _within = handle.enter();
            backplane.worker_started();
        }
        assert!(!backplane.shared.is_homeless());
        assert_ne!(backplane.shared.host.0.lock().as_ref().unwrap().id(), handle.id());
    }

    #[test]
    fn a_link_is_over_with_its_backplane_wherever_it_lives() {
        let worker = worker();
        let backplane = backplane(true);
        worker.block_on(async { backplane.worker_started() });
        let shared = Arc::downgrade(&backplane.shared);
        drop(backplane);
        worker.block_on(async {
            while shared.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }

    #[test]
    fn who_sleeps_is_not_woken_by_the_end_of_a_worker() {
        let (backplane, worker) = (backplane(true), worker());
        worker.block_on(async { backplane.worker_started() });
        let began = tokio::time::Instant::now();
        let duration = Duration::from_millis(50);
        let asleep = backplane.sleep(duration);
        let sleeper = thread::spawn(move || futures::executor::block_on(asleep));
        drop(worker);
        sleeper.join().unwrap();
        assert!(began.elapsed() >= duration);
    }
}
