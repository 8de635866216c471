//! One rollout's inbox: counts each call once, refuses what it cannot count, and gives readings of what came since the last.
//!
//! A call that is told again is known by its name for as long as it would be counted: what ended longer ago than [`LATE`] is
//! counted no more, and what ended before the inbox was opened may have been counted by an engine before this one. So no call
//! counts twice, whatever is sent again. Missing is never good: where nobody said anything, not even that nothing happened, there
//! is no reading.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{Arm, RolloutId, Side, SignalId};
use timonel_ports::clock::SharedClock;
use timonel_ports::signal::{Reading, SignalError, Source, SourceDescription};
use tokio::sync::Notify;

use crate::call::{Call, Told};
use crate::count::{Cell, Counts};

/// What ended longer ago is counted no more: it would be held against a weight that was not in force when it was assigned.
pub const LATE: Duration = Duration::from_secs(60);
/// What ends later than this is of another clock.
const AHEAD: Duration = Duration::from_secs(5);
/// Calls whose names are remembered, some 50 bytes each. Whoever sends more within [`LATE`] is told to wait.
pub const MOST_KNOWN: usize = 200_000;
/// Calls that may wait to be read. They are summed up, so this bounds no memory but how far behind the reader may be.
const MOST_WAITING: usize = 20_000;
/// Readings are no closer together than this, so that a flood of calls makes no flood of samples.
const LEAST_BETWEEN: Duration = Duration::from_millis(20);
/// The smallest step of time.
const STEP: Duration = Duration::from_micros(1);

/// What one signal takes from finished calls.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Which signal.
    pub signal: SignalId,
    /// Its sides.
    pub sides: Vec<Side>,
    /// What it counts.
    pub counts: Counts,
}

/// What became of the calls of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Counted now.
    pub counted: usize,
    /// Known already; they count once.
    pub again: usize,
    /// Ended too long ago, or before this engine listened: not counted.
    pub late: usize,
}

/// Why nothing of a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The same name with another content.
    #[error(
        "line {line}: this id and seq were told before with another content; a call is told once, when it has ended"
    )]
    Otherwise {
        /// Counted from 1.
        line: usize,
    },
    /// It has not ended yet, by our clock.
    #[error("line {line}: it ended more than {} s from now. Check both clocks", AHEAD.as_secs())]
    Ahead {
        /// Counted from 1.
        line: usize,
    },
    /// More than can be taken now.
    #[error("more calls than can be taken now: send the same again in a second")]
    Full,
}

/// One rollout's inbox.
#[derive(Debug)]
pub struct Inbox {
    place: String,
    clock: SharedClock,
    feeds: Vec<Feed>,
    opened: Timestamp,
    came: Notify,
    tray: Mutex<Tray>,
}

#[derive(Debug)]
struct Tray {
    /// What came since the last reading: stable's and the canary's, of each feed.
    cells: Vec<[Cell; 2]>,
    /// Whether a feed's field was ever told.
    fed: Vec<bool>,
    /// Calls in `cells`.
    waiting: usize,
    /// Whether anybody said anything since the last reading.
    heard: bool,
    /// When that was, by both clocks.
    read: (Mono, Timestamp),
    /// What a name was told with.
    known: HashMap<u64, u64>,
    /// Names in the order in which they came, with the end of each call.
    order: VecDeque<(Timestamp, u64)>,
}

impl Inbox {
    /// An empty one, from now on.
    pub fn new(clock: SharedClock, place: String, feeds: Vec<Feed>) -> Self {
        let opened = clock.now();
        let tray = Tray {
            cells: vec![Default::default(); feeds.len()],
            fed: feeds.iter().map(|feed| feed.counts.field().is_none()).collect(),
            waiting: 0,
            heard: false,
            read: (clock.mono(), opened),
            known: HashMap::new(),
            order: VecDeque::new(),
        };
        Self {
            place,
            clock,
            feeds,
            opened,
            came: Notify::new(),
            tray: Mutex::new(tray),
        }
    }

    /// Counts the calls of a request, all or none. None at all says that nothing happened, which is news as well.
    pub fn take(&self, told: &[Told]) -> Result<Taken, Refused> {
        let now = self.clock.now();
        let mut tray = self.tray();
        tray.forget(now);
        let mut fresh: HashMap<u64, u64> = HashMap::new();
        let mut taken = Taken::default();
        let mut calls = Vec::with_capacity(told.len());
        for (line, told) in (1..).zip(told) {
            let ended = told.call.at;
            if ended.since(now) > AHEAD {
                return Err(Refused::Ahead { line });
            }
            if ended < self.opened || now.since(ended) > LATE {
                taken.late += 1;
                continue;
            }
            match tray.known.get(&told.name).or_else(|| fresh.get(&told.name)) {
                Some(content) if *content == told.content => taken.again += 1,
                Some(_) => return Err(Refused::Otherwise { line }),
                None => {
                    fresh.insert(told.name, told.content);
                    calls.push(told);
                }
            }
        }
        if tray.known.len() + calls.len() > MOST_KNOWN || tray.waiting + calls.len() > MOST_WAITING {
            return Err(Refused::Full);
        }
        tray.heard = true;
        taken.counted = calls.len();
        for told in calls {
            tray.known.insert(told.name, told.content);
            tray.order.push_back((told.call.at, told.name));
            tray.count(&self.feeds, &told.call);
        }
        drop(tray);
        if taken.counted > 0 {
            self.came.notify_one();
        }
        Ok(taken)
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tray {
    fn count(&mut self, feeds: &[Feed], call: &Call) {
        let arm = match call.arm {
            Arm::Stable => 0,
            Arm::Canary => 1,
        };
        for ((feed, cells), fed) in feeds.iter().zip(&mut self.cells).zip(&mut self.fed) {
            *fed |= feed.counts.add(call, &mut cells[arm]);
        }
        self.waiting += 1;
    }

    /// Forgets the names of calls that would not be counted again. They came in about the order of their ends; one that came before
    /// an older one is kept until that goes.
    fn forget(&mut self, now: Timestamp) {
        while let Some((ended, name)) = self.order.front()
            && now.since(*ended) > LATE
        {
            self.known.remove(name);
            self.order.pop_front();
        }
    }
}

#[async_trait]
impl Source for Inbox {
    fn describe(&self) -> SourceDescription {
        let sides = |feed: &Feed| {
            let signal = feed.signal.clone();
            feed.sides.clone().into_iter().map(move |side| (signal.clone(), side))
        };
        SourceDescription {
            kind: "inbox",
            place: self.place.clone(),
            serves: self.feeds.iter().flat_map(sides).collect(),
        }
    }

    /// Both sides of every signal, also where calls of one side came alone: that the other had none is known as well.
    async fn read(&self) -> Vec<Reading> {
        let now = self.clock.now();
        let mut tray = self.tray();
        let heard = std::mem::take(&mut tray.heard);
        let (_, before) = tray.read;
        // No two readings are of one moment, unless the clock was set back.
        let as_of = if before > now + AHEAD {
            now
        } else {
            now.max(before + STEP)
        };
        tray.read = (self.clock.mono(), if heard { as_of } else { before });
        if heard {
            tray.waiting = 0;
        }
        let since = before.min(as_of - STEP);
        let mut readings = Vec::new();
        for (index, feed) in self.feeds.iter().enumerate() {
            let cells = if heard {
                std::mem::take(&mut tray.cells[index])
            } else {
                Default::default()
            };
            for side in &feed.sides {
                let [stable, canary] = cells.clone();
                let cell = match side {
                    Side::Stable => stable,
                    Side::Canary => canary,
                    Side::Whole => stable.with(&canary),
                };
                let sample = || Sample {
                    signal: feed.signal.clone(),
                    side: *side,
                    as_of,
                    value: feed.counts.value(since, &cell),
                };
                let nothing = || SignalError::NoData {
                    place: self.place.clone(),
                };
                readings.push(Reading {
                    signal: feed.signal.clone(),
                    side: *side,
                    outcome: (heard && tray.fed[index]).then(|| vec![sample()]).ok_or_else(nothing),
                });
            }
        }
        readings
    }

    async fn arrived(&self) {
        loop {
            self.came.notified().await;
            let next = self.tray().read.0 + LEAST_BETWEEN;
            self.clock.sleep_until(next).await;
            // A reading at its interval may have taken it meanwhile.
            if self.tray().waiting > 0 {
                return;
            }
        }
    }
}

/// The inboxes of a program by their rollouts. Clone it freely.
#[derive(Debug, Clone, Default)]
pub struct Inboxes(Arc<Mutex<BTreeMap<RolloutId, Weak<Inbox>>>>);

impl Inboxes {
    /// Opens a rollout's inbox, in place of one that was there; it is closed with the last who holds it.
    pub fn open(&self, rollout: &RolloutId, clock: SharedClock, place: String, feeds: Vec<Feed>) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::new(clock, place, feeds));
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, inbox| inbox.strong_count() > 0);
        open.insert(rollout.clone(), Arc::downgrade(&inbox));
        inbox
    }

    /// The one of a rollout, while it is open.
    pub fn of(&self, rollout: &RolloutId) -> Option<Arc<Inbox>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(rollout)?.upgrade()
    }
}

#[cfg(test)]
mod tests;
