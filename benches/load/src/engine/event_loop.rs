//! One thread of a run: waits for its sockets and hands on what they bring.

use std::{
    io::ErrorKind,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use mio::{Events, Poll, event::Event};

use super::{
    Connections, Findings, Lanes, Phase, Scenario, WAKE, connection::State, connections::ConnectionCounts,
};
use crate::{
    clock,
    hub::{RecordReader, kind, printable},
    setup::Setup,
    websocket::{self, Head},
};

const READ_BUFFER: usize = 256 * 1024;
const EVENTS: usize = 1024;
const MILLISECOND: u64 = 1_000_000;
/// A thread looks around so often, whatever happens.
const LONGEST_WAIT: u64 = 100 * MILLISECOND;

pub(crate) struct EventLoop<S> {
    connections: Connections,
    scenario: S,
    poll: Poll,
    reader: RecordReader,
    buffer: Vec<u8>,
}

impl<S: Scenario> EventLoop<S> {
    pub(crate) fn new(
        thread: usize,
        setup: Arc<Setup>,
        lanes: Arc<Lanes>,
        poll: Poll,
        scenario: S,
    ) -> std::io::Result<Self> {
        let reader = RecordReader::new(setup.protocol);
        let connections = Connections::new(thread, setup, lanes, poll.registry().try_clone()?);
        Ok(Self { connections, scenario, poll, reader, buffer: vec![0; READ_BUFFER] })
    }

    /// Runs until the phase says so; gives what was found, what was counted, and how many records were read in full.
    pub(crate) fn run(mut self) -> (Findings, ConnectionCounts, u64) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let now = clock::now();
            let phase = self.connections.lanes.phase();
            if phase == Phase::Exit {
                break;
            }
            if phase != self.connections.phase {
                self.connections.phase = phase;
                if phase == Phase::Close {
                    self.connections.close(now);
                }
                self.scenario.phase_changed(&mut self.connections, now);
            }
            let due = self.scenario.due(&mut self.connections, now);
            let rough = self.connections.open(now).min(self.connections.ping(now));
            let rough = rough.min(self.connections.cut(now));
            self.tell();
            match self.poll.poll(&mut events, Some(wait(now, due, rough))) {
                Ok(()) => {}
                Err(err) if err.kind() == ErrorKind::Interrupted => continue,
                Err(err) => {
                    self.connections.lanes.fail(format!("waiting for sockets: {err}"));
                    break;
                }
            }
            for event in events.iter().filter(|event| event.token() != WAKE) {
                self.event(event);
            }
        }
        self.tell();
        (self.scenario.findings(), self.connections.counts, self.reader.read_in_full())
    }

    fn tell(&self) {
        let progress = self.scenario.progress();
        let lane = self.connections.lane();
        lane.done.store(progress.done, Relaxed);
        lane.sent.store(progress.sent, Relaxed);
        lane.missing.store(progress.missing, Relaxed);
        self.connections.tell();
        lane.has_entered(self.connections.phase());
    }

    fn event(&mut self, event: &Event) {
        let index = event.token().0;
        let is_over = event.is_read_closed() || event.is_error();
        match self.connections.list[index].state {
            State::Connecting => {
                if event.is_writable() || is_over {
                    self.connections.connected(index);
                }
            }
            _ => {
                if event.is_writable() {
                    self.connections.flush(index);
                }
                if event.is_readable() || is_over {
                    self.readable(index, is_over);
                }
            }
        }
    }

    /// Reads what is there. A read that does not fill the buffer has emptied the socket; there will be another event.
    fn readable(&mut self, index: usize, is_over: bool) {
        loop {
            let connection = &self.connections.list[index];
            let begun = connection.frame();
            let length = begun.len();
            if self.buffer.len() < length + READ_BUFFER / 2 {
                self.buffer.resize(2 * length + READ_BUFFER, 0);
            }
            self.buffer[..length].copy_from_slice(begun);
            let read = match connection.read(&mut self.buffer[length..]) {
                Ok(None) => return,
                Ok(Some(0)) => return self.ended(index),
                Ok(Some(read)) => read,
                Err(_) if connection.state == State::Closing => return self.connections.drop(index),
                Err(err) => return self.connections.fail(index, &format!("receiving: {err}")),
            };
            let now = clock::now();
            let buffer = std::mem::take(&mut self.buffer);
            let bytes = &buffer[..length + read];
            let used = self.bytes(index, bytes, now);
            self.read(index, used, bytes, now);
            let is_empty = bytes.len() < buffer.len();
            self.buffer = buffer;
            let state = self.connections.list[index].state;
            if is_empty && !is_over || matches!(state, State::Connecting | State::Closed) {
                return;
            }
        }
    }

    /// Keeps what was not used of a read.
    fn read(&mut self, index: usize, used: Result<usize, String>, bytes: &[u8], now: u64) {
        let used = match used {
            Ok(used) => used,
            Err(err) => return self.connections.fail(index, &err),
        };
        let connection = &mut self.connections.list[index];
        if matches!(connection.state, State::Connecting | State::Closed) {
            return;
        }
        if used < bytes.len() || !connection.frame().is_empty() {
            let frame = &mut connection.rare().frame;
            frame.clear();
            frame.extend_from_slice(&bytes[used..]);
        }
        if connection.state == State::Open {
            self.scenario.read_over(&mut self.connections, index, now);
        }
    }

    /// The server has closed its side.
    fn ended(&mut self, index: usize) {
        let connection = &self.connections.list[index];
        match connection.state {
            State::Closing => self.connections.drop(index),
            State::Negotiating | State::Upgrading => {
                let sent = printable(connection.frame());
                self.connections.fail(index, &format!("the server has ended it, after sending: {sent}"));
            }
            _ => self.connections.fail(index, "the server has ended it without a close frame"),
        }
    }

    /// Uses up what it can; says how much.
    fn bytes(&mut self, index: usize, bytes: &[u8], now: u64) -> Result<usize, String> {
        let mut used = 0;
        match self.connections.list[index].state {
            State::Closing => return Ok(bytes.len()),
            State::Negotiating => return self.connections.answered(index, bytes, now),
            State::Upgrading => {
                used = self.connections.answered(index, bytes, now)?;
                if used == 0 {
                    return Ok(0);
                }
            }
            _ => {}
        }
        while used < bytes.len() && self.connections.list[index].socket.is_some() {
            let Some(head) = Head::read(&bytes[used..])? else { break };
            let payload = used + head.head..used + head.head + head.payload;
            let Some(payload) = bytes.get(payload.clone()) else { break };
            used += head.head + head.payload;
            if head.opcode <= websocket::BINARY {
                self.payload(index, payload, now)?;
            } else {
                self.control(index, head.opcode, payload)?;
            }
        }
        Ok(used)
    }

    fn control(&mut self, index: usize, opcode: u8, payload: &[u8]) -> Result<(), String> {
        match opcode {
            websocket::CLOSE if self.connections.list[index].state == State::Closing => Ok(()),
            websocket::CLOSE => {
                Err(format!("the server has closed it: {}", websocket::close_reason(payload)))
            }
            websocket::PING => {
                let mut frame = Vec::new();
                websocket::put(&mut frame, websocket::PONG, self.connections.setup.mask, payload);
                self.connections.send(index, &frame);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Bytes of records, or of the answer to the handshake.
    fn payload(&mut self, index: usize, bytes: &[u8], now: u64) -> Result<(), String> {
        let connection = &mut self.connections.list[index];
        match connection.state {
            State::Open if !connection.has_part_of_record() => {
                let used = self.records(index, bytes, now)?;
                if used < bytes.len() {
                    self.connections.list[index].rare().record.extend_from_slice(&bytes[used..]);
                }
            }
            State::Open => {
                let rare = connection.rare();
                rare.record.extend_from_slice(bytes);
                if rare.record.len() > websocket::LONGEST {
                    return Err("a record is longer than 128 MiB".to_owned());
                }
                let mut record = std::mem::take(&mut rare.record);
                let used = self.records(index, &record, now)?;
                record.drain(..used);
                self.connections.list[index].rare().record = record;
            }
            State::ShakingHands => {
                if let Some(rest) = self.connections.shaken(index, bytes, now)? {
                    self.scenario.opened(&mut self.connections, index);
                    self.payload(index, &rest, now)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands on the records that are complete; says how many bytes they have.
    fn records(&mut self, index: usize, bytes: &[u8], now: u64) -> Result<usize, String> {
        let mut used = 0;
        while used < bytes.len() {
            let Some((record, length)) = self.reader.next(&bytes[used..])? else { break };
            match record.kind {
                kind::PING => self.connections.counts.pings_received += 1,
                kind::CLOSE => {
                    let why = record.error.unwrap_or_else(|| "without an error".to_owned());
                    return Err(format!("a close message of the server: {why}"));
                }
                _ => self.scenario.record(&mut self.connections, index, &record, now)?,
            }
            used += length;
        }
        Ok(used)
    }
}

/// How long to wait for sockets. Waiting is exact to a millisecond only, so the last before something is `due` is spent
/// polling; what is due `rough`ly may be as much late.
fn wait(now: u64, due: u64, rough: u64) -> Duration {
    let exact = due.saturating_sub(now) / MILLISECOND * MILLISECOND;
    let rough = rough.saturating_sub(now).div_ceil(MILLISECOND).saturating_mul(MILLISECOND);
    Duration::from_nanos(exact.min(rough).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_millisecond_is_spent_polling() {
        let wait = |due, rough| wait(1_000_000, due, rough).as_micros();
        assert_eq!(wait(1_900_000, u64::MAX), 0);
        assert_eq!(wait(4_100_000, u64::MAX), 3000);
        assert_eq!(wait(u64::MAX, 1_100_000), 1000);
        assert_eq!(wait(u64::MAX, u64::MAX), 100_000);
        assert_eq!(wait(0, 0), 0);
    }
}
