//! One call that runs: first its method, then perhaps a stream of answers.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::BytesMut;
use bytestring::ByteString;
use futures::{future::LocalBoxFuture, stream::LocalBoxStream};

use crate::{
    HubError, HubInvocation,
    authorization::{Call, CallSource, Cancel, Turn, panic_text},
    context::Caller,
    hub::{Answer, DescribedMethod, span::InvocationSpan},
    metrics::InvocationOutcome,
    protocol::{Payload, PayloadFormat},
    telemetry::log_failure,
};

/// A call between its beginning and its end.
pub(super) struct Running {
    invocation_id: Option<ByteString>,
    target: ByteString,
    caller: Caller,
    work: Work,
    cancel: Option<Cancel>,
    /// Ready when the client wants no more, or is gone.
    cancelled: Option<LocalBoxFuture<'static, ()>>,
    turn: Turn,
    span: InvocationSpan,
}

enum Work {
    Method(LocalBoxFuture<'static, Result<Answer, HubError>>),
    Stream(LocalBoxStream<'static, Result<Payload, HubError>>),
}

/// How far a call has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is answered.
    Over,
    /// It goes on, but nothing has to wait for it any more.
    GaveUpTurn,
}

impl Running {
    /// Calls the method; `None` where the hub has no such method, which was looked up before.
    pub(super) fn start<H: 'static>(
        call: Call,
        hub: &Arc<H>,
        methods: &Arc<[DescribedMethod<H>]>,
        source: &CallSource,
    ) -> Option<Self> {
        let described = methods.get(call.method)?;
        let (format, set_parent) = (source.format, source.telemetry.set_parent);
        let request = source.connection.request_span();
        let span = InvocationSpan::new::<H>(&call.target, call.headers.as_ref(), set_parent, request);
        // The method has the context: another hand on it would count on what it holds, four times for a call.
        let invocation = call.invocation;
        let caller = invocation.ctx.caller();
        let work = if described.filters.is_empty() {
            described.method.call(hub.clone(), invocation.ctx, invocation.arguments, format)
        } else {
            filtered(call.method, invocation, hub.clone(), methods.clone(), format)
        };
        Some(Self {
            invocation_id: call.invocation_id,
            target: call.target,
            caller,
            work: Work::Method(work),
            cancel: call.cancel,
            cancelled: None,
            turn: call.turn,
            span,
        })
    }

    pub(super) const fn turn(&self) -> Turn {
        self.turn
    }

    /// It is over; its id, if it could be cancelled by it.
    pub(super) fn end(&mut self, source: &CallSource) -> Option<ByteString> {
        source.connection.ended(self.caller);
        self.invocation_id.take_if(|_| self.cancel.is_some())
    }

    /// Goes on with it; what it answers is written to `records`. A panic ends this call alone.
    pub(super) fn poll(
        &mut self,
        source: &CallSource,
        records: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<Progress> {
        loop {
            match &mut self.work {
                Work::Method(method) => {
                    let answer = match source.connection.run(!records.is_empty(), || {
                        guarded(|| self.span.in_scope(|| method.as_mut().poll(cx)))
                    }) {
                        Ok(Poll::Ready(answer)) => answer,
                        Ok(Poll::Pending) => return self.wait(source, cx),
                        Err(panic) => Err(self.panicked(source, &panic)),
                    };
                    match answer {
                        Ok(Answer::Stream(stream)) => self.begin_stream(stream),
                        Ok(Answer::Value(value)) => self.answer(source, records, Ok(Some(value))),
                        Err(err) => self.answer(source, records, Err((err, Self::FAILED))),
                    }
                    if matches!(self.work, Work::Method(_)) {
                        return Poll::Ready(Progress::Over);
                    }
                }
                Work::Stream(_) => return self.poll_stream(source, records, cx).map(|()| Progress::Over),
            }
        }
    }

    /// The method has to wait; perhaps for the client, and then nothing may wait for the method.
    fn wait(&mut self, source: &CallSource, cx: &Context<'_>) -> Poll<Progress> {
        if self.turn == Turn::Takes && source.connection.has_given_up_turn(self.caller, cx.waker()) {
            self.turn = Turn::Beside;
            return Poll::Ready(Progress::GaveUpTurn);
        }
        Poll::Pending
    }

    fn begin_stream(&mut self, stream: LocalBoxStream<'static, Result<Payload, HubError>>) {
        self.work = Work::Stream(stream);
        let token = self.cancel.as_ref().map(|cancel| cancel.token.clone()).unwrap_or_default();
        self.cancelled = Some(Box::pin(token.cancelled_owned()));
    }

    /// Takes items while the client keeps up with them.
    fn poll_stream(&mut self, source: &CallSource, records: &mut BytesMut, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ITEMS_IN_A_TURN {
            if self.is_cancelled(source, cx) {
                self.answer(source, records, Ok(None));
                return Poll::Ready(());
            }
            if !records.is_empty() && records.len() >= BYTES_IN_A_TURN {
                break;
            }
            if source.must_wait(cx) {
                return Poll::Pending;
            }
            let Work::Stream(stream) = &mut self.work else { return Poll::Ready(()) };
            match source
                .connection
                .run(!records.is_empty(), || guarded(|| self.span.in_scope(|| stream.as_mut().poll_next(cx))))
            {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Some(Ok(item)))) => {
                    if let Some(id) = &self.invocation_id {
                        source.format.protocol.write_stream_item(id, &item, records);
                    }
                }
                Ok(Poll::Ready(None)) => {
                    self.answer(source, records, Ok(None));
                    return Poll::Ready(());
                }
                Ok(Poll::Ready(Some(Err(err)))) => {
                    self.answer(source, records, Err((err, Self::STREAM_FAILED)));
                    return Poll::Ready(());
                }
                Err(panic) => {
                    let err = self.panicked(source, &panic);
                    self.answer(source, records, Err((err, Self::STREAM_FAILED)));
                    return Poll::Ready(());
                }
            }
        }
        // Others have their turn, and what there is goes out.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the stream is to be dropped. A method that has asked to be told ends by itself, unless the client is gone.
    fn is_cancelled(&mut self, source: &CallSource, cx: &mut Context<'_>) -> bool {
        let is_cancelled =
            self.cancelled.as_mut().is_none_or(|cancelled| cancelled.as_mut().poll(cx).is_ready());
        if !is_cancelled {
            return false;
        }
        self.cancelled = None;
        let is_cooperative = self.cancel.as_ref().is_some_and(|cancel| cancel.is_cooperative);
        !is_cooperative || source.connection.aborted().is_cancelled()
    }

    /// Answers: with a value, with the end of a stream, or with an error.
    fn answer(&self, source: &CallSource, records: &mut BytesMut, answer: Result<Option<Payload>, Failure>) {
        let protocol = source.format.protocol;
        let outcome = if answer.is_ok() { InvocationOutcome::Completed } else { InvocationOutcome::Failed };
        source.telemetry.counters.invocation(outcome);
        // A call that ends its connection is not answered, nor what comes behind it.
        let id = self.invocation_id.as_deref().filter(|_| !source.connection.is_abort_requested());
        match (answer, id) {
            (Ok(Some(value)), Some(id)) => protocol.write_result(id, &value, records),
            (Ok(None), Some(id)) => protocol.write_completion_end(id, records),
            (Ok(_), None) => {}
            (Err((err, base)), id) => {
                self.span.failed(&err);
                let connection_id = &**source.connection.id();
                log_failure!(
                    err,
                    "a hub method failed",
                    parent: self.span.id(),
                    connection_id,
                    target = &*self.target
                );
                if let Some(id) = id {
                    let error = err.told_to_client(&base(&self.target), source.detailed_errors);
                    protocol.write_error(id, &error, records);
                }
            }
        }
    }

    fn panicked(&self, source: &CallSource, panic: &Panic) -> HubError {
        let text = panic_text(panic.as_ref());
        let connection_id = &**source.connection.id();
        tracing::error!(
            parent: self.span.id(),
            connection_id,
            target = &*self.target,
            panic = text,
            "a hub method panicked"
        );
        HubError::internal("Panic", text)
    }

    const FAILED: fn(&str) -> String =
        |target| format!("An unexpected error occurred invoking '{target}' on the server.");
    const STREAM_FAILED: fn(&str) -> String =
        |_| "An error occurred on the server while streaming results.".to_owned();
}

/// Calls a method through the filters around it.
fn filtered<H: 'static>(
    index: usize,
    invocation: HubInvocation,
    hub: Arc<H>,
    methods: Arc<[DescribedMethod<H>]>,
    format: PayloadFormat,
) -> LocalBoxFuture<'static, Result<Answer, HubError>> {
    Box::pin(async move {
        let Some(described) = methods.get(index) else {
            return Err(HubError::internal("InvalidOperationException", "a method of another hub"));
        };
        let method =
            |call: HubInvocation| described.method.call(hub.clone(), call.ctx, call.arguments, format);
        described.filters.call(invocation, format, &method).await
    })
}

/// What went wrong, and what is said of it to a client, given the name of the method.
type Failure = (HubError, fn(&str) -> String);

type Panic = Box<dyn std::any::Any + Send>;

/// Runs the application's own code; a panic in it comes back as a value.
fn guarded<T>(poll: impl FnOnce() -> T) -> Result<T, Panic> {
    std::panic::catch_unwind(AssertUnwindSafe(poll))
}

/// Then others have their turn.
const ITEMS_IN_A_TURN: usize = 128;

/// Then what there is goes out.
const BYTES_IN_A_TURN: usize = 16 * 1024;
