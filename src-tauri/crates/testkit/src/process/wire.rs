//! A way to a server that a test can cut: everything is passed on, until nothing is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::task::{Task, spawn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A loopback address behind which there is another. Dropping it closes all connections.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    silent: watch::Sender<bool>,
    _accepting: Ends,
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
        let silent = watch::Sender::new(false);
        let (on, heard) = (clock.clone(), silent.subscribe());
        let accepting = spawn(&clock, async move {
            let mut passing = Vec::new();
            while let Ok((near, _)) = listener.accept().await {
                let pair = TcpStream::connect(server);
                passing.push(Ends(spawn(&on, pass(on.clone(), near, pair, heard.clone()))));
            }
        });
        Ok(Self {
            address,
            silent,
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
        self.silent.send_replace(silent);
    }
}

async fn pass(
    clock: SharedClock,
    near: TcpStream,
    far: impl Future<Output = io::Result<TcpStream>>,
    silent: watch::Receiver<bool>,
) {
    let Ok(far) = far.await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let silent = Arc::new(silent);
    let back = Ends(spawn(&clock, one_way(far_in, near_out, silent.clone())));
    one_way(near_in, far_out, silent).await;
    drop(back);
}

async fn one_way(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    silent: Arc<watch::Receiver<bool>>,
) {
    let mut silent = (*silent).clone();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
