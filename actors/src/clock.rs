//! One clock for all connections of a worker.
//!
//! Receives [`Remind`], sends [`Tick`] when its time has come, a quarter of a second late at the most, and [`ServerEnds`], which
//! it tells everyone. A connection has one
//! reminder at a time, one more where its credentials expire sooner than was thought, and one more for stateful reconnect,
//! so the clock wakes only those that have something to do.

use std::{collections::BTreeMap, time::Duration};

use actix::{clock::Instant, prelude::*};

/// Reminders, by the number of the step since the start at which they are due.
#[derive(Debug)]
pub(crate) struct ClockActor {
    started: Instant,
    server_ends: bool,
    reminders: BTreeMap<u128, Vec<(Recipient<Tick>, Reminder)>>,
}

impl ClockActor {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), server_ends: false, reminders: BTreeMap::new() }
    }

    fn tick(&mut self, _: &mut Context<Self>) {
        let past = (Instant::now() - self.started).as_nanos() / STEP.as_nanos();
        let later = self.reminders.split_off(&(past + 1));
        for (recipient, about) in std::mem::replace(&mut self.reminders, later).into_values().flatten() {
            // One at a time for each connection; those that are over are not there any more.
            recipient.do_send(Tick(about));
        }
    }
}

impl Actor for ClockActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        ctx.run_interval(STEP, Self::tick);
    }
}

/// Asks to be told when a time has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Remind {
    pub(crate) at: Instant,
    pub(crate) recipient: Recipient<Tick>,
    pub(crate) about: Reminder,
}

/// What a connection asks to be told for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reminder {
    /// Pings, silence, the handshake, credentials.
    Deadlines,
    /// What client and server acknowledge, and a transport that is to come.
    Exchange,
    /// The server ends: nobody has asked for that.
    ServerEnds,
}

impl Handler<Remind> for ClockActor {
    type Result = ();

    fn handle(&mut self, Remind { at, recipient, about }: Remind, _: &mut Self::Context) {
        // Rounded up: nobody is told before his time.
        let step = at.saturating_duration_since(self.started).as_nanos().div_ceil(STEP.as_nanos());
        if self.server_ends {
            recipient.do_send(Tick(Reminder::ServerEnds));
        }
        self.reminders.entry(step).or_default().push((recipient, about));
    }
}

/// The server ends. All that ask for the time are told so, those that ask later as well: the registry knows only those
/// whose hub has heard of them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ServerEnds;

impl Handler<ServerEnds> for ClockActor {
    type Result = ();

    fn handle(&mut self, ServerEnds: ServerEnds, _: &mut Self::Context) {
        self.server_ends = true;
        for (recipient, _) in self.reminders.values().flatten() {
            recipient.do_send(Tick(Reminder::ServerEnds));
        }
    }
}

/// The time a connection asked for has come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Tick(pub(crate) Reminder);

/// How late a reminder may be. Four times a second is nothing to a worker, and soon enough that who is let go because his
/// credentials have expired hears of it before they are refused, with the shortest allowance for clocks.
const STEP: Duration = Duration::from_millis(250);

/// Connections ask one at a time each; this only sizes the queue.
const MAILBOX_CAPACITY: usize = 1024;
