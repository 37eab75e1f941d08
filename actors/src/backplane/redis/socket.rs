//! A plain socket to Redis, read and written by the task of the link itself.
//!
//! The connection of the crate `redis` is a task of its own, reached by a queue, and builds a tree of values of all that comes.
//! Here a round is one write and one read, and a message is handed on as it lies in the bytes that were read.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::future::{poll_fn, select_ok};
use redis::{RedisError, RedisResult, Value, parse_redis_value};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    task::yield_now,
};

use crate::backplane::redis::frames::{Frame, Progress, first};

/// Takes what Redis says by itself: a message, or something else.
pub(super) trait Listener {
    /// A message has come on a channel.
    fn message(&self, channel: &[u8], payload: &[u8]);

    /// Something else has been said; gives it back where it is the answer to a command as well.
    fn pushed(&self, push: Value) -> Option<Value>;
}

/// A connection over plain TCP.
pub(super) struct Socket<L> {
    stream: TcpStream,
    listener: L,
    /// What has been read and not been worked off.
    read: Vec<u8>,
    filled: usize,
    progress: Progress,
    /// What is to be written.
    unwritten: Vec<u8>,
    written: usize,
}

impl<L: Listener> Socket<L> {
    /// Connects to a server; of its addresses the first that answers will do.
    pub(super) async fn connect(host: &str, port: u16, listener: L) -> io::Result<Self> {
        let connecting =
            lookup_host((host, port)).await?.map(|address| Box::pin(TcpStream::connect(address)));
        let connecting: Vec<_> = connecting.collect();
        if connecting.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        let (stream, _) = select_ok(connecting).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            listener,
            read: vec![0; READ_AT_ONCE],
            filled: 0,
            progress: Progress::default(),
            unwritten: Vec::new(),
            written: 0,
        })
    }

    /// Adds a command to what the next [`ask`](Self::ask) sends.
    pub(super) fn command(&mut self, parts: &[&[u8]]) {
        self.begin(b'*', parts.len());
        for part in parts {
            self.begin(b'$', part.len());
            self.unwritten.extend_from_slice(part);
            self.unwritten.extend_from_slice(b"\r\n");
        }
    }

    fn begin(&mut self, kind: u8, number: usize) {
        self.unwritten.push(kind);
        self.unwritten.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.unwritten.extend_from_slice(b"\r\n");
    }

    /// Sends the commands and waits for as many answers. What Redis says meanwhile by itself is handed on.
    pub(super) async fn ask(&mut self, answers: usize) -> RedisResult<Vec<Value>> {
        let mut said = Vec::with_capacity(answers);
        loop {
            // Reads on while nothing can be written: Redis may be waiting for that.
            let turn = poll_fn(|cx| match self.poll_write(cx) {
                Poll::Ready(Err(err)) => Poll::Ready(Err(err.into())),
                _ => self.poll_turn(cx, &mut said, answers),
            });
            turn.await?;
            match said.len() {
                enough if enough > answers => return Err(unexpected("an answer to nothing")),
                enough if enough == answers => return Ok(said),
                _ => yield_now().await,
            }
        }
    }

    /// Hands on what Redis says by itself, until the connection is over. May be dropped at any time.
    pub(super) async fn listen(&mut self) -> RedisError {
        let mut said = Vec::new();
        loop {
            match poll_fn(|cx| self.poll_turn(cx, &mut said, 1)).await {
                Ok(()) if said.is_empty() => yield_now().await,
                Ok(()) => return unexpected("an answer to nothing"),
                Err(err) => return err,
            }
        }
    }

    /// Reads until there are as many answers, or as much has been read as is good for one turn: whoever is on the same thread
    /// is to have his.
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        said: &mut Vec<Value>,
        answers: usize,
    ) -> Poll<RedisResult<()>> {
        let mut read = 0;
        loop {
            self.work_off(said)?;
            if said.len() >= answers || read >= READ_AT_ONCE {
                return Poll::Ready(Ok(()));
            }
            read += ready!(self.poll_read(cx))?;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.unwritten.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unwritten[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.unwritten.clear();
        self.unwritten.shrink_to(READ_AT_ONCE);
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.filled == self.read.len() {
            self.read.resize(self.read.len() * 2, 0);
        }
        let mut room = ReadBuf::new(&mut self.read[self.filled..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        match room.filled().len() {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            read => {
                self.filled += read;
                Poll::Ready(Ok(read))
            }
        }
    }

    /// Takes apart what has been read: what Redis says by itself is handed on, what it answers kept.
    fn work_off(&mut self, said: &mut Vec<Value>) -> RedisResult<()> {
        let mut begin = 0;
        loop {
            let bytes = &self.read[begin..self.filled];
            let cut =
                first(bytes, &mut self.progress).map_err(|_| unexpected("something that is not RESP3"))?;
            let Some((frame, length)) = cut else { break };
            match frame {
                Frame::Message { channel, payload } => self.listener.message(channel, payload),
                Frame::Number(number) => said.push(Value::Int(number)),
                Frame::Answer(answer) => said.push(parse_redis_value(answer)?),
                Frame::Push(push) => said.extend(self.listener.pushed(parse_redis_value(push)?)),
            }
            begin += length;
        }
        self.read.copy_within(begin..self.filled, 0);
        self.filled -= begin;
        if self.filled < READ_AT_ONCE && self.read.len() > READ_AT_ONCE {
            self.read.truncate(READ_AT_ONCE);
            self.read.shrink_to_fit();
        }
        Ok(())
    }
}

impl<L> fmt::Debug for Socket<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("stream", &self.stream).finish_non_exhaustive()
    }
}

fn unexpected(what: &str) -> RedisError {
    io::Error::new(io::ErrorKind::InvalidData, format!("Redis has sent {what}")).into()
}

/// What is kept to read into, and of what was written; and how much is read in one turn.
const READ_AT_ONCE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io::Write, net::TcpListener, rc::Rc};

    use futures::{pin_mut, poll};

    use super::*;

    /// Keeps what it is told.
    #[derive(Default)]
    struct Heard(Rc<RefCell<Vec<String>>>);

    impl Listener for Heard {
        fn message(&self, channel: &[u8], payload: &[u8]) {
            self.0.borrow_mut().push(format!("{}: {}", channel.escape_ascii(), payload.len()));
        }

        fn pushed(&self, push: Value) -> Option<Value> {
            self.0.borrow_mut().push("pushed".to_owned());
            Some(push)
        }
    }

    /// A connection to somebody who says this, and goes.
    async fn connected(says: Vec<u8>) -> Socket<Heard> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(&says).unwrap());
        Socket::connect("127.0.0.1", port, Heard::default()).await.unwrap()
    }

    fn message(length: usize) -> Vec<u8> {
        let head = format!(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${length}\r\n");
        [head.as_bytes(), &vec![b':'; length], b"\r\n"].concat()
    }

    #[actix::test]
    async fn what_comes_between_answers_is_handed_on_whatever_its_length() {
        let long = READ_AT_ONCE * 3;
        let subscribed = b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
        let says = [b":1\r\n", &message(2)[..], &message(long), subscribed, b"-ERR no\r\n", &message(0)];
        let mut socket = connected(says.concat()).await;
        let answers = socket.ask(3).await.unwrap();
        assert_eq!(answers[0], Value::Int(1));
        assert!(matches!(answers[1], Value::Push { .. }) && matches!(answers[2], Value::ServerError(_)));
        let ended = socket.listen().await;
        assert!(ended.is_connection_dropped(), "{ended}");
        assert_eq!(*socket.listener.0.borrow(), ["c: 2", &format!("c: {long}"), "pushed", "c: 0"]);
        assert_eq!(socket.read.len(), READ_AT_ONCE, "room that was made for one is given back");
    }

    #[actix::test]
    async fn a_flood_leaves_others_on_its_thread_their_turns() {
        let (length, count) = (1000, 1000);
        let mut socket = connected(message(length).repeat(count)).await;
        let heard = socket.listener.0.clone();
        let listening = socket.listen();
        pin_mut!(listening);
        loop {
            let before = heard.borrow().len();
            let over = poll!(&mut listening);
            assert!(heard.borrow().len() - before <= 2 * READ_AT_ONCE / length);
            match over {
                Poll::Ready(ended) => break assert!(ended.is_connection_dropped(), "{ended}"),
                Poll::Pending => yield_now().await,
            }
        }
        assert_eq!(heard.borrow().len(), count);
    }

    #[actix::test]
    async fn who_answers_what_nobody_has_asked_is_no_redis() {
        let mut socket = connected(b":1\r\n:2\r\n".to_vec()).await;
        assert!(socket.listen().await.to_string().contains("an answer to nothing"));
        let mut socket = connected(b"HTTP/1.1 400 Bad Request\r\n".to_vec()).await;
        let refused = socket.ask(1).await.unwrap_err();
        assert!(refused.to_string().contains("not RESP3"), "{refused}");
    }
}
