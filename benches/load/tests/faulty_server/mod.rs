//! A server of a hub in JSON that does things its own way, so small that it is right beyond doubt where it is meant to be.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// What it does its own way; the twentieth time, where it is about one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    Right,
    // Allowed.
    Pieces,
    Fragments,
    OtherOrder,
    Escaped,
    Pings,
    Backwards,
    // Wrong.
    WrongText,
    WrongId,
    Twice,
    Skip,
    HubError,
    HubClose,
    SocketClose,
    End,
    Mute,
    Garbage,
    Status401,
    WrongAccept,
    HandshakeError,
    NegotiationError,
    ItemTooFew,
    ItemTooMany,
    // Wrong for the first connection, with the tenth message.
    LoseOne,
    DoubleOne,
    SwapTwo,
    WrongTarget,
    NeverSent,
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// Serves until the tests are over; gives its address.
pub(crate) fn serve(way: Way) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let audience = Arc::new(Mutex::new(Audience::default()));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let audience = audience.clone();
            thread::spawn(move || {
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                // Clients end their connections in all ways.
                let _ = Peer { stream, way, calls: 0, held: Vec::new() }.talk(&audience);
            });
        }
    });
    format!("http://{address}/hub")
}

/// Who gets messages, and what the first of them has not got yet.
#[derive(Default)]
struct Audience {
    streams: Vec<TcpStream>,
    messages: usize,
    held: Option<Vec<u8>>,
}

struct Peer {
    stream: TcpStream,
    way: Way,
    calls: usize,
    held: Vec<String>,
}

impl Peer {
    fn talk(&mut self, audience: &Mutex<Audience>) -> io::Result<()> {
        if !self.upgrade()? {
            return Ok(());
        }
        self.frame()?;
        {
            // A client that has the answer gets every message from then on, so it is of the audience before.
            let mut audience = audience.lock().unwrap();
            audience.streams.push(self.stream.try_clone()?);
            match self.way {
                Way::HandshakeError => self.send("{\"error\":\"no such protocol\"}\x1e")?,
                _ => self.send("{}\x1e")?,
            }
        }
        loop {
            let payload = self.frame()?;
            for record in payload.split('\x1e').filter(|record| !record.is_empty()) {
                let call: Value = serde_json::from_str(record).unwrap();
                match (call["type"].as_u64().unwrap(), call["target"].as_str()) {
                    (6, _) => {}
                    (4, _) => self.stream(&call)?,
                    (_, Some("Broadcast")) => self.broadcast(&call, &mut audience.lock().unwrap())?,
                    _ => self.answer(&call)?,
                }
            }
        }
    }

    /// HTTP, until the connection is a WebSocket; whether it is.
    fn upgrade(&mut self) -> io::Result<bool> {
        loop {
            let head = self.head()?;
            if self.way == Way::Status401 {
                self.stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\ngo away")?;
                return Ok(false);
            }
            if head.starts_with("POST /hub/negotiate?negotiateVersion=1 ") {
                let body = match self.way {
                    Way::NegotiationError => "{\"error\":\"not today\"}",
                    _ => "{\"connectionToken\":\"a\\u002bb\"}",
                };
                let length = body.len();
                write!(self.stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")?;
                continue;
            }
            assert!(head.starts_with("GET /hub ") || head.starts_with("GET /hub?id=a%2Bb "), "{head}");
            let key = head.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
            let salted = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let accept = match self.way {
                Way::WrongAccept => "AAAA".to_owned(),
                _ => STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, salted.as_bytes())),
            };
            write!(
                self.stream,
                "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            )?;
            return Ok(true);
        }
    }

    fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        Ok(String::from_utf8(head).unwrap())
    }

    /// The payload of the next frame, which has to be masked.
    fn frame(&mut self) -> io::Result<String> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        assert_eq!(head[1] & 0x80, 0x80, "clients have to mask");
        let mut length = usize::from(head[1] & 0x7f);
        if length == 126 {
            let mut longer = [0; 2];
            self.stream.read_exact(&mut longer)?;
            length = usize::from(u16::from_be_bytes(longer));
        }
        let mut key = [0; 4];
        self.stream.read_exact(&mut key)?;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        match head[0] {
            CLOSE => {
                self.stream.write_all(&frame(CLOSE, &payload))?;
                // The audience has it too, so dropping it would not do.
                self.stream.shutdown(Shutdown::Both)?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            // The answer to a ping.
            0x8a => self.frame(),
            _ => Ok(String::from_utf8(payload).unwrap()),
        }
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        let whole = frame(TEXT, text.as_bytes());
        match self.way {
            Way::Pieces => whole.chunks(3).try_for_each(|piece| self.stream.write_all(piece)),
            Way::Fragments => {
                let (first, second) = text.as_bytes().split_at(text.len() / 2);
                let parts = [frame(0x01, first), frame(0x89, b"between"), frame(0x80, second)];
                self.stream.write_all(&parts.concat())
            }
            _ => self.stream.write_all(&whole),
        }
    }

    fn answer(&mut self, call: &Value) -> io::Result<()> {
        self.calls += 1;
        let is_special = self.calls == 20;
        let mut id = call["invocationId"].as_str().unwrap().to_owned();
        let mut text = call["arguments"][0].as_str().unwrap().to_owned();
        match self.way {
            Way::WrongText if is_special => text.replace_range(31.., "#"),
            Way::WrongId if is_special => "1234567".clone_into(&mut id),
            Way::Skip if is_special => return Ok(()),
            Way::Mute if self.calls >= 20 => return Ok(()),
            Way::HubError if is_special => {
                return self
                    .send(&format!("{{\"type\":3,\"invocationId\":\"{id}\",\"error\":\"it broke\"}}\x1e"));
            }
            Way::HubClose if is_special => return self.send("{\"type\":7,\"error\":\"enough of you\"}\x1e"),
            Way::SocketClose if is_special => {
                return self.stream.write_all(&frame(CLOSE, b"\x03\xf3going down"));
            }
            Way::End if is_special => return self.stream.shutdown(Shutdown::Both),
            Way::Garbage if is_special => return self.send("what?\x1e"),
            Way::Escaped => text = format!("\\u00{:02x}{}", text.as_bytes()[0], &text[1..]),
            _ => {}
        }
        let answer = format!("{{\"type\":3,\"invocationId\":\"{id}\",\"result\":\"{text}\"}}\x1e");
        match self.way {
            Way::OtherOrder if self.calls.is_multiple_of(2) => self.send(&format!(
                "{{ \"result\" : \"{text}\", \"error\":null, \"type\":3, \"headers\":{{}}, \"invocationId\":\"{id}\" }}\x1e"
            )),
            Way::Pings => {
                self.stream.write_all(&frame(0x89, b"ping"))?;
                self.send(&format!("{{\"type\":6}}\x1e{answer}{{\"type\":6}}\x1e"))
            }
            Way::Twice if is_special => self.send(&answer.repeat(2)),
            Way::Backwards => {
                self.held.push(answer);
                if self.held.len() == 4 {
                    let backwards: String = self.held.drain(..).rev().collect();
                    self.send(&backwards)?;
                }
                Ok(())
            }
            _ => self.send(&answer),
        }
    }

    fn stream(&mut self, call: &Value) -> io::Result<()> {
        self.calls += 1;
        let mut items = call["arguments"][0].as_u64().unwrap();
        match self.way {
            Way::ItemTooFew if self.calls == 20 => items -= 1,
            Way::ItemTooMany if self.calls == 20 => items += 1,
            _ => {}
        }
        let (id, item) = (&call["invocationId"], &call["arguments"][1]);
        let item = format!("{{\"type\":2,\"invocationId\":{id},\"item\":{item}}}\x1e").repeat(items as usize);
        self.send(&format!("{item}{{\"type\":3,\"invocationId\":{id}}}\x1e"))
    }

    fn broadcast(&mut self, call: &Value, audience: &mut Audience) -> io::Result<()> {
        self.send(&format!("{{\"type\":3,\"invocationId\":{}}}\x1e", call["invocationId"]))?;
        audience.messages += 1;
        let is_special = audience.messages == 10;
        let text = call["arguments"][0].as_str().unwrap();
        let message = |text: &str| {
            frame(
                TEXT,
                format!("{{\"type\":1,\"target\":\"Receive\",\"arguments\":[\"{text}\"]}}\x1e").as_bytes(),
            )
        };
        let right = message(text);
        let held = audience.held.take();
        for (index, mut stream) in audience.streams.iter().enumerate() {
            if index > 0 || !is_special {
                stream.write_all(&right)?;
            }
            match self.way {
                _ if index > 0 => {}
                Way::SwapTwo if !is_special => stream.write_all(&held.clone().unwrap_or_default())?,
                _ if !is_special => {}
                Way::LoseOne => {}
                Way::DoubleOne => stream.write_all(&right.repeat(2))?,
                Way::SwapTwo => audience.held = Some(right.clone()),
                // The target ends at the twelfth digit, the number of the message at the twentieth.
                Way::WrongTarget => {
                    stream.write_all(&message(&format!("{}7{}", &text[..11], &text[12..])))?
                }
                Way::NeverSent => {
                    stream.write_all(&message(&format!("{}0000ffff{}", &text[..12], &text[20..])))?
                }
                _ => stream.write_all(&right)?,
            }
        }
        Ok(())
    }
}

/// A frame as servers send it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
