//! What threads and their coordinator tell each other.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicI64, AtomicU8, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use mio::{Poll, Token, Waker};

/// The token of the wake-up calls; connections have their own number.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// So many errors are kept; all are counted.
const KEPT_ERRORS: usize = 20;

/// The phases of a run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    Connect,
    WarmUp,
    Measure,
    /// Nothing new is sent; what is still to come is waited for.
    Drain,
    Close,
    Exit,
}

impl Phase {
    const ALL: [Self; 6] = [Self::Connect, Self::WarmUp, Self::Measure, Self::Drain, Self::Close, Self::Exit];

    /// Whether load is made.
    pub(crate) fn is_loaded(self) -> bool {
        matches!(self, Self::WarmUp | Self::Measure)
    }
}

/// What one thread tells; on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Lane {
    /// What has been done: answers, deliveries, items.
    pub(crate) done: AtomicU64,
    /// What has been sent or ended: calls, messages, streams.
    pub(crate) sent: AtomicU64,
    /// What is still to come. May be negative for a thread; what counts is the sum.
    pub(crate) missing: AtomicI64,
    pub(crate) opened: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) first_opening: AtomicU64,
    pub(crate) last_opened: AtomicU64,
    pub(crate) last_closed: AtomicU64,
    /// The phase that the thread is in, which is told after all else.
    phase: AtomicU8,
    waker: Waker,
}

impl Lane {
    fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self {
            done: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            missing: AtomicI64::new(0),
            opened: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            first_opening: AtomicU64::new(u64::MAX),
            last_opened: AtomicU64::new(0),
            last_closed: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Connect as u8),
            waker: Waker::new(poll.registry(), WAKE)?,
        })
    }

    /// Tells that all of this lane is of a phase, or a later one.
    pub(crate) fn has_entered(&self, phase: Phase) {
        self.phase.store(phase as u8, Release);
    }
}

/// The lanes of all threads, and what they share.
#[derive(Debug)]
pub(crate) struct Lanes {
    phase: AtomicU8,
    has_failed: AtomicBool,
    errors: Mutex<(Vec<String>, u64)>,
    lanes: Vec<Lane>,
}

impl Lanes {
    pub(crate) fn new(polls: &[Poll]) -> io::Result<Self> {
        Ok(Self {
            phase: AtomicU8::new(Phase::Connect as u8),
            has_failed: AtomicBool::new(false),
            errors: Mutex::default(),
            lanes: polls.iter().map(Lane::new).collect::<io::Result<_>>()?,
        })
    }

    pub(crate) fn of(&self, thread: usize) -> &Lane {
        &self.lanes[thread]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    pub(crate) fn sum(&self, count: impl Fn(&Lane) -> &AtomicU64) -> u64 {
        self.lanes.iter().map(|lane| count(lane).load(Acquire)).sum()
    }

    pub(crate) fn missing(&self) -> i64 {
        self.lanes.iter().map(|lane| lane.missing.load(Relaxed)).sum()
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Relaxed))]
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        for thread in 0..self.lanes.len() {
            self.wake(thread);
        }
    }

    /// Whether what all threads tell is of a phase, or a later one.
    pub(crate) fn have_entered(&self, phase: Phase) -> bool {
        self.lanes.iter().all(|lane| lane.phase.load(Acquire) >= phase as u8)
    }

    /// Lets a thread look around. One that cannot be woken looks within 100 ms.
    pub(crate) fn wake(&self, thread: usize) {
        let _ = self.lanes[thread].waker.wake();
    }

    pub(crate) fn fail(&self, error: String) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.1 += 1;
        if errors.0.len() < KEPT_ERRORS {
            errors.0.push(error);
        }
        self.has_failed.store(true, Relaxed);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Relaxed)
    }

    /// What went wrong, with the number of what is not listed.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listed = errors.0.clone();
        if errors.1 > listed.len() as u64 {
            listed.push(format!("{} errors in all", errors.1));
        }
        listed
    }
}
