//! Which connections somebody means who takes rights away, and whom that keeps out for a while.

mod revocations;
mod selector;

pub use crate::revocation::selector::ConnectionSelector;
pub(crate) use crate::revocation::{revocations::Revocations, selector::Which};
