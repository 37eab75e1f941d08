//! Who is asking: authentication schemes, their results, and the HTTP answers of those refused.

mod bearer_token;
mod configuration_error;
mod cookie;
mod denial;
mod jwt;
mod jwt_bearer;
mod policy_scheme;
mod result;
mod same_user;
mod scheme;
mod schemes;
#[cfg(test)]
mod token_attacks;

pub(crate) use self::cookie::write_pending;
pub use self::{
    configuration_error::ConfigurationError,
    cookie::{
        CookieAuthentication, CookieError, CookieHeaders, KeyRing, PrincipalCheck, SameSite, SecurePolicy,
        SignInProperties, write_renewed_cookies,
    },
    denial::Denial,
    jwt::{SigningAlgorithm, VerificationKey},
    jwt_bearer::JwtBearer,
    policy_scheme::PolicyScheme,
    result::{AuthenticateResult, AuthenticationFailure, AuthenticationTicket},
    same_user::same_user,
    scheme::{AuthenticationRequest, AuthenticationScheme, SchemeOperation},
    schemes::{SchemeError, Schemes},
};
