//! Messages to JSON records.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use crate::protocol::{
    NamingPolicy, RECORD_SEPARATOR,
    json::{ser::write_payload, text::write_string},
    payload::PayloadError,
};

/// Writes the answer to a call: its result, given as JSON text.
pub(in crate::protocol) fn write_result(invocation_id: &str, result: &[u8], out: &mut BytesMut) {
    head(3, invocation_id, out);
    out.put_slice(b",\"result\":");
    out.put_slice(result);
    end(out);
}

/// Writes the answer to a call that failed.
pub(in crate::protocol) fn write_error(invocation_id: &str, error: &str, out: &mut BytesMut) {
    head(3, invocation_id, out);
    // A reason that is empty is left out.
    if !error.is_empty() {
        out.put_slice(b",\"error\":");
        write_string(error, out);
    }
    end(out);
}

/// Writes the end of a stream.
pub(in crate::protocol) fn write_completion_end(invocation_id: &str, out: &mut BytesMut) {
    head(3, invocation_id, out);
    end(out);
}

/// Writes an item of a stream, given as JSON text.
pub(in crate::protocol) fn write_stream_item(invocation_id: &str, item: &[u8], out: &mut BytesMut) {
    head(2, invocation_id, out);
    out.put_slice(b",\"item\":");
    out.put_slice(item);
    end(out);
}

/// Writes a call of a method on the client's side.
pub(in crate::protocol) fn write_invocation(
    invocation_id: Option<&str>,
    target: &str,
    arguments: &impl Serialize,
    naming: NamingPolicy,
    out: &mut BytesMut,
) -> Result<(), PayloadError> {
    match invocation_id {
        Some(id) => head(1, id, out),
        None => out.put_slice(b"{\"type\":1"),
    }
    out.put_slice(b",\"target\":");
    write_string(target, out);
    out.put_slice(b",\"arguments\":");
    let start = out.len();
    write_payload(arguments, naming, out)?;
    // `()` is how Rust says "no arguments"; serde writes it as null.
    if out.get(start..) == Some(b"null") {
        out.truncate(start);
        out.put_slice(b"[]");
    } else if out.get(start) != Some(&b'[') {
        return Err(NO_TUPLE);
    }
    end(out);
    Ok(())
}

/// Writes that the client's wish to go on is over.
pub(in crate::protocol) fn write_cancel(invocation_id: &str, out: &mut BytesMut) {
    head(5, invocation_id, out);
    end(out);
}

/// Writes the message that ends a connection.
pub(in crate::protocol) fn write_close(error: Option<&str>, allow_reconnect: bool, out: &mut BytesMut) {
    out.put_slice(b"{\"type\":7");
    if let Some(error) = error {
        out.put_slice(b",\"error\":");
        write_string(error, out);
    }
    if allow_reconnect {
        out.put_slice(b",\"allowReconnect\":true");
    }
    end(out);
}

/// Writes up to where messages have been received.
pub(in crate::protocol) fn write_ack(sequence_id: i64, out: &mut BytesMut) {
    sequence(8, sequence_id, out);
}

/// Writes where messages go on.
pub(in crate::protocol) fn write_sequence(sequence_id: i64, out: &mut BytesMut) {
    sequence(9, sequence_id, out);
}

fn sequence(kind: u8, sequence_id: i64, out: &mut BytesMut) {
    out.put_slice(&[b'{', b'"', b't', b'y', b'p', b'e', b'"', b':', b'0' + kind]);
    out.put_slice(b",\"sequenceId\":");
    out.put_slice(itoa::Buffer::new().format(sequence_id).as_bytes());
    end(out);
}

fn head(kind: u8, invocation_id: &str, out: &mut BytesMut) {
    let mut head = *b"{\"type\":0,\"invocationId\":";
    head[8] += kind;
    out.put_slice(&head);
    write_string(invocation_id, out);
}

fn end(out: &mut BytesMut) {
    out.put_slice(&[b'}', RECORD_SEPARATOR]);
}

const NO_TUPLE: PayloadError =
    PayloadError::new("arguments are given as a tuple: `(value,)` for a single one");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_the_original_writes_them() {
        let invocation = |id, target, arguments: &dyn Fn(&mut BytesMut, Option<&str>, &str)| {
            let mut out = BytesMut::new();
            arguments(&mut out, id, target);
            out
        };
        let written = |write: &dyn Fn(&mut BytesMut)| {
            let mut out = BytesMut::new();
            write(&mut out);
            out
        };
        for (out, expected) in [
            (
                invocation(None, "notify", &|out, id, target| {
                    write_invocation(id, target, &(7, "hi"), NamingPolicy::default(), out).unwrap();
                }),
                "{\"type\":1,\"target\":\"notify\",\"arguments\":[7,\"hi\"]}\x1e",
            ),
            (
                invocation(Some("s1"), "Ask", &|out, id, target| {
                    write_invocation(id, target, &(4,), NamingPolicy::default(), out).unwrap();
                }),
                "{\"type\":1,\"invocationId\":\"s1\",\"target\":\"Ask\",\"arguments\":[4]}\x1e",
            ),
            (
                invocation(None, "T", &|out, id, target| {
                    write_invocation(id, target, &(), NamingPolicy::default(), out).unwrap();
                }),
                "{\"type\":1,\"target\":\"T\",\"arguments\":[]}\x1e",
            ),
            (
                written(&|out| write_stream_item("10", b"5", out)),
                "{\"type\":2,\"invocationId\":\"10\",\"item\":5}\x1e",
            ),
            (
                written(&|out| write_result("9", b"5", out)),
                "{\"type\":3,\"invocationId\":\"9\",\"result\":5}\x1e",
            ),
            (
                written(&|out| write_result("9", b"null", out)),
                "{\"type\":3,\"invocationId\":\"9\",\"result\":null}\x1e",
            ),
            (
                written(&|out| write_error("9", "bad", out)),
                "{\"type\":3,\"invocationId\":\"9\",\"error\":\"bad\"}\x1e",
            ),
            (written(&|out| write_error("9", "", out)), "{\"type\":3,\"invocationId\":\"9\"}\x1e"),
            (written(&|out| write_completion_end("10", out)), "{\"type\":3,\"invocationId\":\"10\"}\x1e"),
            (written(&|out| write_cancel("10", out)), "{\"type\":5,\"invocationId\":\"10\"}\x1e"),
            (written(&|out| write_close(None, false, out)), "{\"type\":7}\x1e"),
            (written(&|out| write_close(None, true, out)), "{\"type\":7,\"allowReconnect\":true}\x1e"),
            (
                written(&|out| write_close(Some("bye"), true, out)),
                "{\"type\":7,\"error\":\"bye\",\"allowReconnect\":true}\x1e",
            ),
            (written(&|out| write_close(Some(""), false, out)), "{\"type\":7,\"error\":\"\"}\x1e"),
            (written(&|out| write_ack(300, out)), "{\"type\":8,\"sequenceId\":300}\x1e"),
            (written(&|out| write_sequence(12, out)), "{\"type\":9,\"sequenceId\":12}\x1e"),
        ] {
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_bare_value_is_no_list_of_arguments() {
        let write =
            |arguments: &dyn Fn(&mut BytesMut) -> Result<(), PayloadError>| arguments(&mut BytesMut::new());
        assert!(write(&|out| write_invocation(None, "T", &"text", NamingPolicy::default(), out)).is_err());
        assert!(write(&|out| write_invocation(None, "T", &Some(1), NamingPolicy::default(), out)).is_err());
    }
}
