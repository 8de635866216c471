//! Time as a port: wall time, a monotonic clock that counts suspend, sleeping, and "somebody is at work".
//!
//! Two implementations: [`SystemClock`] here, and the simulator's virtual clock. Virtual time may step
//! only when the whole process is *quiet* (DESIGN.md section 9), so this port also carries what quiet
//! means: a [`Busy`] token says that work is under way, an [`InFlight`] says that a request has left for
//! a server. [`crate::task::spawn`] and [`crate::mailbox`] hold tokens where a task has been woken but not
//! yet polled; adapters only have to take an [`InFlight`] per request (crate `http` does it for them).
//!
//! Deliberately not here: calendars, time zones, formatting.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};

/// A future that owns what it needs and may move between threads.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time of this process. Cheap to clone behind an `Arc`; see the module's text for what *quiet* means.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Wall time, for records and people. May step backwards or forwards; never use it to measure.
    fn now(&self) -> Timestamp;
    /// Monotonic time that also counts suspend (CLOCK_BOOTTIME). For deadlines and durations.
    fn mono(&self) -> Mono;
    /// How long the machine has been suspended since it was started (CLOCK_BOOTTIME less CLOCK_MONOTONIC); zero where
    /// nobody can say.
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
    /// Completes at `at`, or at once where `at` has passed.
    fn sleep_until(&self, at: Mono) -> Sleep;
    /// Says that work is under way until the token is dropped. Costs nothing on the system clock.
    fn busy(&self) -> Busy;
    /// Announces a request to a server. Hold it until the whole answer has been read.
    fn request(&self) -> InFlight;
}

/// Shared handle to the process's clock.
pub type SharedClock = Arc<dyn Clock>;

/// Completes `after` from now on the given clock.
pub fn sleep(clock: &dyn Clock, after: Duration) -> Sleep {
    clock.sleep_until(clock.mono() + after)
}

/// The time limit passed before the work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct Elapsed(pub Duration);

/// Runs `work` for at most `limit` on the given clock. The work is dropped where the limit passes first.
pub async fn within<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let alarm = sleep(clock, limit);
    tokio::select! {
        biased;
        out = work => Ok(out),
        () = alarm => Err(Elapsed(limit)),
    }
}

/// "Work is under way." Dropping it says that the work is done.
#[must_use = "dropping the token at once says that nothing is under way"]
pub struct Busy(Option<Box<dyn FnOnce() + Send>>);

impl Busy {
    /// A token that calls `done` when it is dropped. For clock implementations.
    pub fn new(done: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(done)))
    }

    /// A token that nobody counts.
    pub fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done();
        }
    }
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Busy")
    }
}

/// A request that has left for a server and whose answer has not been read to its end.
///
/// Its [`id`](InFlight::id) travels in the header [`REQUEST_ID_HEADER`]: real systems log it, the
/// simulator uses it to tell which of its sleeping answers somebody still waits for.
#[must_use = "dropping it says that nobody waits for the answer"]
pub struct InFlight {
    id: u64,
    read: Option<Box<dyn Fn(InFlightNote) + Send + Sync>>,
}

/// What an [`InFlight`] tells its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlightNote {
    /// That many bytes of the body have been read (streams only).
    Read(u64),
    /// The reader of a stream works on what it has read.
    Working,
    /// The reader of a stream waits for more.
    Waiting,
    /// Answer read to its end, or given up.
    Done,
}

/// The header that carries [`InFlight::id`].
pub const REQUEST_ID_HEADER: &str = "x-request-id";

impl InFlight {
    /// For clock implementations: `tell` is called with every note, last with [`InFlightNote::Done`].
    pub fn new(id: u64, tell: impl Fn(InFlightNote) + Send + Sync + 'static) -> Self {
        Self {
            id,
            read: Some(Box::new(tell)),
        }
    }

    /// A request that nobody counts.
    pub fn uncounted(id: u64) -> Self {
        Self { id, read: None }
    }

    /// Unique within this process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Tells the clock about the progress of a streamed answer, such as a watch.
    pub fn note(&self, note: InFlightNote) {
        if let Some(tell) = &self.read {
            tell(note);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.note(InFlightNote::Done);
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlight").field(&self.id).finish()
    }
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: std::time::Instant,
    boot: Mono,
    requests: std::sync::atomic::AtomicU64,
}

impl SystemClock {
    /// A handle to the machine's clocks.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one module that reads the machine's clock"
    )]
    pub fn shared() -> SharedClock {
        Arc::new(Self {
            origin: std::time::Instant::now(),
            boot: boot_time(),
            // Unlike another process's, so that a server's log does not mix the two up.
            requests: std::sync::atomic::AtomicU64::new((u64::from(std::process::id()) << 32) | 1),
        })
    }
}

/// One of the kernel's clocks in microseconds.
#[cfg(target_os = "linux")]
fn kernel(clock: rustix::time::ClockId) -> Mono {
    let t = rustix::time::clock_gettime(clock);
    Mono::from_micros(t.tv_sec as u64 * 1_000_000 + t.tv_nsec as u64 / 1_000)
}

/// CLOCK_BOOTTIME in microseconds. Elsewhere than on Linux the process's own start counts as zero.
fn boot_time() -> Mono {
    #[cfg(target_os = "linux")]
    {
        kernel(rustix::time::ClockId::Boottime)
    }
    #[cfg(not(target_os = "linux"))]
    {
        Mono::from_micros(0)
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one module that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn mono(&self) -> Mono {
        #[cfg(target_os = "linux")]
        {
            boot_time()
        }
        #[cfg(not(target_os = "linux"))]
        {
            self.boot + self.origin.elapsed()
        }
    }

    #[cfg(target_os = "linux")]
    fn asleep(&self) -> Duration {
        // The one that counts more is read last, so that what goes by between the two reads looks like sleep, a moment of it,
        // and never like less than none.
        let awake = kernel(rustix::time::ClockId::Monotonic);
        boot_time().saturating_since(awake)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one module that sleeps on the machine's clock"
    )]
    fn sleep_until(&self, at: Mono) -> Sleep {
        // A timer of the runtime does not count suspend, so a long sleep is taken in short pieces and
        // the clock that counts suspend decides: a deadline that passed in suspend fires within a second of waking.
        const PIECE: Duration = Duration::from_secs(1);
        let (origin, boot) = (self.origin, self.boot);
        Box::pin(async move {
            loop {
                #[cfg(target_os = "linux")]
                let now = {
                    let _ = (origin, boot);
                    boot_time()
                };
                #[cfg(not(target_os = "linux"))]
                let now = boot + origin.elapsed();
                let left = at.saturating_since(now);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(PIECE)).await;
            }
        })
    }

    fn busy(&self) -> Busy {
        Busy::uncounted()
    }

    fn request(&self) -> InFlight {
        InFlight::uncounted(self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}
