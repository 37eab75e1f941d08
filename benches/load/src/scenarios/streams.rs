//! Streams to the client: what is counted are their items.

use super::{id_of, succeeded, text_of, unexpected};
use crate::{
    engine::{Connections, Findings, Latencies, Phase, Progress, Scenario},
    hub::{Argument, HubProtocol, Invocation, Record, Value, kind, printable},
    payload::{FIRST_ID, digits, filler, next_id},
    setup::Setup,
    websocket,
};

/// Which streams are asked for.
#[derive(Clone, Debug)]
pub(crate) struct StreamPlan {
    pub(crate) method: String,
    /// Bytes of the text of an item.
    pub(crate) payload: usize,
    /// Of each stream.
    pub(crate) items: u32,
    /// Of each connection.
    pub(crate) in_flight: usize,
}

/// The streams of one thread.
pub(crate) struct Streams {
    plan: StreamPlan,
    protocol: HubProtocol,
    mask: [u8; 4],
    text: Vec<u8>,
    open: Vec<OpenStreams>,
    begun: u64,
    ended: u64,
    items: u64,
    findings: Findings,
}

/// The streams of one connection.
#[derive(Debug)]
struct OpenStreams {
    streams: Vec<OpenStream>,
    next_id: u32,
    /// How many ended in this read, to be followed by others.
    ended: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct OpenStream {
    id: u32,
    items: u32,
    begun: u64,
}

impl OpenStreams {
    fn new() -> Self {
        Self { streams: Vec::new(), next_id: FIRST_ID, ended: 0 }
    }

    fn begin(&mut self, now: u64) -> u32 {
        let id = self.next_id;
        self.next_id = next_id(id);
        self.streams.push(OpenStream { id, items: 0, begun: now });
        id
    }

    fn find(&self, id: u32) -> Result<usize, String> {
        let place = self.streams.iter().position(|stream| stream.id == id);
        place.ok_or_else(|| format!("a record for the stream {id}, which is not open"))
    }

    /// One more item; gives the stream if it was its first.
    fn item(&mut self, id: u32, most: u32) -> Result<Option<&OpenStream>, String> {
        let place = self.find(id)?;
        let stream = &mut self.streams[place];
        stream.items += 1;
        if stream.items > most {
            return Err(format!("more than {most} items of the stream {id}"));
        }
        Ok((stream.items == 1).then_some(stream))
    }

    /// The end of a stream, which must have had so many items.
    fn end(&mut self, id: u32, wanted: u32) -> Result<OpenStream, String> {
        let stream = self.streams.swap_remove(self.find(id)?);
        if stream.items != wanted {
            return Err(format!("the stream {id} has ended after {} of {wanted} items", stream.items));
        }
        self.ended += 1;
        Ok(stream)
    }
}

impl Streams {
    pub(crate) fn new(plan: &StreamPlan, setup: &Setup, thread: usize) -> Self {
        Self {
            protocol: setup.protocol,
            mask: setup.mask,
            text: filler(plan.payload),
            open: (0..setup.connections_of(thread)).map(|_| OpenStreams::new()).collect(),
            begun: 0,
            ended: 0,
            items: 0,
            findings: Findings::new(Latencies::new(setup.slice)),
            plan: plan.clone(),
        }
    }

    fn begin(&mut self, connections: &mut Connections, index: usize, count: usize, now: u64) {
        let (mut record, mut frames) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let id = digits(self.open[index].begin(now));
            let arguments = &[Argument::Number(self.plan.items), Argument::Text(&self.text)];
            let (kind, target) = (kind::STREAM_INVOCATION, self.plan.method.as_str());
            record.clear();
            self.protocol.put_invocation(&mut record, &Invocation { kind, id: Some(&id), target, arguments });
            websocket::put(&mut frames, self.protocol.opcode(), self.mask, &record);
        }
        self.begun += count as u64;
        connections.send(index, &frames);
    }
}

impl Scenario for Streams {
    fn record(
        &mut self,
        connections: &mut Connections,
        index: usize,
        record: &Record<'_>,
        now: u64,
    ) -> Result<(), String> {
        let id = id_of(record)?;
        succeeded(record)?;
        match (record.kind, &record.value) {
            (kind::STREAM_ITEM, _) => {
                let text = text_of(record)?;
                if **text != self.text {
                    return Err(format!("a wrong item of the stream {id}: {}", printable(text)));
                }
                let is_measured = connections.phase() == Phase::Measure;
                if let Some(stream) = self.open[index].item(id, self.plan.items)?
                    && is_measured
                {
                    self.findings.first_item.record(now - stream.begun);
                }
                self.items += 1;
            }
            (kind::COMPLETION, Value::Nothing) => {
                let stream = self.open[index].end(id, self.plan.items)?;
                self.findings.latencies.record(now, now - stream.begun);
                self.ended += 1;
            }
            _ => return Err(unexpected(record)),
        }
        Ok(())
    }

    fn read_over(&mut self, connections: &mut Connections, index: usize, now: u64) {
        let ended = std::mem::take(&mut self.open[index].ended);
        if ended > 0 && connections.phase().is_loaded() {
            self.begin(connections, index, ended, now);
        }
    }

    fn phase_changed(&mut self, connections: &mut Connections, now: u64) {
        match connections.phase() {
            Phase::WarmUp => {
                let count = self.plan.in_flight;
                (0..connections.len()).for_each(|index| self.begin(connections, index, count, now));
            }
            Phase::Measure => self.findings.latencies.begin(now),
            _ => self.findings.latencies.end(),
        }
    }

    fn progress(&self) -> Progress {
        Progress { done: self.items, sent: self.ended, missing: (self.begun - self.ended) as i64 }
    }

    fn findings(mut self) -> Findings {
        self.findings.unanswered = self.begun - self.ended;
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_all_its_items_and_no_more() {
        let mut open = OpenStreams::new();
        let (first, second) = (open.begin(5), open.begin(6));
        assert!(open.item(first, 2).unwrap().is_some());
        assert!(open.item(first, 2).unwrap().is_none());
        assert!(open.item(first, 2).is_err(), "one too many");
        assert!(open.item(second, 2).is_ok());
        assert!(open.end(second, 2).is_err(), "one too few");
        assert!(open.item(second, 2).is_err(), "not open any more");
        let third = open.begin(7);
        assert_eq!(open.end(third, 0), Ok(OpenStream { id: third, items: 0, begun: 7 }));
        assert_eq!(open.ended, 1);
    }
}
