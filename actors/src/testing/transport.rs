//! The transport in memory.
//!
//! Receives [`Outbound`] from its connection and puts it into the client's [`Pipe`].

use std::sync::Arc;

use actix::prelude::*;

use crate::{testing::pipe::Pipe, transport::Outbound};

/// The server's end of a pipe.
#[derive(Debug)]
pub(super) struct InProcessTransport {
    pipe: Arc<Pipe>,
}

impl InProcessTransport {
    pub(super) fn start_for(pipe: Arc<Pipe>) -> Recipient<Outbound> {
        Self { pipe }.start().recipient()
    }
}

impl Actor for InProcessTransport {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.pipe.end();
    }
}

impl Handler<Outbound> for InProcessTransport {
    type Result = ();

    fn handle(&mut self, outbound: Outbound, ctx: &mut Self::Context) {
        match outbound {
            Outbound::Send(records) => self.pipe.write(&records),
            Outbound::UseFormat(_) => {}
            Outbound::Resume => self.pipe.wake(),
            Outbound::Close | Outbound::Abort => ctx.stop(),
        }
    }
}

/// Says that a connection is over when it is dropped.
#[derive(Debug)]
pub(super) struct Lease(pub(super) Arc<Pipe>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.over();
    }
}
