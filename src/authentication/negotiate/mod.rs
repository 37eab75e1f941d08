//! The HTTP scheme `Negotiate`: Kerberos. Specification of authentication, 5. (Not the negotiation of SignalR.)

mod connection;
mod processor;
mod reply;
mod scheme;

pub(super) use self::reply::write_final_token;
pub use self::{
    connection::NegotiateConnection,
    processor::{NegotiateError, NegotiateExchange, NegotiateProcessor, NegotiateStep, NegotiateUser},
    scheme::{NegotiateAuthentication, NegotiateUserFound, has_windows_identity},
};
