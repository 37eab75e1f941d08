#![no_main]

use actix_signalr_actors::protocol::{HubProtocol, RecordReader};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// The records found, and whether it ended with an error.
fn records(
    protocol: HubProtocol,
    limit: Option<usize>,
    chunks: impl Iterator<Item = Bytes>,
) -> (Vec<Bytes>, bool) {
    let mut reader = RecordReader::new(limit);
    reader.use_protocol(protocol);
    let mut found = Vec::new();
    for mut chunk in chunks {
        loop {
            match reader.next(&mut chunk) {
                Ok(Some(record)) => found.push(record),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
        assert!(chunk.is_empty());
    }
    (found, false)
}

fuzz_target!(|data: &[u8]| {
    let [choice, size, stream @ ..] = data else { return };
    let protocol = if choice & 1 == 0 { HubProtocol::Json } else { HubProtocol::MessagePack };
    let limit = (choice & 2 == 0).then_some(usize::from(choice >> 2));
    let stream = Bytes::copy_from_slice(stream);
    let whole = records(protocol, limit, std::iter::once(stream.clone()));
    let size = usize::from(*size).max(1);
    let cut = (0..stream.len()).step_by(size).map(|at| stream.slice(at..(at + size).min(stream.len())));
    assert_eq!(records(protocol, limit, cut), whole);
    assert!(whole.0.iter().all(|record| limit.is_none_or(|limit| record.len() < limit)));
});
