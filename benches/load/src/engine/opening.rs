//! How connections are opened: TCP, negotiation, upgrade, handshake.

use std::{
    io::ErrorKind,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use mio::{Interest, Token};

use super::{
    Connections, Phase,
    connection::{State, connect},
};
use crate::{
    clock::{self, NEVER},
    http::{ResponseHead, connection_token},
    hub::{RECORD_SEPARATOR, printable},
    websocket,
};

/// Longer answers to a handshake are not read.
const LONGEST_HANDSHAKE: usize = 64 * 1024;

impl Connections {
    /// Opens what may be opened now; says when to look again.
    pub(super) fn open(&mut self, now: u64) -> u64 {
        if self.phase != Phase::Connect || self.next == self.list.len() {
            return NEVER;
        }
        if self.next == 0 {
            self.opening_began = now;
            self.lane().first_opening.store(now, Relaxed);
        }
        let rate = self.setup.connect_rate / self.setup.threads as f64;
        let most = self.setup.connecting.div_ceil(self.setup.threads);
        while self.next < self.list.len() && self.connecting < most {
            if rate > 0.0 {
                let due = self.opening_began + clock::seconds(self.next as f64 / rate);
                if due > now {
                    return due;
                }
            }
            let index = self.next;
            self.next += 1;
            self.connecting += 1;
            self.list[index].began = clock::now();
            self.connect(index);
        }
        NEVER
    }

    fn connect(&mut self, index: usize) {
        let source = self.setup.source(self.number(index));
        self.list[index].state = State::Connecting;
        let connected = connect(self.setup.target.address, source).and_then(|mut socket| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.registry.register(&mut socket, Token(index), interest)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => self.list[index].socket = Some(socket),
            Err(err) => self.fail(index, &err.to_string()),
        }
    }

    /// The socket says something about its connecting.
    pub(super) fn connected(&mut self, index: usize) {
        let connection = &mut self.list[index];
        let Some(socket) = &connection.socket else { return };
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(err)) | Err(err) => return self.fail(index, &err.to_string()),
        }
        match socket.peer_addr() {
            Ok(_) => {}
            // What it said was about the socket before this one.
            Err(err) if err.kind() == ErrorKind::NotConnected => return,
            Err(err) => return self.fail(index, &err.to_string()),
        }
        let setup = Arc::clone(&self.setup);
        let number = self.number(index);
        let connection = &mut self.list[index];
        let request = if setup.negotiate && connection.token.is_none() {
            connection.state = State::Negotiating;
            setup.negotiate_request(number)
        } else {
            connection.state = State::Upgrading;
            setup.upgrade_request(number, connection.token.as_deref())
        };
        self.send(index, &request);
    }

    /// Bytes of an HTTP answer; says how many were used up.
    pub(super) fn answered(&mut self, index: usize, bytes: &[u8], now: u64) -> Result<usize, String> {
        let Some(head) = ResponseHead::read(bytes)? else { return Ok(0) };
        let is_negotiation = self.list[index].state == State::Negotiating;
        let wanted = if is_negotiation { 200 } else { 101 };
        if head.status != wanted {
            return Err(format!("HTTP status {}: {}", head.status, printable(&bytes[head.length..])));
        }
        if is_negotiation {
            let Some(body) = head.body(bytes)? else { return Ok(0) };
            let token = connection_token(&body)?;
            let connection = &mut self.list[index];
            self.counts.negotiate.record(now - connection.began);
            connection.drop_socket();
            connection.token = Some(token.into());
            self.connect(index);
            return Ok(bytes.len());
        }
        if head.accept.as_deref() != Some(&self.setup.accept) {
            return Err("a wrong Sec-WebSocket-Accept".to_owned());
        }
        self.list[index].state = State::ShakingHands;
        let (protocol, mut frame) = (self.setup.protocol, Vec::new());
        websocket::put(&mut frame, protocol.opcode(), self.setup.mask, &protocol.handshake());
        self.send(index, &frame);
        Ok(head.length)
    }

    /// Bytes of the answer to the handshake. Gives those behind it, once it is there and says yes.
    pub(super) fn shaken(&mut self, index: usize, bytes: &[u8], now: u64) -> Result<Option<Vec<u8>>, String> {
        let connection = &mut self.list[index];
        let answer = &mut connection.rare().record;
        answer.extend_from_slice(bytes);
        let Some(end) = memchr::memchr(RECORD_SEPARATOR, answer) else {
            return if answer.len() > LONGEST_HANDSHAKE {
                Err("an endless handshake".to_owned())
            } else {
                Ok(None)
            };
        };
        if answer[..end].trim_ascii() != b"{}" {
            return Err(format!("handshake refused: {}", printable(&answer[..end])));
        }
        let rest = answer.split_off(end + 1);
        answer.clear();
        connection.give_back();
        connection.state = State::Open;
        connection.token = None;
        let took = now - connection.began;
        self.counts.connect.record(took);
        self.connecting -= 1;
        self.opened += 1;
        self.lane().last_opened.store(now, Relaxed);
        Ok(Some(rest))
    }
}
