//! Values inside of messages, encoded, and why one cannot be.

use std::{borrow::Cow, fmt};

use bytes::Bytes;

/// A value encoded in one protocol, to be put into a message of it.
#[derive(Clone, Debug)]
pub struct Payload(pub(crate) Bytes);

impl Payload {
    /// How many bytes it takes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no bytes, which no value has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value cannot be written, or what was sent is no such value.
#[derive(Debug)]
pub(super) struct PayloadError(Cow<'static, str>);

impl PayloadError {
    pub(super) const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PayloadError {}

impl serde::ser::Error for PayloadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Cow::Owned(message.to_string()))
    }
}

impl serde::de::Error for PayloadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Cow::Owned(message.to_string()))
    }
}

/// Whether two types are the same, by their names: for types that need not be `'static`.
pub(super) fn is_same<A: ?Sized, B: ?Sized>() -> bool {
    std::any::type_name::<A>() == std::any::type_name::<B>()
}
