//! Being woken when somebody has written: at once by the server's NOTIFY or by a writer in this process, and in any case
//! every so often, so that whatever is lost on the way only makes it later.
//!
//! A wake says that there may be something new, never what.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::task::{Task, spawn};
use tokio::sync::watch;

use crate::database::Database;
use crate::link::{ANSWER, Pools, answered};

/// As the triggers of the tables call it.
const CHANNEL: &str = "timonel";
/// Between two looks at a file, which tells nobody.
const FILE: Duration = Duration::from_millis(250);
/// A connection on which nothing was heard for this long is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(15);
/// Until a lost connection is tried again, doubled up to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Whoever is to be woken.
#[derive(Debug)]
pub struct News {
    clock: SharedClock,
    from: watch::Receiver<u64>,
    every: Duration,
}

impl News {
    /// Longest time until [`News::next`] returns where nothing wakes it.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// Waits until something may be new. Cancel safe.
    pub async fn next(&mut self) {
        // Its sender is the store's, which may be gone: then only time wakes.
        let changed = async {
            if self.from.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        if within(&*self.clock, self.every, changed).await.is_err() {
            tracing::trace!("nobody woke us; looking all the same");
        }
    }

    /// What has come up to now wakes no more.
    pub(crate) fn seen(&mut self) {
        self.from.mark_unchanged();
    }
}

#[async_trait]
impl timonel_ports::store::News for News {
    async fn next(&mut self) {
        News::next(self).await;
    }
}

/// What wakes, and the task that listens to a server; it begins with the first who wants to know.
#[derive(Debug)]
pub(crate) struct Wakes {
    to: watch::Sender<u64>,
    listening: std::sync::OnceLock<Task<()>>,
}

impl Default for Wakes {
    fn default() -> Self {
        Self {
            to: watch::Sender::new(0),
            listening: std::sync::OnceLock::new(),
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        if let Some(task) = self.listening.get() {
            task.abort();
        }
    }
}

impl Database {
    /// Wakes when somebody has appended to the journal or submitted a command, here or anywhere else, and at least every
    /// [`News::PATIENCE`].
    pub fn news(&self) -> News {
        let every = match self.pools() {
            Pools::Sqlite { .. } => FILE,
            Pools::Postgres { others, .. } => {
                self.wakes.listening.get_or_init(|| {
                    let listening = listen(self.clock.clone(), others.clone(), self.wakes.to.clone());
                    spawn(&self.clock, listening)
                });
                News::PATIENCE
            }
        };
        News {
            clock: self.clock.clone(),
            from: self.wakes.to.subscribe(),
            every,
        }
    }

    /// Wakes those in this process.
    pub(crate) fn wake(&self) {
        wake(&self.wakes.to);
    }
}

fn wake(to: &watch::Sender<u64>) {
    to.send_modify(|n| *n = n.wrapping_add(1));
}

/// Listens until it is aborted, on a connection of its own that is made anew whenever it is lost.
async fn listen(clock: SharedClock, pool: PgPool, to: watch::Sender<u64>) {
    let (least, most) = BACKOFF;
    let mut pause = least;
    loop {
        // Of its own: a connection that is lost with an answer outstanding would keep a place in the other pool.
        let options = (*pool.connect_options()).clone();
        let own = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ANSWER)
            .connect_lazy_with(options);
        let begun = answered(&clock, async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok(listener)
        });
        match begun.await {
            Ok(mut listener) => {
                pause = least;
                // What was written while nobody listened.
                wake(&to);
                while let Ok(()) = hear(&clock, &mut listener).await {
                    wake(&to);
                }
                tracing::info!("the server's notices are lost; looking at intervals until they come again");
            }
            Err(error) => tracing::debug!(%error, "the server's notices cannot be heard; looking at intervals goes on"),
        }
        sleep(&*clock, pause).await;
        pause = (pause * 2).min(most);
    }
}

/// Waits for a notice; an error where the connection is lost, or silent when asked.
async fn hear(clock: &SharedClock, listener: &mut PgListener) -> Result<(), sqlx::Error> {
    loop {
        match within(&**clock, QUIET, listener.try_recv()).await {
            Ok(heard) => return heard?.map(|_| ()).ok_or(sqlx::Error::WorkerCrashed),
            Err(_) => {
                answered(clock, sqlx::query("SELECT 1").execute(&mut *listener)).await?;
            }
        }
    }
}
