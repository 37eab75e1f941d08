//! The learnt bytes of one kind of record, with holes for what differs.

use std::{borrow::Cow, ops::Range};

use super::{Record, Value};

/// How a server writes one kind of record: where id and text are, and what is around them.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    sample: Vec<u8>,
    /// The bytes outside of the holes.
    fixed: Vec<Range<usize>>,
    kind: u8,
    arguments: usize,
    id: Option<Range<usize>>,
    target: Option<Range<usize>>,
    text: Option<Range<usize>>,
}

impl Layout {
    /// Learns from a record that was read in full. `None` when it is written in a way that has no fixed places, or says
    /// something that layouts do not hold.
    pub(super) fn learn(bytes: &[u8], record: &Record<'_>) -> Option<Self> {
        if record.error.is_some() {
            return None;
        }
        let place = |text: &Option<Cow<'_, [u8]>>| match text {
            Some(Cow::Borrowed(text)) => Some(Some(place_in(bytes, text))),
            Some(Cow::Owned(_)) => None,
            None => Some(None),
        };
        let id = place(&record.id)?;
        let target = place(&record.target)?;
        let text = match &record.value {
            Value::Nothing => None,
            Value::Text(Cow::Borrowed(text)) => Some(place_in(bytes, text)),
            Value::Text(Cow::Owned(_)) | Value::Other => return None,
        };
        let mut holes: Vec<_> = id.iter().chain(&text).cloned().collect();
        holes.sort_unstable_by_key(|hole| hole.start);
        let mut fixed = Vec::new();
        let mut start = 0;
        for hole in holes {
            fixed.push(start..hole.start);
            start = hole.end;
        }
        fixed.push(start..bytes.len());
        let (kind, arguments) = (record.kind, record.arguments);
        Some(Self { sample: bytes.to_vec(), fixed, kind, arguments, id, target, text })
    }

    pub(super) fn kind(&self) -> u8 {
        self.kind
    }

    /// How long a record of this layout is.
    pub(super) fn len(&self) -> usize {
        self.sample.len()
    }

    /// Whether the bytes begin with a record of this layout.
    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.sample.len()
            && self.fixed.iter().all(|part| bytes[part.clone()] == self.sample[part.clone()])
    }

    /// Reads a record that fits.
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Record<'a> {
        let at = |place: &Option<Range<usize>>| Some(Cow::Borrowed(&bytes[place.clone()?]));
        Record {
            kind: self.kind,
            id: at(&self.id),
            target: at(&self.target),
            value: at(&self.text).map_or(Value::Nothing, Value::Text),
            arguments: self.arguments,
            error: None,
        }
    }
}

/// Where a part of `bytes` is in them.
fn place_in(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
    start..start + part.len()
}
