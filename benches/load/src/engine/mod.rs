//! The connections of a run and the threads that drive them. Nothing is allocated and no lock is taken while messages
//! flow.

mod connection;
mod connections;
mod event_loop;
mod lane;
mod latencies;
mod opening;
mod scenario;

pub(crate) use self::{
    connections::{ConnectionCounts, Connections},
    event_loop::EventLoop,
    lane::{Lanes, Phase, WAKE},
    latencies::Latencies,
    scenario::{Findings, Progress, Scenario},
};
