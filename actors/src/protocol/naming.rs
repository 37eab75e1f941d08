//! What the members of structs are called on the wire.

use crate::protocol::HubProtocol;

/// How the name a struct's member has in Rust becomes the one it has in a message.
///
/// It is about the members of structs and of struct-like enum variants. The keys of maps and the names of enum
/// variants stand as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamingPolicy {
    /// What clients of this protocol family expect: `camelCase` in JSON, `PascalCase` in MessagePack. So `user_id` is
    /// `userId` there and `UserId` here, and one plain derive serves both.
    ///
    /// Precisely: underscores at the front stay. Every other one goes, and the letter behind it becomes a capital.
    /// Then the first letter becomes a capital in MessagePack and a small one in JSON; where a name begins with
    /// several capitals, JSON lowers all of them but the last before a small letter: `URL` is `url`, `IPAddress` is
    /// `ipAddress`. Nothing else changes, and only ASCII letters change case. So a name given by `#[serde(rename)]`
    /// keeps working, re-cased alike: `sentAt` and `SentAt` are `sentAt` in JSON and `SentAt` in MessagePack.
    ///
    /// When reading JSON, names are compared without case and underscores; in MessagePack exactly. What serde reads
    /// as a map of its own keeps its declared names in both directions: structs with `#[serde(flatten)]`. Enums with
    /// `#[serde(tag)]` or `#[serde(untagged)]` are written by this policy and read by serde itself, which knows the
    /// declared names alone: use [`AsDeclared`](Self::AsDeclared) with them.
    #[default]
    Conventional,
    /// The names as serde has them, in both protocols, compared exactly.
    AsDeclared,
}

impl NamingPolicy {
    /// Hands the name on the wire to `with`.
    pub(super) fn named<R>(self, protocol: HubProtocol, declared: &str, with: impl FnOnce(&str) -> R) -> R {
        if self == Self::AsDeclared {
            return with(declared);
        }
        let mut buffer = [0; 64];
        let mut length = 0;
        for byte in Recased::new(declared, protocol) {
            match buffer.get_mut(length) {
                Some(place) => *place = byte,
                None => return with(&long_name(declared, protocol)),
            }
            length += 1;
        }
        // Only ASCII bytes have changed or gone.
        with(buffer.get(..length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or(declared))
    }

    /// Which of the declared names is meant by one on the wire. `guess` is the likeliest.
    pub(super) fn find(
        self,
        protocol: HubProtocol,
        declared: &'static [&'static str],
        wire: &str,
        guess: usize,
    ) -> Option<usize> {
        let is_named = |name: &str| match self {
            Self::AsDeclared => name == wire,
            Self::Conventional => Recased::new(name, protocol).eq(wire.bytes()),
        };
        if declared.get(guess).is_some_and(|name| is_named(name)) {
            return Some(guess);
        }
        let exact = declared.iter().position(|name| is_named(name));
        match protocol {
            HubProtocol::Json if self == Self::Conventional => {
                exact.or_else(|| declared.iter().position(|name| alike(name, wire)))
            }
            _ => exact,
        }
    }
}

/// Whether two names are the same but for case and underscores.
pub(super) fn alike(one: &str, other: &str) -> bool {
    fn bare(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
    }
    bare(one).eq(bare(other))
}

/// The bytes of a name, re-cased.
struct Recased<'a> {
    rest: std::slice::Iter<'a, u8>,
    /// Underscores at the front that are still to come.
    leading: usize,
    /// Letters that are still to be lowered.
    lowered: usize,
    raise: bool,
}

impl<'a> Recased<'a> {
    fn new(declared: &'a str, protocol: HubProtocol) -> Self {
        let bare = declared.trim_start_matches('_');
        let leading = declared.len() - bare.len();
        let is_pascal = protocol == HubProtocol::MessagePack;
        let lowered = if is_pascal { 0 } else { capitals_to_lower(bare.as_bytes()) };
        Self { rest: declared.as_bytes().iter(), leading, lowered, raise: is_pascal }
    }
}

impl Iterator for Recased<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.rest.next()?;
            if self.leading > 0 {
                self.leading -= 1;
                return Some(byte);
            }
            if byte == b'_' {
                self.raise = true;
                continue;
            }
            if self.lowered > 0 {
                self.lowered -= 1;
                return Some(byte.to_ascii_lowercase());
            }
            let raise = std::mem::take(&mut self.raise);
            return Some(if raise { byte.to_ascii_uppercase() } else { byte });
        }
    }
}

/// How many capitals at the front of a name become small: all that belong to its first word.
fn capitals_to_lower(name: &[u8]) -> usize {
    let capitals = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match name.get(capitals) {
        Some(next) if *next != b'_' && capitals > 1 => capitals - 1,
        _ => capitals,
    }
}

#[cold]
fn long_name(declared: &str, protocol: HubProtocol) -> String {
    String::from_utf8(Recased::new(declared, protocol).collect()).unwrap_or_else(|_| declared.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: HubProtocol = HubProtocol::Json;
    const MESSAGE_PACK: HubProtocol = HubProtocol::MessagePack;

    fn named(declared: &str) -> (String, String) {
        let named = |protocol| NamingPolicy::Conventional.named(protocol, declared, str::to_owned);
        (named(JSON), named(MESSAGE_PACK))
    }

    #[test]
    fn names_are_camel_case_in_json_and_pascal_case_in_messagepack() {
        for (declared, camel, pascal) in [
            ("id", "id", "Id"),
            ("user_id", "userId", "UserId"),
            ("userId", "userId", "UserId"),
            ("UserId", "userId", "UserId"),
            ("a_b_c", "aBC", "ABC"),
            ("line_2", "line2", "Line2"),
            ("type_", "type", "Type"),
            ("a__b", "aB", "AB"),
            ("_id", "_id", "_Id"),
            ("__proto", "__proto", "__Proto"),
            ("URL", "url", "URL"),
            ("IPAddress", "ipAddress", "IPAddress"),
            ("ID2", "iD2", "ID2"),
            ("MAX_SIZE", "maxSIZE", "MAXSIZE"),
            ("$type", "$type", "$type"),
            ("user-name", "user-name", "User-name"),
            ("größe_in_cm", "größeInCm", "GrößeInCm"),
            ("écart", "écart", "écart"),
            ("", "", ""),
            ("_", "_", "_"),
        ] {
            assert_eq!(named(declared), (camel.to_owned(), pascal.to_owned()), "{declared}");
        }
        let long = "a_rather_long_name_".repeat(9);
        assert_eq!(named(&long).1, "ARatherLongName".repeat(9));
        let as_declared = NamingPolicy::AsDeclared.named(JSON, "user_id", str::to_owned);
        assert_eq!(as_declared, "user_id");
    }

    #[test]
    fn json_names_are_found_without_case_and_underscores() {
        const NAMES: &[&str] = &["id", "user_id", "i_d", "größe"];
        let find = |wire, guess| NamingPolicy::Conventional.find(JSON, NAMES, wire, guess);
        for guess in 0..6 {
            for wire in ["userId", "UserId", "USERID", "user_id", "u_serid"] {
                assert_eq!(find(wire, guess), Some(1), "{wire}");
            }
            assert_eq!(find("id", guess), Some(0));
            assert_eq!(find("iD", guess), Some(2), "the exact name goes before a like one");
            assert_eq!(find("ID", guess), Some(0));
            assert_eq!(find("GRößE", guess), Some(3));
            for wire in ["", "_", "user-id", "userIds", "größ"] {
                assert_eq!(find(wire, guess), None, "{wire}");
            }
        }
    }

    #[test]
    fn messagepack_names_are_found_exactly() {
        const NAMES: &[&str] = &["id", "user_id"];
        let find = |wire| NamingPolicy::Conventional.find(MESSAGE_PACK, NAMES, wire, 0);
        assert_eq!((find("Id"), find("UserId")), (Some(0), Some(1)));
        for wire in ["id", "ID", "userId", "user_id", "User_Id", ""] {
            assert_eq!(find(wire), None, "{wire}");
        }
        for protocol in [JSON, MESSAGE_PACK] {
            let find = |wire| NamingPolicy::AsDeclared.find(protocol, NAMES, wire, 1);
            assert_eq!(
                (find("id"), find("user_id"), find("Id"), find("userId")),
                (Some(0), Some(1), None, None)
            );
        }
    }
}
