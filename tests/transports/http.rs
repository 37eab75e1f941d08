//! Requests and responses over a socket, as far as the transports need them.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use socket2::{Domain, Socket, Type};

use crate::server::PATIENCE;

/// A TCP connection whose client holds hardly anything that it does not read.
pub(crate) fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    BufReader::new(stream)
}

/// A response's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }
}

/// Writes a request; `headers` are lines with their ends.
pub(crate) fn write_request(
    socket: &mut BufReader<TcpStream>,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n");
    socket.get_mut().write_all(&[head.as_bytes(), body].concat())
}

/// Reads up to the end of a response's head.
pub(crate) fn read_head(socket: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let header =
        |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Ok(Head { status, headers: lines[1..].iter().filter_map(header).collect() })
}

/// Reads a response with its body, in whatever way that is framed.
pub(crate) fn read_response(socket: &mut BufReader<TcpStream>) -> io::Result<(Head, Vec<u8>)> {
    let head = read_head(socket)?;
    let mut body = Vec::new();
    if head.header("transfer-encoding") == Some("chunked") {
        while let Some(chunk) = read_chunk(socket)? {
            body.extend(chunk);
        }
    } else {
        let length: u64 = head.header("content-length").map_or(0, |length| length.parse().unwrap());
        socket.by_ref().take(length).read_to_end(&mut body)?;
    }
    Ok((head, body))
}

/// Reads one chunk; `None` at the end.
pub(crate) fn read_chunk(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut length = String::new();
    if socket.read_line(&mut length)? == 0 {
        return Ok(None);
    }
    let length = usize::from_str_radix(length.trim_end(), 16).unwrap();
    let mut chunk = vec![0; length + 2];
    socket.read_exact(&mut chunk)?;
    chunk.truncate(length);
    Ok((length > 0).then_some(chunk))
}

/// One request on a connection of its own, and what it is answered.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &[u8],
) -> (Head, String) {
    let mut socket = connect(address);
    write_request(&mut socket, method, target, headers, body).unwrap();
    let (head, body) = read_response(&mut socket).unwrap();
    (head, String::from_utf8(body).unwrap())
}
