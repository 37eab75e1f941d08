//! Memory to write into before it is known how much there is to be kept.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// What `write` writes, in as much memory as it takes: one allocation instead of two, and none that has to grow.
pub(super) fn written<E>(write: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Result<Bytes, E> {
    // Who writes a value within another one finds a new one.
    let mut scratch = SCRATCH.take();
    let written = write(&mut scratch).map(|()| Bytes::copy_from_slice(&scratch));
    if scratch.capacity() <= KEPT {
        scratch.clear();
        SCRATCH.set(scratch);
    }
    written
}

thread_local! {
    static SCRATCH: Cell<BytesMut> = Cell::default();
}

/// A larger one is not kept.
const KEPT: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: &[u8]) -> Bytes {
        written(|out| {
            out.extend_from_slice(bytes);
            Ok::<_, ()>(())
        })
        .unwrap()
    }

    #[test]
    fn what_is_written_stands_alone_whatever_was_written_before_or_within() {
        assert_eq!(write(b"abc"), b"abc"[..]);
        let failed = written(|out| {
            out.extend_from_slice(b"lost");
            Err(())
        });
        assert_eq!(failed, Err(()));
        let outer = written(|out| {
            out.extend_from_slice(b"<");
            out.extend_from_slice(&write(b"within"));
            out.extend_from_slice(b">");
            Ok::<_, ()>(())
        });
        assert_eq!(outer.unwrap(), b"<within>"[..]);
        assert_eq!(write(&[7; KEPT + 1]).len(), KEPT + 1);
        assert_eq!(write(b""), b""[..]);
    }
}
