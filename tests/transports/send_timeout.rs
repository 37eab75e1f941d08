//! Clients that do not read what they are sent.

use std::{io::ErrorKind, time::Duration};

use actix_signalr::{HttpConnectionOptions, TransportKind};

use crate::{
    client::{ALL, Client},
    server::{By, PATIENCE, Server, Setup},
};

/// More than the system holds for both ends of a connection.
const LENGTH: usize = 12_000_000;

fn start(by: By, timeout: Duration) -> Server {
    let route = HttpConnectionOptions::default().transport_send_timeout(timeout);
    Server::start(Setup { by, route, ..Setup::default() })
}

/// One that has called for more than it reads.
fn blocked(server: &Server, transport: TransportKind) -> Client {
    let mut client = Client::connect(server.address, transport);
    client.invoke(1, "Large", LENGTH);
    client.await_without_reading();
    client
}

/// No test waits longer for a client that does not read.
const SHORT: Duration = Duration::from_secs(1);

#[test]
fn a_client_that_does_not_read_is_cut_off_and_its_hub_told() {
    for by in By::ALL {
        let server = start(by, SHORT);
        for transport in ALL {
            let client = blocked(&server, transport);
            assert_eq!(
                server.end().as_deref(),
                Some("the client does not read what it is sent"),
                "{by:?}, {transport:?}"
            );
            let (read, end) = client.read_to_end();
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "{by:?}, {transport:?}");
            assert!(read < LENGTH, "{by:?}, {transport:?}");
        }
        assert_eq!(server.count("signalr.server.slow_clients", ""), 3);
    }
}

#[test]
fn a_client_that_has_closed_its_end_and_does_not_read_holds_nothing_up() {
    for by in By::ALL {
        let server = start(by, SHORT);
        for transport in ALL {
            let client = blocked(&server, transport);
            client.close_half();
            server.end();
            let (_, end) = client.read_to_end();
            assert!(
                matches!(end, Ok(()) | Err(ErrorKind::ConnectionReset)),
                "{by:?}, {transport:?}: {end:?}"
            );
        }
    }
}

#[test]
fn a_client_that_reads_slowly_but_in_time_gets_all() {
    for by in By::ALL {
        let server = start(by, PATIENCE);
        for transport in ALL {
            let mut client = Client::connect(server.address, transport);
            client.invoke(1, "Large", LENGTH);
            assert!(client.receive().unwrap().len() > LENGTH, "{by:?}, {transport:?}");
            client.invoke(2, "Echo", "x");
            assert_eq!(client.receive().as_deref(), Some(r#"{"type":3,"invocationId":"2","result":"x"}"#));
        }
    }
}
