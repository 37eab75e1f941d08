//! Where the hub is, and whether load may go there.

use std::net::{SocketAddr, ToSocketAddrs};

/// The address of a hub.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The `Host` header.
    pub(crate) host: String,
    pub(crate) path: String,
    /// The query of the URL itself, without its question mark.
    pub(crate) query: String,
}

impl Target {
    /// Reads a URL and looks up its host. Without TLS: `http` and `ws` only.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("ws://"))
            .ok_or("the URL has to begin with http:// or ws://; there is no TLS here")?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let found = with_port.to_socket_addrs().map_err(|err| format!("{host} is no address: {err}"))?;
        // Servers listen at 127.0.0.1 more often than at ::1.
        let address = found.min_by_key(SocketAddr::is_ipv6).ok_or(format!("{host} has no address"))?;
        Ok(Self {
            address,
            host: host.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query: query.to_owned(),
        })
    }

    /// Whether it is this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// What may be shown of it: a query may have secrets.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_address_path_and_query() {
        let target = Target::parse("http://127.0.0.1:5000/hub?x=1#y").unwrap();
        assert_eq!(target.address.to_string(), "127.0.0.1:5000");
        assert_eq!((target.path.as_str(), target.query.as_str()), ("/hub", "x=1"));
        assert_eq!(target.shown(), "127.0.0.1:5000/hub");
        assert_eq!(Target::parse("ws://127.0.0.1").unwrap().address.to_string(), "127.0.0.1:80");
        assert_eq!(Target::parse("http://[::1]:9").unwrap().path, "/");
        assert_eq!(Target::parse("http://[::1]/h").unwrap().address.to_string(), "[::1]:80");
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for wrong in ["https://127.0.0.1/", "127.0.0.1:80/hub", "http://127.0.0.1:x/", "http://"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        for (url, local) in [
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
            ("http://[::2]/", false),
        ] {
            assert_eq!(Target::parse(url).unwrap().is_local(), local, "{url}");
        }
    }
}
