//! Streams of HTTP/2, spoken as plainly as can be: every header in full, nothing acknowledged, no window moved.

use std::{
    collections::VecDeque,
    io::{BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use actix_signalr::HttpConnectionOptions;

use crate::{
    http::connect,
    server::{Event, Server, Setup},
};

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The setting that says how much may come on a stream that its reader has not said more of.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// So little that one long record fills it, and so much that an answer does not.
const WINDOW: u32 = 2000;

/// A connection.
struct Session {
    socket: BufReader<TcpStream>,
    /// Frames that have come before those that were asked for.
    passed_over: VecDeque<Frame>,
}

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Session {
    fn begin(server: &Server) -> Self {
        let mut session = Self { socket: connect(server.address), passed_over: VecDeque::new() };
        session.socket.get_mut().write_all(PREFACE).unwrap();
        let window = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &WINDOW.to_be_bytes()].concat();
        session.write(SETTINGS, 0, 0, &window);
        session
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.socket.get_mut().write_all(&[&head, payload].concat()).unwrap();
    }

    /// Asks on a stream of its own; each number is used once, odd and upwards.
    fn ask(&mut self, stream: u32, method: &str, path: &str, accept: &str, body: &[u8]) {
        let headers = [
            (":method", method),
            (":scheme", "http"),
            (":authority", "localhost"),
            (":path", path),
            ("accept", accept),
        ];
        let mut block = Vec::new();
        for text in headers.iter().flat_map(|(name, value)| [(true, *name), (false, *value)]) {
            // A header in full, that is not to be remembered: its name, then its value.
            if text.0 {
                block.push(0);
            }
            block.push(u8::try_from(text.1.len()).unwrap());
            block.extend(text.1.as_bytes());
        }
        self.write(HEADERS, END_HEADERS, stream, &block);
        self.write(DATA, END_STREAM, stream, body);
    }

    /// The next frame of a kind on a stream, in whatever order those of others come.
    fn next(&mut self, kind: u8, stream: u32) -> Vec<u8> {
        let is_meant = |frame: &Frame| frame.kind == kind && frame.stream == stream;
        if let Some(at) = self.passed_over.iter().position(is_meant) {
            return self.passed_over.remove(at).unwrap().payload;
        }
        loop {
            let frame = self.read();
            if is_meant(&frame) {
                return frame.payload;
            }
            self.passed_over.push_back(frame);
        }
    }

    fn read(&mut self) -> Frame {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.socket.read_exact(&mut payload).unwrap();
        Frame { kind: head[3], stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload }
    }

    /// Negotiates; the path of the connection.
    fn negotiate(&mut self, stream: u32) -> String {
        self.ask(stream, "POST", "/hub/negotiate?negotiateVersion=1", "*/*", b"");
        let answer: serde_json::Value = serde_json::from_slice(&self.next(DATA, stream)).unwrap();
        format!("/hub?id={}", answer["connectionToken"].as_str().unwrap())
    }
}

#[test]
fn a_stream_that_is_not_read_is_given_up_and_the_others_of_its_connection_go_on() {
    let route = HttpConnectionOptions::default().transport_send_timeout(Duration::from_secs(1));
    let server = Server::start(Setup { route, is_http2: true, ..Setup::default() });
    let mut session = Session::begin(&server);
    let path = session.negotiate(1);
    session.ask(3, "GET", &path, "text/event-stream", b"");
    assert_eq!(session.next(DATA, 3), b":\r\n");
    let records = b"{\"protocol\":\"json\",\"version\":1}\x1e\
                    {\"type\":1,\"target\":\"Large\",\"invocationId\":\"1\",\"arguments\":[100000]}\x1e";
    session.ask(5, "POST", &path, "*/*", records);
    assert_eq!(server.event(), Event::Connected);
    assert_eq!(server.end().as_deref(), Some("the client does not read what it is sent"));
    // The connection of the others is not cut: another stream is answered, and makes a connection that works.
    let path = session.negotiate(7);
    session.ask(9, "GET", &path, "text/event-stream", b"");
    assert_eq!(session.next(DATA, 9), b":\r\n");
    session.ask(11, "POST", &path, "*/*", b"{\"protocol\":\"json\",\"version\":1}\x1e");
    assert_eq!(session.next(DATA, 9), b"data: {}\x1e\r\n\r\n");
    assert_eq!(server.count("signalr.server.slow_clients", ""), 1);
}

#[test]
fn streams_and_polls_that_have_not_shaken_hands_end_with_the_server() {
    let server = Server::start(Setup { is_http2: true, ..Setup::default() });
    let mut session = Session::begin(&server);
    let events = session.negotiate(1);
    session.ask(3, "GET", &events, "text/event-stream", b"");
    assert_eq!(session.next(DATA, 3), b":\r\n");
    let polled = session.negotiate(5);
    session.ask(7, "GET", &polled, "*/*", b"");
    session.next(HEADERS, 7);
    session.ask(9, "GET", &polled, "*/*", b"");
    actix_web::rt::System::new().block_on(server.signalr.shut_down());
    assert_eq!(session.next(DATA, 3), b"", "the end of the stream");
    // 204, of a table of well-known headers.
    assert_eq!(session.next(HEADERS, 9)[0], 0x89);
    // A connection of HTTP/2 on which nothing is asked any more is closed by its client.
    drop(session);
    server.stop();
}
