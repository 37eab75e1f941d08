//! JSON Web Tokens, without HTTP: reading them, verifying them, and what their claims become.

mod algorithm;
mod claims;
mod json;
mod key;
mod refusal;
mod rules;
mod token;

pub use self::{algorithm::SigningAlgorithm, key::VerificationKey};
pub(super) use self::{
    claims::ClaimRules,
    rules::{Accepted, TokenRules, ValidToken},
};
#[cfg(test)]
pub(super) use self::{refusal::TokenRefusal, token::MAX_TOKEN_BYTES};
