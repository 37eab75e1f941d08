//! How long one write to a client may take, kept by one clock for all connections of a worker.
//!
//! The HTTP layer asks the body of a response for more when it has room again. So what a body has handed over is under way
//! until it is asked the next time - and while it is not, the body cannot do anything about it, which is why somebody
//! else has to look. Only bodies that have handed something over since the clock looked last are looked at: a silent
//! connection costs nothing.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::{Rc, Weak},
    time::Duration,
};

use actix::Addr;
use actix_signalr_actors::{
    ConnectionActor, GiveBack,
    transport::{Attachment, SendTimedOut},
};

use crate::http_server::ClientSocket;

/// The clock of one worker. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct WriteClock(Rc<Clock>);

#[derive(Debug, Default)]
struct Clock {
    /// Since the start.
    seconds: Cell<u64>,
    /// Those that have written since the last second, or still do.
    watched: RefCell<Vec<Rc<Write>>>,
}

impl WriteClock {
    /// Starts the clock of this thread, which runs until nobody has it any more.
    pub(crate) fn start() -> Self {
        let clock = Rc::<Clock>::default();
        actix_rt::spawn(tick(Rc::downgrade(&clock)));
        Self(clock)
    }

    /// What a response may take for one write. `socket` is what is cut off after it.
    pub(crate) fn limit(&self, timeout: Duration, socket: Option<Rc<ClientSocket>>) -> WriteLimit {
        // Kept to the second, and never less than was asked for.
        let seconds = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0)).max(1);
        WriteLimit { clock: self.clone(), seconds, socket }
    }
}

async fn tick(clock: Weak<Clock>) {
    let mut seconds = actix_rt::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let Some(clock) = clock.upgrade() else { return };
        clock.tick();
    }
}

impl Clock {
    fn tick(&self) {
        let now = self.seconds.get() + 1;
        self.seconds.set(now);
        let mut watched = self.watched.borrow_mut();
        watched.retain(|write| match write.since.get() {
            None => {
                write.is_watched.set(false);
                false
            }
            // One of these seconds may be all but over when the write begins.
            Some(since) if now - since > write.seconds => {
                write.time_out();
                false
            }
            Some(_) => true,
        });
        // A message to all has all of them watched for a second.
        watched.give_back();
    }
}

/// What the writes of a response to come are held to.
#[derive(Clone, Debug)]
pub(crate) struct WriteLimit {
    clock: WriteClock,
    seconds: u64,
    socket: Option<Rc<ClientSocket>>,
}

impl WriteLimit {
    /// For the body of a connection, which is told when the client takes too long.
    pub(crate) fn of(self, connection: Rc<Addr<ConnectionActor>>, by: Attachment) -> Writes {
        let Self { clock, seconds, socket } = self;
        let client = RefCell::new(Some(Client { connection, by, socket }));
        let write = Write { seconds, since: Cell::new(None), is_watched: Cell::new(false), client };
        Writes { clock, write: Rc::new(write) }
    }
}

/// What the body of one response writes, one write after another. Held by the body.
#[derive(Debug)]
pub(crate) struct Writes {
    clock: WriteClock,
    write: Rc<Write>,
}

impl Writes {
    /// The HTTP layer asks for more: it has room again.
    pub(crate) fn end(&self) {
        self.write.since.set(None);
    }

    /// Something is handed over.
    pub(crate) fn begin(&self) {
        let Clock { seconds, watched } = &*self.clock.0;
        self.write.since.set(Some(seconds.get()));
        if !self.write.is_watched.replace(true) {
            watched.borrow_mut().push(self.write.clone());
        }
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        self.end();
        // The clock may look at it once more; the socket must not stay open until then.
        self.write.client.take();
    }
}

struct Write {
    seconds: u64,
    /// In which second the write under way has begun.
    since: Cell<Option<u64>>,
    is_watched: Cell<bool>,
    client: RefCell<Option<Client>>,
}

/// Who is written to.
struct Client {
    connection: Rc<Addr<ConnectionActor>>,
    /// Whose body it is that writes.
    by: Attachment,
    socket: Option<Rc<ClientSocket>>,
}

impl Write {
    fn time_out(&self) {
        if let Some(Client { connection, by, socket }) = self.client.take() {
            connection.do_send(SendTimedOut(by));
            if let Some(socket) = socket {
                socket.cut_off();
            }
        }
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("since", &self.since).finish_non_exhaustive()
    }
}
