//! Running the calls of one connection, one after another.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use bytes::BytesMut;
use bytestring::ByteString;
use futures::future::LocalBoxFuture;

use crate::{
    HubError,
    authorization::{Call, CallSource, Completed, Invoke, Refusal, Step, panic_text},
    hub::AnyMethod,
    protocol::Payload,
};

/// Calls that run in their order. Their answers go back together, as far as they are there whenever one has to wait.
pub(crate) struct Run<H> {
    hub: Arc<H>,
    methods: Arc<[Box<dyn AnyMethod<H>>]>,
    source: Arc<CallSource>,
    steps: std::iter::Peekable<vec::IntoIter<Step>>,
    running: Option<Running>,
    records: BytesMut,
    calls: usize,
    has_waited: bool,
    has_reported: bool,
}

struct Running {
    invocation_id: Option<ByteString>,
    target: ByteString,
    future: LocalBoxFuture<'static, Result<Payload, HubError>>,
}

impl<H: 'static> Run<H> {
    pub(crate) fn new(hub: Arc<H>, methods: Arc<[Box<dyn AnyMethod<H>>]>, invoke: Invoke) -> Self {
        Self {
            hub,
            methods,
            source: invoke.source,
            steps: invoke.steps.into_iter().peekable(),
            running: None,
            records: BytesMut::new(),
            calls: 0,
            has_waited: false,
            has_reported: false,
        }
    }

    /// Starts a call, or answers in its place.
    fn start(&mut self, step: Step) {
        let call = match step {
            Step::Call(call) => call,
            Step::Refused(refusal) => return self.refuse(&refusal),
        };
        if let Err(error) = self.check_mode(&call) {
            let invocation_id = call.invocation_id;
            return self.refuse(&Refusal { invocation_id, error, in_turn: true });
        }
        let Some(method) = self.methods.get(call.method) else { return };
        let invocation = call.invocation;
        let future =
            method.call(self.hub.clone(), invocation.ctx, invocation.arguments, self.source.protocol);
        self.running = Some(Running { invocation_id: call.invocation_id, target: call.target, future });
    }

    /// Whether the call wants of the method what it gives.
    fn check_mode(&self, call: &Call) -> Result<(), String> {
        let target = &call.target;
        if call.streaming {
            return Err(format!(
                "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
            ));
        }
        if call.uploads > 0 {
            let uploads = call.uploads;
            return Err(format!(
                "An unexpected error occurred invoking '{target}' on the server. HubException: Client sent {uploads} stream(s), Hub method expects 0."
            ));
        }
        Ok(())
    }

    /// Polls the running call once; a panic ends this call alone.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.running else { return Poll::Ready(()) };
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| running.future.as_mut().poll(cx)));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result,
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                tracing::error!(target = &*running.target, panic = text, "a hub method panicked");
                Err(HubError::internal("Panic", text))
            }
        };
        if let Some(Running { invocation_id, target, .. }) = self.running.take() {
            self.answer(invocation_id.as_deref(), &target, result);
        }
        Poll::Ready(())
    }

    fn answer(&mut self, invocation_id: Option<&str>, target: &str, result: Result<Payload, HubError>) {
        self.calls += 1;
        if self.source.connection.is_abort_requested() {
            return;
        }
        let protocol = self.source.protocol;
        match (result, invocation_id) {
            (Ok(payload), Some(id)) => protocol.write_result(id, &payload, &mut self.records),
            (Ok(_), None) => {}
            (Err(err), id) => {
                tracing::debug!(target, error = %err, "a hub method failed");
                if let Some(id) = id {
                    let base = format!("An unexpected error occurred invoking '{target}' on the server.");
                    let error = err.told_to_client(&base, self.source.detailed_errors);
                    protocol.write_error(id, &error, &mut self.records);
                }
            }
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.calls += usize::from(refusal.in_turn);
        if let Some(id) = &refusal.invocation_id
            && !self.source.connection.is_abort_requested()
        {
            self.source.protocol.write_error(id, &refusal.error, &mut self.records);
        }
    }

    /// Sends back what is there.
    fn flush(&mut self) {
        let is_first = !std::mem::replace(&mut self.has_reported, true);
        if is_first || self.calls > 0 || !self.records.is_empty() {
            let records = self.records.split().freeze();
            let calls = std::mem::take(&mut self.calls);
            self.source.completed.do_send(Completed { records, calls, is_first });
        }
    }
}

impl<H: 'static> Future for Run<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.poll_running(cx).is_pending() {
                // What is answered when it is read does not wait for the call before it.
                while let Some(Step::Refused(refusal)) =
                    this.steps.next_if(|step| matches!(step, Step::Refused(refusal) if !refusal.in_turn))
                {
                    this.refuse(&refusal);
                }
                this.has_waited = true;
                this.flush();
                return Poll::Pending;
            }
            // Nobody reads the answers of a connection that ended while a call before was waiting.
            let ended = this.has_waited && this.source.connection.aborted().is_cancelled();
            match this.steps.next() {
                Some(step) if !ended => this.start(step),
                _ => {
                    this.flush();
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<H> Unpin for Run<H> {}
