//! A server in a thread of its own, and a client that is one TCP connection and does no more than it is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use actix_web::dev::{Server as HttpServer, ServerHandle};

/// A server, for as long as it is there.
pub(crate) struct Server {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Runs the server that the function makes, on a thread of its own.
    pub(crate) fn start(make: impl FnOnce() -> (SocketAddr, HttpServer) + Send + 'static) -> Self {
        let (started, ready) = mpsc::channel();
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (address, server) = make();
                started.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = ready.recv().unwrap();
        Self { address, handle }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Client(BufReader::new(stream))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// One TCP connection.
pub(crate) struct Client(BufReader<TcpStream>);

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The values of all headers of a name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl Client {
    /// Sends a request without a body, or with a form as one.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n", form.len());
        if !form.is_empty() {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        self.0.get_mut().write_all(format!("{request}\r\n{form}").as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.all("content-length").first().map(|length| length.parse().unwrap());
        answer.body = match length {
            Some(length) => self.read(length),
            None => self.chunks(),
        };
        answer
    }

    fn chunks(&mut self) -> String {
        let mut body = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.push_str(&self.read(length));
            assert_eq!(self.read(2), "\r\n");
            if length == 0 {
                return body;
            }
        }
    }

    fn read(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}
