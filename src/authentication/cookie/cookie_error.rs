//! Why nobody can be signed in or out.

use std::{error::Error, fmt};

use actix_web::{ResponseError, http::StatusCode};

/// Why nobody can be signed in or out. Answered with 500 where a handler returns it, or with 503 where there is no room for
/// another session: none of it is the client's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieError {
    /// The principal has not been authenticated, so the cookie would vouch for nobody.
    NotAuthenticated,
    /// There are so many claims that no browser would keep them.
    TooLarge,
    /// The session store has no room.
    TooManySessions,
    /// The session store has failed; the log says how.
    Store,
    /// An event of the application has panicked; the log says how.
    Event,
    /// The system has no random numbers, or the cipher has failed.
    Encryption,
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAuthenticated => "the principal to sign in is not authenticated",
            Self::TooLarge => "the claims to sign in with are too large for cookies",
            Self::TooManySessions => "there are as many sessions as there may be",
            Self::Store => "the session store has failed",
            Self::Event => "an event of the application has panicked",
            Self::Encryption => "the ticket could not be encrypted",
        })
    }
}

impl Error for CookieError {}

impl ResponseError for CookieError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::TooManySessions => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> actix_web::HttpResponse {
        actix_web::HttpResponse::new(self.status_code())
    }
}
