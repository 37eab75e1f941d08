//! The socket of a client, for who has to cut it off.

use std::{cell::RefCell, net::Shutdown, rc::Rc, task::Waker, time::Duration};

use actix_web::{HttpRequest, http::Version};
use socket2::{SockRef, Socket};

/// One socket, in the data of its connection.
#[derive(Debug)]
pub(crate) struct ClientSocket(RefCell<Way>);

/// How a socket is reached.
#[derive(Debug)]
enum Way {
    /// By a second handle of it; there may have been no room for one.
    Handle(Option<Socket>),
    /// By the task that has it to itself, where that waits for room to write.
    Task(Option<Waker>),
    /// The task has been told.
    Told,
}

impl ClientSocket {
    pub(super) const fn new(handle: Option<Socket>) -> Self {
        Self(RefCell::new(Way::Handle(handle)))
    }

    /// The socket that a request has come by, if it is the client's alone. One of HTTP/2 may serve others as well: their
    /// connections must not end because one of them is not read.
    pub(crate) fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        let is_shared = request.version() == Version::HTTP_2;
        request.conn_data::<Rc<Self>>().filter(|_| !is_shared).cloned()
    }

    /// Ends the TCP connection at once, with all that it has not taken.
    pub(crate) fn cut_off(&self) {
        let way = &mut *self.0.borrow_mut();
        match way {
            Way::Handle(Some(socket)) => {
                drop_what_is_left(&(&*socket).into());
                if let Err(err) = socket.shutdown(Shutdown::Both) {
                    tracing::debug!(error = %err, "socket not shut down");
                }
            }
            Way::Task(task) => {
                let task = task.take();
                *way = Way::Told;
                if let Some(task) = task {
                    task.wake();
                }
            }
            Way::Handle(None) | Way::Told => {}
        }
    }

    /// From here on a task has the socket to itself, so that there need be no second handle.
    pub(crate) fn hand_over(&self) {
        self.0.replace(Way::Task(None));
    }

    /// Whether the task is to cut its socket off. If not, it is woken when it is.
    pub(crate) fn is_to_be_cut_off(&self, task: &Waker) -> bool {
        match &mut *self.0.borrow_mut() {
            Way::Told => true,
            Way::Task(Some(known)) => {
                known.clone_from(task);
                false
            }
            Way::Task(unknown) => {
                *unknown = Some(task.clone());
                false
            }
            Way::Handle(_) => false,
        }
    }
}

/// When a socket is closed, what the system still holds for the client goes nowhere. Where that fails, it is sent first.
pub(crate) fn drop_what_is_left(socket: &SockRef<'_>) {
    let _ = socket.set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Rings(AtomicBool);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_that_waits_is_woken_and_told() {
        let rings = Arc::<Rings>::default();
        let task = rings.clone().into();
        let socket = ClientSocket::new(None);
        socket.cut_off();
        assert!(!socket.is_to_be_cut_off(&task), "nobody has it to himself");
        socket.hand_over();
        assert!(!socket.is_to_be_cut_off(&task));
        assert!(!socket.is_to_be_cut_off(&task));
        socket.cut_off();
        assert!(rings.0.load(Ordering::Relaxed) && socket.is_to_be_cut_off(&task));
    }

    #[test]
    fn a_task_that_does_not_wait_yet_is_told_when_it_does() {
        let socket = ClientSocket::new(None);
        socket.hand_over();
        socket.cut_off();
        assert!(socket.is_to_be_cut_off(Waker::noop()));
    }
}
