//! A network that is cut again and again: a proxy whose connections carry so many bytes each way, and no more.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Carries connections to a server. How many bytes each of them carries looks random and depends on the seed alone.
pub(crate) struct CuttingProxy {
    pub(crate) address: SocketAddr,
    cuts: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CuttingProxy {
    /// The first connection carries `first` bytes each way at least.
    pub(crate) fn start(server: SocketAddr, seed: u64, first: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, ends) = (cuts.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            let mut random = Random(seed);
            let mut more = first;
            for client in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (up, down) = (more + random.up_to(LONGEST), more + random.up_to(LONGEST));
                more = 0;
                carry(&client.unwrap(), &TcpStream::connect(server).unwrap(), up, down, &counted);
            }
        });
        Self { address, cuts, is_over, thread: Some(thread) }
    }

    /// How many connections have been cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn carry(client: &TcpStream, server: &TcpStream, up: usize, down: usize, cuts: &Arc<AtomicUsize>) {
    for socket in [client, server] {
        socket.set_nodelay(true).unwrap();
    }
    let is_cut = Arc::new(AtomicBool::new(false));
    for (from, to, bytes) in [(client, server, up), (server, client, down)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let (is_cut, cuts) = (is_cut.clone(), cuts.clone());
        thread::spawn(move || {
            let has_more = copy(&from, &to, bytes);
            for socket in [&from, &to] {
                let _ = socket.shutdown(Shutdown::Both);
            }
            if has_more && !is_cut.swap(true, Ordering::SeqCst) {
                cuts.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

/// Copies so many bytes; says whether there were as many.
fn copy(mut from: &TcpStream, mut to: &TcpStream, bytes: usize) -> bool {
    let mut left = bytes;
    let mut buffer = [0; 512];
    while left > 0 {
        let wanted = left.min(buffer.len());
        match from.read(&mut buffer[..wanted]) {
            Ok(read) if read > 0 && to.write_all(&buffer[..read]).is_ok() => left -= read,
            _ => return false,
        }
    }
    true
}

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn up_to(&mut self, highest: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % highest + 1).unwrap()
    }
}

/// No connection carries more, each way: so some are cut before they are sockets, and none lasts.
const LONGEST: u64 = 1200;
