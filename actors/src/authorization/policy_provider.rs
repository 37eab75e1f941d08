//! Policies that are made from their names.

use crate::authorization::Policy;

/// Knows policies that nobody has defined: those whose names have a parameter, for instance.
///
/// It is asked for names that are not defined. Those that are written in the program (`#[authorize("MinimumAge21")]`) are
/// asked for once, when the server is built; those given to [`Authorization`](crate::Authorization) each time, so keep
/// what is costly to make.
///
/// ```
/// use actix_signalr_actors::{Policies, Policy, PolicyProvider};
///
/// struct MinimumAge;
///
/// impl PolicyProvider for MinimumAge {
///     fn policy(&self, name: &str) -> Option<Policy> {
///         let years: u8 = name.strip_prefix("MinimumAge")?.parse().ok()?;
///         let is_old_enough = move |age: &str| age.parse::<u8>().is_ok_and(|age| age >= years);
///         Some(Policy::new().require_user(move |user| user.find_first("age").is_some_and(is_old_enough)))
///     }
/// }
///
/// let mut policies = Policies::default();
/// policies.set_provider(MinimumAge);
/// assert!(policies.find("MinimumAge21").is_some());
/// assert!(policies.find("MaximumAge21").is_none());
/// ```
pub trait PolicyProvider: Send + Sync + 'static {
    /// The policy of this name, as it was written; `None` where it is not one of the provider's.
    fn policy(&self, name: &str) -> Option<Policy>;
}

impl<F: Fn(&str) -> Option<Policy> + Send + Sync + 'static> PolicyProvider for F {
    fn policy(&self, name: &str) -> Option<Policy> {
        self(name)
    }
}
