//! From a call as it came to a call as its method takes it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use actix::Recipient;
use bytestring::ByteString;

use crate::{
    ClaimsPrincipal, HubCallerContext, HubError, ProtocolError,
    authorization::{Call, Cancel, Clearance, HubInvocation, Refusal, Step, Turn},
    connection::{HubRuntime, streams::Streams},
    context::Connection,
    hub::{ArgumentSource, MethodEntry, Upload, UploadRoom},
    metrics::InvocationOutcome,
    protocol::Invocation,
};

/// Finds the method of a call and types its arguments; what does not fit is refused. What may be said only to those who may
/// call the method is left for later.
///
/// # Errors
/// When the arguments fit and something else in the message is wrong.
pub(super) fn bind(
    invocation: Invocation,
    runtime: &HubRuntime,
    connection: &Arc<Connection>,
    user: &Arc<ClaimsPrincipal>,
    streams: &mut Streams,
    room: impl Fn() -> Recipient<UploadRoom>,
) -> Result<Step, ProtocolError> {
    let Invocation { invocation_id, target, arguments, stream_ids, streaming, headers, fault: broken } =
        invocation;
    let options = &runtime.options;
    let refuse = |invocation_id, target: &str, err: HubError| {
        let connection_id = &**connection.id();
        tracing::debug!(connection_id, target, error.type = err.name(), "call refused");
        runtime.telemetry.counters.invocation(InvocationOutcome::Refused);
        let base = format!("Failed to invoke '{target}' due to an error on the server.");
        let error = err.told_to_client(&base, options.detailed_errors);
        Ok(Step::Refused(Refusal { invocation_id, error, turn: Turn::None, is_tracked: false }))
    };
    let Some(method) = runtime.methods.find(&target) else {
        return refuse(invocation_id, &target, HubError::new("Method does not exist."));
    };
    let shape = &method.shape;
    let new_upload = |_| Upload::new(options.stream_buffer_capacity, options.detailed_errors, room());
    let uploads: Vec<_> = (0..shape.uploads()).map(new_upload).collect();
    let can_be_cancelled = shape.streams || shape.takes_token();
    let mut cancel = can_be_cancelled
        .then(|| Cancel { token: connection.aborted().child_token(), is_cooperative: shape.takes_token() });
    let source =
        ArgumentSource::new(&arguments, uploads.clone(), cancel.as_ref().map(|cancel| &cancel.token));
    // Reading a value may run the application's own code.
    let arguments = match std::panic::catch_unwind(AssertUnwindSafe(|| (shape.bind)(source))) {
        Ok(Ok(arguments)) => arguments,
        Ok(Err(err)) => return refuse(invocation_id, &method.target, err.into()),
        Err(_) => {
            tracing::error!(
                connection_id = &**connection.id(),
                target = &*method.name,
                "reading the arguments of a hub method panicked"
            );
            let err = HubError::internal("Panic", "the arguments could not be read");
            return refuse(invocation_id, &method.target, err);
        }
    };
    if let Some(err) = broken {
        return Err(err);
    }
    let turn = if shape.streams || !uploads.is_empty() { Turn::Beside } else { Turn::Takes };
    let fault =
        fault(method, streaming, &stream_ids, invocation_id.as_ref().filter(|_| can_be_cancelled), streams);
    if fault.is_some() {
        cancel = None;
    } else {
        if let (Some(id), Some(cancel)) = (&invocation_id, &cancel) {
            streams.begin_call(id.clone(), cancel.token.clone());
        }
        if !uploads.is_empty() {
            streams.begin_uploads(stream_ids, uploads);
        }
    }
    let ctx = HubCallerContext::of_call(connection, user.clone());
    Ok(Step::Call(Call {
        invocation_id,
        target: method.target.clone(),
        method: method.index,
        invocation: HubInvocation::new(ctx, method.name.clone(), arguments),
        policy: method.policy.clone(),
        clearance: Clearance::Unknown,
        fault,
        cancel,
        turn,
        headers,
    }))
}

/// What stands against running a call, whoever calls: the texts of section 5.3 of the protocol.
fn fault(
    method: &MethodEntry,
    streaming: bool,
    stream_ids: &[ByteString],
    cancellable_id: Option<&ByteString>,
    streams: &Streams,
) -> Option<String> {
    let target = &method.target;
    let unexpected = |text: String| {
        let base = format!("An unexpected error occurred invoking '{target}' on the server.");
        HubError::new(text).told_to_client(&base, false)
    };
    if streaming && !method.shape.streams {
        return Some(format!(
            "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
        ));
    }
    if !streaming && method.shape.streams {
        return Some(format!(
            "The client attempted to invoke the streaming '{target}' method with a non-streaming invocation."
        ));
    }
    let (sent, expected) = (stream_ids.len(), method.shape.uploads());
    if sent != expected {
        return Some(unexpected(format!("Client sent {sent} stream(s), Hub method expects {expected}.")));
    }
    if let Some(id) = streams.upload_in_use(stream_ids) {
        return Some(unexpected(format!("Stream ID '{id}' is already in use.")));
    }
    let id = cancellable_id.filter(|id| streams.is_call(id))?;
    Some(format!("Invocation ID '{id}' is already in use."))
}
