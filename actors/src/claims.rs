//! Who somebody is: claims, identities and the principal that holds them.

use std::{borrow::Cow, fmt};

/// The claim types that have a meaning of their own, as ASP.NET Core spells them.
pub mod claim_types {
    /// The unique id of a user; the default user id of a connection.
    pub const NAME_IDENTIFIER: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
    /// The name of a user.
    pub const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    /// The mail address.
    pub const EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    /// A role; there may be several.
    pub const ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
    /// The user principal name.
    pub const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
    /// The given name.
    pub const GIVEN_NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname";
    /// The family name.
    pub const SURNAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname";
    /// A security identifier, of Windows.
    pub const SID: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/sid";
    /// The security identifier of a Windows user.
    pub const PRIMARY_SID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarysid";
    /// The security identifier of a group that a Windows user is in; there may be several.
    pub const GROUP_SID: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groupsid";
    /// The account of a Windows user, with its domain.
    pub const WINDOWS_ACCOUNT_NAME: &str =
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname";
}

/// The issuer of a claim that names none.
pub const LOCAL_AUTHORITY: &str = "LOCAL AUTHORITY";

/// One thing said about somebody: a type, a value, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    kind: Cow<'static, str>,
    value: String,
    issuer: Cow<'static, str>,
}

impl Claim {
    /// A claim of the local authority.
    pub fn new(kind: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into(), issuer: Cow::Borrowed(LOCAL_AUTHORITY) }
    }

    /// The same claim, said by `issuer`.
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<Cow<'static, str>>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// What the claim is about; compared without case.
    #[must_use]
    pub fn claim_type(&self) -> &str {
        &self.kind
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Who says so.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// The claims from one source, such as one token.
#[derive(Clone, Debug)]
pub struct ClaimsIdentity {
    authentication_type: Option<Cow<'static, str>>,
    name_claim_type: Cow<'static, str>,
    role_claim_type: Cow<'static, str>,
    claims: Vec<Claim>,
}

impl ClaimsIdentity {
    /// An identity that has been authenticated in the way named; one with an empty name has not.
    pub fn new(authentication_type: impl Into<Cow<'static, str>>) -> Self {
        Self { authentication_type: Some(authentication_type.into()), ..Self::unauthenticated() }
    }

    /// An identity that nobody has vouched for.
    #[must_use]
    pub const fn unauthenticated() -> Self {
        Self {
            authentication_type: None,
            name_claim_type: Cow::Borrowed(claim_types::NAME),
            role_claim_type: Cow::Borrowed(claim_types::ROLE),
            claims: Vec::new(),
        }
    }

    /// Adds a claim.
    #[must_use]
    pub fn with(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    /// Adds a claim of the local authority.
    #[must_use]
    pub fn claim(self, kind: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.with(Claim::new(kind, value))
    }

    /// Adds the claims.
    #[must_use]
    pub fn claims_from(mut self, claims: impl IntoIterator<Item = Claim>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// Which claim is the name; [`claim_types::NAME`].
    #[must_use]
    pub fn name_claim_type(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.name_claim_type = kind.into();
        self
    }

    /// Which claims are roles; [`claim_types::ROLE`].
    #[must_use]
    pub fn role_claim_type(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.role_claim_type = kind.into();
        self
    }

    /// Which claim is the name.
    #[must_use]
    pub fn name_type(&self) -> &str {
        &self.name_claim_type
    }

    /// Which claims are roles.
    #[must_use]
    pub fn role_type(&self) -> &str {
        &self.role_claim_type
    }

    /// How it was authenticated.
    #[must_use]
    pub fn authentication_type(&self) -> Option<&str> {
        self.authentication_type.as_deref()
    }

    /// Whether somebody has vouched for it.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.authentication_type.as_deref().is_some_and(|kind| !kind.is_empty())
    }

    /// The claims in their order.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The value of the first claim of the name type.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        first_of(&self.claims, &self.name_claim_type)
    }

    /// The value of the first claim of a type; the type is compared without case.
    #[must_use]
    pub fn find_first(&self, kind: &str) -> Option<&str> {
        first_of(&self.claims, kind)
    }

    fn has_role(&self, role: &str) -> bool {
        let is_role = |claim: &Claim| claim.kind.eq_ignore_ascii_case(&self.role_claim_type);
        self.claims.iter().any(|claim| is_role(claim) && claim.value == role)
    }
}

/// Who somebody is: identities from one or several sources. Without any, somebody unknown.
#[derive(Clone, Debug, Default)]
pub struct ClaimsPrincipal {
    identities: Vec<ClaimsIdentity>,
}

impl ClaimsPrincipal {
    /// Somebody of whom nothing is known.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { identities: Vec::new() }
    }

    /// Somebody with the identities given, the primary one first.
    #[must_use]
    pub fn from_identities(identities: impl IntoIterator<Item = ClaimsIdentity>) -> Self {
        Self { identities: identities.into_iter().collect() }
    }

    /// All identities, the primary one first.
    #[must_use]
    pub fn identities(&self) -> &[ClaimsIdentity] {
        &self.identities
    }

    /// The name in the primary identity.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.identities.first()?.name()
    }

    /// Whether any identity has been authenticated.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.identities.iter().any(ClaimsIdentity::is_authenticated)
    }

    /// The claims of all identities, in their order.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.identities.iter().flat_map(|identity| &identity.claims)
    }

    /// The value of the first claim of a type; the type is compared without case.
    #[must_use]
    pub fn find_first(&self, kind: &str) -> Option<&str> {
        self.claims().find(|claim| claim.kind.eq_ignore_ascii_case(kind)).map(Claim::value)
    }

    /// The values of all claims of a type; the type is compared without case.
    pub fn find_all<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a str> {
        self.claims().filter(move |claim| claim.kind.eq_ignore_ascii_case(kind)).map(Claim::value)
    }

    /// Whether there is a claim of the type with just that value; the value is compared with case.
    #[must_use]
    pub fn has_claim(&self, kind: &str, value: &str) -> bool {
        self.find_all(kind).any(|found| found == value)
    }

    /// Whether an identity has the role, compared with case, among the claims of its own role type.
    ///
    /// That somebody is authenticated is another question: an identity that nobody has vouched for may have roles, too.
    #[must_use]
    pub fn is_in_role(&self, role: &str) -> bool {
        self.identities.iter().any(|identity| identity.has_role(role))
    }
}

impl From<ClaimsIdentity> for ClaimsPrincipal {
    fn from(identity: ClaimsIdentity) -> Self {
        Self { identities: vec![identity] }
    }
}

impl fmt::Display for ClaimsPrincipal {
    /// The name, or that there is none: for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("(no name)"))
    }
}

fn first_of<'a>(claims: &'a [Claim], kind: &str) -> Option<&'a str> {
    claims.iter().find(|claim| claim.kind.eq_ignore_ascii_case(kind)).map(Claim::value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> ClaimsPrincipal {
        ClaimsIdentity::new("Test")
            .claim(claim_types::NAME, "ann")
            .claim(claim_types::ROLE, "Admin")
            .claim("team", "red")
            .into()
    }

    #[test]
    fn types_are_compared_without_case_and_values_with_it() {
        assert_eq!(ann().find_first("TEAM"), Some("red"));
        assert!(ann().has_claim("Team", "red"));
        assert!(!ann().has_claim("team", "Red"));
        assert!(ann().is_in_role("Admin"));
        assert!(!ann().is_in_role("admin"));
    }

    #[test]
    fn the_name_is_that_of_the_first_identity() {
        let second = ClaimsIdentity::new("Other").claim(claim_types::NAME, "bob");
        let both = ClaimsPrincipal::from_identities([ClaimsIdentity::new("Test"), second]);
        assert_eq!(both.name(), None);
        assert_eq!(both.find_first(claim_types::NAME), Some("bob"));
    }

    #[test]
    fn an_identity_without_a_way_of_authentication_is_not_authenticated() {
        assert!(ann().is_authenticated());
        assert!(!ClaimsPrincipal::anonymous().is_authenticated());
        assert!(!ClaimsPrincipal::from(ClaimsIdentity::new("")).is_authenticated());
    }

    #[test]
    fn a_role_is_read_from_the_identitys_own_role_type() {
        let identity = ClaimsIdentity::new("Test").role_claim_type("role").claim("role", "Admin");
        assert!(ClaimsPrincipal::from(identity).is_in_role("Admin"));
    }
}
