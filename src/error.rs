//! Why a request for a connection is refused, and why a server cannot be built.

use std::{error::Error, fmt, io};

use actix_signalr_actors::{DescribeError, PolicyError};
use actix_web::{HttpResponse, http::StatusCode};

use crate::authentication::{ConfigurationError, Schemes};

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
    /// The connection does not take another transport any more, or has taken a later one.
    Superseded,
    /// The connection belongs to another user.
    UserChanged,
    /// The credentials of a poll are those of somebody who may be the same user: the client is to ask for a refresh.
    RefreshRequired,
    /// The application does not take the new credentials.
    PermissionChangeRejected,
    /// The application failed when it was asked about the new credentials.
    RefreshFailed,
    /// There are as many negotiated connections as there may be.
    TooManyConnections,
    /// There are as many negotiated connections of the client as there may be.
    TooManyOfClient,
    /// A WebSocket from a page of an origin that may not open one.
    OriginNotAllowed,
}

impl ConnectError {
    pub(crate) fn response(self) -> HttpResponse {
        let (status, text) = match self {
            Self::Superseded => return HttpResponse::NoContent().content_type(PLAIN).finish(),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, ""),
            Self::NoId => (StatusCode::BAD_REQUEST, "Connection ID required"),
            Self::UnknownId => (StatusCode::NOT_FOUND, "No Connection with that ID"),
            Self::TransportNotSupported(name) => {
                let text = format!("{name} transport not supported by this end point type");
                return HttpResponse::NotFound().content_type(PLAIN).body(text);
            }
            Self::TransportChanged => (StatusCode::BAD_REQUEST, "Cannot change transports mid-connection"),
            Self::AlreadyConnected => (StatusCode::CONFLICT, ""),
            Self::NotConnected => return HttpResponse::BadRequest().finish(),
            Self::UnreadableBody => (StatusCode::BAD_REQUEST, ""),
            Self::SendOnWebSocket => {
                (StatusCode::METHOD_NOT_ALLOWED, "POST requests are not allowed for WebSocket connections.")
            }
            Self::CannotDelete => {
                (StatusCode::BAD_REQUEST, "Cannot terminate this connection using the DELETE endpoint.")
            }
            Self::Gone => (StatusCode::NOT_FOUND, ""),
            Self::UserChanged => (StatusCode::FORBIDDEN, "The user associated with this connection changed."),
            Self::RefreshRequired => return json(StatusCode::CONFLICT, "authentication_refresh_required"),
            Self::PermissionChangeRejected => {
                return json(StatusCode::FORBIDDEN, "permission_change_rejected");
            }
            Self::RefreshFailed => return HttpResponse::InternalServerError().finish(),
            Self::TooManyConnections => {
                (StatusCode::SERVICE_UNAVAILABLE, "Too many connections have been negotiated and not opened.")
            }
            Self::TooManyOfClient => {
                let text = "This client has negotiated too many connections and not opened them.";
                (StatusCode::TOO_MANY_REQUESTS, text)
            }
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, ""),
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

/// Why a request to refresh is refused: the codes of section 3 of authentication refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshError {
    /// The request does not say which connection it is about.
    MissingConnectionToken,
    /// No connection of this route has the token.
    ConnectionNotFound,
    /// The connection has no secret that shows whose it is.
    UnsupportedNegotiateVersion,
    /// One of the users is known by the TCP connection he came over, which another request does not renew.
    WindowsIdentityNotSupported,
    /// The credentials are those of another user.
    UserChanged,
    /// The application does not take the new credentials.
    PermissionChangeRejected,
    /// The application failed when it was asked about the new credentials.
    Failed,
}

impl RefreshError {
    /// What the client is told; that the application has failed is only for logs.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::MissingConnectionToken => "missing_connection_token",
            Self::ConnectionNotFound => "connection_not_found",
            Self::UnsupportedNegotiateVersion => "unsupported_negotiate_version",
            Self::WindowsIdentityNotSupported => "windows_identity_not_supported",
            Self::UserChanged => "user_changed",
            Self::PermissionChangeRejected => "permission_change_rejected",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn response(self) -> HttpResponse {
        let status = match self {
            Self::MissingConnectionToken
            | Self::UnsupportedNegotiateVersion
            | Self::WindowsIdentityNotSupported => StatusCode::BAD_REQUEST,
            Self::ConnectionNotFound => StatusCode::NOT_FOUND,
            Self::UserChanged | Self::PermissionChangeRejected => StatusCode::FORBIDDEN,
            Self::Failed => return HttpResponse::InternalServerError().finish(),
        };
        json(status, self.code())
    }
}

/// A refusal that programs read.
fn json(status: StatusCode, code: &str) -> HttpResponse {
    HttpResponse::build(status).content_type("application/json").body(format!(r#"{{"error":"{code}"}}"#))
}

const PLAIN: &str = "text/plain";

/// Why a server cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// An authentication scheme cannot be used as it is configured.
    Authentication(ConfigurationError),
    /// A policy cannot be used.
    Policy(PolicyError),
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
    /// What is allowed as an origin is none, such as `https://app.example.com` is one.
    InvalidOrigin {
        /// What was given.
        origin: String,
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
    /// Two hubs have one name on the backplane, so that each would get what is for the other.
    DuplicateBackplaneName {
        /// The name; [`HubOptions::backplane_hub_name`](crate::HubOptions::backplane_hub_name) gives another.
        name: String,
    },
    /// Two routes have one path.
    DuplicatePath {
        /// The path.
        path: String,
    },
    /// Credentials are to be good for no time at all.
    NoAuthenticationExpiration {
        /// The path.
        path: String,
    },
    /// A path that no request can have: it begins with `/` and holds no `?`, `#`, `{` or `}`.
    InvalidPath {
        /// The path.
        path: String,
    },
}

/// Whether there is a way to find out who connects, and each scheme that is named exists.
pub(crate) fn check_schemes(
    schemes: &Schemes,
    hub: &'static str,
    named: &[String],
) -> Result<(), BuildError> {
    let known = |name: &str| schemes.names().any(|scheme| scheme == name);
    if schemes.names().next().is_none() {
        return Err(BuildError::NoAuthentication { hub });
    }
    match named.iter().find(|scheme| !known(scheme)) {
        Some(scheme) => Err(BuildError::UnknownScheme { hub, scheme: scheme.clone() }),
        None => Ok(()),
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authentication(err) => err.fmt(f),
            Self::Policy(err) => err.fmt(f),
            Self::Hub { hub, source } => write!(f, "hub {hub}: {source}"),
            Self::NoAuthentication { hub } => {
                write!(f, "hub {hub} is only for some, but the server has no authentication scheme")
            }
            Self::InvalidOrigin { origin } => write!(f, "'{origin}' is no origin"),
            Self::UnknownScheme { hub, scheme } => {
                write!(f, "hub {hub} demands the authentication scheme '{scheme}', which does not exist")
            }
            Self::DuplicateHub { hub } => {
                write!(f, "hub {hub} is given twice; give it several routes instead")
            }
            Self::DuplicateBackplaneName { name } => {
                write!(f, "two hubs have the name '{name}' on the backplane; give one of them another")
            }
            Self::DuplicatePath { path } => write!(f, "two hubs have the path '{path}'"),
            Self::NoAuthenticationExpiration { path } => {
                write!(f, "the maximum_authentication_expiration of '{path}' is not longer than zero")
            }
            Self::InvalidPath { path } => write!(f, "'{path}' is no path of a hub"),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Authentication(err) => Some(err),
            Self::Policy(err) => Some(err),
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

impl From<PolicyError> for BuildError {
    fn from(err: PolicyError) -> Self {
        Self::Policy(err)
    }
}

impl From<BuildError> for io::Error {
    /// So that `?` works in the `main` of an actix-web application.
    fn from(err: BuildError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, err)
    }
}
