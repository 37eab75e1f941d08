//! The connections of one thread: what scenarios may do with them, their pings and their end.

use std::sync::{
    Arc,
    atomic::Ordering::{Relaxed, Release},
};

use mio::Registry;

use super::{
    Phase,
    connection::{Connection, State},
    lane::{Lane, Lanes},
};
use crate::{
    clock::{self, NEVER},
    histogram::Histogram,
    setup::Setup,
    websocket,
};

/// The pings of an interval are spread over so many moments.
const PING_TURNS: usize = 100;
/// More bytes waiting on one connection, and the server does not read.
const MOST_WAITING: usize = 256 << 20;
/// How long a server may take to close its side.
const CLOSE_PATIENCE: u64 = 3_000_000_000;

pub(crate) struct Connections {
    pub(crate) setup: Arc<Setup>,
    pub(crate) lanes: Arc<Lanes>,
    pub(super) thread: usize,
    pub(super) phase: Phase,
    pub(super) registry: Registry,
    pub(super) list: Vec<Connection>,
    /// The first that has not been opened.
    pub(super) next: usize,
    /// How many are on their way.
    pub(super) connecting: usize,
    pub(super) opening_began: u64,
    pub(super) opened: u64,
    closed: u64,
    ping_frame: Vec<u8>,
    ping_turn: usize,
    ping_due: u64,
    close_due: u64,
    pub(super) counts: ConnectionCounts,
}

/// What is counted of connections.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounts {
    /// From the beginning until hands were shaken.
    pub(crate) connect: Histogram,
    /// The part of it until the answer to the negotiation.
    pub(crate) negotiate: Histogram,
    pub(crate) pings_received: u64,
    pub(crate) pings_sent: u64,
    /// Connections whose server did not close its side.
    pub(crate) cut: u64,
}

impl ConnectionCounts {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.connect.merge(&other.connect);
        self.negotiate.merge(&other.negotiate);
        self.pings_received += other.pings_received;
        self.pings_sent += other.pings_sent;
        self.cut += other.cut;
    }
}

impl Connections {
    pub(super) fn new(thread: usize, setup: Arc<Setup>, lanes: Arc<Lanes>, registry: Registry) -> Self {
        let mut ping_frame = Vec::new();
        websocket::put(&mut ping_frame, setup.protocol.opcode(), setup.mask, setup.protocol.ping());
        let list = (0..setup.connections_of(thread)).map(|_| Connection::new()).collect();
        Self {
            setup,
            lanes,
            thread,
            phase: Phase::Connect,
            registry,
            list,
            next: 0,
            connecting: 0,
            opening_began: 0,
            opened: 0,
            closed: 0,
            ping_frame,
            ping_turn: 0,
            ping_due: 0,
            close_due: NEVER,
            counts: ConnectionCounts::default(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn thread(&self) -> usize {
        self.thread
    }

    /// How many this thread has.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of a connection among those of all threads.
    pub(crate) fn number(&self, index: usize) -> usize {
        index * self.setup.threads + self.thread
    }

    pub(crate) fn is_open(&self, index: usize) -> bool {
        self.list[index].state == State::Open
    }

    /// Sends whole frames.
    pub(crate) fn send(&mut self, index: usize, frames: &[u8]) {
        let connection = &mut self.list[index];
        if let Err(err) = connection.send(frames) {
            self.fail(index, &format!("sending: {err}"));
        } else if connection.waiting() > MOST_WAITING {
            self.fail(index, "the server does not read: 256 MiB are waiting");
        }
    }

    pub(super) fn flush(&mut self, index: usize) {
        if let Err(err) = self.list[index].flush() {
            self.fail(index, &format!("sending: {err}"));
        }
    }

    /// Says what went wrong with a connection, and drops it.
    pub(super) fn fail(&mut self, index: usize, error: &str) {
        let doing = self.list[index].state.doing();
        self.lanes.fail(format!("connection {}{doing}: {error}", self.number(index)));
        self.drop(index);
    }

    pub(super) fn drop(&mut self, index: usize) {
        let connection = &mut self.list[index];
        connection.drop_socket();
        match connection.state {
            State::Closed | State::Unopened => return,
            State::Open | State::Closing => {}
            _ => self.connecting -= 1,
        }
        connection.state = State::Closed;
        self.closed += 1;
        self.lane().last_closed.store(clock::now(), Relaxed);
    }

    pub(super) fn lane(&self) -> &Lane {
        self.lanes.of(self.thread)
    }

    /// Sends the pings that are due; says when the next are.
    pub(super) fn ping(&mut self, now: u64) -> u64 {
        if self.setup.ping_interval == 0 || self.phase >= Phase::Close {
            return NEVER;
        }
        let step = (self.setup.ping_interval / PING_TURNS as u64).max(1);
        if self.ping_due == 0 {
            self.ping_due = now + step;
        }
        while self.ping_due <= now {
            self.ping_due += step;
            let frame = std::mem::take(&mut self.ping_frame);
            for index in (self.ping_turn..self.list.len()).step_by(PING_TURNS) {
                if self.is_open(index) {
                    self.send(index, &frame);
                    self.counts.pings_sent += 1;
                }
            }
            self.ping_frame = frame;
            self.ping_turn = (self.ping_turn + 1) % PING_TURNS;
        }
        self.ping_due
    }

    /// Begins to close all.
    pub(super) fn close(&mut self, now: u64) {
        self.close_due = now + CLOSE_PATIENCE;
        let mut frame = Vec::new();
        websocket::put(&mut frame, websocket::CLOSE, self.setup.mask, &1000_u16.to_be_bytes());
        for index in 0..self.list.len() {
            match self.list[index].state {
                State::Open => {
                    self.list[index].state = State::Closing;
                    self.send(index, &frame);
                }
                State::Closing | State::Closed | State::Unopened => {}
                _ => self.drop(index),
            }
        }
    }

    /// Cuts those that take too long to close; says when to look.
    pub(super) fn cut(&mut self, now: u64) -> u64 {
        if now < self.close_due {
            return self.close_due;
        }
        for index in 0..self.list.len() {
            if self.list[index].state == State::Closing {
                self.counts.cut += 1;
                self.drop(index);
            }
        }
        self.close_due = NEVER;
        NEVER
    }

    pub(super) fn tell(&self) {
        let lane = self.lane();
        // After what is missing: a connection is not open to others before what it waits for is.
        lane.opened.store(self.opened, Release);
        lane.closed.store(self.closed, Release);
    }
}
