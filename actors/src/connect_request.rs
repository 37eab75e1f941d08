//! The request that made a connection, as data.

use std::{fmt, net::SocketAddr};

use crate::transport::TransportKind;

/// What the request said that made a connection. Hubs find it in their context; it is also what the authorization of
/// a hub looks at.
#[derive(Clone)]
pub struct ConnectRequest {
    transport: TransportKind,
    path: Box<str>,
    query: Pairs,
    headers: Pairs,
    remote_addr: Option<SocketAddr>,
}

impl ConnectRequest {
    /// A request for a path, by a transport.
    pub fn new(transport: TransportKind, path: impl Into<Box<str>>) -> Self {
        let (query, headers) = (Pairs::default(), Pairs::default());
        Self { transport, path: path.into(), query, headers, remote_addr: None }
    }

    /// With query parameters, decoded.
    #[must_use]
    pub fn with_query<N, V>(mut self, query: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.query = Pairs::of(query);
        self
    }

    /// With headers.
    #[must_use]
    pub fn with_headers<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.headers = Pairs::of(headers);
        self
    }

    /// With the address it came from.
    #[must_use]
    pub const fn with_remote_addr(mut self, addr: Option<SocketAddr>) -> Self {
        self.remote_addr = addr;
        self
    }

    /// The same request, of another transport.
    #[must_use]
    pub const fn by(mut self, transport: TransportKind) -> Self {
        self.transport = transport;
        self
    }

    /// How the bytes of the connection travel.
    #[must_use]
    pub const fn transport(&self) -> TransportKind {
        self.transport
    }

    /// The path, as sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A query parameter, its name compared without case; given several times, the values joined by `,`.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.query.joined(name)
    }

    /// A header, its name compared without case; given several times, the values joined by `,`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.joined(name)
    }

    /// The address it came from.
    #[must_use]
    pub const fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote_addr
    }
}

impl fmt::Debug for ConnectRequest {
    /// Without query and headers, which may hold tokens and cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("transport", &self.transport)
            .field("path", &self.path)
            .field("remote_addr", &self.remote_addr)
            .finish_non_exhaustive()
    }
}

/// Names and values behind each other in one piece of memory, each with its length before it: a request is kept for as long as its
/// connection, and a list of texts takes one piece more for each of them.
#[derive(Clone, Default)]
struct Pairs(Box<[u8]>);

impl Pairs {
    fn of<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            for text in [name.as_ref(), value.as_ref()] {
                bytes.extend_from_slice(&text.len().to_ne_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        Self(bytes.into())
    }

    /// The values of a name, compared without case, joined by `,`.
    fn joined(&self, name: &str) -> Option<String> {
        let mut texts = Texts(&self.0);
        let pairs = std::iter::from_fn(|| Some((texts.next()?, texts.next()?)));
        let mut values = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let first = values.next()?.to_owned();
        Some(values.fold(first, |all, value| all + "," + value))
    }
}

/// What is left of texts with their lengths before them.
struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from_ne_bytes(*len))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_values_are_joined() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = ConnectRequest::new(TransportKind::WebSockets, "/chat")
            .with_query(vec![pair("a", "1"), pair("A", "2")])
            .with_headers(vec![pair("x-one", "1")]);
        assert_eq!(request.query("a").as_deref(), Some("1,2"));
        assert_eq!(request.header("X-One").as_deref(), Some("1"));
        assert_eq!(request.header("x-two"), None);
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let pair = |name: &str| vec![(name.to_owned(), "SECRET".to_owned())];
        let request = ConnectRequest::new(TransportKind::WebSockets, "/chat")
            .with_query(pair("access_token"))
            .with_headers(pair("authorization"));
        let shown = format!("{request:?}");
        assert!(shown.contains("/chat") && !shown.contains("SECRET"), "{shown}");
    }
}
