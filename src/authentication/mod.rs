//! Who is asking: authentication schemes, their results, and the HTTP answers of those refused.

mod bearer_token;
mod configuration_error;
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

pub use self::{
    configuration_error::ConfigurationError,
    denial::Denial,
    jwt::{SigningAlgorithm, VerificationKey},
    jwt_bearer::JwtBearer,
    policy_scheme::PolicyScheme,
    result::{AuthenticateResult, AuthenticationFailure, AuthenticationTicket},
    same_user::same_user,
    scheme::{AuthenticationRequest, AuthenticationScheme, SchemeOperation},
    schemes::{SchemeError, Schemes},
};
