//! One connection that sends.

use std::collections::VecDeque;

use crate::payload::{FIRST_ID, next_id};

#[derive(Debug)]
pub(super) struct Publisher {
    /// Among all publishers.
    pub(super) number: usize,
    /// Among the connections of its thread.
    pub(super) connection: usize,
    /// How many messages it has sent.
    pub(super) sent: u32,
    next_id: u32,
    /// Calls that are not answered.
    calls: VecDeque<u32>,
    random: u64,
}

impl Publisher {
    pub(super) fn new(number: usize, connection: usize) -> Self {
        let random = 0x2545_f491_4f6c_dd1d ^ ((number as u64 + 1) << 20);
        Self { number, connection, sent: 0, next_id: FIRST_ID, calls: VecDeque::new(), random }
    }

    /// One of the targets, in an order that is the same in every run.
    pub(super) fn choose(&mut self, targets: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as usize % targets
    }

    /// Begins a call; gives its id.
    pub(super) fn begin(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = next_id(id);
        self.calls.push_back(id);
        id
    }

    /// Ends a call; says whether there was one.
    pub(super) fn end(&mut self, id: u32) -> bool {
        let place = self.calls.iter().position(|call| *call == id);
        place.and_then(|place| self.calls.remove(place)).is_some()
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.calls.len() as u64
    }
}
