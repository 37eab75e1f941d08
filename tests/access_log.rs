//! What the log of requests tells of requests to hubs.

#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

mod raw_http;

use std::sync::Mutex;

use actix_signalr::{Hub, HubDescriptor, SignalR, access_log};
use actix_web::{App, HttpServer};
use log::{LevelFilter, Log, Metadata, Record};

use crate::raw_http::Server;

struct ChatHub;

impl Hub for ChatHub {
    fn describe(_: &mut HubDescriptor<Self>) {}
}

/// Everything that anybody logs.
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

static LINES: Lines = Lines(Mutex::new(Vec::new()));

#[test]
fn q08_no_token_is_in_the_log_of_requests_at_any_level() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let server = Server::start(|| {
        let signalr = SignalR::builder().hub("/chat", ChatHub).build().unwrap();
        let server = HttpServer::new(move || App::new().wrap(access_log()).configure(signalr.routes()));
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        (server.addrs()[0], server.run())
    });
    let mut client = server.connect();
    for path in [
        "/chat/negotiate?negotiateVersion=1&access_token=topsecret",
        "/chat?id=topsecret&access_token=topsecret",
        "/elsewhere?ACCESS%5FTOKEN=topsecret",
        "/login?ReturnUrl=%2Fchat%3Faccess_token%3Dtopsecret",
    ] {
        let headers = [
            ("Authorization", "Bearer topsecret"),
            ("Cookie", "a=topsecret"),
            ("Referer", "http://here/?access_token=topsecret"),
        ];
        client.ask("POST", path, &headers, "");
    }
    // The log of a request is written when its answer has been sent; the next request has to wait for that.
    let last = client.ask("GET", "/the-last-one", &[], "");
    assert_eq!((last.status, last.body.as_str(), last.all("location").len()), (404, "", 0));

    let lines = LINES.0.lock().unwrap();
    let written: Vec<_> = lines.iter().filter(|line| line.contains("HTTP/1.1")).collect();
    assert!(written.len() >= 4, "{written:?}");
    assert!(written.iter().any(|line| line.contains("POST /chat?id=...&access_token=... HTTP/1.1\" 404")));
    assert!(!lines.iter().any(|line| line.contains("topsecret")), "{lines:?}");
}
