//! The samples of every signal by side, with the windows over them that somebody asks for.
//!
//! Kept is what a window can still be asked for: the readings of the widest one, those before them until there are as many units
//! as any question wants ([`FURTHEST`] at most), and [`BACK`] more. What lies behind is in the store for whoever draws it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{FURTHEST, Freshness};
use crate::metric::Statistic;
use crate::plan::{Plan, Question};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::{Side, SignalId};
use crate::window::{self, Answer, Running};

/// The smallest step of time.
const STEP: Duration = Duration::from_micros(1);

/// Kept beyond what any window holds: so far the time may be set back, or a phase have begun before anybody heard of it, and
/// everything is as if it had been known at once. An engine calls five seconds a clock that was set, and a raise takes
/// thirty.
pub(super) const BACK: Duration = Duration::from_secs(15 * 60);

/// All signals of a plan, found by their number.
#[derive(Debug, Clone)]
pub(super) struct Feeds {
    /// Only ever asked for one of them, so its order decides nothing.
    numbers: HashMap<SignalId, usize>,
    feeds: Vec<Feed>,
}

/// One signal.
#[derive(Debug, Clone)]
struct Feed {
    late_after: Duration,
    lost_after: Duration,
    /// The widest window that anybody asks for, of whatever side.
    widest: Duration,
    /// The most units that anybody asks for.
    most: u64,
    sides: [Series; 3],
    rows: Vec<usize>,
}

/// One side of a signal.
#[derive(Debug, Clone, Default)]
struct Series {
    samples: VecDeque<Sample>,
    windows: Vec<Running>,
    /// How many of the samples, the oldest, are behind the widest window: there for their units alone.
    behind: usize,
    /// Units of all samples.
    units: u128,
}

/// A question whose signal and window have been found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    feed: usize,
    side: Side,
    window: usize,
    statistic: Statistic,
}

fn place(side: Side) -> usize {
    match side {
        Side::Stable => 0,
        Side::Canary => 1,
        Side::Whole => 2,
    }
}

impl Feeds {
    /// No samples yet, and no windows.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut numbers = HashMap::new();
        let mut feeds = Vec::new();
        for signal in &plan.signals {
            numbers.entry(signal.id.clone()).or_insert(feeds.len());
            feeds.push(Feed {
                late_after: signal.late_after(),
                lost_after: signal.lost_after(),
                widest: Duration::ZERO,
                most: 0,
                sides: Default::default(),
                rows: Vec::new(),
            });
        }
        Self { numbers, feeds }
    }

    /// The number of a signal; `None` where the plan has no such signal.
    pub(super) fn number(&self, signal: &SignalId) -> Option<usize> {
        self.numbers.get(signal).copied()
    }

    /// The rows of the board that look at a signal.
    pub(super) fn rows(&self, number: usize) -> &[usize] {
        &self.feeds[number].rows
    }

    /// How fresh a signal is at `now` whose newest sample is of `newest`.
    pub(super) fn freshness(&self, signal: &SignalId, newest: Timestamp, now: Timestamp) -> Freshness {
        let age = now.since(newest);
        match self.number(signal).map(|number| &self.feeds[number]) {
            Some(feed) if age <= feed.late_after => Freshness::Live,
            Some(feed) if age <= feed.lost_after => Freshness::Late,
            Some(_) | None => Freshness::Lost,
        }
    }

    /// A row of the board looks at this signal.
    pub(super) fn tell(&mut self, signal: &SignalId, row: usize) {
        if let Some(number) = self.number(signal) {
            self.feeds[number].rows.push(row);
        }
    }

    /// Opens the window of a question; `None` where the plan has no such signal.
    pub(super) fn ask(&mut self, question: &Question) -> Option<Asked> {
        let feed = self.number(&question.signal)?;
        let asked = &mut self.feeds[feed];
        asked.widest = asked.widest.max(question.window);
        asked.most = asked.most.max(window::least_units(question));
        let windows = &mut asked.sides[place(question.side)].windows;
        let window = windows.iter().position(|known| known.is_of(question));
        let window = window.unwrap_or_else(|| {
            windows.push(Running::new(question));
            windows.len() - 1
        });
        let (side, statistic) = (question.side, question.statistic);
        Some(Asked {
            feed,
            side,
            window,
            statistic,
        })
    }

    /// Takes in a sample and says where it is now; `None` where it is not newer than what is there, or of no known signal.
    pub(super) fn observe(&mut self, sample: Sample) -> Option<(usize, &Sample)> {
        let number = self.number(&sample.signal)?;
        let Feed {
            widest, most, sides, ..
        } = &mut self.feeds[number];
        let series = &mut sides[place(sample.side)];
        if series.samples.back().is_some_and(|last| last.as_of >= sample.as_of) {
            return None;
        }
        series.push(sample);
        series.let_go(*widest + BACK, *most);
        series.samples.back().map(|sample| (number, sample))
    }

    /// Time was set back: windows may hold again what had left them.
    pub(super) fn rewind(&mut self) {
        for Series { samples, windows, .. } in self.feeds.iter_mut().flat_map(|feed| &mut feed.sides) {
            windows.iter_mut().for_each(|window| window.rewind(samples));
        }
    }

    /// Every sample, of all signals and sides.
    pub(super) fn all(&self) -> impl Iterator<Item = &Sample> {
        let sides = self.feeds.iter().flat_map(|feed| &feed.sides);
        sides.flat_map(|series| &series.samples)
    }

    /// The samples of a side of a signal, oldest first.
    pub(super) fn samples(&self, signal: &SignalId, side: Side) -> Option<&VecDeque<Sample>> {
        Some(&self.feeds[self.number(signal)?].sides[place(side)].samples)
    }

    /// What the window of a question says of live data at `now`, and when time alone makes it say something else.
    pub(super) fn answer(&mut self, asked: Asked, now: Timestamp) -> (Answer, Option<Timestamp>) {
        let feed = &mut self.feeds[asked.feed];
        let Series { samples, windows, .. } = &mut feed.sides[place(asked.side)];
        let Some(newest) = samples.back() else {
            return Default::default();
        };
        if now.since(newest.as_of) > feed.late_after {
            return Default::default();
        }
        let late_from = newest.as_of + feed.late_after + STEP;
        let window = &mut windows[asked.window];
        window.advance(samples, now);
        let changes = window.leaves_at(samples).map_or(late_from, |at| at.min(late_from));
        (window.answer(samples, asked.statistic), Some(changes))
    }

    /// Since when a side is lost, or from when on it will be unless a sample comes, where samples are owed since `owed_since`.
    pub(super) fn lost_from(&self, number: usize, side: Side, owed_since: Timestamp) -> Timestamp {
        let feed = &self.feeds[number];
        let newest = feed.sides[place(side)].samples.back();
        let newest = newest.map_or(owed_since, |sample| sample.as_of.max(owed_since));
        newest + feed.lost_after + STEP
    }
}

impl Series {
    /// Takes in a sample that is newer than all.
    fn push(&mut self, sample: Sample) {
        self.units += window::units(&sample.value);
        self.samples.push_back(sample);
        self.windows.iter_mut().for_each(|window| window.push(&self.samples));
    }

    /// Lets go what no window of up to `widest` and no question for up to `most` units can come back to.
    fn let_go(&mut self, widest: Duration, most: u64) {
        let Some(newest) = self.samples.back().map(|newest| newest.as_of) else {
            return;
        };
        while self
            .samples
            .get(self.behind)
            .is_some_and(|s| s.as_of <= newest - widest)
            && self.behind + 1 < self.samples.len()
        {
            if self.says_nothing(self.behind) {
                self.forget(self.behind);
            } else {
                self.behind += 1;
            }
        }
        while self.behind > 0
            && let Some(oldest) = self.samples.front()
            && (self.units - window::units(&oldest.value) >= u128::from(most) || oldest.as_of < newest - FURTHEST)
        {
            self.forget(0);
            self.behind -= 1;
        }
    }

    /// Whether a sample brings no unit to any window and ends none, as buckets of another layout would.
    fn says_nothing(&self, at: usize) -> bool {
        let (sample, next) = (self.samples.get(at), self.samples.get(at + 1));
        let (Some(sample), Some(next)) = (sample, next) else {
            return false;
        };
        window::is_empty(&sample.value) && window::is_alike(&sample.value, &next.value)
    }

    fn forget(&mut self, at: usize) {
        self.windows
            .iter_mut()
            .for_each(|window| window.forget(&self.samples, at));
        if let Some(gone) = self.samples.remove(at) {
            self.units -= window::units(&gone.value);
        }
    }
}
