//! One connection, as far as its socket.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unopened,
    /// TCP, for the negotiation or the WebSocket.
    Connecting,
    Negotiating,
    Upgrading,
    ShakingHands,
    Open,
    Closing,
    Closed,
}

impl State {
    /// For an error: what was going on.
    pub(super) fn doing(self) -> &'static str {
        match self {
            Self::Connecting => " while connecting",
            Self::Negotiating => " while negotiating",
            Self::Upgrading => " while upgrading",
            Self::ShakingHands => " while shaking hands",
            Self::Unopened | Self::Open | Self::Closing | Self::Closed => "",
        }
    }
}

/// Small, so that the many that are idle cost little: what is rarely there is behind a pointer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Option<TcpStream>,
    pub(super) state: State,
    /// When it was begun.
    pub(super) began: u64,
    /// What negotiation has given.
    pub(super) token: Option<Box<str>>,
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Bytes of a frame, or of an HTTP answer, that is not complete.
    pub(super) frame: Vec<u8>,
    /// Bytes of a record that is not complete.
    pub(super) record: Vec<u8>,
    /// Bytes that the socket has not taken yet, from `written` on.
    out: Vec<u8>,
    written: usize,
}

impl Connection {
    pub(super) fn new() -> Self {
        Self { socket: None, state: State::Unopened, began: 0, token: None, rare: None }
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Bytes of an incomplete frame.
    pub(super) fn frame(&self) -> &[u8] {
        self.rare.as_ref().map_or(&[], |rare| &rare.frame)
    }

    pub(super) fn has_part_of_record(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.record.is_empty())
    }

    /// How many bytes wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.out.len() - rare.written)
    }

    /// Sends bytes; what the socket does not take now, follows later.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let sent = if self.waiting() > 0 { 0 } else { write(socket, bytes)? };
        if sent < bytes.len() {
            self.rare().out.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Sends what has been waiting.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let (Some(socket), Some(rare)) = (&self.socket, &mut self.rare) else { return Ok(()) };
        while rare.written < rare.out.len() {
            match write(socket, &rare.out[rare.written..])? {
                0 => return Ok(()),
                sent => rare.written += sent,
            }
        }
        rare.out.clear();
        rare.written = 0;
        Ok(())
    }

    /// Reads once; `None` when there is nothing to read.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(mut socket) = self.socket.as_ref() else { return Ok(None) };
        match socket.read(buffer) {
            Err(err) if is_for_later(&err) => Ok(None),
            read => read.map(Some),
        }
    }

    /// Forgets the socket and all that was buffered.
    pub(super) fn drop_socket(&mut self) {
        self.socket = None;
        self.rare = None;
    }

    /// Gives memory back that is not needed while nothing is incomplete.
    pub(super) fn give_back(&mut self) {
        if self.waiting() == 0 && self.frame().is_empty() && !self.has_part_of_record() {
            self.rare = None;
        }
    }
}

/// How many bytes the socket has taken, 0 if it takes none now. One whose other side has gone takes all: what the server said
/// last, and how it went, is still to be read.
fn write(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match socket.write(bytes) {
        Err(err) if is_for_later(&err) => Ok(0),
        Err(err) if matches!(err.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
            Ok(bytes.len())
        }
        written => written,
    }
}

fn is_for_later(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Begins to connect.
pub(super) fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match source {
        None => TcpStream::connect(address)?,
        Some(source) => {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddr::new(source, 0).into())?;
            match socket.connect(&address.into()) {
                Err(err) if err.raw_os_error() != Some(libc::EINPROGRESS) => return Err(err),
                _ => TcpStream::from_std(socket.into()),
            }
        }
    };
    socket.set_nodelay(true)?;
    Ok(socket)
}
