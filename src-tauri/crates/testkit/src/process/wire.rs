//! A way to a server that a test can cut: everything is passed on, until nothing is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::task::{Task, spawn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A loopback address behind which there is another. Dropping it closes all connections.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    switch: Arc<Switch>,
    _accepting: Ends,
}

/// What goes over all connections of a wire.
#[derive(Debug, Default)]
struct Switch {
    silent: watch::Sender<bool>,
    passed: AtomicUsize,
    /// Before which of what is passed on it falls silent; 0 for never.
    cut: AtomicUsize,
}

/// Ends its task when it is dropped.
#[derive(Debug)]
struct Ends(Task<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Wire {
    /// Listens, and passes everything on to `server`.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        let clock = SystemClock::shared();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let switch = Arc::<Switch>::default();
        let (on, heard) = (clock.clone(), switch.clone());
        let accepting = spawn(&clock, async move {
            let mut passing = Vec::new();
            while let Ok((near, _)) = listener.accept().await {
                let pair = TcpStream::connect(server);
                passing.push(Ends(spawn(&on, pass(on.clone(), near, pair, heard.clone()))));
            }
        });
        Ok(Self {
            address,
            switch,
            _accepting: Ends(accepting),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Swallows everything from now on, or passes on what it has and what comes. Connections stay open: it is as if the
    /// network lost every packet.
    pub fn silence(&self, silent: bool) {
        self.switch.silent.send_replace(silent);
    }

    /// Falls silent before the `nth` thing that is passed on from now on, in whatever direction: a request or a part of one, an
    /// answer or a part of one.
    pub fn cut_before(&self, nth: usize) {
        self.switch.passed.store(0, Ordering::SeqCst);
        self.switch.cut.store(nth, Ordering::SeqCst);
    }

    /// How much was to be passed on since.
    pub fn passed(&self) -> usize {
        self.switch.passed.load(Ordering::SeqCst)
    }

    /// Waits until it has fallen silent.
    pub async fn fell_silent(&self) {
        let mut silent = self.switch.silent.subscribe();
        // The sender is ours, so this cannot fail.
        let _ = silent.wait_for(|silent| *silent).await;
    }
}

async fn pass(
    clock: SharedClock,
    near: TcpStream,
    far: impl Future<Output = io::Result<TcpStream>>,
    switch: Arc<Switch>,
) {
    let Ok(far) = far.await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let back = Ends(spawn(&clock, one_way(far_in, near_out, switch.clone())));
    one_way(near_in, far_out, switch).await;
    drop(back);
}

async fn one_way(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, switch: Arc<Switch>) {
    let mut silent = switch.silent.subscribe();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let nth = switch.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if nth == switch.cut.load(Ordering::SeqCst) {
            switch.silent.send_replace(true);
        }
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
