//! Why nobody can be signed in.

use std::{error::Error, fmt};

use actix_web::{ResponseError, http::StatusCode};

/// Why nobody can be signed in. Answered with 500 where a handler returns it: none of it is the client's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieError {
    /// The principal has not been authenticated, so the cookie would vouch for nobody.
    NotAuthenticated,
    /// There are so many claims that no browser would keep them.
    TooLarge,
    /// The system has no random numbers, or the cipher has failed.
    Encryption,
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAuthenticated => "the principal to sign in is not authenticated",
            Self::TooLarge => "the claims to sign in with are too large for cookies",
            Self::Encryption => "the ticket could not be encrypted",
        })
    }
}

impl Error for CookieError {}

impl ResponseError for CookieError {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> actix_web::HttpResponse {
        actix_web::HttpResponse::new(self.status_code())
    }
}
