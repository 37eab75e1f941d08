//! Why a request for a connection is refused, and why a server cannot be built.

use std::{error::Error, fmt, io};

use actix_signalr_actors::DescribeError;
use actix_web::{HttpResponse, http::StatusCode};

use crate::authentication::ConfigurationError;

/// Why a request to a hub's routes is refused. The status and the text are those of section 5 of the transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectError {
    /// Another verb than the route has.
    MethodNotAllowed,
    /// The request needs the token of a connection.
    NoId,
    /// No connection of this route has the token.
    UnknownId,
    /// The route does not have the transport.
    TransportNotSupported(&'static str),
    /// The connection has a transport, and it is another one.
    TransportChanged,
    /// The connection has this transport already.
    AlreadyConnected,
    /// The connection has no transport yet.
    NotConnected,
    /// What a WebSocket is for is not sent by requests.
    SendOnWebSocket,
    /// Only a connection that is polled is ended by a request.
    CannotDelete,
    /// What was sent could not be read.
    UnreadableBody,
    /// The connection is over.
    Gone,
    /// The connection belongs to another user.
    UserChanged,
    /// There are as many negotiated connections as there may be.
    TooManyConnections,
}

impl ConnectError {
    pub(crate) fn response(self) -> HttpResponse {
        let (status, text) = match self {
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, ""),
            Self::NoId => (StatusCode::BAD_REQUEST, "Connection ID required"),
            Self::UnknownId => (StatusCode::NOT_FOUND, "No Connection with that ID"),
            Self::TransportNotSupported(name) => {
                let text = format!("{name} transport not supported by this end point type");
                return HttpResponse::NotFound().content_type(PLAIN).body(text);
            }
            Self::TransportChanged => (StatusCode::BAD_REQUEST, "Cannot change transports mid-connection"),
            Self::AlreadyConnected => (StatusCode::CONFLICT, ""),
            Self::NotConnected | Self::UnreadableBody => (StatusCode::BAD_REQUEST, ""),
            Self::SendOnWebSocket => {
                (StatusCode::METHOD_NOT_ALLOWED, "POST requests are not allowed for WebSocket connections.")
            }
            Self::CannotDelete => {
                (StatusCode::BAD_REQUEST, "Cannot terminate this connection using the DELETE endpoint.")
            }
            Self::Gone => (StatusCode::NOT_FOUND, ""),
            Self::UserChanged => (StatusCode::FORBIDDEN, "The user associated with this connection changed."),
            Self::TooManyConnections => (StatusCode::SERVICE_UNAVAILABLE, ""),
        };
        HttpResponse::build(status).content_type(PLAIN).body(text)
    }
}

impl ConnectError {
    /// The answer without a content type: what a WebSocket with an unknown token is answered.
    pub(crate) fn response_without_type(self) -> HttpResponse {
        let mut response = self.response();
        response.headers_mut().remove(actix_web::http::header::CONTENT_TYPE);
        response
    }
}

const PLAIN: &str = "text/plain";

/// Why a server cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// An authentication scheme cannot be used as it is configured.
    Authentication(ConfigurationError),
    /// What a hub says of itself cannot be.
    Hub {
        /// The type of the hub.
        hub: &'static str,
        /// What is wrong.
        source: DescribeError,
    },
    /// A hub demands to know who connects, and there is no way to find out.
    NoAuthentication {
        /// The type of the hub.
        hub: &'static str,
    },
    /// A hub demands a scheme that does not exist.
    UnknownScheme {
        /// The type of the hub.
        hub: &'static str,
        /// The scheme.
        scheme: String,
    },
    /// A hub is given twice; give it several routes instead.
    DuplicateHub {
        /// The type of the hub.
        hub: &'static str,
    },
    /// Two routes have one path.
    DuplicatePath {
        /// The path.
        path: String,
    },
    /// A path that no request can have: it begins with `/` and holds no `?`, `#`, `{` or `}`.
    InvalidPath {
        /// The path.
        path: String,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication(err) => err.fmt(f),
            Self::Hub { hub, source } => write!(f, "hub {hub}: {source}"),
            Self::NoAuthentication { hub } => {
                write!(f, "hub {hub} is only for some, but the server has no authentication scheme")
            }
            Self::UnknownScheme { hub, scheme } => {
                write!(f, "hub {hub} demands the authentication scheme '{scheme}', which does not exist")
            }
            Self::DuplicateHub { hub } => {
                write!(f, "hub {hub} is given twice; give it several routes instead")
            }
            Self::DuplicatePath { path } => write!(f, "two hubs have the path '{path}'"),
            Self::InvalidPath { path } => write!(f, "'{path}' is no path of a hub"),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Authentication(err) => Some(err),
            Self::Hub { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<ConfigurationError> for BuildError {
    fn from(err: ConfigurationError) -> Self {
        Self::Authentication(err)
    }
}

impl From<BuildError> for io::Error {
    /// So that `?` works in the `main` of an actix-web application.
    fn from(err: BuildError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, err)
    }
}
