//! The two HTTP requests of a SignalR client, and what is answered to them.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{hub::printable, target::Target};

/// Longer heads of answers are not read.
const LONGEST_HEAD: usize = 64 * 1024;
/// Nor are longer answers to a negotiation.
const LONGEST_BODY: usize = 64 * 1024;

/// What the requests of one connection say.
#[derive(Default)]
pub(crate) struct RequestParts<'a> {
    /// Written as a query has it.
    pub(crate) query: Vec<String>,
    pub(crate) bearer: Option<&'a str>,
}

impl RequestParts<'_> {
    pub(crate) fn negotiate(&self, target: &Target) -> Vec<u8> {
        let path = format!("{}/negotiate", target.path.trim_end_matches('/'));
        self.request("POST", &path, target, "negotiateVersion=1", "Content-Length: 0\r\n")
    }

    /// `token` is what the negotiation gave.
    pub(crate) fn upgrade(&self, target: &Target, token: Option<&str>, key: &str) -> Vec<u8> {
        let id = token.map(|token| format!("id={}", escaped(token))).unwrap_or_default();
        let headers = format!(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        );
        self.request("GET", &target.path, target, &id, &headers)
    }

    fn request(&self, method: &str, path: &str, target: &Target, query: &str, headers: &str) -> Vec<u8> {
        let own = self.query.iter().map(String::as_str);
        let query: Vec<_> =
            [query, &target.query].into_iter().chain(own).filter(|part| !part.is_empty()).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let bearer =
            self.bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let (query, host) = (query.join("&"), &target.host);
        format!("{method} {path}{mark}{query} HTTP/1.1\r\nHost: {host}\r\n{headers}{bearer}\r\n").into_bytes()
    }
}

/// A value as a query has it.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The `Sec-WebSocket-Accept` that answers a key.
pub(crate) fn accept_of(key: &str) -> String {
    let salted = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, salted.as_bytes()))
}

/// The head of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// Where the body begins.
    pub(crate) length: usize,
    pub(crate) accept: Option<String>,
    content_length: usize,
    is_chunked: bool,
}

impl ResponseHead {
    /// `None` when more bytes are needed.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, String> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return if bytes.len() > LONGEST_HEAD {
                Err("an endless HTTP head".to_owned())
            } else {
                Ok(None)
            };
        };
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("no HTTP/1.1 answer: {}", printable(first.as_bytes())))?;
        let mut head = Self { status, length: end + 4, ..Self::default() };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.content_length = value.parse().map_err(|_| "no Content-Length")?,
                "transfer-encoding" => head.is_chunked = value.eq_ignore_ascii_case("chunked"),
                "sec-websocket-accept" => head.accept = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(Some(head))
    }

    /// The body, once all of it is there.
    pub(crate) fn body(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let mut rest = &bytes[self.length..];
        if rest.len() > LONGEST_BODY || self.content_length > LONGEST_BODY {
            return Err("an endless HTTP body".to_owned());
        }
        if !self.is_chunked {
            return Ok(rest.get(..self.content_length).map(<[u8]>::to_vec));
        }
        let mut body = Vec::new();
        loop {
            let Some(line) = memchr::memmem::find(rest, b"\r\n") else { return Ok(None) };
            let size = String::from_utf8_lossy(&rest[..line]);
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| "a chunk without a size")?;
            rest = &rest[line + 2..];
            let Some((chunk, after)) = rest.split_at_checked(size) else { return Ok(None) };
            let Some(after) = after.get(2..) else { return Ok(None) };
            if size == 0 {
                return Ok(Some(body));
            }
            body.extend_from_slice(chunk);
            rest = after;
        }
    }
}

/// The token of a connection, from the answer to its negotiation. With versions before 1 it is the connection's id.
pub(crate) fn connection_token(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Negotiation {
        error: Option<String>,
        connection_token: Option<String>,
        connection_id: Option<String>,
    }

    let unreadable = || format!("the answer to negotiation cannot be read: {}", printable(body));
    let negotiation: Negotiation = serde_json::from_slice(body).map_err(|_| unreadable())?;
    match negotiation.error {
        Some(error) => Err(format!("negotiation refused: {error}")),
        None => negotiation.connection_token.or(negotiation.connection_id).ok_or_else(unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_token_id_and_query() {
        let target = Target::parse("http://127.0.0.1:5000/hub?own=1").unwrap();
        let parts = RequestParts { query: vec!["user=7".to_owned()], bearer: Some("T") };
        let text = String::from_utf8(parts.negotiate(&target)).unwrap();
        assert!(
            text.starts_with("POST /hub/negotiate?negotiateVersion=1&own=1&user=7 HTTP/1.1\r\n"),
            "{text}"
        );
        assert!(text.contains("\r\nHost: 127.0.0.1:5000\r\n"), "{text}");
        assert!(text.ends_with("\r\nAuthorization: Bearer T\r\n\r\n"), "{text}");
        let text = String::from_utf8(parts.upgrade(&target, Some("a+b"), "K")).unwrap();
        assert!(text.starts_with("GET /hub?id=a%2Bb&own=1&user=7 HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("\r\nSec-WebSocket-Key: K\r\n"), "{text}");
        let target = Target::parse("http://127.0.0.1:5000").unwrap();
        assert!(RequestParts::default().upgrade(&target, None, "K").starts_with(b"GET / HTTP/1.1\r\n"));
    }

    #[test]
    fn a_key_is_accepted_as_in_the_rfc() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn heads_and_bodies_are_read_when_they_are_whole() {
        assert_eq!(ResponseHead::read(b"HTTP/1.1 200 OK\r\n"), Ok(None));
        assert!(ResponseHead::read(b"SSH-2.0-x\r\n\r\n").is_err());
        let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nSEC-WebSocket-accept: abc\r\n\r\nrest";
        let head = ResponseHead::read(upgrade).unwrap().unwrap();
        assert_eq!((head.status, head.accept.as_deref()), (101, Some("abc")));
        assert_eq!(&upgrade[head.length..], b"rest");
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n1;x\r\ny\r\n0\r\n\r\n";
        for answer in [&plain[..], &chunked[..]] {
            let head = ResponseHead::read(answer).unwrap().unwrap();
            assert_eq!(head.body(answer).unwrap().unwrap(), b"body");
            for cut in head.length..answer.len() {
                assert_eq!(head.body(&answer[..cut]), Ok(None), "{cut}");
            }
        }
    }

    #[test]
    fn negotiation_gives_a_token_or_says_why_not() {
        let token = br#"{"negotiateVersion":1,"connectionId":"i","connectionToken":"t\u002Bk"}"#;
        assert_eq!(connection_token(token).unwrap(), "t+k");
        assert_eq!(connection_token(br#"{"connectionId" : "i"}"#).unwrap(), "i");
        assert!(connection_token(br#"{"error":"not today"}"#).unwrap_err().contains("not today"));
        assert!(connection_token(b"{}").is_err());
    }
}
