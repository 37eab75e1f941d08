//! The kinds of load.

mod fan_out;
mod invoke;
mod quiet;
mod schedule;
mod streams;

use std::borrow::Cow;

pub(crate) use self::{
    fan_out::{Audience, Board, FanOut, FanOutPlan},
    invoke::{Invoke, InvokePlan, Pace},
    quiet::Quiet,
    streams::{StreamPlan, Streams},
};
use crate::{
    hub::{Record, Value, printable},
    payload,
};

/// The id of a record, as this program gives them out.
fn id_of(record: &Record<'_>) -> Result<u32, String> {
    let id = record.id.as_deref().ok_or("a record without an invocation id")?;
    payload::number(id).ok_or_else(|| format!("a record for the unknown id {}", printable(id)))
}

/// What a record says that was not expected.
fn unexpected(record: &Record<'_>) -> String {
    let text = match &record.value {
        Value::Text(text) => printable(text),
        Value::Nothing => "nothing".to_owned(),
        Value::Other => "something else".to_owned(),
    };
    let target = record.target.as_deref().map(printable).unwrap_or_default();
    format!("an unexpected record of type {} {target} with {text}", record.kind)
}

/// The error of a completion, as an error.
fn succeeded(record: &Record<'_>) -> Result<(), String> {
    record.error.as_ref().map_or(Ok(()), |error| Err(format!("a call has failed: {error}")))
}

/// The text of a record.
fn text_of<'a>(record: &'a Record<'_>) -> Result<&'a Cow<'a, [u8]>, String> {
    match &record.value {
        Value::Text(text) => Ok(text),
        Value::Nothing | Value::Other => Err(unexpected(record)),
    }
}
