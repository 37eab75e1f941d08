//! Who is asking: authentication schemes, their results, and the HTTP answers of those refused.

mod bearer_token;
mod claims_transformation;
mod configuration_error;
mod cookie;
mod denial;
mod event;
mod extractors;
mod jwt;
mod jwt_bearer;
mod kept_out;
mod negotiate;
mod openid;
mod outcomes;
mod pending;
mod policy_scheme;
mod result;
mod scheme;
mod scheme_error;
mod schemes;
#[cfg(test)]
mod token_attacks;

#[cfg(feature = "openid-connect")]
pub use self::openid::HttpBackchannel;
pub use self::{
    claims_transformation::ClaimsTransformation,
    configuration_error::ConfigurationError,
    cookie::{
        CookieAuthentication, CookieError, CookieEvents, CookieHeaders, CookiePage, CookieRedirect,
        CookieSignedIn, CookieSigningIn, CookieSigningOut, InMemorySessionStore, KeyRing, PrincipalCheck,
        SameSite, SecurePolicy, SessionKey, SessionStore, SessionStoreError, SessionTicket, SignInProperties,
    },
    denial::Denial,
    event::{AnswerEvent, Event},
    extractors::{RequestUser, SignedIn},
    jwt::{SigningAlgorithm, VerificationKey},
    jwt_bearer::{
        AuthenticationFailed, JwtBearer, JwtBearerEvents, JwtChallenge, JwtForbidden, MessageReceived,
        TokenValidated,
    },
    negotiate::{
        NegotiateAuthentication, NegotiateConnection, NegotiateError, NegotiateExchange, NegotiateProcessor,
        NegotiateStep, NegotiateUser, NegotiateUserFound, has_windows_identity,
    },
    openid::{Authority, Backchannel, BackchannelError},
    pending::write_renewed_cookies,
    policy_scheme::PolicyScheme,
    result::{AuthenticateResult, AuthenticationFailure, AuthenticationTicket},
    scheme::{AuthenticationRequest, AuthenticationScheme, SchemeOperation},
    scheme_error::SchemeError,
    schemes::Schemes,
};
pub(crate) use self::{kept_out::KeptOut, pending::write_pending};
