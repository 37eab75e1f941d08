//! The bytes that say what follows, in their shortest forms.

use bytes::{BufMut, BytesMut};

use crate::protocol::payload::PayloadError;

/// Writes an integer.
pub(super) fn unsigned(value: u64, out: &mut BytesMut) {
    let bytes = value.to_be_bytes();
    let (code, width) = match value {
        0..=0x7f => return out.put_slice(bytes.get(7..).unwrap_or_default()),
        0x80..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        _ => (0xcf, 8),
    };
    put(code, width, bytes, out);
}

/// Writes an integer; one that is not negative as [`unsigned`] does.
pub(in crate::protocol) fn signed(value: i64, out: &mut BytesMut) {
    if let Ok(value) = u64::try_from(value) {
        return unsigned(value, out);
    }
    let bytes = value.to_be_bytes();
    let (code, width) = match value {
        -0x20.. => return out.put_slice(bytes.get(7..).unwrap_or_default()),
        -0x80.. => (0xd0, 1),
        -0x8000.. => (0xd1, 2),
        -0x8000_0000.. => (0xd2, 4),
        _ => (0xd3, 8),
    };
    put(code, width, bytes, out);
}

/// Writes a string, all of it.
///
/// # Errors
/// When it has 4 GiB or more.
pub(in crate::protocol) fn string(text: &str, out: &mut BytesMut) -> Result<(), PayloadError> {
    out.reserve(text.len() + 5);
    match length(text.len())? {
        short @ 0..=0x1f => out.put_u8(0xa0 | low_byte(short)),
        length @ 0x20..=0xff => put(0xd9, 1, length.to_be_bytes(), out),
        length @ 0x100..=0xffff => put(0xda, 2, length.to_be_bytes(), out),
        length => put(0xdb, 4, length.to_be_bytes(), out),
    }
    out.put_slice(text.as_bytes());
    Ok(())
}

/// Writes the head of bytes.
///
/// # Errors
/// When there are 4 GiB or more.
pub(in crate::protocol) fn bytes(count: usize, out: &mut BytesMut) -> Result<(), PayloadError> {
    match length(count)? {
        length @ 0..=0xff => put(0xc4, 1, length.to_be_bytes(), out),
        length @ 0x100..=0xffff => put(0xc5, 2, length.to_be_bytes(), out),
        length => put(0xc6, 4, length.to_be_bytes(), out),
    }
    Ok(())
}

/// Writes the head of an array.
///
/// # Errors
/// When it has 2^32 elements or more.
pub(in crate::protocol) fn array(count: usize, out: &mut BytesMut) -> Result<(), PayloadError> {
    match length(count)? {
        short @ 0..=0x0f => out.put_u8(0x90 | low_byte(short)),
        length @ 0x10..=0xffff => put(0xdc, 2, length.to_be_bytes(), out),
        length => put(0xdd, 4, length.to_be_bytes(), out),
    }
    Ok(())
}

/// Writes the head of a map.
///
/// # Errors
/// When it has 2^32 pairs or more.
pub(in crate::protocol) fn map(count: usize, out: &mut BytesMut) -> Result<(), PayloadError> {
    match length(count)? {
        short @ 0..=0x0f => out.put_u8(0x80 | low_byte(short)),
        length @ 0x10..=0xffff => put(0xde, 2, length.to_be_bytes(), out),
        length => put(0xdf, 4, length.to_be_bytes(), out),
    }
    Ok(())
}

fn length(length: usize) -> Result<u64, PayloadError> {
    u32::try_from(length).map(u64::from).map_err(|_| PayloadError::new("too long for MessagePack"))
}

const fn low_byte(value: u64) -> u8 {
    let [.., byte] = value.to_be_bytes();
    byte
}

/// Writes a byte and the `width` least significant bytes of a number.
fn put(code: u8, width: usize, bytes: [u8; 8], out: &mut BytesMut) {
    out.put_u8(code);
    out.put_slice(bytes.get(8 - width..).unwrap_or_default());
}
