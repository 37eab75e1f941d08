//! A token taken apart; nothing about it has been verified.

use std::fmt;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
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
    /// The name of its algorithm; one that has none fits no key.
    pub(super) algorithm: Option<String>,
    /// The id of its key.
    pub(super) kid: Option<String>,
    /// What kind of token it says that it is.
    pub(super) kind: Option<String>,
    pub(super) payload: Members,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Keys in its header are not even read.
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenRefusal> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenRefusal::Malformed)?;
        // An encrypted token has five parts; a blank or a comma is in no part. A dot is no
        // base64url character either, so more parts than three do not decode.
        let header = object(header)?;
        // Nothing at all says nothing, and is no mistake of form.
        let payload = if payload.is_empty() { Members::default() } else { object(payload)? };
        let signature = PADDED_OR_NOT.decode(signature).ok();

        // Extensions that have to be understood; we understand none.
        if header.find("crit").is_some() {
            return Err(TokenRefusal::Malformed);
        }
        for texts in ["x5t", "cty", "zip"] {
            string(&header, texts)?;
        }
        let algorithm = string(&header, "alg")?;
        // An empty id is none.
        let kid = string(&header, "kid")?.filter(|kid| !kid.is_empty());
        let kind = string(&header, "typ")?;
        Ok(Self { message: message.as_bytes(), signature, algorithm, kid, kind, payload })
    }

    /// Whether it does not even pretend that somebody vouches for it. One that says `none` and has a signature fits no key.
    pub(super) fn is_unsigned(&self) -> bool {
        self.signature.as_ref().is_some_and(Vec::is_empty)
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
