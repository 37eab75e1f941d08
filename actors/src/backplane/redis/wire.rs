//! The way to one Redis server: a plain socket of ours where that will do, else a connection of the crate `redis`.

use std::time::Duration;

use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, PushInfo, RedisConnectionInfo,
    RedisError, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::time::timeout;

use crate::backplane::redis::{
    node::Ear,
    options::RedisOptions,
    socket::{Listener, Socket},
};

/// The way to one server.
pub(super) enum Wire {
    /// To a server without TLS, which is not one of several; and how long it may take to answer.
    Plain(Socket<Ear>, Duration),
    Any(MultiplexedConnection),
}

impl Wire {
    /// Connects to a server, and says who we are. What it says by itself, `ear` hears.
    pub(super) async fn connect(
        options: &RedisOptions,
        server: ConnectionInfo,
        ear: Ear,
    ) -> RedisResult<Self> {
        let limit = options.response_timeout;
        match server.addr() {
            ConnectionAddr::Tcp(host, port) if !options.topology.is_sharded() => {
                let connecting = async {
                    let mut socket = Socket::connect(host, *port, ear).await?;
                    greet(&mut socket, server.redis_settings()).await?;
                    Ok(Self::Plain(socket, limit))
                };
                timeout(limit, connecting).await.unwrap_or_else(|_| Err(too_late()))
            }
            _ => {
                let config = options.connection().set_push_sender(move |push: PushInfo| {
                    ear.hear(&push);
                    Ok::<(), RedisError>(())
                });
                let client = Client::open(server)?;
                client.get_multiplexed_async_connection_with_config(&config).await.map(Self::Any)
            }
        }
    }

    /// Sends commands at once, each of several parts, and waits for the answers.
    pub(super) async fn ask<'a, P: AsRef<[&'a [u8]]>>(
        &mut self,
        commands: impl ExactSizeIterator<Item = P>,
    ) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        match self {
            Self::Plain(socket, limit) => {
                commands.for_each(|parts| socket.command(parts.as_ref()));
                timeout(*limit, socket.ask(count)).await.unwrap_or_else(|_| Err(too_late()))
            }
            Self::Any(connection) => {
                let mut pipeline = Pipeline::with_capacity(count);
                for parts in commands {
                    let mut command = Cmd::new();
                    for part in parts.as_ref() {
                        command.arg(*part);
                    }
                    pipeline.add_command(command);
                }
                connection.req_packed_commands(&pipeline, 0, count).await
            }
        }
    }

    /// Waits until the connection is over; what comes meanwhile is heard. May be dropped at any time. A connection of the crate
    /// is read by a task of its own, and says in another way that it is over.
    pub(super) async fn listen(&mut self) -> RedisError {
        match self {
            Self::Plain(socket, _) => socket.listen().await,
            Self::Any(_) => futures::future::pending().await,
        }
    }
}

/// Asks for RESP3, and says who we are.
async fn greet<L: Listener>(socket: &mut Socket<L>, settings: &RedisConnectionInfo) -> RedisResult<()> {
    let mut greeting: Vec<&[u8]> = vec![b"HELLO", b"3"];
    if let Some(password) = settings.password() {
        greeting.extend([b"AUTH", settings.username().unwrap_or("default").as_bytes(), password.as_bytes()]);
    }
    socket.command(&greeting);
    let answers = socket.ask(1).await?;
    let refused = answers.into_iter().find_map(|answer| answer.extract_error().err());
    match refused {
        None => Ok(()),
        // An old server repeats a command that it does not know, and this one may hold a password.
        Some(err) if err.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {
            Err((ErrorKind::RESP3NotSupported, "the server does not take HELLO").into())
        }
        Some(err) => Err(err),
    }
}

fn too_late() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use redis::IntoConnectionInfo;

    use super::*;

    struct Nobody;

    impl Listener for Nobody {
        fn message(&self, _: &[u8], _: &[u8]) {}

        fn pushed(&self, push: Value) -> Option<Value> {
            Some(push)
        }
    }

    #[actix::test]
    async fn a_server_that_repeats_what_it_does_not_know_tells_no_password() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut greeting = [0; 1024];
            let length = socket.read(&mut greeting).unwrap();
            let refusal =
                b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `ann`, `hushed`\r\n";
            socket.write_all(refusal).unwrap();
            String::from_utf8(greeting[..length].to_vec()).unwrap()
        });
        let mut socket = Socket::connect("127.0.0.1", port, Nobody).await.unwrap();
        let info = format!("redis://ann:hushed@127.0.0.1:{port}").into_connection_info().unwrap();
        let refused = greet(&mut socket, info.redis_settings()).await.unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(shown.contains("HELLO") && !shown.contains("hushed"), "{shown}");
        let greeting = "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$6\r\nhushed\r\n";
        assert_eq!(server.join().unwrap(), greeting);
    }
}
