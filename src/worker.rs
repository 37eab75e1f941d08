//! The actors that one worker thread runs, made once per thread and server.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use actix_signalr_actors::HubRuntime;
use uuid::Uuid;

use crate::write_clock::WriteClock;

/// What one worker runs for one server: for each hub, its actors; and a clock for what is written.
#[derive(Debug)]
pub(crate) struct Worker {
    runtimes: Vec<Arc<HubRuntime>>,
    write_clock: WriteClock,
}

impl Worker {
    /// The worker of this thread for a server; `start` makes the actors of its hubs where there are none yet, or where
    /// those there are have ended with an earlier system of the thread.
    ///
    /// An application's factory runs once for each worker *and* address it is bound to, so it is not enough to start
    /// actors each time.
    pub(crate) fn of_thread(server: Uuid, start: impl FnOnce() -> Vec<Arc<HubRuntime>>) -> Rc<Self> {
        WORKERS.with_borrow_mut(|workers| {
            workers.retain(|_, worker| worker.is_alive());
            let new = || Rc::new(Self { runtimes: start(), write_clock: WriteClock::start() });
            workers.entry(server).or_insert_with(new).clone()
        })
    }

    /// The actors of a hub, by its place in the server.
    pub(crate) fn runtime(&self, hub: usize) -> Option<&Arc<HubRuntime>> {
        self.runtimes.get(hub)
    }

    /// The clock of what is written to clients.
    pub(crate) const fn write_clock(&self) -> &WriteClock {
        &self.write_clock
    }

    fn is_alive(&self) -> bool {
        self.runtimes.iter().all(|runtime| runtime.authorization().connected())
    }
}

thread_local! {
    static WORKERS: RefCell<HashMap<Uuid, Rc<Worker>>> = RefCell::default();
}
