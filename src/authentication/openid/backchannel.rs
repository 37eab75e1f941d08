//! The way to an identity provider.

use std::{borrow::Cow, error::Error, fmt};

use bytes::Bytes;
use futures::future::LocalBoxFuture;

/// An HTTP client for the documents of an identity provider.
///
/// With the feature `openid-connect` there is `HttpBackchannel`; an application that has a client of its own, with a proxy
/// say, may use that.
pub trait Backchannel: Send + Sync + 'static {
    /// Fetches the body of a document; anything but status 200 is an error. It should follow no redirects, and not read more
    /// than `limit` bytes. How long it takes is seen to.
    fn get<'a>(
        &'a self,
        address: &'a str,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<Bytes, BackchannelError>>;
}

/// Why a document could not be fetched; for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackchannelError(Cow<'static, str>);

impl BackchannelError {
    /// An error with this reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for BackchannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BackchannelError {}
