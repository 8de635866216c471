//! The callers and both systems: calls arrive, are assigned to an arm, ask, are answered or fail, are abandoned, end.
//!
//! Deterministic and lazy: nothing happens until [`World::advance_to`], and how often that is called makes no difference.
//! A change (a weight, a fault) holds from [`World::now`] on, so whoever makes one advances first. Knows no clock, no
//! socket and no Kubernetes; `simulator` tells it what the data plane does.

mod arm;
mod call;
mod draw;
mod line;
mod log;
mod profile;
mod series;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Weight};

pub use self::arm::Conduct;
pub use self::line::{Line, zipf};
pub use self::profile::Profile;
pub use self::series::{Kind, Visitor};

pub(crate) use self::arm::Outcome;
pub(crate) use self::draw::noise;
pub(crate) use self::log::{CallLog, LoggedCall, LoggedRequest};

use self::arm::Books;
use self::call::{Call, Next};
use self::draw::{Concern, Draws};
use self::line::Lines;
use self::log::Pen;

/// Who calls, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Mean number of calls in 24 hours.
    pub calls_per_day: f64,
    /// How they spread over the day.
    pub profile: Profile,
    /// Mean length of a call without the time it waits for answers.
    pub mean_call: Duration,
    /// Mean number of requests of a call; a call makes from half to one and a half times as many, at least one.
    pub requests_per_call: f64,
}

/// The world at one moment; see the module's text.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    /// All times in here are microseconds of wall time.
    born: i64,
    now: i64,
    traffic: Traffic,
    conduct: [Conduct; 2],
    books: [Books; 2],
    splitter: Splitter,
    follower: Weight,
    arrivals: Draws,
    split: Draws,
    calls: Draws,
    next_arrival: i64,
    arrived: u64,
    /// Calls in progress by slot; a slot is used again.
    slots: Vec<Call>,
    free: Vec<u32>,
    /// When which call goes on. One entry a call; its number settles what of the same moment comes first.
    agenda: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// Only where calls are split by line.
    log: Option<CallLog>,
    /// Times of assignments are dropped once they are older, in microseconds; `None`: never.
    kept: Option<i64>,
}

/// What decides the arm of a new call.
#[derive(Debug, Clone)]
enum Splitter {
    /// Each call by itself.
    Weight(Weight),
    /// The number that it dials.
    Lines(Lines),
}

impl World {
    /// A world without a past, all of whose calls go to the stable arm.
    pub fn new(seed: u64, start: Timestamp, traffic: Traffic, stable: Conduct, canary: Conduct) -> Self {
        let mut world = Self {
            seed,
            born: start.micros(),
            now: start.micros(),
            traffic,
            conduct: [stable, canary],
            books: [Books::new(), Books::new()],
            splitter: Splitter::Weight(Weight::ZERO),
            follower: Weight::ZERO,
            arrivals: Draws::new(seed, Concern::Arrivals),
            split: Draws::new(seed, Concern::Split),
            calls: Draws::new(seed, Concern::Calls),
            next_arrival: start.micros(),
            arrived: 0,
            slots: Vec::new(),
            free: Vec::new(),
            agenda: BinaryHeap::new(),
            log: None,
            kept: None,
        };
        world.draw_arrival();
        world
    }

    /// Calls that were assigned longer ago than `span` are no longer told apart by their time.
    pub(crate) fn keep(&mut self, span: Duration) {
        self.kept = Some(i64::try_from(span.as_micros()).unwrap_or(i64::MAX / 2));
    }

    /// The moment up to which everything has happened.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// Lets everything happen up to and including `at`; a moment that has passed changes nothing.
    pub fn advance_to(&mut self, at: Timestamp) {
        let at = at.micros();
        loop {
            let due = self.agenda.peek().map_or(i64::MAX, |Reverse((due, _, _))| *due);
            // An arrival comes before what calls do at the same moment: any fixed order will do.
            if self.next_arrival <= due {
                if self.next_arrival > at {
                    break;
                }
                self.arrive();
            } else {
                if due > at {
                    break;
                }
                self.go_on();
            }
        }
        self.now = self.now.max(at);
    }

    /// New calls go to the canary with this weight from now on.
    pub fn set_splitter(&mut self, canary: Weight) {
        self.splitter = Splitter::Weight(canary);
    }

    /// New calls dial one of these lines from now on, each as often as its share says, and go where the line goes. The same
    /// draw decides as for a weight. Calls are logged from the first time on. Lines without any share send all to stable.
    pub fn set_lines(&mut self, lines: Vec<Line>) {
        let first = self.arrived;
        self.log.get_or_insert_with(|| CallLog::new(first));
        self.splitter = Lines::new(lines).map_or(Splitter::Weight(Weight::ZERO), Splitter::Lines);
    }

    /// What happened to each call, where calls are split by line.
    pub(crate) fn log(&self) -> Option<&CallLog> {
        self.log.as_ref()
    }

    /// The follower lets this share of the canary calls' requests through from now on; the rest fail.
    pub fn set_follower(&mut self, canary: Weight) {
        self.follower = canary;
    }

    /// The arm behaves like this from now on, calls in progress included.
    pub fn set_conduct(&mut self, arm: Arm, conduct: Conduct) {
        self.conduct[arm as usize] = conduct;
    }

    /// How the arm behaves.
    pub fn conduct(&self, arm: Arm) -> Conduct {
        self.conduct[arm as usize]
    }

    /// An error in data or integrity happens on the canary now.
    pub fn critical_error(&mut self) {
        self.books[Arm::Canary as usize].critical_errors += 1;
    }

    /// The weight in force for new calls: with lines, the share of calls whose line goes to the canary, to the nearest
    /// hundredth of a percent, and 0 or 100 only where that is exact.
    pub fn splitter(&self) -> Weight {
        match &self.splitter {
            Splitter::Weight(weight) => *weight,
            Splitter::Lines(lines) => lines.canary(),
        }
    }

    /// The share of the canary calls' requests that the follower lets through.
    pub fn follower(&self) -> Weight {
        self.follower
    }

    /// Calls assigned to the arm after `since`; [`World::new`]'s start gives all. Where it is longer ago than what is kept, those
    /// forgotten count too.
    pub fn assigned_since(&self, arm: Arm, since: Timestamp) -> u64 {
        self.books(arm).assigned_since(since.micros())
    }

    /// Calls of the arm that have not ended.
    pub fn in_progress(&self, arm: Arm) -> u64 {
        self.books(arm).in_progress
    }

    fn books(&self, arm: Arm) -> &Books {
        &self.books[arm as usize]
    }

    /// Draws when the next call arrives: a Poisson process at the peak rate, thinned to the profile.
    fn draw_arrival(&mut self) {
        let peak = self.traffic.profile.peak();
        // Per microsecond.
        let rate = self.traffic.calls_per_day * peak / 8.64e10;
        if rate.is_nan() || rate <= 0.0 {
            self.next_arrival = i64::MAX;
            return;
        }
        loop {
            let gap = self.arrivals.exponential() / rate;
            self.next_arrival = self.next_arrival.saturating_add(gap as i64 + 1);
            let chance = self.arrivals.uniform();
            if chance * peak
                < self
                    .traffic
                    .profile
                    .intensity(Timestamp::from_micros(self.next_arrival))
            {
                return;
            }
        }
    }

    fn arrive(&mut self) {
        let at = self.next_arrival;
        let draw = self.split.uniform();
        let (arm, dialled, is_answered) = match &self.splitter {
            Splitter::Weight(weight) => {
                let chance = draw * f64::from(Weight::FULL.hundredths());
                let is_canary = chance < f64::from(weight.hundredths());
                (if is_canary { Arm::Canary } else { Arm::Stable }, None, true)
            }
            Splitter::Lines(lines) => {
                let (place, line) = lines.dialled(draw);
                (line.arm, Some((place as u32, line.way)), line.is_answered)
            }
        };
        self.books[arm as usize].assign(at, self.kept);

        let number = self.arrived;
        self.arrived += 1;
        if let Some(log) = &mut self.log {
            // Without any share of the lines there is no line to name.
            let (line, way) = dialled.unwrap_or_default();
            log.begins(number, line, way, at);
        }
        let (call, due) = Call::begin(self.calls.of_call(number), arm, is_answered, at, &self.traffic);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = call;
                slot
            }
            None => {
                self.slots.push(call);
                (self.slots.len() - 1) as u32
            }
        };
        self.agenda.push(Reverse((due, number, slot)));
        self.draw_arrival();
    }

    /// The call whose turn it is goes on.
    fn go_on(&mut self) {
        let Some(mut entry) = self.agenda.peek_mut() else {
            return;
        };
        let Reverse((due, serial, slot)) = *entry;
        let call = &mut self.slots[slot as usize];
        let arm = call.arm();
        let let_through = match arm {
            _ if !call.is_answered() => Weight::ZERO,
            Arm::Stable => Weight::FULL,
            Arm::Canary => self.follower,
        };
        let pen = Pen {
            log: self.log.as_mut(),
            serial,
        };
        match call.go_on(
            due,
            &self.conduct[arm as usize],
            let_through,
            &mut self.books[arm as usize],
            pen,
        ) {
            // Changed in place: the heap sifts it down once.
            Next::At(next) => entry.0.0 = next,
            Next::Over => {
                std::collections::binary_heap::PeekMut::pop(entry);
                self.free.push(slot);
            }
        }
    }
}
