//! A Redis of a test's own, on a free port of loopback and in a folder of its own.

use std::{
    env, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A `redis-server` that ends with its test. `REDIS_SERVER` names another program, such as `valkey-server`.
pub(crate) struct RedisServer {
    port: u16,
    folder: PathBuf,
    /// What it is started with beside its port.
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one, and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(free_port(), &["--save", "", "--appendonly", "no"])
    }

    /// Starts one with other options, and waits until it answers.
    pub(crate) fn start_with(port: u16, options: &[&str]) -> Self {
        let folder = env::temp_dir().join(format!("redis-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { port, folder, options, process: None };
        server.restart();
        server
    }

    /// Starts a Sentinel that alone decides about a master, by a name, and soon.
    #[allow(dead_code, reason = "not all tests that have a server ask for it")]
    pub(crate) fn sentinel(name: &str, master: &Self) -> Self {
        let port = free_port();
        let folder = env::temp_dir().join(format!("redis-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let settings = format!(
            "sentinel monitor {name} 127.0.0.1 {} 1\nsentinel down-after-milliseconds {name} 300\n\
             sentinel failover-timeout {name} 3000\n",
            master.port
        );
        fs::write(folder.join("sentinel.conf"), settings).expect("a file can be written");
        let mut server = Self { port, folder, options: vec!["--sentinel".to_owned()], process: None };
        server.restart();
        server
    }

    pub(crate) fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// The URL by which it is reached through another port.
    pub(crate) fn url_by(&self, port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    #[allow(dead_code, reason = "not all tests that have a server ask for it")]
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Kills it, as a machine that loses its power does.
    #[allow(dead_code, reason = "not all tests that have a server ask for it")]
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a process of ours can be killed");
            process.wait().expect("a killed process ends");
        }
    }

    /// Starts it, at the port it has; returns when it answers.
    pub(crate) fn restart(&mut self) {
        let program = env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let settings = self.folder.join("sentinel.conf");
        let process = Command::new(&program)
            .args(settings.exists().then_some(&settings))
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(&self.options)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|err| panic!("{program} cannot be started, is it installed? {err}"));
        self.process = Some(process);
        let began = Instant::now();
        while self.try_command(&["PING"]).is_none() {
            assert!(began.elapsed() < START, "{program} does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it answers to a command, as it is on the wire.
    #[allow(dead_code, reason = "not all tests that have a server ask for it")]
    pub(crate) fn command(&self, words: &[&str]) -> String {
        // A Sentinel cuts all connections of a replica that it makes the master.
        self.try_command(words).or_else(|| self.try_command(words)).expect("Redis answers")
    }

    fn try_command(&self, words: &[&str]) -> Option<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        socket.set_read_timeout(Some(START)).ok()?;
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        socket.write_all(command.as_bytes()).ok()?;
        let mut answer = vec![0; 4096];
        let length = socket.read(&mut answer).ok().filter(|length| *length > 0)?;
        answer.truncate(length);
        String::from_utf8(answer).ok()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port nobody listens at.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Ample: a machine may be busy with other tests.
const START: Duration = Duration::from_secs(20);
