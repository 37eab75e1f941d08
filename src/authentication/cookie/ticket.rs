//! What a cookie holds once it is decrypted.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_signalr_actors::{Claim, ClaimsIdentity, ClaimsPrincipal, LOCAL_AUTHORITY, claim_types};
use serde::{Deserialize, Serialize};

/// Who has signed in, and until when. Times are kept to the second.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) principal: Arc<ClaimsPrincipal>,
    pub(super) issued_at: SystemTime,
    pub(super) expires_at: SystemTime,
    pub(super) is_persistent: bool,
    pub(super) allow_refresh: bool,
}

impl Ticket {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            issued: seconds(self.issued_at),
            expires: seconds(self.expires_at),
            persistent: self.is_persistent,
            refresh: self.allow_refresh,
            identities: self.principal.identities().iter().map(WrittenIdentity::of).collect(),
        };
        // Cannot fail: names are strings, and writing goes to memory.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let identities = written.identities.into_iter().map(WrittenIdentity::identity);
        Some(Self {
            principal: Arc::new(ClaimsPrincipal::from_identities(identities)),
            issued_at: time(written.issued)?,
            expires_at: time(written.expires)?,
            is_persistent: written.persistent,
            allow_refresh: written.refresh,
        })
    }

    /// The ticket that takes its place if more than half of its time is over: as long, from now on.
    pub(super) fn renewed(&self, now: SystemTime) -> Option<Self> {
        let elapsed = now.duration_since(self.issued_at).unwrap_or_default();
        let remaining = self.expires_at.duration_since(now).unwrap_or_default();
        (self.allow_refresh && remaining < elapsed).then(|| self.starting_at(now))
    }

    /// The same, as long, from now on.
    pub(super) fn starting_at(&self, now: SystemTime) -> Self {
        let span = self.expires_at.duration_since(self.issued_at).unwrap_or_default();
        Self { issued_at: now, expires_at: now.checked_add(span).unwrap_or(self.expires_at), ..self.clone() }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    issued: u64,
    expires: u64,
    persistent: bool,
    refresh: bool,
    identities: Vec<WrittenIdentity>,
}

/// What is as usual is left out.
#[derive(Serialize, Deserialize)]
struct WrittenIdentity {
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    claims: Vec<WrittenClaim>,
}

/// Type, value, issuer.
#[derive(Serialize, Deserialize)]
struct WrittenClaim(String, String, Option<String>);

impl WrittenIdentity {
    fn of(identity: &ClaimsIdentity) -> Self {
        let unless = |usual: &str, value: &str| (value != usual).then(|| value.to_owned());
        let written = |claim: &Claim| {
            let issuer = unless(LOCAL_AUTHORITY, claim.issuer());
            WrittenClaim(claim.claim_type().to_owned(), claim.value().to_owned(), issuer)
        };
        Self {
            by: identity.authentication_type().map(str::to_owned),
            name: unless(claim_types::NAME, identity.name_type()),
            role: unless(claim_types::ROLE, identity.role_type()),
            claims: identity.claims().iter().map(written).collect(),
        }
    }

    fn identity(self) -> ClaimsIdentity {
        let mut identity = self.by.map_or_else(ClaimsIdentity::unauthenticated, ClaimsIdentity::new);
        if let Some(name) = self.name {
            identity = identity.name_claim_type(name);
        }
        if let Some(role) = self.role {
            identity = identity.role_claim_type(role);
        }
        identity.claims_from(self.claims.into_iter().map(|WrittenClaim(kind, value, issuer)| {
            let claim = Claim::new(kind, value);
            match issuer {
                Some(issuer) => claim.issued_by(issuer),
                None => claim,
            }
        }))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_comes_back_as_it_was() {
        let first = ClaimsIdentity::new("Pwd")
            .name_claim_type("nick")
            .role_claim_type("team")
            .claim("nick", "Ann")
            .claim("team", "red")
            .with(Claim::new("x", "y").issued_by("elsewhere"));
        let second = ClaimsIdentity::unauthenticated().claim("team", "blue");
        let ticket = Ticket {
            principal: Arc::new(ClaimsPrincipal::from_identities([first, second])),
            issued_at: time(1_000).unwrap(),
            expires_at: time(2_000).unwrap(),
            is_persistent: true,
            allow_refresh: false,
        };
        let back = Ticket::from_bytes(&ticket.to_bytes()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{ticket:?}"));
        assert!(back.principal.is_in_role("red") && !back.principal.is_in_role("blue"));
        assert_eq!(back.principal.name(), Some("Ann"));
    }

    #[test]
    fn what_is_no_ticket_is_none() {
        for bytes in [&b""[..], b"{}", b"[]", b"{\"issued\":-1}", b"\xff"] {
            assert!(Ticket::from_bytes(bytes).is_none());
        }
    }
}
