//! Which server of a Redis Cluster a channel belongs to.

use redis::Value;

/// Who serves which slots: the last slot of each range, and the number of its server. Without ranges there is one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots(Vec<(u16, usize)>);

impl Slots {
    /// The number of the server that a channel belongs to.
    pub(super) fn server_of(&self, channel: &str) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let slot = slot(channel.as_bytes());
        let range = self.0.partition_point(|(last, _)| *last < slot);
        self.0.get(range).map_or(0, |(_, server)| *server)
    }

    /// Reads an answer to `CLUSTER SLOTS`: who serves what, and the addresses of the servers, the host empty where it is that of
    /// the server that was asked. Replicas are left out. `None` where a slot is served by nobody.
    pub(super) fn read(answer: &Value) -> Option<(Self, Vec<(String, u16)>)> {
        let Value::Array(entries) = answer else { return None };
        let mut ranges = entries.iter().map(Range::read).collect::<Option<Vec<_>>>()?;
        ranges.sort_by_key(|range| range.first);
        let (mut slots, mut servers, mut next) = (Vec::with_capacity(ranges.len()), Vec::new(), 0);
        for Range { first, last, server } in ranges {
            if u32::from(first) != next || last < first {
                return None;
            }
            next = u32::from(last) + 1;
            let number = servers.iter().position(|known| *known == server).unwrap_or_else(|| {
                servers.push(server);
                servers.len() - 1
            });
            slots.push((last, number));
        }
        (next == u32::from(SLOTS)).then_some((Self(slots), servers))
    }
}

/// The addresses of all servers of a cluster, replicas too, from an answer to `CLUSTER SLOTS`; the host empty as above.
pub(super) fn members(answer: &Value) -> Vec<(String, u16)> {
    let Value::Array(entries) = answer else { return Vec::new() };
    let mut members: Vec<_> = entries
        .iter()
        .filter_map(|entry| if let Value::Array(items) = entry { items.get(2..) } else { None })
        .flatten()
        .filter_map(address)
        .collect();
    members.sort_unstable();
    members.dedup();
    members
}

/// Reads the address of a server, as it stands in an answer to `CLUSTER SLOTS`.
fn address(server: &Value) -> Option<(String, u16)> {
    let Value::Array(server) = server else { return None };
    let host = match server.first()? {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    let Value::Int(port) = server.get(1)? else { return None };
    // A server that does not know its own name says `?`.
    let host = if host == "?" { "" } else { host };
    Some((host.to_owned(), u16::try_from(*port).ok()?))
}

struct Range {
    first: u16,
    last: u16,
    server: (String, u16),
}

impl Range {
    fn read(entry: &Value) -> Option<Self> {
        let Value::Array(items) = entry else { return None };
        let [Value::Int(first), Value::Int(last), master, ..] = &items[..] else { return None };
        let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
        Some(Self { first, last, server: address(master)? })
    }
}

/// The slot of a channel: that of what stands in its first braces, if something does.
fn slot(channel: &[u8]) -> u16 {
    let tag = channel.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &channel[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|length| *length > 0).map(|length| &rest[..length])
    });
    crc16(tag.unwrap_or(channel)) % SLOTS
}

/// The checksum of Redis: polynomial 0x1021, begun with 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

const SLOTS: u16 = 16384;

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port), Value::SimpleString("id".into())]);
        let replica = Value::Array(vec![Value::SimpleString("replica".into()), Value::Int(1)]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master, replica])
    }

    fn host(name: &str) -> Value {
        Value::BulkString(name.into())
    }

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"a{foo}b{c}"), 12182, "what stands in the first braces counts");
        assert_eq!(slot(b"{}foo"), crc16(b"{}foo") % SLOTS, "nothing in braces counts for nothing");
        assert_eq!(slot(b"{foo"), crc16(b"{foo") % SLOTS);
        assert_eq!(slot(b"}{foo}"), 12182);
    }

    #[test]
    fn a_channel_belongs_to_the_master_of_its_slot() {
        let answer = Value::Array(vec![
            range(12182, 16383, host("b"), 7001),
            range(0, 12180, host("a"), 7000),
            range(12181, 12181, host("b"), 7001),
        ]);
        let (slots, servers) = Slots::read(&answer).unwrap();
        assert_eq!(servers, [("a".to_owned(), 7000), ("b".to_owned(), 7001)]);
        assert_eq!(slots.server_of("foo"), 1);
        assert_eq!(slots.server_of("bar"), 0, "its slot is 5061");
        assert_eq!(Slots::default().server_of("foo"), 0, "without a cluster there is one");
    }

    #[test]
    fn replicas_are_members_as_masters_are() {
        let answer = Value::Array(vec![range(0, 99, host("a"), 7000), range(100, 16383, host("b"), 7001)]);
        let named = |name: &str, port| (name.to_owned(), port);
        assert_eq!(members(&answer), [named("a", 7000), named("b", 7001), named("replica", 1)]);
        assert!(members(&Value::Nil).is_empty());
    }

    #[test]
    fn servers_without_a_name_are_those_that_were_asked() {
        for unknown in [Value::Nil, host(""), host("?")] {
            let (_, servers) = Slots::read(&Value::Array(vec![range(0, 16383, unknown, 7000)])).unwrap();
            assert_eq!(servers, [(String::new(), 7000)]);
        }
    }

    #[test]
    fn what_leaves_slots_out_is_no_cluster() {
        for ranges in [
            vec![],
            vec![range(0, 16382, host("a"), 1)],
            vec![range(1, 16383, host("a"), 1)],
            vec![range(0, 99, host("a"), 1), range(101, 16383, host("b"), 1)],
            vec![range(0, 99, host("a"), 1), range(99, 16383, host("b"), 1)],
            vec![range(0, 16383, host("a"), 70000)],
            vec![range(0, 16383, Value::Int(1), 1)],
            vec![Value::Nil],
        ] {
            assert!(Slots::read(&Value::Array(ranges)).is_none());
        }
        assert!(Slots::read(&Value::Nil).is_none());
    }
}
