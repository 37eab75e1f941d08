//! The scheme for cookies: tickets that only this server can read and write.

mod chunks;
mod cookie_authentication;
mod cookie_error;
mod cookie_form;
mod events;
mod in_memory_session_store;
mod key_ring;
mod reading;
mod redirect;
mod response_headers;
mod session_store;
mod settings;
mod signing;
#[cfg(test)]
mod tests;
mod ticket;

pub(super) use self::response_headers::write_pending;
pub use self::{
    cookie_authentication::{CookieAuthentication, PrincipalCheck},
    cookie_error::CookieError,
    events::{CookieEvents, CookiePage, CookieRedirect, CookieSignedIn, CookieSigningIn, CookieSigningOut},
    in_memory_session_store::InMemorySessionStore,
    key_ring::KeyRing,
    response_headers::CookieHeaders,
    session_store::{SessionKey, SessionStore, SessionStoreError, SessionTicket},
    settings::{SameSite, SecurePolicy, SignInProperties},
};
use self::{key_ring::random, ticket::Ticket};
