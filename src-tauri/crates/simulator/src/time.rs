//! Virtual time: from real speed to as fast as the machine can, with the same events in the same order.
//!
//! Time stands still while anything happens in the process and steps to the next sleeper when it is *quiet*:
//! no [`Busy`] token is held, and every request in flight is one that the simulator itself has asleep on this
//! clock (or an idle watch). Sleepers are woken one at a time, so that what one of them does has
//! ended before the next begins. At a finite speed the driver only waits before it steps; nothing else differs,
//! which is why the same seed gives the same summary at every speed.
//!
//! Tokio's paused clock is no way to do this: it advances while input and output are pending.

mod drive;
#[cfg(test)]
mod tests;

pub use self::drive::drive;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};
use timonel_ports::clock::{Busy, Clock, InFlight, InFlightNote, SharedClock, Sleep};
use tokio::sync::{Notify, oneshot};

/// How fast virtual time runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many virtual seconds a real second; more than zero.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

/// Not a speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: write a number above 0 (60 is a minute a second) or `max`")]
pub struct BadSpeed(String);

impl std::str::FromStr for Speed {
    type Err = BadSpeed;
    fn from_str(text: &str) -> Result<Self, BadSpeed> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
            Ok(_) | Err(_) => Err(BadSpeed(text.to_owned())),
        }
    }
}

/// The simulator's clock; a handle, clone it freely.
#[derive(Clone)]
pub struct VirtualClock(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Rung whenever the driver may have something to do: quiet was reached, or a sleeper came.
    bell: Notify,
}

struct State {
    epoch: Timestamp,
    now: Mono,
    busy: usize,
    next_id: u64,
    requests: u64,
    queue: BinaryHeap<Reverse<(Mono, u64)>>,
    sleepers: HashMap<u64, oneshot::Sender<Busy>>,
    flights: HashMap<u64, Flight>,
}

/// A request whose answer the client has not read to its end.
#[derive(Default)]
struct Flight {
    /// How many handlers have it asleep; more than one where an answer is a stream behind a delay.
    dozing: u32,
    stream: Option<Stream>,
}

#[derive(Default)]
struct Stream {
    sent: u64,
    read: u64,
    waiting: bool,
}

impl Flight {
    fn is_asleep(&self) -> bool {
        self.dozing > 0 && self.stream.as_ref().is_none_or(|s| s.sent == s.read && s.waiting)
    }
}

impl State {
    fn is_quiet(&self) -> bool {
        self.busy == 0 && self.flights.values().all(Flight::is_asleep)
    }
}

impl VirtualClock {
    /// A clock that stands at `epoch` until [`VirtualClock::run`] drives it.
    pub fn new(epoch: Timestamp) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                epoch,
                now: Mono::default(),
                busy: 0,
                next_id: 1,
                requests: 0,
                queue: BinaryHeap::new(),
                sleepers: HashMap::new(),
                flights: HashMap::new(),
            }),
            bell: Notify::new(),
        }))
    }

    /// As the port that everybody else sees.
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the books, and rings the driver where that left the process quiet.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let out = change(&mut state);
        let quiet = state.is_quiet();
        drop(state);
        if quiet {
            self.0.bell.notify_one();
        }
        out
    }

    /// Drives time for as long as it is polled. At [`Speed::Times`] it waits in real time before each step.
    #[expect(
        clippy::disallowed_methods,
        reason = "real time passes here, between two steps of virtual time"
    )]
    pub async fn run(&self, speed: Speed) {
        let started = tokio::time::Instant::now();
        let origin = self.mono();
        loop {
            let bell = self.0.bell.notified();
            let next = {
                let state = self.state();
                state
                    .is_quiet()
                    .then(|| state.queue.peek().map(|Reverse((at, _))| *at))
                    .flatten()
            };
            let Some(at) = next else {
                bell.await;
                continue;
            };
            if let Speed::Times(times) = speed {
                let due = started + Duration::from_secs_f64(at.saturating_since(origin).as_secs_f64() / times);
                if due > tokio::time::Instant::now() {
                    tokio::select! {
                        () = tokio::time::sleep_until(due) => {}
                        () = bell => continue,
                    }
                }
            }
            self.step(at);
        }
    }

    /// Wakes the first sleeper, if the process is still quiet and that sleeper is due at `at`.
    fn step(&self, at: Mono) {
        let mut state = self.state();
        if !state.is_quiet() || state.queue.peek().is_none_or(|Reverse((due, _))| *due != at) {
            return;
        }
        let Some(Reverse((at, id))) = state.queue.pop() else {
            return;
        };
        let Some(wake) = state.sleepers.remove(&id) else { return };
        state.now = state.now.max(at);
        state.busy += 1;
        drop(state);
        // Where nobody sleeps there any more the token comes back and is dropped here.
        drop(wake.send(self.token()));
    }

    /// A token for a count that has already been raised.
    fn token(&self) -> Busy {
        let clock = self.clone();
        Busy::new(move || clock.change(|state| state.busy -= 1))
    }

    /// The server's side of a request: sleeps until `until` and says whether the client still waits.
    ///
    /// A handler applies what it was asked for only where this says `true`, so that it does not depend on
    /// the runtime's haste whether a request that timed out took effect.
    pub async fn doze(&self, request: Option<u64>, until: Mono) -> bool {
        let doze = self.doze_open(request);
        let token = self.sleep_token(until).await;
        let wanted = request.is_none_or(|id| self.state().flights.contains_key(&id)) || !self.counts(request);
        drop(doze);
        drop(token);
        wanted
    }

    /// Requests of other processes are in nobody's books: they are answered as if somebody waited.
    fn counts(&self, request: Option<u64>) -> bool {
        request.is_some_and(|id| id < self.state().next_id)
    }

    /// Marks `request` as asleep on this clock until the guard is dropped: an idle watch, an answer that never comes.
    #[must_use = "the request is asleep only while this is held"]
    pub fn doze_open(&self, request: Option<u64>) -> Doze {
        if let Some(id) = request {
            self.change(|state| {
                if let Some(flight) = state.flights.get_mut(&id) {
                    flight.dozing += 1;
                }
            });
        }
        Doze {
            clock: self.clone(),
            request,
        }
    }

    /// The server has put `bytes` of a streamed answer on the wire: not quiet before the client has read them.
    pub fn sent(&self, request: Option<u64>, bytes: u64) {
        let Some(id) = request else { return };
        self.change(|state| {
            if let Some(flight) = state.flights.get_mut(&id) {
                flight.stream.get_or_insert_default().sent += bytes;
            }
        });
    }

    fn sleep_token(&self, at: Mono) -> impl Future<Output = Option<Busy>> + Send + 'static {
        let waiting = {
            let mut state = self.state();
            (at > state.now).then(|| {
                let id = state.next_id;
                state.next_id += 1;
                let (wake, sleeper) = oneshot::channel();
                state.sleepers.insert(id, wake);
                state.queue.push(Reverse((at, id)));
                sleeper
            })
        };
        self.0.bell.notify_one();
        async move {
            match waiting {
                Some(sleeper) => sleeper.await.ok(),
                None => None,
            }
        }
    }

    /// Requests that were announced on this clock so far.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// What keeps time from stepping, for a log line when a rehearsal stalls.
    pub fn holdup(&self) -> Option<Holdup> {
        let state = self.state();
        (!state.is_quiet()).then(|| Holdup {
            busy: state.busy,
            awake: state
                .flights
                .iter()
                .filter(|(_, f)| !f.is_asleep())
                .map(|(id, _)| *id)
                .collect(),
        })
    }
}

/// What keeps virtual time from stepping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdup {
    /// Busy tokens held.
    pub busy: usize,
    /// Requests that are neither answered nor asleep.
    pub awake: Vec<u64>,
}

/// See [`VirtualClock::doze_open`].
#[derive(Debug)]
pub struct Doze {
    clock: VirtualClock,
    request: Option<u64>,
}

impl Drop for Doze {
    fn drop(&mut self) {
        let Some(id) = self.request else { return };
        self.clock.change(|state| {
            if let Some(flight) = state.flights.get_mut(&id) {
                flight.dozing = flight.dozing.saturating_sub(1);
            }
        });
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let state = self.state();
        state.epoch + Duration::from_micros(state.now.micros())
    }

    fn mono(&self) -> Mono {
        self.state().now
    }

    fn sleep_until(&self, at: Mono) -> Sleep {
        let sleep = self.sleep_token(at);
        Box::pin(async move { drop(sleep.await) })
    }

    fn busy(&self) -> Busy {
        self.state().busy += 1;
        self.token()
    }

    fn request(&self) -> InFlight {
        let id = {
            let mut state = self.state();
            let id = state.next_id;
            state.next_id += 1;
            state.requests += 1;
            state.flights.insert(id, Flight::default());
            id
        };
        let clock = self.clone();
        InFlight::new(id, move |note| {
            clock.change(|state| match note {
                InFlightNote::Done => drop(state.flights.remove(&id)),
                InFlightNote::Read(bytes) => {
                    if let Some(flight) = state.flights.get_mut(&id) {
                        flight.stream.get_or_insert_default().read += bytes;
                    }
                }
                InFlightNote::Working | InFlightNote::Waiting => {
                    if let Some(flight) = state.flights.get_mut(&id) {
                        flight.stream.get_or_insert_default().waiting = note == InFlightNote::Waiting;
                    }
                }
            });
        })
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("now", &self.mono())
            .finish_non_exhaustive()
    }
}
