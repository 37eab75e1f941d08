//! What the claims of a token become.

use std::borrow::Cow;

use actix_signalr_actors::{Claim, ClaimsIdentity, LOCAL_AUTHORITY, claim_types};

use crate::authentication::jwt::{
    json::{Json, Members},
    long_names::long_name,
};

/// How the claims of a token become an identity.
#[derive(Clone, Debug)]
pub(in crate::authentication) struct ClaimRules {
    /// Whether short names become [long ones](long_name).
    pub(in crate::authentication) map_inbound: bool,
    pub(in crate::authentication) name_claim_type: Cow<'static, str>,
    pub(in crate::authentication) role_claim_type: Cow<'static, str>,
}

impl ClaimRules {
    /// The identity that a verified payload describes: all its members in their order.
    pub(super) fn identity(&self, payload: Members, issuer: Option<String>) -> ClaimsIdentity {
        let issuer = issuer.map_or(Cow::Borrowed(LOCAL_AUTHORITY), Cow::Owned);
        let mut claims = Vec::new();
        for (name, value) in payload {
            let kind = self.claim_type(name);
            let mut add = |value: Json| {
                claims.push(Claim::new(kind.clone(), value.into_text()).issued_by(issuer.clone()));
            };
            match value {
                Json::Array(values) => values.into_iter().for_each(add),
                value => add(value),
            }
        }
        ClaimsIdentity::new(AUTHENTICATION_TYPE)
            .name_claim_type(self.name_claim_type.clone())
            .role_claim_type(self.role_claim_type.clone())
            .claims_from(claims)
    }

    fn claim_type(&self, name: String) -> Cow<'static, str> {
        let long = Some(&*name).filter(|_| self.map_inbound).and_then(long_name);
        long.map_or_else(|| Cow::Owned(name), Cow::Borrowed)
    }
}

impl Default for ClaimRules {
    fn default() -> Self {
        Self {
            map_inbound: true,
            name_claim_type: Cow::Borrowed(claim_types::NAME),
            role_claim_type: Cow::Borrowed(claim_types::ROLE),
        }
    }
}

/// How an identity from a token was authenticated.
const AUTHENTICATION_TYPE: &str = "AuthenticationTypes.Federation";

#[cfg(test)]
mod tests {
    use actix_signalr_actors::ClaimsPrincipal;

    use super::*;

    fn identity(rules: &ClaimRules, json: &str) -> ClaimsIdentity {
        rules.identity(Members::parse(json.as_bytes()).unwrap(), Some("https://issuer".to_owned()))
    }

    #[test]
    fn claims_keep_their_order_and_become_text() {
        let json = r#"{"z":"1","iss":"https://issuer","aud":["a","b"],"exp":12,"f":1.5,"t":true,
                       "n":null,"o":{"b":1,"a":[2]},"none":[],"mixed":["x",1,{"k":0},[3]]}"#;
        let identity = identity(&ClaimRules::default(), json);

        let claims: Vec<_> = identity.claims().iter().map(|c| (c.claim_type(), c.value())).collect();

        let expected = [
            ("z", "1"),
            ("iss", "https://issuer"),
            ("aud", "a"),
            ("aud", "b"),
            ("exp", "12"),
            ("f", "1.5"),
            ("t", "true"),
            ("n", ""),
            ("o", r#"{"b":1,"a":[2]}"#),
            ("mixed", "x"),
            ("mixed", "1"),
            ("mixed", r#"{"k":0}"#),
            ("mixed", "[3]"),
        ];
        assert_eq!(claims, expected);
        assert!(identity.claims().iter().all(|claim| claim.issuer() == "https://issuer"));
        assert_eq!(identity.authentication_type(), Some("AuthenticationTypes.Federation"));
    }

    #[test]
    fn short_names_become_long_ones_unless_switched_off() {
        let json =
            r#"{"nameid":"n","sub":"s","unique_name":"Ann","role":"a,Admin","roles":["User"],"name":"x"}"#;

        let mapped: ClaimsPrincipal = identity(&ClaimRules::default(), json).into();
        assert_eq!(mapped.find_all(claim_types::NAME_IDENTIFIER).collect::<Vec<_>>(), ["n", "s"]);
        assert_eq!(mapped.name(), Some("Ann"));
        assert!(mapped.is_in_role("a,Admin") && mapped.is_in_role("User") && !mapped.is_in_role("Admin"));
        assert_eq!(mapped.find_first("name"), Some("x"));

        let rules = ClaimRules {
            map_inbound: false,
            name_claim_type: "name".into(),
            role_claim_type: "roles".into(),
        };
        let plain: ClaimsPrincipal = identity(&rules, json).into();
        assert_eq!(plain.find_first(claim_types::NAME_IDENTIFIER), None);
        assert_eq!(plain.find_first("sub"), Some("s"));
        assert_eq!(plain.name(), Some("x"));
        assert!(plain.is_in_role("User") && !plain.is_in_role("a,Admin"));
    }

    #[test]
    fn names_are_mapped_in_their_own_case_only() {
        let identity = identity(&ClaimRules::default(), r#"{"Sub":"s"}"#);
        assert_eq!(identity.claims()[0].claim_type(), "Sub");
    }
}
