//! What is logged, on whichever thread.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    thread::{self, ThreadId},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

/// All that is logged in this process: one for all tests, since where each thread has its own some lines are taken for unwanted.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Line>>>);

struct Line {
    thread: ThreadId,
    level: Level,
    text: String,
}

impl Log {
    /// Begins to log, unless another test has.
    pub(crate) fn begin() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let begin = || {
            let log = Self::default();
            tracing::subscriber::set_global_default(log.clone()).expect("nobody else listens");
            log
        };
        LOG.get_or_init(begin).clone()
    }

    /// All lines, one after another.
    #[allow(dead_code, reason = "only the tests of TLS ask for it")]
    pub(crate) fn text(&self) -> String {
        self.lock().iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// How many lines warn of something, and were written on this thread.
    pub(crate) fn warnings_here(&self) -> usize {
        let is_meant = |line: &&Line| line.level == Level::WARN && line.thread == thread::current().id();
        self.lock().iter().filter(is_meant).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lock().unwrap()
    }

    fn add(&self, level: Level, text: String) {
        self.lock().push(Line { thread: thread::current().id(), level, text });
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(Level::TRACE, format!("{span:?}"));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.add(Level::TRACE, format!("{values:?}"));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(*event.metadata().level(), format!("{event:?}"));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
