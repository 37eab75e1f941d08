//! A way to Redis that can be blocked, as a network that loses packets does: nobody is told.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Hands bytes on in both directions, unless it is blocked.
pub(crate) struct Proxy {
    port: u16,
    is_blocked: Arc<AtomicBool>,
    has_swallowed: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let of_proxy = listener.local_addr().expect("it has an address").port();
        let [is_blocked, has_swallowed, is_over] = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let (blocked, swallowed, over) = (is_blocked.clone(), has_swallowed.clone(), is_over.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                    let (blocked, swallowed, over) = (blocked.clone(), swallowed.clone(), over.clone());
                    thread::spawn(move || hand_on(from, to, &blocked, &swallowed, &over));
                }
            }
        });
        Self { port: of_proxy, is_blocked, has_swallowed, is_over }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// From here on nothing passes, on links that are there and on new ones.
    pub(crate) fn block(&self) {
        self.is_blocked.store(true, Ordering::SeqCst);
    }

    /// Whether something has been sent since it was blocked.
    pub(crate) fn has_swallowed(&self) -> bool {
        self.has_swallowed.load(Ordering::SeqCst)
    }

    /// New links pass again. What was on its way is lost with the old ones.
    pub(crate) fn unblock(&self) {
        self.is_blocked.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes who waits for a client.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn hand_on(
    mut from: TcpStream,
    mut to: TcpStream,
    is_blocked: &AtomicBool,
    has_swallowed: &AtomicBool,
    is_over: &AtomicBool,
) {
    let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
    let mut bytes = vec![0; 64 * 1024];
    let mut is_lost = false;
    while !is_over.load(Ordering::SeqCst) {
        is_lost |= is_blocked.load(Ordering::SeqCst);
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(_) if is_lost || is_blocked.load(Ordering::SeqCst) => {
                is_lost = true;
                has_swallowed.store(true, Ordering::SeqCst);
            }
            Ok(length) => {
                if to.write_all(&bytes[..length]).is_err() {
                    break;
                }
            }
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
