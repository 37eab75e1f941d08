//! Every kind of load once, for a moment, against the hub that the example `contract` serves. What is asserted is that
//! everything was answered and delivered, never how fast.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests may fail loudly, and so may what they are made of"
)]

#[path = "../../../examples/contract/bench_hub.rs"]
mod bench_hub;
mod support;

use std::{
    net::{TcpListener, TcpStream},
    process::Command,
    sync::mpsc,
    thread,
};

use actix_signalr::{HttpServerExt, JwtBearer, Policy, SignalR};
use actix_web::{App, HttpServer, rt::System};

use self::{bench_hub::BenchHub, support::load};

const SECRET: &str = "a secret that is long enough for HS256";
const TOKEN: &str = "--jwt-secret=a secret that is long enough for HS256|--claim=bench=yes";

/// The address of a hub that two workers serve until the tests are over. Each test has one, as messages to all would
/// reach the others.
fn hub() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (started, starts) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let policy = Policy::new().require_authenticated_user().require_claim("bench");
            let bearer = JwtBearer::hs256(SECRET.as_bytes()).without_issuer_check().without_audience_check();
            let signalr = SignalR::builder()
                .authentication(bearer)
                .policy("Bench", policy)
                .hub("/bench", BenchHub)
                .build()
                .unwrap();
            let server = HttpServer::new(move || App::new().configure(signalr.routes()))
                .workers(2)
                .for_hubs()
                .listen(listener)
                .unwrap()
                .run();
            started.send(()).unwrap();
            server.await.unwrap();
        });
    });
    starts.recv().unwrap();
    format!("http://{address}/bench")
}

/// Loads the hub with both protocols; options are separated by bars.
#[track_caller]
fn all_is_well(hub: &str, command: &str, options: &str) -> serde_json::Value {
    let run = |protocol: &str| {
        let always = "--connections=6|--duration=0.1|--warmup=0.02|--protocol";
        let options = format!("{always}={protocol}|{options}");
        let report = load(command, hub, options.split('|').filter(|option| !option.is_empty()));
        assert_eq!(report.status, 0, "{command} {options}: {}", report.stderr);
        assert_eq!(report.json["ok"], true);
        assert_eq!(report.json["connect"]["latency_us"]["count"], 6);
        report.json
    };
    run("json");
    run("messagepack")
}

#[test]
fn connections_are_opened_and_closed() {
    let hub = hub();
    let report = all_is_well(&hub, "connect", "--negotiate|--threads=2");
    assert_eq!(report["connect"]["negotiation_us"]["count"], 6);
    assert_eq!(report["close"]["cut"], 0);
    all_is_well(&hub, "idle", "--settle=0.01");
    all_is_well(&hub, "connect", "--connect-rate=500|--connecting=2");
}

#[test]
fn calls_are_answered() {
    let hub = hub();
    let report = all_is_well(&hub, "invoke", "--duration=0.5");
    assert!(report["load"]["count"].as_u64().unwrap() > 0);
    assert_eq!(report["checks"]["read_in_full"], 1, "the others are compared with the first");
    all_is_well(&hub, "invoke", "--in-flight=16|--payload=300|--threads=2");
    all_is_well(&hub, "invoke", "--in-flight=3|--batch=1|--payload=0");
    let report = all_is_well(&hub, "invoke", "--rate=500|--threads=2|--duration=0.5");
    assert!(report["load"]["own_lateness_us"]["count"].as_u64().unwrap() > 0);
}

#[test]
fn guarded_calls_are_answered_to_those_who_may_make_them() {
    let hub = hub();
    all_is_well(&hub, "invoke", &format!("--method=Guarded|--negotiate|{TOKEN}"));
    all_is_well(&hub, "invoke", &format!("--method=Guarded|--token-in=header|{TOKEN}"));
    let refused = load("invoke", &hub, ["--method=Guarded", "--connections=2"]);
    assert_eq!(refused.status, 1);
    assert!(refused.errors().contains("a call has failed"), "{}", refused.errors());
}

#[test]
fn messages_reach_everybody_they_are_for() {
    let hub = hub();
    let report = all_is_well(&hub, "broadcast", "--threads=2|--duration=0.5");
    let load = &report["load"];
    assert!(load["count"].as_u64().unwrap() > 0 && load["latency_us"]["count"].as_u64().unwrap() > 0);
    all_is_well(&hub, "broadcast", "--publishers=3|--in-flight=4|--payload=2000");
    all_is_well(&hub, "broadcast", "--rate=300|--publishers=2|--no-answer|--threads=3");
    all_is_well(&hub, "groups", "--groups=4|--publishers=2|--in-flight=2|--threads=2");
    all_is_well(&hub, "users", &format!("--per-user=2|--in-flight=4|--threads=2|{TOKEN}"));
}

#[test]
fn the_bare_server_is_loaded_like_any_other() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut bare =
        Command::new(env!("CARGO_BIN_EXE_actix-signalr-bare")).arg(port.to_string()).spawn().unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(bare.try_wait().unwrap().is_none(), "it has ended");
        thread::yield_now();
    }
    let hub = format!("http://127.0.0.1:{port}/bench");
    let reports = [("groups", "--groups=6"), ("broadcast", "--publishers=2")].map(|(command, option)| {
        load(command, &hub, ["--connections=6", "--duration=0.1", "--warmup=0.02", option])
    });
    bare.kill().unwrap();
    bare.wait().unwrap();
    for report in reports {
        assert_eq!(report.status, 0, "{}", report.stderr);
        assert!(report.json["load"]["count"].as_u64().unwrap() > 0);
    }
}

#[test]
fn streams_have_all_their_items() {
    let hub = hub();
    let report = all_is_well(&hub, "streams", "--items=50|--in-flight=2|--threads=2|--duration=0.5");
    assert!(report["load"]["first_item_us"]["count"].as_u64().unwrap() > 0);
    all_is_well(&hub, "streams", "--items=0");
}

#[test]
fn a_picture_shows_rate_and_latency() {
    let hub = hub();
    let file = std::env::temp_dir().join(format!("load-{}.svg", std::process::id()));
    let plot = format!("--plot={}", file.display());
    let report = load("invoke", &hub, ["--duration=0.2", "--warmup=0", "--connections=2", &plot]);
    assert_eq!(report.status, 0, "{}", report.stderr);
    let picture = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    assert_eq!(picture.matches("<polyline").count(), 5, "rate, three of latency, distribution");
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
}

#[test]
fn the_server_s_process_is_looked_at_where_it_is_named() {
    let hub = hub();
    let own = std::process::id();
    let server = format!("--server-pid={own}");
    let report = load("idle", &hub, ["--connections=2", "--duration=0.1", "--settle=0.01", &server]);
    if cfg!(target_os = "linux") {
        assert_eq!(report.status, 0, "{}", report.stderr);
        assert!(report.json["server_memory"]["held"].as_u64().unwrap() > 0);
    } else {
        assert_eq!(report.status, 2);
    }
}
