//! One connection whose requests arrive on all workers.

use std::{collections::BTreeSet, thread};

use actix_signalr::TransportKind;

use crate::{
    client::Client,
    http::request,
    server::{Server, Setup},
};

const SENDERS: usize = 16;
const REQUESTS: usize = 8;

#[test]
fn requests_of_one_connection_find_it_from_every_worker() {
    let server = Server::start(Setup { workers: 4, ..Setup::default() });
    for transport in [TransportKind::ServerSentEvents, TransportKind::LongPolling] {
        let mut client = Client::connect(server.address, transport);
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (address, target) = (server.address, client.target.clone());
                thread::spawn(move || {
                    for number in 0..REQUESTS {
                        let id = format!("{sender}-{number}");
                        let call = format!(
                            r#"{{"type":1,"invocationId":"{id}","target":"Echo","arguments":["{id}"]}}"#
                        );
                        let (head, _) =
                            request(address, "POST", &target, "", format!("{call}\x1e").as_bytes());
                        assert_eq!(head.status, 200);
                    }
                })
            })
            .collect();
        let mut answers = BTreeSet::new();
        for _ in 0..SENDERS * REQUESTS {
            assert!(answers.insert(client.receive().unwrap()), "{transport:?}: an answer twice");
        }
        for sender in senders {
            sender.join().unwrap();
        }
        client.invoke(1, "Echo", "last");
        let last = r#"{"type":3,"invocationId":"1","result":"last"}"#;
        assert_eq!(client.receive().as_deref(), Some(last), "{transport:?}: nothing else has come");
    }
}

#[test]
fn polls_on_several_workers_take_each_other_over_and_lose_nothing() {
    const CALLS: usize = 50;
    let server = Server::start(Setup { workers: 4, ..Setup::default() });
    let mut client = Client::connect(server.address, TransportKind::LongPolling);
    let polls: Vec<_> = (0..8)
        .map(|_| {
            let (address, target) = (server.address, client.target.clone());
            thread::spawn(move || {
                let mut records = Vec::new();
                // Another poll has taken over, or the connection is over.
                while let (head, text) = request(address, "GET", &target, "", b"")
                    && head.status == 200
                {
                    records.extend(text.split_terminator('\x1e').map(str::to_owned));
                }
                records
            })
        })
        .collect();
    for id in 0..CALLS {
        client.invoke(id, "Echo", "x");
    }
    client.send(r#"{"type":7}"#);
    let mut answers: Vec<_> = polls.into_iter().flat_map(|poll| poll.join().unwrap()).collect();
    answers.sort_unstable();
    let answer = |id| format!(r#"{{"type":3,"invocationId":"{id}","result":"x"}}"#);
    let mut expected: Vec<_> = (0..CALLS).map(answer).collect();
    expected.sort_unstable();
    answers.retain(|record| !record.starts_with(r#"{"type":7"#));
    assert_eq!(answers, expected);
}

#[test]
fn a_connection_is_ended_from_another_worker() {
    let server = Server::start(Setup { workers: 4, ..Setup::default() });
    for _ in 0..4 {
        let mut client = Client::connect(server.address, TransportKind::LongPolling);
        client.await_without_reading();
        let (head, text) = request(server.address, "DELETE", &client.target, "", b"");
        assert_eq!((head.status, &*text), (202, ""));
        assert_eq!(server.end(), None);
    }
}
