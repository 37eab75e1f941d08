//! The end of a server.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    client::{ALL, Client, negotiate},
    server::{By, PATIENCE, Server, Setup},
};

/// Begins to end the connections of a server; how long that took.
fn shut_down(server: &Server) -> JoinHandle<Duration> {
    let signalr = server.signalr.clone();
    thread::spawn(move || {
        let began = Instant::now();
        actix_web::rt::System::new().block_on(signalr.shut_down());
        began.elapsed()
    })
}

#[test]
fn clients_are_told_that_they_may_come_back_and_the_hub_that_they_have_gone() {
    for by in By::ALL {
        let server = Server::start(Setup { by, workers: 2, ..Setup::default() });
        let mut clients: Vec<_> = ALL
            .into_iter()
            .cycle()
            .take(6)
            .map(|transport| Client::connect(server.address, transport))
            .collect();
        let ended = shut_down(&server);
        for client in &mut clients {
            let transport = client.transport;
            assert_eq!(
                client.receive().as_deref(),
                Some(r#"{"type":7,"allowReconnect":true}"#),
                "{by:?}, {transport:?}"
            );
            assert_eq!(client.receive(), None, "{by:?}, {transport:?}");
        }
        for _ in &clients {
            assert_eq!(server.end(), None);
        }
        ended.join().unwrap();
    }
}

#[test]
fn clients_that_have_not_shaken_hands_are_let_go_and_those_that_come_later() {
    for by in By::ALL {
        let server = Server::start(Setup { by, workers: 2, ..Setup::default() });
        let open = |transport| Client::open(server.address, transport, "");
        let mut clients: Vec<_> = ALL.into_iter().cycle().take(6).map(open).collect();
        shut_down(&server).join().unwrap();
        for client in &mut clients {
            assert_eq!(client.receive(), None, "{by:?}, {:?}", client.transport);
        }
        for transport in ALL {
            assert_eq!(open(transport).receive(), None, "{by:?}, {transport:?}");
        }
        drop(clients);
        server.stop();
    }
}

#[test]
fn a_server_ends_when_its_clients_have_been_told_and_does_not_wait_for_those_that_opened_nothing() {
    for by in By::ALL {
        let server = Server::start(Setup { by, workers: 2, ..Setup::default() });
        negotiate(server.address, "");
        let mut clients = ALL.map(|transport| Client::connect(server.address, transport));
        shut_down(&server).join().unwrap();
        for client in &mut clients {
            assert!(client.receive().is_some(), "{by:?}, {:?}", client.transport);
        }
        drop(clients);
        server.stop();
    }
}

#[test]
fn a_hub_that_does_not_let_its_connections_go_holds_the_end_up_for_five_seconds_at_the_most() {
    let server = Server::start(Setup { holds_end: true, ..Setup::default() });
    let mut clients: Vec<_> =
        ALL.into_iter().map(|transport| Client::connect(server.address, transport)).collect();
    let ended = shut_down(&server);
    for client in &mut clients {
        assert!(client.receive().is_some(), "clients are told all the same");
    }
    let took = ended.join().unwrap();
    assert!(took >= Duration::from_millis(4900) && took < PATIENCE, "{took:?}");
}
