//! A server that does one thing wrong is found out, with exit status 1 and without a hang; one that does things in
//! unusual but allowed ways is not minded.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

mod faulty_server;
mod support;

use std::net::TcpListener;

use self::{
    faulty_server::{Way, serve},
    support::{Run, load},
};

/// Long enough to come to the fault, which ends the run. Commands whose fault shows at the end only are shorter.
const ALWAYS: [&str; 3] = ["--warmup=0.05", "--duration=5", "--drain=1"];

fn run(way: Way, command: &str) -> Run {
    let (command, options) = command.split_once(' ').unwrap();
    load(command, &serve(way), ALWAYS.into_iter().chain(options.split(' ')))
}

#[track_caller]
fn fine(way: Way, command: &str) -> serde_json::Value {
    let run = run(way, &format!("{command} --duration=0.3"));
    assert_eq!(run.status, 0, "{way:?}, {command}: {}", run.stderr);
    run.json
}

#[track_caller]
fn wrong(way: Way, command: &str, error: &str) -> serde_json::Value {
    let run = run(way, command);
    assert_eq!((run.status, &run.json["ok"]), (1, &false.into()), "{way:?}, {command}: {}", run.stderr);
    assert!(run.errors().contains(error), "{way:?}, {command}: {}", run.errors());
    run.json
}

const ONE: &str = "invoke --connections=2";
const MANY: &str = "invoke --connections=2 --in-flight=16";
const RATE: &str = "invoke --connections=2 --rate=1000";

#[test]
fn a_server_that_does_all_right_is_not_blamed() {
    fine(Way::Right, ONE);
    fine(Way::Right, MANY);
    fine(Way::Right, RATE);
    fine(Way::Right, "broadcast --connections=3 --payload=40");
    fine(Way::Right, "streams --connections=2 --items=10");
    fine(Way::Right, "connect --connections=10 --negotiate");
}

#[test]
fn unusual_ways_are_allowed() {
    fine(Way::Pieces, ONE);
    fine(Way::Fragments, MANY);
    let report = fine(Way::OtherOrder, ONE);
    assert!(report["checks"]["read_in_full"].as_u64().unwrap() > 2);
    fine(Way::Escaped, ONE);
    let report = fine(Way::Pings, ONE);
    assert!(report["checks"]["pings_received"].as_u64().unwrap() > 2);
    // It answers four at a time, so that they have to come in fours.
    let report = fine(Way::Backwards, "invoke --connections=2 --in-flight=8 --batch=8");
    assert!(report["checks"]["overtaken"].as_u64().unwrap() > 0);
}

#[test]
fn wrong_answers_are_found() {
    for command in [ONE, MANY, RATE] {
        wrong(Way::WrongText, command, "a wrong answer to the call 10000");
        wrong(Way::WrongId, command, "an answer to the call 1234567, which waits for none");
        wrong(Way::Twice, command, "which waits for none");
        wrong(Way::HubError, command, "a call has failed: it broke");
        wrong(Way::HubClose, command, "a close message of the server: enough of you");
        wrong(Way::SocketClose, command, "the server has closed it: code 1011 going down");
        wrong(Way::End, command, "ended it without a close frame");
        wrong(Way::Garbage, command, "a record cannot be read");
    }
}

#[test]
fn answers_that_do_not_come_are_missed() {
    let report = wrong(Way::Skip, &format!("{ONE} --duration=0.5"), "2 answers or deliveries did not come");
    assert_eq!(report["checks"]["unanswered"], 2);
    wrong(Way::Skip, &format!("{RATE} --duration=0.5"), "2 calls were not answered");
    wrong(Way::Mute, "invoke --connections=2 --duration=30 --stall=0.3", "no progress for 0.3 s");
    wrong(Way::Mute, "invoke --connections=2 --rate=1000 --most-missing=50", "overload");
}

#[test]
fn refused_connections_say_why() {
    wrong(Way::Status401, ONE, "while upgrading: HTTP status 401: go away");
    wrong(Way::Status401, "connect --connections=3 --negotiate", "while negotiating: HTTP status 401");
    wrong(Way::WrongAccept, ONE, "a wrong Sec-WebSocket-Accept");
    wrong(Way::HandshakeError, ONE, "handshake refused");
    wrong(Way::NegotiationError, "connect --connections=3 --negotiate", "not today");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = load("connect", &format!("http://{free}/hub"), ["--connections=2"]);
    assert_eq!(run.status, 1);
    assert!(run.errors().contains("while connecting"), "{}", run.errors());
}

#[test]
fn streams_of_another_length_are_found() {
    wrong(Way::ItemTooFew, "streams --connections=2 --items=10", "ended after 9 of 10 items");
    wrong(Way::ItemTooMany, "streams --connections=2 --items=10", "more than 10 items");
}

#[test]
fn deliveries_that_are_lost_late_or_doubled_are_found() {
    let command = "broadcast --connections=3 --rate=200 --duration=0.5";
    let counts = |report: serde_json::Value| {
        ["lost", "duplicated", "out_of_order"].map(|name| report["checks"][name].as_u64().unwrap())
    };
    assert_eq!(counts(wrong(Way::LoseOne, command, "1 deliveries did not come")), [1, 0, 0]);
    assert_eq!(counts(wrong(Way::DoubleOne, command, "1 deliveries came twice")), [0, 1, 0]);
    assert_eq!(counts(wrong(Way::SwapTwo, command, "1 deliveries were out of order")), [0, 0, 1]);
    wrong(Way::WrongTarget, command, "a message for target 7");
    wrong(Way::NeverSent, command, "the number 65535, which was never sent");
    let closed = "broadcast --connections=3 --duration=30 --stall=0.3";
    assert_eq!(counts(wrong(Way::LoseOne, closed, "no progress for 0.3 s")), [1, 0, 0]);
}

#[test]
fn commands_that_make_no_sense_are_refused() {
    for command in [
        "invoke --connections=0",
        "invoke --in-flight=0",
        "invoke --in-flight=4 --batch=5",
        "invoke --rate=0",
        "invoke --threads=2 --connections=1",
        "invoke --server-pid=4294967295",
        "invoke --jwt-secret=s --claim=nothing",
        "invoke --method=a\"b",
        "broadcast --payload=31",
        "broadcast --publishers=101",
        "groups --groups=101",
        "users --connections=2",
    ] {
        let (command, options) = command.split_once(' ').unwrap();
        let run = load(command, "http://127.0.0.1:9/hub", options.split(' '));
        assert_eq!(run.status, 2, "{command} {options}");
    }
    let run = load("invoke", "http://192.0.2.1/hub", []);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--allow-remote"), "{}", run.stderr);
    let run = load("invoke", "http://192.0.2.1/hub", ["--allow-remote", "--connections=1001"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("--allow-remote=unlimited"), "{}", run.stderr);
}
