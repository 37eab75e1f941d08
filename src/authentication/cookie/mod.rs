//! The scheme for cookies: tickets that only this server can read and write.

mod chunks;
mod cookie_authentication;
mod cookie_error;
mod key_ring;
mod redirect;
mod response_headers;
mod settings;
#[cfg(test)]
mod tests;
mod ticket;

pub(crate) use self::response_headers::write_pending;
pub use self::{
    cookie_authentication::{CookieAuthentication, PrincipalCheck},
    cookie_error::CookieError,
    key_ring::KeyRing,
    response_headers::{CookieHeaders, write_renewed_cookies},
    settings::{SameSite, SecurePolicy, SignInProperties},
};
