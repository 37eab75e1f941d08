//! Keys and issuer of an identity provider: OpenID Connect discovery. Specification of authentication, 3.5.

mod authority;
mod backchannel;
mod discovery;
mod document;
#[cfg(feature = "openid-connect")]
mod http_backchannel;
mod schedule;
#[cfg(test)]
mod tests;

pub(super) use self::discovery::Discovery;
#[cfg(feature = "openid-connect")]
pub use self::http_backchannel::HttpBackchannel;
pub use self::{
    authority::Authority,
    backchannel::{Backchannel, BackchannelError},
};
