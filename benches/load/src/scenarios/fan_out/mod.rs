//! Messages to many: all connections receive, and the first few also send.

mod board;
mod plan;
mod publisher;
mod received;

use std::{collections::HashSet, sync::Arc};

pub(crate) use self::{
    board::Board,
    plan::{Audience, FanOutPlan},
};
use self::{publisher::Publisher, received::Received};
use super::{id_of, schedule::Schedule, succeeded, text_of, unexpected};
use crate::{
    clock::{self, NEVER},
    engine::{Connections, Findings, Latencies, Phase, Progress, Scenario},
    hub::{Argument, Invocation, Record, Value, kind, printable},
    payload::{DELIVERY_LENGTH, Delivery, FIRST_ID, digits, filler},
    setup::Setup,
    websocket,
};

/// Sent as the id of a connection's call to join its group; those of messages begin behind it.
const JOINING: u32 = FIRST_ID - 1;

/// The part of one thread: its connections, and those of its publishers.
///
/// Every text says who has sent it to whom, which of his messages it is and when it was sent, so each connection knows
/// what has to come next.
pub(crate) struct FanOut {
    plan: Arc<FanOutPlan>,
    board: Arc<Board>,
    setup: Arc<Setup>,
    thread: usize,
    publishers: Vec<Publisher>,
    received: Received,
    /// Connections whose call to join their group is not answered.
    joining: HashSet<usize>,
    schedule: Option<Schedule>,
    turn: usize,
    text: Vec<u8>,
    frame: Vec<u8>,
    delivered: u64,
    published: u64,
    missing: i64,
    findings: Findings,
}

impl FanOut {
    pub(crate) fn new(plan: Arc<FanOutPlan>, board: Arc<Board>, setup: Arc<Setup>, thread: usize) -> Self {
        let mine = (thread..plan.publishers).step_by(setup.threads);
        let publishers: Vec<_> = mine.map(|number| Publisher::new(number, number / setup.threads)).collect();
        // Threads without a publisher have no part in the rate.
        let parts = setup.threads.min(plan.publishers);
        let schedule = match plan.rate {
            Some(rate) if !publishers.is_empty() => Some(Schedule::new(rate, thread, parts)),
            _ => None,
        };
        Self {
            received: Received::new(setup.connections_of(thread), plan.publishers),
            text: filler(plan.payload),
            findings: Findings::new(Latencies::new(setup.slice)),
            joining: HashSet::new(),
            frame: Vec::new(),
            turn: 0,
            delivered: 0,
            published: 0,
            missing: 0,
            thread,
            publishers,
            schedule,
            plan,
            board,
            setup,
        }
    }

    fn publish(&mut self, connections: &mut Connections, turn: usize, time: u64) {
        let publisher = &mut self.publishers[turn];
        let target = publisher.choose(self.plan.targets);
        let message = self.board.publish(publisher.number, publisher.sent, target);
        Delivery {
            publisher: publisher.number as u8,
            slot: message.slot as u16,
            target: target as u32,
            sequence: message.sequence,
            time,
        }
        .put(&mut self.text);
        let id = self.plan.is_answered.then(|| digits(publisher.begin()));
        publisher.sent = publisher.sent.wrapping_add(1);
        let index = publisher.connection;
        let name = self.plan.audience.name(target);
        let arguments = [Argument::Text(name.as_bytes()), Argument::Text(&self.text)];
        let arguments = if name.is_empty() { &arguments[1..] } else { &arguments[..] };
        write(&mut self.frame, &self.setup, id.as_ref().map(|id| &id[..]), &self.plan.method, arguments);
        connections.send(index, &self.frame);
        self.published += 1;
        self.missing += i64::from(message.receivers) + i64::from(self.plan.is_answered);
    }

    fn delivery(
        &mut self,
        connections: &Connections,
        index: usize,
        text: &[u8],
        now: u64,
    ) -> Result<(), String> {
        let nobodys = || format!("a text that nobody has sent: {}", printable(text));
        let delivery = Delivery::read(text).ok_or_else(nobodys)?;
        let publisher = usize::from(delivery.publisher);
        if text.len() != self.plan.payload
            || text[DELIVERY_LENGTH..] != self.text[DELIVERY_LENGTH..]
            || publisher >= self.plan.publishers
        {
            return Err(nobodys());
        }
        let number = connections.number(index);
        if delivery.target as usize != self.plan.target_of(number) {
            return Err(format!("a message for target {} at connection {number}", delivery.target));
        }
        self.delivered += 1;
        if self.received.is_fresh(index, &delivery, &self.board)? {
            self.missing -= 1;
            self.findings.latencies.record(now, now.saturating_sub(delivery.time));
            let slot = usize::from(delivery.slot);
            let owner = publisher % self.setup.threads;
            if self.board.delivered(publisher, slot)? && owner != connections.thread() {
                connections.lanes.wake(owner);
            }
        }
        Ok(())
    }

    fn completion(&mut self, index: usize, id: u32) -> Result<(), String> {
        let is_known = if id == JOINING {
            self.joining.remove(&index)
        } else {
            self.publishers.iter_mut().any(|publisher| publisher.connection == index && publisher.end(id))
        };
        if !is_known {
            return Err(format!("an answer to the call {id}, which waits for none"));
        }
        self.missing -= 1;
        Ok(())
    }

    /// Sends as long as there is room in the windows of the publishers.
    fn fill_windows(&mut self, connections: &mut Connections) {
        for turn in 0..self.publishers.len() {
            loop {
                let publisher = &self.publishers[turn];
                let has_room = self.board.has_room(publisher.number, publisher.sent, self.plan.in_flight);
                if !has_room || !connections.is_open(publisher.connection) {
                    break;
                }
                self.publish(connections, turn, clock::now());
            }
        }
    }
}

/// Makes the frame of a call.
fn write(frame: &mut Vec<u8>, setup: &Setup, id: Option<&[u8]>, target: &str, arguments: &[Argument<'_>]) {
    let mut record = Vec::new();
    let invocation = Invocation { kind: kind::INVOCATION, id, target, arguments };
    setup.protocol.put_invocation(&mut record, &invocation);
    frame.clear();
    websocket::put(frame, setup.protocol.opcode(), setup.mask, &record);
}

impl Scenario for FanOut {
    fn opened(&mut self, connections: &mut Connections, index: usize) {
        let Audience::Groups { join } = &self.plan.audience else { return };
        let group = self.plan.audience.name(self.plan.target_of(connections.number(index)));
        let arguments = [Argument::Text(group.as_bytes())];
        write(&mut self.frame, &self.setup, Some(&digits(JOINING)), join, &arguments);
        self.joining.insert(index);
        self.missing += 1;
        connections.send(index, &self.frame);
    }

    fn record(
        &mut self,
        connections: &mut Connections,
        index: usize,
        record: &Record<'_>,
        now: u64,
    ) -> Result<(), String> {
        succeeded(record)?;
        match (record.kind, &record.value) {
            (kind::INVOCATION, _)
                if record.arguments == 1
                    && record.target.as_deref() == Some(self.plan.receive.as_bytes()) =>
            {
                self.delivery(connections, index, text_of(record)?, now)
            }
            (kind::COMPLETION, Value::Nothing) => self.completion(index, id_of(record)?),
            _ => Err(unexpected(record)),
        }
    }

    fn phase_changed(&mut self, connections: &mut Connections, now: u64) {
        match connections.phase() {
            Phase::WarmUp => self.schedule.iter_mut().for_each(|schedule| schedule.begin(now)),
            Phase::Measure => self.findings.latencies.begin(now),
            _ => self.findings.latencies.end(),
        }
    }

    fn due(&mut self, connections: &mut Connections, now: u64) -> u64 {
        if !connections.phase().is_loaded() {
            return NEVER;
        }
        if self.plan.rate.is_none() {
            self.fill_windows(connections);
        }
        while let Some(schedule) = &mut self.schedule {
            let due = schedule.next();
            if due > now {
                return due;
            }
            schedule.pass();
            if connections.phase() == Phase::Measure {
                self.findings.lateness.record(now - due);
            }
            let turn = self.turn;
            self.turn = (turn + 1) % self.publishers.len();
            self.publish(connections, turn, due);
        }
        NEVER
    }

    fn progress(&self) -> Progress {
        Progress { done: self.delivered, sent: self.published, missing: self.missing }
    }

    fn findings(mut self) -> Findings {
        let sent = |index, publisher| {
            let number = index * self.setup.threads + self.thread;
            self.board.sent(publisher, self.plan.target_of(number))
        };
        self.findings.lost = self.received.lost(sent);
        (self.findings.duplicated, self.findings.out_of_order) = self.received.irregular();
        self.findings.unanswered = self.publishers.iter().map(Publisher::unanswered).sum();
        self.findings
    }
}
