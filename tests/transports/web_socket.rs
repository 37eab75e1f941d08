//! Frames of a client, and of a server.

use std::{
    io::{self, BufReader, Read},
    net::TcpStream,
};

pub(crate) const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                                  Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// A whole frame of a client, under a mask of nought.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, 0x80 | 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The op code and the payload of the next frame of a server.
pub(crate) fn read_frame(socket: &mut BufReader<TcpStream>) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    socket.read_exact(&mut head)?;
    let mut length = [0; 8];
    match head[1] {
        127 => socket.read_exact(&mut length)?,
        126 => socket.read_exact(&mut length[6..])?,
        short => length[7] = short,
    }
    let mut payload = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
    socket.read_exact(&mut payload)?;
    Ok((head[0] & 0x0f, payload))
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
