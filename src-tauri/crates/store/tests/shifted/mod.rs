//! A machine whose clocks a test sets and lets run ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};

/// More than any lease.
pub(crate) const HOURS: Duration = Duration::from_secs(3 * 3600);

/// The machine's own clocks, shifted.
#[derive(Debug)]
pub(crate) struct Shifted {
    machine: SharedClock,
    /// Microseconds that somebody set the wall clock forward.
    wall: AtomicI64,
    /// Microseconds that have passed besides, by both clocks.
    passed: AtomicI64,
}

impl Shifted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            machine: SystemClock::shared(),
            wall: AtomicI64::new(0),
            passed: AtomicI64::new(0),
        })
    }

    /// Somebody sets the wall clock; no time passes.
    pub(crate) fn set_wall(&self, forward: Duration, back: Duration) {
        self.wall.fetch_add(micros(forward) - micros(back), Ordering::SeqCst);
    }

    /// Time passes.
    pub(crate) fn pass(&self, by: Duration) {
        self.passed.fetch_add(micros(by), Ordering::SeqCst);
    }

    fn passed(&self) -> Duration {
        Duration::from_micros(self.passed.load(Ordering::SeqCst).unsigned_abs())
    }
}

fn micros(of: Duration) -> i64 {
    i64::try_from(of.as_micros()).unwrap()
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        let now = (self.machine.now() + self.passed()).micros();
        Timestamp::from_micros(now + self.wall.load(Ordering::SeqCst))
    }
    fn mono(&self) -> Mono {
        self.machine.mono() + self.passed()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        let left = at.saturating_since(self.mono());
        self.machine.sleep_until(self.machine.mono() + left)
    }
    fn busy(&self) -> Busy {
        self.machine.busy()
    }
    fn request(&self) -> InFlight {
        self.machine.request()
    }
}
