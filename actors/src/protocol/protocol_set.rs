//! Several hub protocols at once.

use crate::protocol::HubProtocol;

/// A set of hub protocols: in which of them a message has to be encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProtocolSet(u8);

impl ProtocolSet {
    /// All there are.
    pub const ALL: Self = Self(0b11);

    /// None.
    pub const NONE: Self = Self(0);

    /// Whether one is in it.
    #[must_use]
    pub const fn contains(self, protocol: HubProtocol) -> bool {
        self.0 & Self::bit(protocol) != 0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, protocol: HubProtocol) -> Self {
        Self(self.0 | Self::bit(protocol))
    }

    /// As a number, to be kept in an atomic; the sets united are the bits united.
    #[must_use]
    pub const fn to_bits(self) -> u8 {
        self.0
    }

    /// From a number; unknown bits are left out.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    const fn bit(protocol: HubProtocol) -> u8 {
        match protocol {
            HubProtocol::Json => 0b01,
            HubProtocol::MessagePack => 0b10,
        }
    }
}

impl From<HubProtocol> for ProtocolSet {
    fn from(protocol: HubProtocol) -> Self {
        Self::NONE.with(protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let json = ProtocolSet::from(HubProtocol::Json);
        assert!(json.contains(HubProtocol::Json) && !json.contains(HubProtocol::MessagePack));
        assert_eq!(json.with(HubProtocol::MessagePack), ProtocolSet::ALL);
        assert_eq!(ProtocolSet::default(), ProtocolSet::NONE);
        assert_eq!(ProtocolSet::from_bits(0xff), ProtocolSet::ALL);
        assert_eq!(ProtocolSet::from_bits(json.to_bits()), json);
    }
}
