//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::hub::HubProtocol;

/// Load for servers that speak ASP.NET Core SignalR's protocol over WebSockets.
///
/// Every answer and every delivery is checked. Exit status: 0 all well, 1 something was wrong, 2 the command was.
///
/// Load goes to this machine only, unless --allow-remote is given. Load what is yours: to a server of others it is an
/// attack. A remote server gets polite limits: 1000 connections, 100 new ones a second, 16 calls in flight on each, 5000
/// calls or messages a second at a fixed rate; --allow-remote=unlimited lifts them.
///
/// What the hub has to offer is in benches/load/README.md; the example `contract` serves such a hub at /bench:
/// `cargo run --release --example contract -- --urls http://127.0.0.1:5000`.
#[derive(Parser)]
#[command(name = "actix-signalr-load", version, verbatim_doc_comment, args_override_self = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Connections: opened as fast as they may be, then closed
    Connect(Connect),
    /// Connections that are held; with --server-pid, what one costs
    Idle(Idle),
    /// Calls with an answer: some in flight on every connection, or at a fixed rate
    Invoke(Invoke),
    /// Messages to all connections
    Broadcast(Broadcast),
    /// Messages to groups
    Groups(Groups),
    /// Messages to users
    Users(Users),
    /// Streams to the client
    Streams(Streams),
}

/// How far load may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Remote {
    Polite,
    Unlimited,
}

/// Where a token goes on the request for the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenPlace {
    Query,
    Header,
}

#[derive(Args, Clone)]
pub(crate) struct Shared {
    /// The hub, e.g. http://127.0.0.1:5000/bench
    pub(crate) url: String,
    /// Allow servers that are not this machine, within polite limits or without
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "polite")]
    pub(crate) allow_remote: Option<Remote>,
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) protocol: HubProtocol,
    /// Number of connections
    #[arg(long, short, default_value_t = 100)]
    pub(crate) connections: usize,
    /// Bytes of the text that is sent
    #[arg(long, default_value_t = 32)]
    pub(crate) payload: usize,
    /// Seconds measured
    #[arg(long, default_value_t = 5.0)]
    pub(crate) duration: f64,
    /// Seconds of load before them
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warmup: f64,
    /// Threads that make the load
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Negotiate first, on a connection of its own, as clients do
    #[arg(long)]
    pub(crate) negotiate: bool,
    /// One bearer token for all connections
    #[arg(long, env = "LOAD_TOKEN", hide_env_values = true, conflicts_with = "jwt_secret")]
    pub(crate) token: Option<String>,
    /// Makes a token for each connection, signed with HS256; the users are user-0, user-1, ...
    #[arg(long, env = "LOAD_JWT_SECRET", hide_env_values = true)]
    pub(crate) jwt_secret: Option<String>,
    /// A claim of these tokens: name=text or name:=json (repeatable)
    #[arg(long = "claim", value_name = "NAME=TEXT", requires = "jwt_secret")]
    pub(crate) claims: Vec<String>,
    /// Where the token goes on the request for the WebSocket
    #[arg(long, value_enum, default_value = "query")]
    pub(crate) token_in: TokenPlace,
    /// Further query; {user} is the user's number, {connection} the connection's (repeatable)
    #[arg(long = "query", value_name = "NAME=VALUE")]
    pub(crate) query: Vec<String>,
    /// At most so many new connections a second (0: as fast as it goes)
    #[arg(long, default_value_t = 0.0)]
    pub(crate) connect_rate: f64,
    /// At most so many connections on their way at a time
    #[arg(long, default_value_t = 64)]
    pub(crate) connecting: usize,
    /// Local addresses that connections take turns with, as one has some 28,000 ports (repeatable). To 127.0.0.1, on
    /// Linux, with more than 8000 connections: 127.0.0.2 and the following, one for 4000 connections
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source: Vec<IpAddr>,
    /// Seconds between two pings of a connection (0: never)
    #[arg(long, default_value_t = 10.0)]
    pub(crate) ping_interval: f64,
    /// Seconds without any progress until the run is given up
    #[arg(long, default_value_t = 10.0)]
    pub(crate) stall: f64,
    /// Seconds to wait for what is still to come at the end
    #[arg(long, default_value_t = 5.0)]
    pub(crate) drain: f64,
    /// A process of the server, for its CPU time and memory; Linux only (repeatable)
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Vec<u32>,
    /// Write JSON to standard output, and the text to standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a picture of rate and latency, an SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Args)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Seconds to let the server settle before its memory is read
    #[arg(long, default_value_t = 2.0)]
    pub(crate) settle: f64,
}

#[derive(Args)]
pub(crate) struct Invoke {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Calls in flight on every connection
    #[arg(long, default_value_t = 1, conflicts_with = "rate")]
    pub(crate) in_flight: usize,
    /// The next ones are sent, in one write, when so many answers have come (0: half of --in-flight)
    #[arg(long, default_value_t = 0)]
    pub(crate) batch: usize,
    /// Calls a second of all connections together, whether or not answers come; latency counts from when a call was
    /// due. The last millisecond before that is spent polling: give this program a core of its own
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Give up when so many answers are missing (with --rate)
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) most_missing: u64,
    /// Hub method that takes a text and gives it back
    #[arg(long, default_value = "Echo")]
    pub(crate) method: String,
}

#[derive(Args)]
pub(crate) struct Publishing {
    /// How many of the connections send
    #[arg(long, default_value_t = 1)]
    pub(crate) publishers: usize,
    /// Messages of a publisher that are not yet delivered to everybody
    #[arg(long, default_value_t = 1, conflicts_with = "rate")]
    pub(crate) in_flight: u32,
    /// Messages a second of all publishers together; latency counts from when a message was due
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Send without an invocation id, so that the call is not answered
    #[arg(long)]
    pub(crate) no_answer: bool,
    /// Client method that is called, with the text
    #[arg(long, default_value = "Receive")]
    pub(crate) receive: String,
}

#[derive(Args)]
pub(crate) struct Broadcast {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    pub(crate) publishing: Publishing,
    /// Hub method that sends a text to all
    #[arg(long, default_value = "Broadcast")]
    pub(crate) method: String,
}

#[derive(Args)]
pub(crate) struct Groups {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    pub(crate) publishing: Publishing,
    /// Number of groups; connections take turns in joining them
    #[arg(long, default_value_t = 10)]
    pub(crate) groups: usize,
    /// Hub method that takes a group and sends a text to it
    #[arg(long, default_value = "SendToGroup")]
    pub(crate) method: String,
    /// Hub method that takes a group and adds its caller
    #[arg(long, default_value = "JoinGroup")]
    pub(crate) join: String,
}

#[derive(Args)]
pub(crate) struct Users {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(flatten)]
    pub(crate) publishing: Publishing,
    /// Connections of each user
    #[arg(long, default_value_t = 2)]
    pub(crate) per_user: usize,
    /// Hub method that takes a user id and sends a text to the user
    #[arg(long, default_value = "SendToUser")]
    pub(crate) method: String,
}

#[derive(Args)]
pub(crate) struct Streams {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Streams in flight on every connection
    #[arg(long, default_value_t = 1)]
    pub(crate) in_flight: usize,
    /// Items of a stream
    #[arg(long, default_value_t = 100)]
    pub(crate) items: u32,
    /// Hub method that takes a number and a text, and gives a stream that has the text so many times
    #[arg(long, default_value = "Stream")]
    pub(crate) method: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn remote_servers_are_allowed_politely_unless_said_otherwise() {
        for (given, wanted) in [
            (&[][..], None),
            (&["--allow-remote"], Some(Remote::Polite)),
            (&["--allow-remote=unlimited"], Some(Remote::Unlimited)),
        ] {
            let words = ["load", "connect", "http://127.0.0.1/"].iter().chain(given);
            let Command::Connect(connect) = CommandLine::parse_from(words).command else { panic!() };
            assert_eq!(connect.shared.allow_remote, wanted);
        }
    }
}
