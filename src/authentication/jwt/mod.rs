//! JSON Web Tokens, without HTTP: reading them, verifying them, and what their claims become.

mod algorithm;
mod claims;
mod json;
mod key;
mod key_set;
mod long_names;
mod refusal;
mod rules;
mod token;

pub use self::{algorithm::SigningAlgorithm, key::VerificationKey};
pub(super) use self::{
    claims::ClaimRules,
    key_set::read_key_set,
    refusal::TokenRefusal,
    rules::{Accepted, Discovered, Lifetime, TokenRules, ValidToken},
    token::MAX_TOKEN_BYTES,
};
