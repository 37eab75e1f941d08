//! Under construction.

mod authentication;

pub use crate::authentication::{
    AuthenticateResult, AuthenticationFailure, AuthenticationRequest, AuthenticationScheme,
    AuthenticationTicket, ConfigurationError, Denial, JwtBearer, PolicyScheme, SchemeError, SchemeOperation,
    Schemes, SigningAlgorithm, VerificationKey, same_user,
};
