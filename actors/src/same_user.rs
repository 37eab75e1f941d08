//! Whether two principals are one user.

use std::hash::{Hash, Hasher};

use crate::{Claim, ClaimsIdentity, ClaimsPrincipal, claim_types};

/// Whether two principals are one user, as a connection's requests are compared.
///
/// Where the authenticated identities carry a subject, a name identifier or a user principal name,
/// the first of these decides, together with who issued it. Else all their claims have to be equal:
/// a renewed token that names no user is another user. Two unauthenticated principals are one.
#[must_use]
pub fn same_user(a: &ClaimsPrincipal, b: &ClaimsPrincipal) -> bool {
    match (a.is_authenticated(), b.is_authenticated()) {
        (true, true) => {}
        (false, false) => return true,
        (true, false) | (false, true) => return false,
    }
    same_key(authenticated(a), authenticated(b)).unwrap_or_else(|| same_content(a, b))
}

/// Whether two principals, both authenticated or neither, are one user where they have no user id: all their identities
/// count. Section 4.2 of authentication refresh.
pub(crate) fn same_content_or_key(a: &ClaimsPrincipal, b: &ClaimsPrincipal) -> bool {
    same_key(a.identities().iter(), b.identities().iter())
        .unwrap_or_else(|| !a.is_authenticated() || same_content(a, b))
}

/// Whether two principals say everything alike, in the same order: nothing has changed then.
#[must_use]
pub fn same_claims(a: &ClaimsPrincipal, b: &ClaimsPrincipal) -> bool {
    let same = |(a, b): (&ClaimsIdentity, &ClaimsIdentity)| {
        a.authentication_type() == b.authentication_type() && a.claims() == b.claims()
    };
    a.identities().len() == b.identities().len() && a.identities().iter().zip(b.identities()).all(same)
}

/// Whether the claims that say which user somebody is are equal; `None` where neither has one.
fn same_key<'a>(
    a: impl Iterator<Item = &'a ClaimsIdentity>,
    b: impl Iterator<Item = &'a ClaimsIdentity>,
) -> Option<bool> {
    match ({ a }.find_map(key_of), { b }.find_map(key_of)) {
        (Some(a), Some(b)) => Some(same_claim(a, b)),
        (Some(_), None) | (None, Some(_)) => Some(false),
        (None, None) => None,
    }
}

/// Hashes an authenticated principal, so that principals who are one user by [`same_user`] hash alike.
pub fn hash_user(principal: &ClaimsPrincipal, state: &mut impl Hasher) {
    match authenticated(principal).find_map(key_of).map(parts) {
        Some(key) => key.hash(state),
        None => {
            let claims = sorted_claims(principal);
            if claims.is_empty() {
                // Names may be one in different cases.
                principal.name().map(str::to_lowercase).hash(state);
            }
            claims.hash(state);
        }
    }
}

fn key_of(identity: &ClaimsIdentity) -> Option<&Claim> {
    // Ordinal, where claims are otherwise found without regard to case.
    let first =
        |kind: &str| identity.claims().iter().find(|c| c.claim_type() == kind && !c.value().is_empty());
    KEY_TYPES.into_iter().find_map(first)
}

fn same_claim(a: &Claim, b: &Claim) -> bool {
    parts(a) == parts(b)
}

fn same_content(a: &ClaimsPrincipal, b: &ClaimsPrincipal) -> bool {
    let (a_claims, b_claims) = (sorted_claims(a), sorted_claims(b));
    if a_claims.is_empty() && b_claims.is_empty() {
        return same_name(a.name(), b.name());
    }
    a_claims == b_claims
}

/// Names differ in case only when they are web addresses.
fn same_name(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) if is_address(a) || is_address(b) => a == b,
        (Some(a), Some(b)) => a.to_lowercase() == b.to_lowercase(),
        (a, b) => a == b,
    }
}

fn is_address(name: &str) -> bool {
    ["http://", "https://"]
        .into_iter()
        .any(|scheme| name.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn sorted_claims(principal: &ClaimsPrincipal) -> Vec<(&str, &str, &str)> {
    let mut claims: Vec<_> =
        authenticated(principal).flat_map(|identity| identity.claims()).map(parts).collect();
    claims.sort_unstable();
    claims
}

fn authenticated(principal: &ClaimsPrincipal) -> impl Iterator<Item = &ClaimsIdentity> {
    principal.identities().iter().filter(|identity| identity.is_authenticated())
}

fn parts(claim: &Claim) -> (&str, &str, &str) {
    (claim.claim_type(), claim.value(), claim.issuer())
}

/// What may say which user somebody is, the most telling first.
const KEY_TYPES: [&str; 3] = ["sub", claim_types::NAME_IDENTIFIER, claim_types::UPN];

#[cfg(test)]
mod tests {
    use super::*;

    fn user(claims: &[(&'static str, &str)]) -> ClaimsPrincipal {
        issued("https://issuer", claims)
    }

    fn issued(issuer: &'static str, claims: &[(&'static str, &str)]) -> ClaimsPrincipal {
        let claims = claims.iter().map(|(kind, value)| Claim::new(*kind, *value).issued_by(issuer));
        ClaimsIdentity::new("Test").claims_from(claims).into()
    }

    fn stranger(claims: &[(&'static str, &str)]) -> ClaimsPrincipal {
        let claims = claims.iter().map(|(kind, value)| Claim::new(*kind, *value));
        ClaimsIdentity::unauthenticated().claims_from(claims).into()
    }

    #[test]
    fn the_first_telling_claim_decides() {
        const ID: &str = claim_types::NAME_IDENTIFIER;
        const UPN: &str = claim_types::UPN;
        let table = [
            ("same subject, other claims", user(&[("sub", "a"), ("x", "1")]), user(&[("sub", "a")]), true),
            ("other subject", user(&[("sub", "a")]), user(&[("sub", "b")]), false),
            ("subject in other case", user(&[("sub", "a")]), user(&[("sub", "A")]), false),
            ("other type, same value", user(&[("sub", "a")]), user(&[(ID, "a")]), false),
            ("type in other case is no key", user(&[("sub", "a")]), user(&[("SUB", "a")]), false),
            ("other issuer", issued("x", &[("sub", "a")]), issued("y", &[("sub", "a")]), false),
            ("same identifier", user(&[(ID, "a"), ("exp", "1")]), user(&[(ID, "a"), ("exp", "2")]), true),
            ("same name, no subject", user(&[(UPN, "a"), ("exp", "1")]), user(&[(UPN, "a")]), true),
            ("subject before identifier", user(&[(ID, "z"), ("sub", "a")]), user(&[("sub", "a")]), true),
            ("identifier before name", user(&[(UPN, "z"), (ID, "a")]), user(&[(ID, "a")]), true),
            ("the first of two", user(&[(ID, "a"), (ID, "b")]), user(&[(ID, "b"), (ID, "a")]), false),
            ("an empty one does not count", user(&[("sub", ""), (ID, "a")]), user(&[(ID, "a")]), true),
            ("subject dropped", user(&[("sub", "a"), ("x", "1")]), user(&[("x", "1")]), false),
        ];
        for (case, a, b, same) in table {
            assert_eq!(same_user(&a, &b), same, "{case}");
            assert_eq!(same_user(&b, &a), same, "{case}, turned round");
        }
    }

    #[test]
    fn without_a_telling_claim_all_claims_are_compared_in_any_order() {
        let table = [
            ("equal", user(&[("role", "x"), ("exp", "1")]), user(&[("exp", "1"), ("role", "x")]), true),
            ("renewed", user(&[("role", "x"), ("exp", "1")]), user(&[("role", "x"), ("exp", "2")]), false),
            ("one twice", user(&[("role", "x"), ("role", "x")]), user(&[("role", "x")]), false),
            ("other issuer", issued("x", &[("role", "x")]), issued("y", &[("role", "x")]), false),
            ("no claims at all", user(&[]), user(&[]), true),
            ("claims against none", user(&[("role", "x")]), user(&[]), false),
        ];
        for (case, a, b, same) in table {
            assert_eq!(same_user(&a, &b), same, "{case}");
            assert_eq!(same_user(&b, &a), same, "{case}, turned round");
        }
    }

    #[test]
    fn nobody_is_nobody_and_nobody_else() {
        let table = [
            ("both anonymous", ClaimsPrincipal::anonymous(), ClaimsPrincipal::anonymous(), true),
            ("with claims", stranger(&[("sub", "a")]), stranger(&[("sub", "b")]), true),
            ("one authenticated", stranger(&[("sub", "a")]), user(&[("sub", "a")]), false),
            ("one without claims", ClaimsPrincipal::anonymous(), user(&[]), false),
        ];
        for (case, a, b, same) in table {
            assert_eq!(same_user(&a, &b), same, "{case}");
            assert_eq!(same_user(&b, &a), same, "{case}, turned round");
        }
    }

    #[test]
    fn unauthenticated_identities_are_passed_over() {
        let vouched = ClaimsIdentity::new("Test").claim("sub", "a");
        let claimed = ClaimsIdentity::unauthenticated().claim("sub", "evil");
        let both = ClaimsPrincipal::from_identities([claimed, vouched.clone()]);
        assert!(same_user(&both, &vouched.into()));
    }

    #[test]
    fn the_second_identity_speaks_where_the_first_has_no_key() {
        let plain = ClaimsIdentity::new("One").claim("role", "x");
        let keyed = ClaimsIdentity::new("Two").claim("sub", "a");
        let both = ClaimsPrincipal::from_identities([plain, keyed.clone()]);
        assert!(same_user(&both, &keyed.into()));
    }

    #[test]
    fn without_a_user_id_unauthenticated_identities_count_too() {
        let vouched = ClaimsIdentity::new("Test").claim("role", "x");
        let with = |name: &str| {
            let claimed = ClaimsIdentity::unauthenticated().claim("sub", name);
            ClaimsPrincipal::from_identities([vouched.clone(), claimed])
        };
        assert!(same_content_or_key(&with("a"), &with("a")));
        assert!(!same_content_or_key(&with("a"), &with("b")));
        assert!(!same_content_or_key(&with("a"), &vouched.clone().into()));
        assert!(same_content_or_key(&user(&[("role", "x")]), &user(&[("role", "x")])));
        assert!(!same_content_or_key(&user(&[("role", "x")]), &user(&[("role", "y")])));
        assert!(same_content_or_key(&stranger(&[("role", "x")]), &stranger(&[("role", "y")])));
        assert!(!same_content_or_key(&stranger(&[("sub", "a")]), &stranger(&[("sub", "b")])));
    }

    #[test]
    fn any_claim_is_a_change_and_so_is_their_order() {
        let (x, y) = (("x", "1"), ("y", "2"));
        assert!(same_claims(&user(&[x, y]), &user(&[x, y])));
        for other in [user(&[y, x]), user(&[x]), issued("y", &[x, y]), stranger(&[x, y]), user(&[])] {
            assert!(!same_claims(&user(&[x, y]), &other));
        }
        assert!(same_claims(&ClaimsPrincipal::anonymous(), &ClaimsPrincipal::anonymous()));
        assert!(!same_claims(&ClaimsPrincipal::anonymous(), &stranger(&[])));
    }

    #[test]
    fn names_without_claims_differ_in_case_only_as_addresses() {
        assert!(same_name(Some("Ann"), Some("ANN")));
        assert!(!same_name(Some("https://a/Ann"), Some("https://a/ANN")));
        assert!(!same_name(Some("Ann"), None));
        assert!(same_name(None, None));
    }
}
