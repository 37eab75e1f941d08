//! One clock for all connections of a worker.
//!
//! Receives [`Remind`], sends [`Tick`] when its time has come, kept to the second. A connection has one reminder at a
//! time, and one more where its credentials expire sooner than was thought, so the clock wakes only those that have
//! something to do.

use std::{collections::BTreeMap, time::Duration};

use actix::{clock::Instant, prelude::*};

/// Reminders, by the whole second since the start in which they are due.
#[derive(Debug)]
pub(crate) struct ClockActor {
    started: Instant,
    reminders: BTreeMap<u64, Vec<Recipient<Tick>>>,
}

impl ClockActor {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), reminders: BTreeMap::new() }
    }

    fn tick(&mut self, _: &mut Context<Self>) {
        let past = (Instant::now() - self.started).as_secs();
        let later = self.reminders.split_off(&(past + 1));
        for recipient in std::mem::replace(&mut self.reminders, later).into_values().flatten() {
            // One at a time for each connection; those that are over are not there any more.
            recipient.do_send(Tick);
        }
    }
}

impl Actor for ClockActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        ctx.run_interval(Duration::from_secs(1), Self::tick);
    }
}

/// Asks to be told when a time has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Remind {
    pub(crate) at: Instant,
    pub(crate) recipient: Recipient<Tick>,
}

impl Handler<Remind> for ClockActor {
    type Result = ();

    fn handle(&mut self, Remind { at, recipient }: Remind, _: &mut Self::Context) {
        // Rounded up: nobody is told before his time.
        let second = at.saturating_duration_since(self.started).as_secs_f64().ceil();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds since the start"
        )]
        self.reminders.entry(second as u64).or_default().push(recipient);
    }
}

/// The time a connection asked for has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Tick;

/// Connections ask one at a time each; this only sizes the queue.
const MAILBOX_CAPACITY: usize = 1024;
