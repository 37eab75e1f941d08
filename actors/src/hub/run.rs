//! Running the calls of one connection, one after another.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use bytes::BytesMut;
use bytestring::ByteString;
use futures::future::LocalBoxFuture;

use crate::{
    authorization::{Call, CallSource, Clearance, Completed, Invoke, Refusal, Step, Turn, Turns},
    hub::{
        DescribedMethod, Hub, hook,
        running::{Progress, Running},
    },
    metrics::InvocationOutcome,
};

/// Calls that run in their order. Their answers go back together, as far as they are there whenever one has to wait.
pub(crate) struct Run<H> {
    hub: Arc<H>,
    methods: Arc<[DescribedMethod<H>]>,
    source: Arc<CallSource>,
    steps: vec::IntoIter<Step>,
    /// How often the client had replaced its credentials when the steps were sent.
    refreshes: u64,
    /// Whether it goes on with calls that come while it waits.
    takes_more: bool,
    running: Option<InTurn>,
    answers: Answers,
    has_waited: bool,
    /// While the client does not keep up with the answers: ready when it is gone.
    gone: Option<LocalBoxFuture<'static, ()>>,
}

/// What the steps behind it wait for.
enum InTurn {
    Call(Running),
    Hook(LocalBoxFuture<'static, ()>),
}

/// Answers that have not gone back yet.
#[derive(Default)]
struct Answers {
    records: BytesMut,
    turns: Turns,
    ended: Vec<ByteString>,
    returned: Vec<Step>,
    has_reported: bool,
}

impl<H: Hub> Run<H> {
    pub(crate) fn new(hub: Arc<H>, methods: Arc<[DescribedMethod<H>]>, invoke: Invoke) -> Self {
        let Invoke { source, steps, refreshes, takes_more } = invoke;
        Self {
            hub,
            methods,
            source,
            steps: steps.into_iter(),
            refreshes,
            takes_more,
            running: None,
            answers: Answers::default(),
            has_waited: false,
            gone: None,
        }
    }

    /// Starts a call, or answers in its place.
    fn start(&mut self, call: Call) {
        if call.clearance == Clearance::Denied {
            self.source.telemetry.counters.invocation(InvocationOutcome::Unauthorized);
            let error = format!("Failed to invoke '{}' because user is unauthorized", call.target);
            self.refuse(refusal_of(call, error));
        } else if let Some(fault) = &call.fault {
            let error = fault.clone();
            self.source.telemetry.counters.invocation(InvocationOutcome::Refused);
            self.refuse(refusal_of(call, error));
        } else {
            let running = Running::start(call, &self.hub, &self.methods, &self.source);
            self.running = running.map(InTurn::Call);
        }
    }

    /// Gives back what has not begun, if the client is not any more who it was when that was sent.
    fn return_outdated(&mut self) {
        if self.refreshes != self.source.connection.refreshes() {
            self.answers.returned.extend(&mut self.steps);
            for step in &self.answers.returned {
                self.answers.turns.end(step.turn());
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.answers.turns.end(refusal.turn);
        let Some(id) = refusal.invocation_id else { return };
        if !self.source.connection.is_abort_requested() {
            self.source.format.protocol.write_error(&id, &refusal.error, &mut self.answers.records);
        }
        if refusal.is_tracked {
            self.answers.ended.push(id);
        }
    }

    /// What is answered when it is read does not wait for the call before it.
    fn refuse_at_once(&mut self) {
        while let Some(Step::Refused(Refusal { turn: Turn::None, .. })) = self.steps.as_slice().first() {
            if let Some(Step::Refused(refusal)) = self.steps.next() {
                self.refuse(refusal);
            }
        }
    }

    /// Polls the running call; says whether there is none any more that the others have to wait for.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let progress = match &mut self.running {
            None => return Poll::Ready(()),
            Some(InTurn::Call(call)) => {
                self.answers.make_room(1 + self.steps.len());
                call.poll(&self.source, &mut self.answers.records, cx)
            }
            Some(InTurn::Hook(hook)) => {
                let has_unsent = !self.answers.records.is_empty();
                let polled = self.source.connection.run(has_unsent, || hook.as_mut().poll(cx));
                polled.map(|()| Progress::Over)
            }
        };
        match progress {
            Poll::Ready(Progress::Over) => {
                match &mut self.running {
                    Some(InTurn::Call(call)) => {
                        self.answers.turns.end(call.turn());
                        self.answers.ended.extend(call.end(&self.source));
                    }
                    Some(InTurn::Hook(_)) => self.answers.turns.end(Turn::Takes),
                    None => {}
                }
                self.running = None;
                Poll::Ready(())
            }
            Poll::Ready(Progress::GaveUpTurn) => {
                self.answers.turns.give_up();
                if let Some(running) = self.running.take() {
                    actix_rt::spawn(Self { running: Some(running), ..self.beside() });
                }
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// A run of no calls, of the same connection.
    fn beside(&self) -> Self {
        Self {
            hub: self.hub.clone(),
            methods: self.methods.clone(),
            source: self.source.clone(),
            steps: Vec::new().into_iter(),
            refreshes: self.refreshes,
            takes_more: false,
            running: None,
            answers: Answers { has_reported: true, ..Answers::default() },
            has_waited: true,
            gone: None,
        }
    }

    /// Whether the client keeps up with the answers, or is gone; looked at where there are many bytes of them, so that small
    /// ones go back together.
    fn has_room(&mut self, cx: &mut Context<'_>) -> bool {
        if self.gone.is_none() {
            if self.answers.records.len() < BYTES_TOGETHER {
                return true;
            }
            self.answers.flush_records(&self.source);
        }
        if self.source.must_wait(cx) {
            self.has_waited = true;
            let aborted = || self.source.connection.aborted().clone().cancelled_owned();
            let gone = self.gone.get_or_insert_with(|| Box::pin(aborted()));
            return gone.as_mut().poll(cx).is_ready();
        }
        self.gone = None;
        true
    }
}

impl Answers {
    /// Sets memory aside for the first of so many answers, so that it need not grow with each of them.
    fn make_room(&mut self, calls: usize) {
        if self.records.capacity() == 0 {
            self.records.reserve(calls * USUAL_ANSWER);
        }
    }

    /// Sends back answers alone. Whose turns are free is said when what stands behind them has begun: nothing is to overtake
    /// that, and nothing else to take its place.
    fn flush_records(&mut self, source: &CallSource) {
        let (turns, ended) = (std::mem::take(&mut self.turns), std::mem::take(&mut self.ended));
        self.flush(source);
        (self.turns, self.ended) = (turns, ended);
    }

    /// Sends back what is there.
    fn flush(&mut self, source: &CallSource) {
        let is_first = !std::mem::replace(&mut self.has_reported, true);
        let is_silent = self.records.is_empty() && self.ended.is_empty() && self.returned.is_empty();
        if is_first || self.turns != Turns::default() || !is_silent {
            let records = self.records.split().freeze();
            let (turns, ended) = (std::mem::take(&mut self.turns), std::mem::take(&mut self.ended));
            let returned = std::mem::take(&mut self.returned);
            source.replies.send(Completed { records, turns, is_first, ended, returned });
        }
    }
}

impl<H: Hub> Future for Run<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.poll_running(cx).is_pending() {
                this.refuse_at_once();
                this.answers.flush(&this.source);
                // It sends something, which comes behind the answers of the calls before it.
                if this.source.connection.is_behind_answers() {
                    continue;
                }
                this.has_waited = true;
                if this.takes_more {
                    this.source.following.open(this.refreshes);
                }
                return Poll::Pending;
            }
            let goes_on = this.steps.as_slice().is_empty() && this.takes_more && this.has_waited;
            if goes_on {
                this.steps = this.source.following.take().into_iter();
            }
            if !this.steps.as_slice().is_empty() {
                if !this.has_room(cx) {
                    return Poll::Pending;
                }
                if goes_on {
                    // What those send comes behind.
                    this.answers.flush_records(&this.source);
                }
            }
            // Nobody reads the answers of a connection that ended while a call before was waiting.
            let ended = this.has_waited && this.source.connection.aborted().is_cancelled();
            this.return_outdated();
            match if ended { None } else { this.steps.next() } {
                Some(Step::Call(call)) => this.start(call),
                Some(Step::Refused(refusal)) => this.refuse(refusal),
                Some(Step::Refreshed) => {
                    let hook = hook::refreshed(&this.hub, &this.source.connection);
                    this.running = Some(InTurn::Hook(hook));
                }
                None => {
                    this.answers.flush(&this.source);
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<H> Unpin for Run<H> {}

/// What a call is answered that may not run as it is.
fn refusal_of(call: Call, error: String) -> Refusal {
    let (turn, is_tracked) = (call.turn, call.cancel.is_some());
    Refusal { invocation_id: call.invocation_id, error, turn, is_tracked }
}

/// Answers of so many bytes are not held back for those of the calls behind them, which wait for the client to take them.
const BYTES_TOGETHER: usize = 64 * 1024;

/// About what an answer takes that is a number or a short text.
const USUAL_ANSWER: usize = 96;
