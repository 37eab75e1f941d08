//! Running the calls of one connection, one after another.

use std::{
    future::Future,
    iter::Peekable,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use bytes::BytesMut;
use bytestring::ByteString;

use crate::{
    authorization::{Call, CallSource, Completed, Invoke, Refusal, Step, Turn, Turns},
    hub::{
        DescribedMethod,
        running::{Progress, Running},
    },
    metrics::InvocationOutcome,
};

/// Calls that run in their order. Their answers go back together, as far as they are there whenever one has to wait.
pub(crate) struct Run<H> {
    hub: Arc<H>,
    methods: Arc<[DescribedMethod<H>]>,
    source: Arc<CallSource>,
    steps: Peekable<vec::IntoIter<Step>>,
    running: Option<Running>,
    answers: Answers,
    has_waited: bool,
}

/// Answers that have not gone back yet.
#[derive(Default)]
struct Answers {
    records: BytesMut,
    turns: Turns,
    ended: Vec<ByteString>,
    has_reported: bool,
}

impl<H: 'static> Run<H> {
    pub(crate) fn new(hub: Arc<H>, methods: Arc<[DescribedMethod<H>]>, invoke: Invoke) -> Self {
        let steps = invoke.steps.into_iter().peekable();
        let answers = Answers::default();
        Self { hub, methods, source: invoke.source, steps, running: None, answers, has_waited: false }
    }

    /// Starts a call, or answers in its place.
    fn start(&mut self, step: Step) {
        let call = match step {
            Step::Call(call) => call,
            Step::Refused(refusal) => return self.refuse(refusal),
        };
        match &call.fault {
            None => self.running = Running::start(call, &self.hub, &self.methods, &self.source),
            Some(fault) => {
                let error = fault.clone();
                self.source.telemetry.counters.invocation(InvocationOutcome::Refused);
                self.refuse(refusal_of(call, error));
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
        while let Some(Step::Refused(refusal)) =
            self.steps.next_if(|step| matches!(step, Step::Refused(refusal) if refusal.turn == Turn::None))
        {
            self.refuse(refusal);
        }
    }

    /// Polls the running call; says whether there is none any more that the others have to wait for.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.running else { return Poll::Ready(()) };
        match running.poll(&self.source, &mut self.answers.records, cx) {
            Poll::Ready(Progress::Over) => {
                if let Some(running) = self.running.take() {
                    self.answers.turns.end(running.turn());
                    self.answers.ended.extend(running.end(&self.source));
                }
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
            steps: Vec::new().into_iter().peekable(),
            running: None,
            answers: Answers { has_reported: true, ..Answers::default() },
            has_waited: true,
        }
    }
}

impl Answers {
    /// Sends back what is there.
    fn flush(&mut self, source: &CallSource) {
        let is_first = !std::mem::replace(&mut self.has_reported, true);
        if is_first || self.turns != Turns::default() || !self.records.is_empty() || !self.ended.is_empty() {
            let records = self.records.split().freeze();
            source.outbound.add(records.len());
            let (turns, ended) = (std::mem::take(&mut self.turns), std::mem::take(&mut self.ended));
            source.completed.do_send(Completed { records, turns, is_first, ended });
        }
    }
}

impl<H: 'static> Future for Run<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.poll_running(cx).is_pending() {
                this.refuse_at_once();
                this.has_waited = true;
                this.answers.flush(&this.source);
                return Poll::Pending;
            }
            // Nobody reads the answers of a connection that ended while a call before was waiting.
            let ended = this.has_waited && this.source.connection.aborted().is_cancelled();
            match this.steps.next() {
                Some(step) if !ended => this.start(step),
                _ => {
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
