//! What a message to all or to a group costs at least on this machine: a server that reads no JSON, knows three methods and trusts its
//! clients.
//!
//! ```sh
//! actix-signalr-bare PORT [REDIS_HOST:PORT]
//! ```
//!
//! On 127.0.0.1, one thread. It finds what it needs in the calls of `actix-signalr-load` by looking for fixed texts, and for each
//! makes the system calls that a server cannot do without: a read of the call, a write to each receiver, and one of the answer. A
//! group is its last member. With a Redis it also publishes, all that has come meanwhile in one round, hears its own messages, and
//! answers when Redis has. It is there to be measured beside servers (`benches/redis`), and for nothing else.

use std::{
    collections::HashMap,
    error::Error,
    io::{ErrorKind, Read, Write},
    net::Ipv4Addr,
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::{memchr, memmem};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

const LISTENER: Token = Token(usize::MAX - 1);
const REDIS: Token = Token(usize::MAX - 2);

/// The channel of messages to all.
const ALL: &[u8] = b"all";

/// How much is read at once; clients of the load never have more.
const READ_AT_ONCE: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (port, redis) = match &arguments[..] {
        [port] => (port.parse()?, None),
        [port, redis] => (port.parse()?, Some(redis)),
        _ => return Err("usage: actix-signalr-bare PORT [REDIS_HOST:PORT]".into()),
    };
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut redis = redis.map(|address| Redis::connect(address, &poll)).transpose()?;
    let mut clients = Clients::default();
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_AT_ONCE];
    loop {
        match poll.poll(&mut events, None) {
            Err(err) if err.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token() {
                LISTENER => clients.accept(&listener, &poll)?,
                REDIS => {
                    let Some(redis) = &mut redis else { continue };
                    for Unanswered { client, id } in redis.read(&mut buffer)? {
                        clients.answer(client, &id);
                        if std::mem::take(&mut clients.all[client].has_more) {
                            clients.read(client, &mut buffer, Some(redis));
                        }
                    }
                }
                Token(client) => clients.read(client, &mut buffer, redis.as_mut()),
            }
        }
        if let Some(redis) = &mut redis {
            redis.publish()?;
        }
    }
}

/// Who waits for an answer, and to which call.
struct Unanswered {
    client: usize,
    id: Vec<u8>,
}

struct Client {
    /// None when it has gone.
    stream: Option<TcpStream>,
    /// Its call is not answered, and the next one has to wait, as with any hub.
    is_waiting: bool,
    has_more: bool,
}

#[derive(Default)]
struct Clients {
    /// Those that have gone keep their places.
    all: Vec<Client>,
    /// The last member of each group.
    groups: HashMap<Vec<u8>, usize>,
}

impl Clients {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> std::io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(err) => return Err(err),
            };
            stream.set_nodelay(true)?;
            poll.registry().register(&mut stream, Token(self.all.len()), Interest::READABLE)?;
            self.all.push(Client { stream: Some(stream), is_waiting: false, has_more: false });
        }
    }

    fn read(&mut self, client: usize, buffer: &mut [u8], mut redis: Option<&mut Redis>) {
        let Client { stream: Some(stream), is_waiting, has_more } = &mut self.all[client] else { return };
        if *is_waiting {
            *has_more = true;
            return;
        }
        let length = match stream.read(buffer) {
            Ok(length) if length > 0 => length,
            Err(err) if err.kind() == ErrorKind::WouldBlock => return,
            _ => return self.all[client].stream = None,
        };
        // A close frame, which is the last.
        if buffer.starts_with(b"\x88") {
            return self.all[client].stream = None;
        }
        if buffer.starts_with(b"GET ") {
            return self.upgrade(client, &buffer[..length]);
        }
        let mut rest = &mut buffer[..length];
        while let Some((record, behind)) = unmasked(rest) {
            self.take(client, record, redis.as_deref_mut());
            rest = behind;
        }
    }

    fn upgrade(&mut self, client: usize, request: &[u8]) {
        let key = between(request, b"Sec-WebSocket-Key: ", b'\r');
        let hash =
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat());
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
        self.write(client, format!("{head}{}\r\n\r\n", STANDARD.encode(hash)).as_bytes());
    }

    fn take(&mut self, client: usize, record: &[u8], redis: Option<&mut Redis>) {
        if record.starts_with(b"{\"protocol\"") {
            return self.write(client, b"\x81\x03{}\x1e");
        }
        let (target, id) =
            (between(record, b"\"target\":\"", b'"'), between(record, b"\"invocationId\":\"", b'"'));
        let arguments = between(record, b"\"arguments\":[\"", b']');
        let first = &arguments[..memchr(b'"', arguments).unwrap_or(0)];
        match target {
            b"JoinGroup" => {
                self.groups.insert(first.to_vec(), client);
                if let Some(redis) = redis {
                    redis.command(&[b"SUBSCRIBE", first]);
                }
                self.answer(client, id);
            }
            b"Broadcast" => {
                let message = message(first);
                let bytes = frame(&message);
                (0..self.all.len()).for_each(|client| self.write(client, &bytes));
                self.published(redis, ALL, &message, Unanswered { client, id: id.to_vec() });
            }
            b"SendToGroup" => {
                let text = arguments.get(first.len() + 3..arguments.len() - 1).unwrap_or_default();
                let message = message(text);
                if let Some(member) = self.groups.get(first) {
                    self.write(*member, &frame(&message));
                }
                self.published(redis, first, &message, Unanswered { client, id: id.to_vec() });
            }
            _ => {}
        }
    }

    /// Answers at once, or when Redis has.
    fn published(&mut self, redis: Option<&mut Redis>, channel: &[u8], message: &[u8], waiting: Unanswered) {
        match redis {
            Some(redis) => {
                self.all[waiting.client].is_waiting = true;
                redis.add(channel, message, waiting);
            }
            None => self.answer(waiting.client, &waiting.id),
        }
    }

    fn answer(&mut self, client: usize, id: &[u8]) {
        let answer = [b"{\"type\":3,\"invocationId\":\"", id, b"\",\"result\":null}\x1e"].concat();
        self.all[client].is_waiting = false;
        self.write(client, &frame(&answer));
    }

    /// Who cannot take it at once goes.
    fn write(&mut self, client: usize, bytes: &[u8]) {
        let stream = &mut self.all[client].stream;
        if let Some(connection) = stream
            && !connection.write(bytes).is_ok_and(|written| written == bytes.len())
        {
            *stream = None;
        }
    }
}

/// A link in RESP3 that publishes in rounds.
struct Redis {
    stream: TcpStream,
    /// Commands of the next round, and who waits for those that publish.
    commands: Vec<u8>,
    waiting: Vec<Unanswered>,
    /// Of the round that Redis has.
    asked: Vec<Unanswered>,
    answered: usize,
    /// What has been read, and is not all there.
    read: Vec<u8>,
}

impl Redis {
    fn connect(address: &str, poll: &Poll) -> Result<Self, Box<dyn Error>> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(b"HELLO 3\r\nPING\r\n")?;
        let mut said = Vec::new();
        while !said.ends_with(b"+PONG\r\n") {
            let mut bytes = [0; 1024];
            match stream.read(&mut bytes)? {
                0 => return Err("this is no Redis".into()),
                length => said.extend_from_slice(&bytes[..length]),
            }
        }
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, REDIS, Interest::READABLE)?;
        let (commands, waiting, asked, read) = Default::default();
        let mut redis = Self { stream, commands, waiting, asked, answered: 0, read };
        redis.command(&[b"SUBSCRIBE", ALL]);
        Ok(redis)
    }

    fn command(&mut self, parts: &[&[u8]]) {
        self.commands.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
        for part in parts {
            self.commands.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
            self.commands.extend_from_slice(part);
            self.commands.extend_from_slice(b"\r\n");
        }
    }

    /// The message goes there twice, as a server publishes it in two protocols.
    fn add(&mut self, channel: &[u8], message: &[u8], waiting: Unanswered) {
        self.command(&[b"PUBLISH", channel, &[message, message].concat()]);
        self.waiting.push(waiting);
    }

    /// Begins the next round, if the last one is over.
    fn publish(&mut self) -> Result<(), Box<dyn Error>> {
        if !self.asked.is_empty() || self.commands.is_empty() {
            return Ok(());
        }
        if self.stream.write(&self.commands)? != self.commands.len() {
            return Err("Redis does not take a round at once".into());
        }
        self.commands.clear();
        self.asked.append(&mut self.waiting);
        Ok(())
    }

    /// Reads; gives those whose round is over.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Vec<Unanswered>, Box<dyn Error>> {
        // All of it, as nobody says again that there is something.
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err("Redis is gone".into()),
                Ok(length) => {
                    self.read.extend_from_slice(&buffer[..length]);
                    if length < buffer.len() {
                        break;
                    }
                }
                Err(err) if err.kind() == ErrorKind::WouldBlock => break,
                Err(err) => return Err(err.into()),
            }
        }
        let mut at = 0;
        while let Some((is_answer, length)) = said(&self.read[at..]) {
            self.answered += usize::from(is_answer);
            at += length;
        }
        self.read.drain(..at);
        if self.asked.is_empty() || self.answered < self.asked.len() {
            return Ok(Vec::new());
        }
        self.answered = 0;
        Ok(std::mem::take(&mut self.asked))
    }
}

/// Whether the first thing that Redis has said is the answer to a publication, and its length; all else it says has three parts.
fn said(bytes: &[u8]) -> Option<(bool, usize)> {
    if *bytes.first()? == b':' {
        return Some((true, line(bytes, 0)?));
    }
    let mut at = line(bytes, 0)?;
    for _ in 0..3 {
        let begin = at;
        at = line(bytes, at)?;
        if bytes[begin] == b'$' {
            let length: usize = std::str::from_utf8(&bytes[begin + 1..at - 2]).ok()?.parse().ok()?;
            at += length + 2;
        }
    }
    (at <= bytes.len()).then_some((false, at))
}

/// Where a line ends.
fn line(bytes: &[u8], at: usize) -> Option<usize> {
    memchr(b'\n', bytes.get(at..)?).map(|end| at + end + 1)
}

/// The first frame of a client, and what is behind it; nothing where it is not all there, or is not one of a short text.
fn unmasked(bytes: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let (head, length) = match *bytes {
        [0x81, length @ 0x80..=0xfd, ..] => (6, usize::from(length & 0x7f)),
        [0x81, 0xfe, high, low, ..] => (8, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    let (frame, behind) = bytes.split_at_mut_checked(head + length)?;
    let (head, record) = frame.split_at_mut(head);
    let mask = head.last_chunk::<4>()?;
    record.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some((record, behind))
}

/// The call of a client with a text.
fn message(text: &[u8]) -> Vec<u8> {
    [b"{\"type\":1,\"target\":\"Receive\",\"arguments\":[\"", text, b"\"]}\x1e"].concat()
}

/// A text of up to 64 KiB in a frame.
fn frame(record: &[u8]) -> Vec<u8> {
    let length = record.len();
    match length {
        0..126 => [&[0x81, length as u8], record].concat(),
        _ => [&[0x81, 126, (length >> 8) as u8, length as u8], record].concat(),
    }
}

/// What stands behind a text, up to a byte; nothing where there is no such text.
fn between<'a>(bytes: &'a [u8], before: &[u8], end: u8) -> &'a [u8] {
    let Some(at) = memmem::find(bytes, before) else { return &[] };
    let rest = &bytes[at + before.len()..];
    &rest[..memchr(end, rest).unwrap_or(rest.len())]
}
