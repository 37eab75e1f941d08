//! The ways bytes travel between a client and its hub connection.
//!
//! Every transport is an actor that stands between the network and a connection: it hands up what comes as
//! [`Received`](actix_signalr_actors::transport::Received), writes what it is given as
//! [`Outbound`](actix_signalr_actors::transport::Outbound), counts both in the connection's
//! [`Flow`](actix_signalr_actors::transport::Flow), stops reading at the limit, and says when it is over.

mod door;
pub(crate) mod long_polling;
pub(crate) mod server_sent_events;
pub(crate) mod web_sockets;

use actix::Addr;
use actix_signalr_actors::{ConnectionActor, transport::Flow};

pub(crate) use crate::transports::door::{RequestDoor, Room, WaitForRoom};

/// Takes sent bytes off the backlog; tells the connection if it waits for that.
fn taken_off(flow: &Flow, bytes: usize, connection: &Addr<ConnectionActor>) {
    if bytes > 0 && flow.outbound.remove(bytes) {
        connection.do_send(actix_signalr_actors::Drained);
    }
}
