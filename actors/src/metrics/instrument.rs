//! Counts with their names, units and tags, for whoever exports them.

use std::borrow::Cow;

use crate::metrics::HistogramValue;

/// One instrument, in the terms of OpenTelemetry.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Instrument {
    /// Its name, parts with dots between them.
    pub name: &'static str,
    /// What it counts.
    pub description: &'static str,
    /// Its unit: `s`, or what is counted in braces.
    pub unit: &'static str,
    /// What it has counted.
    pub data: Data,
}

/// What an instrument has counted, by its tags.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// Only goes up.
    Counter(Vec<Point<u64>>),
    /// Goes up and down.
    UpDownCounter(Vec<Point<i64>>),
    /// Values by their size.
    Histogram(Vec<Point<HistogramValue>>),
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Point<T> {
    /// What it is the value of.
    pub tags: Tags,
    /// The value.
    pub value: T,
}

/// Names and values; none that grows with users or connections.
pub type Tags = Vec<(&'static str, Cow<'static, str>)>;
