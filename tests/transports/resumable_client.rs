//! A client of stateful reconnect that comes back until it has heard all it has called for.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    client,
    http::{self, read_head},
    web_socket::{CLOSE, TEXT, UPGRADE, frame, read_frame},
};

/// The client's side of one connection, whatever its sockets.
pub(crate) struct ResumableClient {
    address: SocketAddr,
    target: String,
    socket: BufReader<TcpStream>,
    /// What the server may not have received, by its ids.
    kept: VecDeque<(i64, String)>,
    sent: i64,
    /// The id of the next message of the server, and the highest there has been.
    next: i64,
    highest: i64,
    /// What the hub has said, repeats left out.
    pub(crate) heard: Vec<Value>,
}

impl ResumableClient {
    /// Negotiates with the server itself, opens a socket by way of `address` and shakes hands.
    pub(crate) fn connect(server: SocketAddr, address: SocketAddr) -> Self {
        let target = format!("/hub?id={}", client::negotiate_stateful(server));
        let socket = open(address, &target).unwrap();
        let (kept, heard) = (VecDeque::new(), Vec::new());
        let mut client = Self { address, target, socket, kept, sent: 0, next: 1, highest: 0, heard };
        client.write("{\"protocol\":\"json\",\"version\":2}\u{1e}").unwrap();
        assert_eq!(client.read().unwrap(), ["{}"]);
        client
    }

    /// What its sockets ask for.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Makes so many calls of a method with their numbers, and hears as many messages for each.
    pub(crate) fn talk(&mut self, method: &str, calls: usize, messages: usize) {
        let mut made = 0;
        while self.heard.len() < calls * messages {
            let owed = made * messages - self.heard.len();
            let done = if made < calls && owed < MOST_OWED {
                made += 1;
                self.call(made - 1, method)
            } else {
                self.hear()
            };
            if done.is_err() {
                self.come_back();
            }
        }
    }

    fn call(&mut self, number: usize, method: &str) -> io::Result<()> {
        let id = number.to_string();
        let call = json!({ "type": 1, "invocationId": id, "target": method, "arguments": [id] });
        let record = format!("{call}\u{1e}");
        self.sent += 1;
        self.kept.push_back((self.sent, record.clone()));
        self.write(&record)
    }

    /// Reads what has come in one frame.
    fn hear(&mut self) -> io::Result<()> {
        for record in self.read()? {
            let message: Value = serde_json::from_str(&record).unwrap();
            match message["type"].as_i64().unwrap() {
                6 => {}
                8 => {
                    let id = message["sequenceId"].as_i64().unwrap();
                    self.kept.retain(|(kept, _)| *kept > id);
                }
                9 => self.next = message["sequenceId"].as_i64().unwrap(),
                7 => panic!("the connection has ended: {message}"),
                _ => self.count(message),
            }
        }
        self.write(&self.acknowledgement())
    }

    fn acknowledgement(&self) -> String {
        format!("{}\u{1e}", json!({ "type": 8, "sequenceId": self.highest }))
    }

    fn count(&mut self, message: Value) {
        let id = self.next;
        self.next += 1;
        if id > self.highest {
            assert_eq!(id, self.highest + 1, "messages are missing before {message}");
            self.highest = id;
            self.heard.push(message);
        }
    }

    /// Opens sockets until one carries what has to be sent again.
    fn come_back(&mut self) {
        for _ in 0..MOST_ATTEMPTS {
            if self.resume().is_ok() {
                return;
            }
        }
        panic!("no socket could be opened");
    }

    fn resume(&mut self) -> io::Result<()> {
        self.socket = open(self.address, &self.target)?;
        let first = self.kept.front().map_or(self.sent + 1, |(id, _)| *id);
        let mut again = format!("{}\u{1e}", json!({ "type": 9, "sequenceId": first }));
        again += &self.acknowledgement();
        again.extend(self.kept.iter().map(|(_, record)| &**record));
        self.write(&again)
    }

    fn write(&mut self, records: &str) -> io::Result<()> {
        self.socket.get_mut().write_all(&frame(TEXT, records.as_bytes()))
    }

    fn read(&mut self) -> io::Result<Vec<String>> {
        let (opcode, payload) = read_frame(&mut self.socket)?;
        if opcode == CLOSE {
            // A socket that was opened before this one, and cut, has come to the server behind it and taken its place.
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        assert_eq!(opcode, TEXT, "{payload:?}");
        let text = String::from_utf8(payload).unwrap();
        Ok(text.split_terminator('\u{1e}').map(str::to_owned).collect())
    }
}

fn open(address: SocketAddr, target: &str) -> io::Result<BufReader<TcpStream>> {
    let mut socket = http::connect(address);
    http::write_request(&mut socket, "GET", target, UPGRADE, b"")?;
    let head = read_head(&mut socket)?;
    match head.status {
        101 => Ok(socket),
        // As in `read`: the other socket has come to the server before this one was taken.
        204 => Err(io::ErrorKind::ConnectionReset.into()),
        status => panic!("the server does not take the socket: {status}"),
    }
}

/// More messages are not waited for before calls are made.
const MOST_OWED: usize = 12;

/// More sockets in a row that are cut at once are not to be expected.
const MOST_ATTEMPTS: usize = 200;
