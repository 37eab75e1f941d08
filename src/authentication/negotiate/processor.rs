//! What understands the tokens of an exchange: a library for Kerberos, say.

use std::{borrow::Cow, error::Error, fmt};

use actix_signalr_actors::{Claim, ClaimsIdentity, claim_types};
use futures::future::LocalBoxFuture;

/// Understands the tokens of the scheme `Negotiate` (SPNEGO).
///
/// The package `actix-signalr-kerberos` has one for Kerberos.
pub trait NegotiateProcessor: Send + Sync + 'static {
    /// Begins an exchange with a client.
    fn begin(&self) -> Box<dyn NegotiateExchange>;
}

/// An exchange with one client, which takes one token or several.
pub trait NegotiateExchange: 'static {
    /// Takes the client's next token. What takes long, or blocks, belongs on a thread of its own
    /// (`actix_web::web::block`).
    fn accept(
        self: Box<Self>,
        token: Vec<u8>,
    ) -> LocalBoxFuture<'static, Result<NegotiateStep, NegotiateError>>;
}

/// What comes of a token.
pub enum NegotiateStep {
    /// The client is to answer this token, in its next request on the same TCP connection.
    Continue {
        /// For the client.
        token: Vec<u8>,
        /// What takes the client's answer.
        exchange: Box<dyn NegotiateExchange>,
    },
    /// It is known who the client is.
    Complete {
        /// Who.
        user: NegotiateUser,
        /// For the client, with which the server identifies itself; none, if the client does not ask for it.
        token: Option<Vec<u8>>,
    },
}

impl fmt::Debug for NegotiateStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue { .. } => "Continue",
            Self::Complete { .. } => "Complete",
        })
    }
}

/// Somebody who has identified himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateUser {
    name: String,
    protocol: Cow<'static, str>,
}

impl NegotiateUser {
    /// Somebody of this name, `ann@EXAMPLE.COM`, by this protocol: `Kerberos`.
    pub fn new(name: impl Into<String>, protocol: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), protocol: protocol.into() }
    }

    /// One identity with a name. It has no name identifier, so that the default user id is none: use
    /// [`NameUserIdProvider`](crate::NameUserIdProvider), or another one.
    pub(super) fn identity(&self) -> ClaimsIdentity {
        let name = Claim::new(claim_types::NAME, self.name.clone());
        ClaimsIdentity::new(self.protocol.clone()).with(name)
    }
}

/// Why a token is not accepted; for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiateError {
    /// It is no token: 400.
    Malformed(String),
    /// It is none that identifies somebody to this server: 401.
    Refused(String),
}

impl fmt::Display for NegotiateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) | Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl Error for NegotiateError {}
