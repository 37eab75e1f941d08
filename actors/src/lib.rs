//! The hub runtime of `actix-signalr`: protocols, actors and authorization; no HTTP in it.

mod claims;
mod error;
mod ids;
mod options;
pub mod protocol;

pub use crate::{
    claims::{Claim, ClaimsIdentity, ClaimsPrincipal, LOCAL_AUTHORITY, claim_types},
    error::{HubError, HubResult, ProtocolError, SendError},
    ids::{ConnectionId, ConnectionToken},
    options::HubOptions,
};
