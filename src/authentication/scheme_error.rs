//! Why no scheme could be asked.

use std::{borrow::Cow, error::Error, fmt};

use actix_web::{HttpResponse, ResponseError, http::StatusCode};

use crate::authentication::CookieError;

/// Why no scheme could be asked: a mistake of the application, which a client meets as 500.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemeError {
    /// There is no scheme of that name.
    Unknown {
        /// The name.
        scheme: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// No scheme was named, and none is the default.
    NoDefault {
        /// What was to be done.
        operation: Cow<'static, str>,
    },
    /// A scheme is asked to sign somebody in or out, and knows no way to do it.
    CannotSignIn {
        /// The name.
        scheme: String,
    },
    /// A scheme could not sign somebody in.
    SignIn(CookieError),
    /// A scheme forwards, over others perhaps, to itself.
    ForwardsInCircle {
        /// The name.
        scheme: String,
    },
}

impl fmt::Display for SchemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { scheme, known } if known.is_empty() => {
                write!(f, "there is no authentication scheme '{scheme}', nor any other")
            }
            Self::Unknown { scheme, known } => {
                write!(f, "there is no authentication scheme '{scheme}'; there are: {}", known.join(", "))
            }
            Self::NoDefault { operation } => {
                write!(f, "no authentication scheme was named to {operation}, and none is the default")
            }
            Self::CannotSignIn { scheme } => {
                write!(f, "the authentication scheme '{scheme}' does not sign anybody in or out")
            }
            Self::SignIn(err) => err.fmt(f),
            Self::ForwardsInCircle { scheme } => {
                write!(f, "the authentication scheme '{scheme}' forwards in a circle")
            }
        }
    }
}

impl Error for SchemeError {}

impl From<CookieError> for SchemeError {
    fn from(err: CookieError) -> Self {
        Self::SignIn(err)
    }
}

impl ResponseError for SchemeError {
    /// Nothing of it is for the client.
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::SignIn(err) => err.error_response(),
            _ => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}
