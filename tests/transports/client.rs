//! One client for all transports, which reads only when it is asked to.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use actix_signalr::TransportKind;

use crate::{
    http::{self, Head},
    web_socket::{self, CLOSE, TEXT, UPGRADE},
};

pub(crate) const ALL: [TransportKind; 3] =
    [TransportKind::WebSockets, TransportKind::ServerSentEvents, TransportKind::LongPolling];

/// A connection to `/hub`.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) transport: TransportKind,
    pub(crate) target: String,
    /// By which it is served: the WebSocket, the stream of events, or what it polls by.
    pub(crate) socket: BufReader<TcpStream>,
    records: VecDeque<String>,
    /// Of what comes as events: what has come of one that is not whole.
    event: String,
    headers: String,
}

impl Client {
    /// Negotiates, opens the transport and shakes hands.
    pub(crate) fn connect(address: SocketAddr, transport: TransportKind) -> Self {
        Self::connect_with(address, transport, &negotiate(address, ""))
    }

    /// Opens the transport of a negotiated connection and shakes hands.
    pub(crate) fn connect_with(address: SocketAddr, transport: TransportKind, token: &str) -> Self {
        let mut client = Self::open_with(address, transport, "", token);
        client.send(r#"{"protocol":"json","version":1}"#);
        assert_eq!(client.receive().as_deref(), Some("{}"), "{transport:?}");
        client
    }

    /// Negotiates and opens the transport; `headers` go with every request.
    pub(crate) fn open(address: SocketAddr, transport: TransportKind, headers: &str) -> Self {
        Self::open_with(address, transport, headers, &negotiate(address, headers))
    }

    fn open_with(address: SocketAddr, transport: TransportKind, headers: &str, token: &str) -> Self {
        let target = format!("/hub?id={token}");
        let socket = http::connect(address);
        let (records, event, headers) = (VecDeque::new(), String::new(), headers.to_owned());
        let mut client = Self { address, transport, target, socket, records, event, headers };
        let head = client.ask().unwrap();
        let expected = if transport == TransportKind::WebSockets { 101 } else { 200 };
        assert_eq!(head.status, expected, "{transport:?}");
        client
    }

    /// Asks for the transport, and reads the head of what is answered.
    fn ask(&mut self) -> io::Result<Head> {
        let more = match self.transport {
            TransportKind::WebSockets => UPGRADE,
            TransportKind::ServerSentEvents => "Accept: text/event-stream\r\n",
            _ => "",
        };
        let headers = format!("{more}{}", self.headers);
        http::write_request(&mut self.socket, "GET", &self.target, &headers, b"")?;
        http::read_head(&mut self.socket)
    }

    /// Sends a record.
    pub(crate) fn send(&mut self, record: &str) {
        let bytes = [record.as_bytes(), b"\x1e"].concat();
        if self.transport == TransportKind::WebSockets {
            self.socket.get_mut().write_all(&web_socket::frame(TEXT, &bytes)).unwrap();
        } else {
            let (head, text) = http::request(self.address, "POST", &self.target, &self.headers, &bytes);
            assert_eq!(head.status, 200, "{text}");
        }
    }

    /// Calls a method with one argument.
    pub(crate) fn invoke(&mut self, id: usize, method: &str, argument: impl serde::Serialize) {
        let argument = serde_json::to_string(&argument).unwrap();
        self.send(&format!(
            r#"{{"type":1,"invocationId":"{id}","target":"{method}","arguments":[{argument}]}}"#
        ));
    }

    /// The next record that is no ping; `None` when the connection is over.
    pub(crate) fn receive(&mut self) -> Option<String> {
        loop {
            match self.receive_any()? {
                ping if ping == PING => {}
                record => return Some(record),
            }
        }
    }

    /// The next record; `None` when the connection is over.
    pub(crate) fn receive_any(&mut self) -> Option<String> {
        while self.records.is_empty() {
            let bytes = match self.transport {
                TransportKind::WebSockets => self.next_message()?,
                TransportKind::ServerSentEvents => self.next_event()?,
                _ => self.poll()?,
            };
            let text = String::from_utf8(bytes).unwrap();
            self.records.extend(text.split_terminator('\x1e').map(str::to_owned));
        }
        self.records.pop_front()
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        match web_socket::read_frame(&mut self.socket) {
            Ok((CLOSE, _)) => None,
            Ok((_, payload)) => Some(payload),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(err) => panic!("{err}"),
        }
    }

    fn next_event(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some((event, rest)) = self.event.split_once("\r\n\r\n") {
                let data = event.strip_prefix(":\r\n").unwrap_or(event).strip_prefix("data: ").unwrap();
                let data = data.as_bytes().to_vec();
                self.event = rest.to_owned();
                return Some(data);
            }
            let chunk = http::read_chunk(&mut self.socket).unwrap()?;
            self.event.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Polls once; what is there, and `None` when the connection is over.
    pub(crate) fn poll(&mut self) -> Option<Vec<u8>> {
        let more = self.headers.clone();
        http::write_request(&mut self.socket, "GET", &self.target, &more, b"").unwrap();
        let (head, body) = http::read_response(&mut self.socket).unwrap();
        match head.status {
            200 => Some(body),
            204 => None,
            status => panic!("a poll is answered {status}"),
        }
    }

    /// Begins to wait for what comes, and does not read it.
    pub(crate) fn await_without_reading(&mut self) {
        if self.transport == TransportKind::LongPolling {
            let more = self.headers.clone();
            http::write_request(&mut self.socket, "GET", &self.target, &more, b"").unwrap();
        }
    }

    /// Says that it sends no more on the connection it is served by.
    pub(crate) fn close_half(&self) {
        self.socket.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Reads all that is left, and says how the TCP connection ended.
    pub(crate) fn read_to_end(mut self) -> (usize, Result<(), io::ErrorKind>) {
        let (mut bytes, mut buffer) = (0, vec![0; 65_536]);
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return (bytes, Ok(())),
                Ok(read) => bytes += read,
                Err(err) => return (bytes, Err(err.kind())),
            }
        }
    }
}

/// Negotiates, and gives the token.
pub(crate) fn negotiate(address: SocketAddr, headers: &str) -> String {
    token_of(address, "negotiateVersion=1", headers)
}

/// Negotiates a connection that may be resumed, and gives the token.
pub(crate) fn negotiate_stateful(address: SocketAddr) -> String {
    token_of(address, "negotiateVersion=1&useStatefulReconnect=true", "")
}

fn token_of(address: SocketAddr, query: &str, headers: &str) -> String {
    let (head, text) = http::request(address, "POST", &format!("/hub/negotiate?{query}"), headers, b"");
    assert_eq!(head.status, 200, "{text}");
    let negotiated: serde_json::Value = serde_json::from_str(&text).unwrap();
    negotiated["connectionToken"].as_str().unwrap().to_owned()
}

pub(crate) const PING: &str = r#"{"type":6}"#;
