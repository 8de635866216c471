//! Who connects to the page's address, bounded before anybody is known: so many at a time, a head of so many bytes within so
//! long, and answers that are taken. What comes behind an admitted socket is `socket`'s business. Deliberately not here: who is let in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::task::spawn;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::prompt::Prompt;

/// Bytes of a request's head; a page of ours sends some hundred.
const LONGEST_HEAD: usize = 16 * 1024;
/// A listener that cannot accept, for want of file descriptors for instance, tries again after this.
const AGAIN: Duration = Duration::from_millis(200);

/// What may be held without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Connections at a time; more wait to be accepted. A page needs six and its socket.
    pub(super) connections: usize,
    /// From a connection, or the answer before, to the end of the next request's head.
    pub(super) head: Duration,
    /// In which something of an answer has to be taken. A socket's too: who takes nothing for so long is not there.
    pub(super) taking: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(10),
            taking: Duration::from_secs(30),
        }
    }
}

/// Serves `router` on `listener` until it is dropped.
pub(super) async fn listen(listener: TcpListener, router: Router, limits: Limits, clock: SharedClock) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let place = places.clone().acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(&*clock, AGAIN).await;
                continue;
            }
        };
        let stream = Prompt::new(stream, clock.clone(), limits.taking);
        // A socket's connection ends here with its upgrade, so open pages take no places.
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(LONGEST_HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()))
            .with_upgrades();
        drop(spawn(&clock, async move {
            if let Err(error) = serving.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        }));
    }
}
