//! The HTTP answer to somebody who is not let in.

use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;

/// The HTTP answer to somebody who is not let in: a status and headers; a body only if an application writes one.
///
/// Several schemes may contribute to one.
#[derive(Clone, Debug)]
pub struct Denial {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Denial {
    /// An answer with the status and no header.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Replaces the status.
    pub const fn set_status(&mut self, status: StatusCode) {
        self.status = status;
    }

    /// Adds a header and keeps those of its name.
    pub fn append_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.append(name, value);
    }

    /// Sets a header and drops others of its name.
    pub fn insert_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Replaces the body, and says of what type it is.
    pub fn set_body(&mut self, content_type: HeaderValue, body: impl Into<Bytes>) {
        self.headers.insert(CONTENT_TYPE, content_type);
        self.body = body.into();
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, BoxBody::new(self.body));
        *response.headers_mut() = self.headers;
        response
    }
}
