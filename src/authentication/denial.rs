//! The HTTP answer to somebody who is not let in.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};

/// The HTTP answer to somebody who is not let in: a status and headers, never a body.
///
/// Several schemes may contribute to one.
#[derive(Debug)]
pub struct Denial {
    status: StatusCode,
    headers: HeaderMap,
}

impl Denial {
    /// An answer with the status and no header.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new() }
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
        let mut response = HttpResponse::new(self.status);
        *response.headers_mut() = self.headers;
        response
    }
}
