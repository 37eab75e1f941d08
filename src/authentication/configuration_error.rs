//! What is wrong with the way authentication was set up.

use std::{error::Error, fmt};

/// What is wrong with the way authentication was set up. Found when the server is built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// Two schemes have one name.
    DuplicateScheme {
        /// The name.
        scheme: String,
    },
    /// A default names a scheme that has not been added.
    UnknownScheme {
        /// The name.
        scheme: String,
    },
    /// A shared secret is shorter than the hash of its algorithm, so it could be guessed.
    SecretTooShort {
        /// How many bytes it has to have.
        needed: usize,
        /// How many it has.
        found: usize,
    },
    /// An RSA key has less than 2048 or more than 8192 bits.
    RsaKeySize {
        /// How many bits it has, in whole bytes.
        bits: usize,
    },
    /// A public key cannot be read, or is of another kind than its algorithm needs.
    UnusableKey {
        /// What was expected.
        expected: &'static str,
    },
    /// A scheme has no key with which it may verify a token.
    NoKey {
        /// The name of the scheme.
        scheme: String,
    },
    /// Neither was an issuer named nor the check of it switched off.
    NoIssuer {
        /// The name of the scheme.
        scheme: String,
    },
    /// Neither was an audience named nor the check of it switched off.
    NoAudience {
        /// The name of the scheme.
        scheme: String,
    },
    /// An option has a value that it cannot have.
    InvalidOption {
        /// The name of the scheme.
        scheme: String,
        /// The name of the option.
        option: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As ASP.NET Core words it.
            Self::DuplicateScheme { scheme } => write!(f, "Scheme already exists: {scheme}"),
            Self::UnknownScheme { scheme } => write!(f, "there is no authentication scheme '{scheme}'"),
            Self::SecretTooShort { needed, found } => {
                write!(f, "the secret has {found} bytes and needs at least {needed}")
            }
            Self::RsaKeySize { bits } => {
                write!(f, "the RSA key has {bits} bits and needs 2048 to 8192")
            }
            Self::UnusableKey { expected } => write!(f, "the key is not {expected}"),
            Self::NoKey { scheme } => {
                write!(f, "the scheme '{scheme}' has no key that its algorithms can use")
            }
            Self::NoIssuer { scheme } => {
                write!(f, "the scheme '{scheme}' knows no issuer: name one, or call `without_issuer_check`")
            }
            Self::NoAudience { scheme } => write!(
                f,
                "the scheme '{scheme}' knows no audience: name one, or call `without_audience_check`"
            ),
            Self::InvalidOption { scheme, option, reason } => {
                write!(f, "`{option}` of the scheme '{scheme}' {reason}")
            }
        }
    }
}

impl Error for ConfigurationError {}
