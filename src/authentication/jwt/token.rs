//! A token taken apart; nothing about it has been verified.

use std::fmt;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};

use crate::authentication::jwt::{
    json::{Json, Members},
    refusal::TokenRefusal,
};

/// A signed token in its compact form, taken apart. Nothing about it has been verified.
pub(super) struct Token<'a> {
    /// What is signed: header and payload as they came.
    pub(super) message: &'a [u8],
    /// `None` if it is none that a key could have made.
    pub(super) signature: Option<Vec<u8>>,
    /// The name of its algorithm.
    pub(super) algorithm: String,
    /// The id of its key.
    pub(super) kid: Option<String>,
    pub(super) payload: Members,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Keys in its header are not even read.
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefusal::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;
        // An encrypted token has five parts; a blank or a comma is in no part. A dot is no
        // base64url character either, so more parts than three do not decode.
        let header = object(header)?;
        let payload = object(payload)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok();

        // Extensions that have to be understood; we understand none.
        if header.find("crit").is_some() {
            return Err(TokenRefusal::Malformed);
        }
        let algorithm = string(&header, "alg")?.ok_or(TokenRefusal::Malformed)?;
        // An empty id is none.
        let kid = string(&header, "kid")?.filter(|kid| !kid.is_empty());
        Ok(Self { message: message.as_bytes(), signature, algorithm, kid, payload })
    }

    /// Whether nobody vouches for it.
    pub(super) fn is_unsigned(&self) -> bool {
        self.signature.as_ref().is_some_and(Vec::is_empty) || self.algorithm.eq_ignore_ascii_case("none")
    }
}

impl fmt::Debug for Token<'_> {
    /// Nothing of it: a token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

fn object(part: &str) -> Result<Members, TokenRefusal> {
    let json = PADDED_OR_NOT.decode(part).map_err(|_| TokenRefusal::Malformed)?;
    Members::parse(&json).ok_or(TokenRefusal::Malformed)
}

/// What is signed is the text as it came, so that padding in it changes nothing.
const PADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A string member, if there is one; another kind of value is an error.
pub(super) fn string(members: &Members, name: &str) -> Result<Option<String>, TokenRefusal> {
    match members.find(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenRefusal::Malformed),
    }
}

/// More than any request line or header that a server takes by default; less than what would make
/// reading it expensive.
pub(in crate::authentication) const MAX_TOKEN_BYTES: usize = 64 * 1024;
