//! A server on a port of its own, and just enough of a client: requests, and a WebSocket.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{LazyLock, mpsc},
    thread,
    time::{Duration, SystemTime},
};

use actix_signalr::{
    AuthenticateResult, AuthenticationRequest, AuthenticationScheme, AuthenticationTicket, ClaimsIdentity,
    HttpServerExt, SignalR, claim_types,
};
use actix_web::{App, HttpServer, rt::System};
use futures::future::LocalBoxFuture;

/// Believes the header `x-user: SUBJECT ROLE EXPIRY [EMAIL]`; the expiry in seconds from the tests' beginning, or `never`. Who has
/// the role `domain` has come by Kerberos.
#[derive(Debug)]
pub(crate) struct Told;

impl AuthenticationScheme for Told {
    fn name(&self) -> &str {
        "Told"
    }

    fn authenticate<'a>(
        &'a self,
        request: &'a AuthenticationRequest<'a>,
    ) -> LocalBoxFuture<'a, AuthenticateResult> {
        let said = request.http().headers().get("x-user").map(|value| value.to_str().unwrap().to_owned());
        Box::pin(async move {
            let Some(said) = said else { return AuthenticateResult::NoResult };
            let [subject, role, expiry, email @ ..] = &said.split(' ').collect::<Vec<_>>()[..] else {
                panic!("'{said}' is no user")
            };
            let identity = ClaimsIdentity::new(if *role == "domain" { "Kerberos" } else { "Told" })
                .claim(claim_types::NAME_IDENTIFIER, *subject)
                .claim(claim_types::ROLE, *role);
            let identity =
                email.iter().fold(identity, |identity, email| identity.claim(claim_types::EMAIL, *email));
            let expires_at = expiry.parse().ok().map(|seconds| *BEGINNING + Duration::from_secs(seconds));
            let ticket = AuthenticationTicket::new(std::sync::Arc::new(identity.into()), "Told");
            AuthenticateResult::Success(ticket.with_expires_at(expires_at))
        })
    }
}

static BEGINNING: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// Where a server listens that runs until the tests end.
#[derive(Clone, Copy)]
pub(crate) struct Server(SocketAddr);

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The status and the body, as one line.
    pub(crate) fn said(&self) -> String {
        format!("{} {}", self.status, self.body)
    }
}

impl Server {
    pub(crate) fn start(signalr: SignalR) -> Self {
        let (started, address) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(signalr.routes()))
                    .for_hubs()
                    .workers(2)
                    .disable_signals()
                    .bind(("127.0.0.1", 0))
                    .unwrap();
                started.send(server.addrs()[0]).unwrap();
                server.run().await.unwrap();
            });
        });
        Self(address.recv_timeout(LIMIT).unwrap())
    }

    fn open(self) -> TcpStream {
        let stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Sends a request as a user (nobody, if empty); reads the answer to its end.
    pub(crate) fn request(self, method: &str, uri: &str, user: &str, more: &str, body: &str) -> Answer {
        let user = if user.is_empty() { String::new() } else { format!("x-user: {user}\r\n") };
        let length = body.len();
        let mut stream = self.open();
        write!(
            stream,
            "{method} {uri} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{user}{more}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(body) } else { body.to_owned() };
        Answer { status, head: head.to_owned(), body }
    }

    /// The token of a negotiated connection.
    pub(crate) fn negotiate(self, hub: &str, user: &str) -> String {
        let answer = self.request("POST", &format!("{hub}/negotiate?negotiateVersion=1"), user, "", "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        value["connectionToken"].as_str().unwrap().to_owned()
    }

    /// Asks for a refresh; the status and the body.
    pub(crate) fn refresh(self, hub: &str, token: &str, user: &str) -> String {
        let header = format!("X-SignalR-Connection-Token: {token}\r\n");
        self.request("POST", &format!("{hub}/refresh"), user, &header, "").said()
    }

    pub(crate) fn poll(self, hub: &str, token: &str, user: &str) -> Answer {
        self.request("GET", &format!("{hub}?id={token}"), user, "", "")
    }

    /// Sends records by a request; the status and the body.
    pub(crate) fn send(self, hub: &str, token: &str, user: &str, records: &[&str]) -> String {
        let body: String = records.iter().map(|record| format!("{record}\u{1e}")).collect();
        self.request("POST", &format!("{hub}?id={token}"), user, "", &body).said()
    }

    /// Negotiates and polls as far as the answer to the handshake.
    pub(crate) fn polling(self, hub: &str, user: &str) -> String {
        let token = self.negotiate(hub, user);
        assert_eq!(self.poll(hub, &token, user).said(), "200 ");
        assert_eq!(self.send(hub, &token, user, &[HANDSHAKE]), "200 ");
        assert_eq!(self.poll(hub, &token, user).said(), "200 {}\u{1e}");
        token
    }

    /// A WebSocket as far as the answer to its upgrade.
    pub(crate) fn upgrade(self, hub: &str, token: &str, user: &str) -> Socket {
        let mut stream = self.open();
        write!(
            stream,
            "GET {hub}?id={token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-user: {user}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Socket { stream, records: Vec::new() }
    }

    /// A connection that has its handshake behind it, and its token.
    pub(crate) fn connect(self, hub: &str, user: &str) -> (String, Socket) {
        let token = self.negotiate(hub, user);
        let socket = self.connect_with(hub, &token, user);
        (token, socket)
    }

    pub(crate) fn connect_with(self, hub: &str, token: &str, user: &str) -> Socket {
        let mut socket = self.upgrade(hub, token, user);
        socket.send(HANDSHAKE);
        assert_eq!(socket.receive().as_deref(), Some("{}"));
        socket
    }
}

/// A WebSocket that sends and reads short records.
pub(crate) struct Socket {
    stream: TcpStream,
    records: Vec<String>,
}

impl Socket {
    pub(crate) fn send(&mut self, record: &str) {
        let mut frame = vec![0x81];
        match u8::try_from(record.len() + 1) {
            Ok(length @ ..126) => frame.push(0x80 | length),
            _ => panic!("no short record"),
        }
        frame.extend([0; 4]);
        frame.extend(record.as_bytes());
        frame.push(0x1e);
        self.stream.write_all(&frame).unwrap();
    }

    /// The next record but pings; `None` at the end.
    pub(crate) fn receive(&mut self) -> Option<String> {
        while self.records.is_empty() {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).unwrap();
            let mut length = usize::from(head[1]);
            if length == 126 {
                let mut long = [0; 2];
                self.stream.read_exact(&mut long).unwrap();
                length = u16::from_be_bytes(long).into();
            }
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload).unwrap();
            if head[0] & 15 == 8 {
                return None;
            }
            let text = String::from_utf8(payload).unwrap();
            self.records.extend(text.split_terminator('\u{1e}').map(str::to_owned));
            self.records.retain(|record| record != r#"{"type":6}"#);
        }
        Some(self.records.remove(0))
    }

    /// Calls a method without arguments; what it answers, or its error.
    pub(crate) fn call(&mut self, target: &str) -> String {
        self.send(&call(target));
        let answer: serde_json::Value = serde_json::from_str(&self.receive().unwrap()).unwrap();
        let said = answer.get("result").or(answer.get("error")).and_then(|said| said.as_str());
        said.unwrap_or_else(|| panic!("{answer} is no answer")).to_owned()
    }
}

pub(crate) fn call(target: &str) -> String {
    format!(r#"{{"type":1,"invocationId":"1","target":"{target}","arguments":[]}}"#)
}

/// What the hook says to its client.
pub(crate) fn told(role: &str) -> String {
    format!(r#"{{"type":1,"target":"Refreshed","arguments":["{role}"]}}"#)
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body += &rest[..length];
        text = rest[length..].trim_start_matches("\r\n");
    }
    body
}

pub(crate) const HANDSHAKE: &str = r#"{"protocol":"json","version":1}"#;

/// So long nothing takes that works.
const LIMIT: Duration = Duration::from_secs(20);
