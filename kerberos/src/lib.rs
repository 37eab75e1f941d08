//! Kerberos for [`actix_signalr`]: who a client in a domain is, without a login page.
//!
//! A [`NegotiateProcessor`] that asks the GSS-API of the system, MIT Kerberos or Heimdal. It is a package of its own because building
//! it takes their headers and libclang (`apt-get install libkrb5-dev libclang-dev pkg-config`), which nobody else should need.
//!
//! ```no_run
//! use actix_signalr::{NameUserIdProvider, NegotiateAuthentication, SignalR};
//! use actix_signalr_kerberos::Kerberos;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let signalr = SignalR::builder()
//!     .authentication(NegotiateAuthentication::new(Kerberos::new()?))
//!     .user_id_provider(NameUserIdProvider);
//! # Ok(())
//! # }
//! ```
//!
//! The server's keys are in a keytab: `/etc/krb5.keytab`, or the one that the environment variable `KRB5_KTNAME` names. The principal is
//! `HTTP/<host>@<REALM>`, where clients know the server by that host.

use std::{error::Error, fmt};

use actix_signalr::{NegotiateError, NegotiateExchange, NegotiateProcessor, NegotiateStep, NegotiateUser};
use actix_web::web;
use futures::future::LocalBoxFuture;
use libgssapi::{
    context::{CtxFlags, SecurityContext, ServerCtx},
    credential::{Cred, CredUsage},
    error::MajorFlags,
    name::Name,
    oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, GSS_NT_HOSTBASED_SERVICE, OidSet},
};

/// Kerberos, by the GSS-API of the system.
///
/// Users are known as `ann@EXAMPLE.COM`, the authentication type is `Kerberos`. NTLM and anonymous Kerberos are refused.
pub struct Kerberos {
    credentials: Cred,
}

impl Kerberos {
    /// Accepts clients for every service whose key is in the keytab.
    ///
    /// # Errors
    /// There is no keytab, or it cannot be read.
    pub fn new() -> Result<Self, KerberosError> {
        Self::acquire(None)
    }

    /// Accepts clients for one service, written `HTTP@host.example.com`.
    ///
    /// # Errors
    /// There is no keytab, it cannot be read, or it has no key of that service.
    pub fn for_service(service: &str) -> Result<Self, KerberosError> {
        let name = Name::new(service.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE)).map_err(KerberosError)?;
        Self::acquire(Some(&name))
    }

    fn acquire(name: Option<&Name>) -> Result<Self, KerberosError> {
        let mut mechanisms = OidSet::singleton(GSS_MECH_KRB5).map_err(KerberosError)?;
        mechanisms.add(GSS_MECH_SPNEGO).map_err(KerberosError)?;
        let credentials = Cred::acquire(name, None, CredUsage::Accept, Some(&mechanisms));
        Ok(Self { credentials: credentials.map_err(KerberosError)? })
    }
}

impl NegotiateProcessor for Kerberos {
    fn begin(&self) -> Box<dyn NegotiateExchange> {
        Box::new(Exchange(ServerCtx::new(Some(self.credentials.clone()))))
    }
}

impl fmt::Debug for Kerberos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kerberos").finish_non_exhaustive()
    }
}

/// One client's exchange.
struct Exchange(ServerCtx);

impl NegotiateExchange for Exchange {
    /// On a thread of its own: the library reads files and may ask the network.
    fn accept(
        self: Box<Self>,
        token: Vec<u8>,
    ) -> LocalBoxFuture<'static, Result<NegotiateStep, NegotiateError>> {
        Box::pin(async move {
            let accepted = web::block(move || accept(self.0, &token)).await;
            match accepted.unwrap_or_else(|err| Err(NegotiateError::Refused(err.to_string())))? {
                Accepted::GoesOn(token, context) => {
                    Ok(NegotiateStep::Continue { token, exchange: Box::new(Self(context)) })
                }
                Accepted::Known(user, token) => Ok(NegotiateStep::Complete { user, token }),
            }
        })
    }
}

enum Accepted {
    GoesOn(Vec<u8>, ServerCtx),
    Known(NegotiateUser, Option<Vec<u8>>),
}

fn accept(mut context: ServerCtx, token: &[u8]) -> Result<Accepted, NegotiateError> {
    let answer = context.step(token, None).map_err(error_of)?.map(|answer| answer.to_vec());
    if !context.is_complete() {
        return Ok(Accepted::GoesOn(answer.unwrap_or_default(), context));
    }
    if context.flags().map_err(error_of)?.contains(CtxFlags::GSS_C_ANON_FLAG) {
        return Err(NegotiateError::Refused("the client is anonymous".to_owned()));
    }
    let name = context.source_name().and_then(|name| name.display_name()).map_err(error_of)?;
    let name = String::from_utf8(name.to_vec())
        .map_err(|_| NegotiateError::Refused("the client's name is not UTF-8".to_owned()))?;
    Ok(Accepted::Known(NegotiateUser::new(name, "Kerberos"), answer))
}

fn error_of(err: libgssapi::error::Error) -> NegotiateError {
    // What the library says names keys and principals of this server, not the client's secrets.
    let reason = err.to_string();
    // A number among the bits: the library's flags are not all flags.
    if err.major.bits() & ROUTINE_ERROR == MajorFlags::GSS_S_DEFECTIVE_TOKEN.bits() {
        NegotiateError::Malformed(reason)
    } else {
        NegotiateError::Refused(reason)
    }
}

/// Where a status of the GSS-API says what is wrong (RFC 2744, 3.9.1).
const ROUTINE_ERROR: u32 = 0x00ff_0000;

/// Why there are no keys to accept clients with.
#[derive(Clone, Copy, Debug)]
pub struct KerberosError(libgssapi::error::Error);

impl fmt::Display for KerberosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no keys for Kerberos: {}", self.0)
    }
}

impl Error for KerberosError {}

impl From<KerberosError> for std::io::Error {
    /// So that `?` works in the `main` of an actix-web application, which then says what is wrong.
    fn from(err: KerberosError) -> Self {
        Self::other(err.to_string())
    }
}
