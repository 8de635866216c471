//! One rollout's inbox: counts each call once, refuses what it cannot count, and gives readings of what came since the last.
//!
//! A call that is told again is known by its name for as long as it would be counted: what ended longer ago than [`LATE`] is
//! counted no more, and what ended before the inbox was opened may have been counted by an engine before this one. So no call
//! counts twice, whatever is sent again. Missing is never good: where nobody said anything of an arm, not even that nothing happened
//! there, there is no reading of it, whatever is said of the other; and calls that are not counted are no news.

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
/// Readings are no closer together than this, so that a flood of calls makes no flood of samples: every one of them is kept.
const LEAST_BETWEEN: Duration = Duration::from_millis(100);
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
    /// When it was opened, by both clocks.
    opened: (Mono, Timestamp),
    came: Notify,
    tray: Mutex<Tray>,
}

/// How many sides there are.
const SIDES: usize = 3;

/// The place of a side in an array of all.
fn place(side: Side) -> usize {
    match side {
        Side::Stable => 0,
        Side::Canary => 1,
        Side::Whole => 2,
    }
}

/// The sides that hear of an arm: its own, and the whole, which is what is known of both.
fn places(arm: Arm) -> [usize; 2] {
    [place(arm.into()), place(Side::Whole)]
}

#[derive(Debug)]
struct Tray {
    /// What came since the last reading of each side, of each feed.
    cells: Vec<[Cell; SIDES]>,
    /// Whether a feed's field was ever told of a side.
    fed: Vec<[bool; SIDES]>,
    /// Calls that came since the last reading.
    waiting: usize,
    /// Of which sides anybody said anything since their last reading.
    heard: [bool; SIDES],
    /// How far the readings of each side go.
    read: [Timestamp; SIDES],
    /// When somebody last read.
    looked: Mono,
    /// Whether it was told that calls come too late to be counted, since one was.
    told_late: bool,
    /// What a name was told with.
    known: HashMap<u64, u64>,
    /// Names in the order in which they came, with the end of each call.
    order: VecDeque<(Timestamp, u64)>,
}

impl Inbox {
    /// An empty one, from now on.
    pub fn new(clock: SharedClock, place: String, feeds: Vec<Feed>) -> Self {
        let opened = (clock.mono(), clock.now());
        let fed = |feed: &Feed| [feed.counts.field().is_none(); SIDES];
        let tray = Tray {
            cells: vec![Default::default(); feeds.len()],
            fed: feeds.iter().map(fed).collect(),
            waiting: 0,
            heard: [false; SIDES],
            read: [opened.1; SIDES],
            looked: opened.0,
            told_late: false,
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

    /// Counts the calls of a request, all or none. That nothing more happened on the `quiet` arms is news as well.
    pub fn take(&self, told: &[Told], quiet: &[Arm]) -> Result<Taken, Refused> {
        let now = self.clock.now();
        let opened = self.opened_at(now);
        let mut tray = self.tray();
        tray.forget(now);
        let mut fresh: HashMap<u64, u64> = HashMap::new();
        let mut taken = Taken::default();
        let mut calls = Vec::with_capacity(told.len());
        let mut heard: Vec<Arm> = quiet.to_vec();
        for (line, told) in (1..).zip(told) {
            let ended = told.call.at;
            if ended.since(now) > AHEAD {
                return Err(Refused::Ahead { line });
            }
            if ended < opened || now.since(ended) > LATE {
                taken.late += 1;
                continue;
            }
            heard.push(told.call.arm);
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
        for side in heard.into_iter().flat_map(places) {
            tray.heard[side] = true;
        }
        taken.counted = calls.len();
        tray.tell_late(&self.place, taken);
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

    /// When it was opened, on the wall clock as it is now: where that was set back, what ends from now on still counts.
    fn opened_at(&self, now: Timestamp) -> Timestamp {
        let (mono, opened) = self.opened;
        opened.min(now - self.clock.mono().saturating_since(mono))
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tray {
    fn count(&mut self, feeds: &[Feed], call: &Call) {
        for ((feed, cells), fed) in feeds.iter().zip(&mut self.cells).zip(&mut self.fed) {
            for side in places(call.arm) {
                fed[side] |= feed.counts.add(call, &mut cells[side]);
            }
        }
        self.waiting += 1;
    }

    /// Says once that calls come too late, until one does not.
    fn tell_late(&mut self, place: &str, taken: Taken) {
        if taken.late > 0 && taken.counted + taken.again == 0 {
            if !self.told_late {
                let late = taken.late;
                tracing::warn!(
                    place,
                    late,
                    "finished calls come too late to be counted: check the clock of who sends them"
                );
            }
            self.told_late = true;
        } else if taken.counted > 0 {
            self.told_late = false;
        }
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

    /// Every side of every signal: of what nobody said anything since, that there is no data.
    async fn read(&self) -> Vec<Reading> {
        let now = self.clock.now();
        let mut tray = self.tray();
        tray.looked = self.clock.mono();
        tray.waiting = 0;
        let heard = std::mem::take(&mut tray.heard);
        let spans = tray.read.map(|before| {
            // No two readings are of one moment, unless the clock was set back.
            let as_of = if before > now + AHEAD {
                now
            } else {
                now.max(before + STEP)
            };
            (before.min(as_of - STEP), as_of)
        });
        for side in (0..SIDES).filter(|side| heard[*side]) {
            tray.read[side] = spans[side].1;
        }
        let mut readings = Vec::new();
        for (index, feed) in self.feeds.iter().enumerate() {
            for side in &feed.sides {
                let at = place(*side);
                let outcome = if heard[at] && tray.fed[index][at] {
                    let (since, as_of) = spans[at];
                    let cell = std::mem::take(&mut tray.cells[index][at]);
                    Ok(vec![Sample {
                        signal: feed.signal.clone(),
                        side: *side,
                        as_of,
                        value: feed.counts.value(since, &cell),
                    }])
                } else {
                    Err(SignalError::NoData {
                        place: self.place.clone(),
                    })
                };
                readings.push(Reading {
                    signal: feed.signal.clone(),
                    side: *side,
                    outcome,
                });
            }
        }
        readings
    }

    async fn arrived(&self) {
        loop {
            self.came.notified().await;
            let next = self.tray().looked + LEAST_BETWEEN;
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
