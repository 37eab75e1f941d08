#![no_main]

use frames::{Frame, Malformed, Progress, first};
use libfuzzer_sys::fuzz_target;

// Of the library it is no public part, and it needs nothing of it.
#[path = "../../actors/src/backplane/redis/frames.rs"]
mod frames;

/// What is cut out of a stream that comes in pieces of a size, and whether it ended with an error.
fn cut(stream: &[u8], size: usize) -> (Vec<Frame<'_>>, bool) {
    let (mut found, mut at, mut progress) = (Vec::new(), 0, Progress::default());
    let ends = (0..stream.len()).step_by(size).map(|begin| (begin + size).min(stream.len()));
    for end in ends {
        loop {
            match first(&stream[at..end], &mut progress) {
                Ok(Some((frame, length))) => {
                    assert!(length > 0 && at + length <= end);
                    found.push(frame);
                    at += length;
                }
                Ok(None) => break,
                Err(Malformed) => return (found, true),
            }
        }
    }
    (found, false)
}

fuzz_target!(|data: &[u8]| {
    let [size, stream @ ..] = data else { return };
    assert_eq!(cut(stream, usize::from(*size).max(1)), cut(stream, stream.len().max(1)));
});
