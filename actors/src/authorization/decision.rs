//! What came of a policy.

use std::{borrow::Cow, fmt};

/// What came of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All requirements hold.
    Allowed,
    /// Some do not. Nothing of it is for the client.
    Denied(AuthorizationFailure),
}

impl Decision {
    /// Whether all requirements hold.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    /// Why not, if so.
    #[must_use]
    pub const fn failure(&self) -> Option<&AuthorizationFailure> {
        match self {
            Self::Allowed => None,
            Self::Denied(failure) => Some(failure),
        }
    }
}

/// Why a policy does not hold: for logs, and for applications that ask themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationFailure {
    pub(super) failed: Vec<&'static str>,
    pub(super) is_explicit: bool,
    pub(super) reasons: Vec<FailureReason>,
}

impl AuthorizationFailure {
    /// It took too long.
    pub(super) fn timeout() -> Self {
        Self { failed: vec!["timeout"], is_explicit: true, reasons: Vec::new() }
    }

    /// Which requirements do not hold, by their names: those of types, or what the built-in ones are called.
    #[must_use]
    pub fn failed_requirements(&self) -> &[&'static str] {
        &self.failed
    }

    /// Whether a handler has said that it does not hold, has panicked or taken too long; else nobody has said that it holds.
    #[must_use]
    pub const fn is_explicit(&self) -> bool {
        self.is_explicit
    }

    /// What handlers have given as reasons.
    #[must_use]
    pub fn reasons(&self) -> &[FailureReason] {
        &self.reasons
    }
}

impl fmt::Display for AuthorizationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "requirements that do not hold: {}", self.failed.join(", "))
    }
}

/// Why a handler says that a requirement does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReason {
    pub(super) handler: &'static str,
    pub(super) message: Cow<'static, str>,
}

impl FailureReason {
    /// The type of the handler.
    #[must_use]
    pub const fn handler(&self) -> &'static str {
        self.handler
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}
