//! One metric's units of both arms since the phase began, as bad and not bad.
//!
//! The arms may have buckets of their own. An observation of the canary's is above what stable's are held to only where
//! its whole bucket is; stable's already where a part of its bucket is: what a layout hides speaks for the canary.

use std::collections::BTreeMap;

use timonel_judge::{Batch, Over, Prior, Restart, Strength, Versus};

use super::outcome::{Outcome, Tally};
use super::pairs::{Pairs, Pool};
use crate::sample::{Bucket, Sample, Value};
use crate::value::{Quantity, Side, Weight};

/// A reading as it waits: what is bad of it may depend on what stable has shown when its turn comes.
#[derive(Debug, Clone, PartialEq)]
enum Reading {
    Told(Tally),
    Observed(Vec<Bucket>),
}

impl Pool for Reading {
    fn pool(&mut self, then: Self) -> Result<(), Self> {
        match (self, then) {
            (Reading::Told(tally), Reading::Told(more)) => {
                tally.add(more);
                Ok(())
            }
            (Reading::Observed(buckets), Reading::Observed(more))
                if buckets
                    .iter()
                    .map(|bucket| bucket.le)
                    .eq(more.iter().map(|bucket| bucket.le)) =>
            {
                for (bucket, more) in buckets.iter_mut().zip(more) {
                    bucket.n = bucket.n.saturating_add(more.n);
                }
                Ok(())
            }
            (Reading::Told(_) | Reading::Observed(_), then) => Err(then),
        }
    }
}

/// The units of one metric and what is known by them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stream {
    outcome: Outcome,
    /// What the plan says that stable's share of bad units has been, between 0 and 1.
    history: Option<f64>,
    versus: Option<Versus>,
    pairs: Pairs<Reading>,
    /// Stable's and the canary's units of the block in the making.
    open: (Tally, Tally),
    /// What stable has observed: in earlier blocks, and in the one in the making.
    observed: Histogram,
    observing: Histogram,
    stable: Tally,
    /// The least that stable's share of bad units may be.
    stable_least: f64,
    canary: Tally,
    /// The canary's, with no more bad ones than are so whatever their buckets hide.
    surely: Tally,
    r: Strength,
    /// The most that R has been: what it proves, it proves by having been there (Ville).
    highest: Strength,
    /// O against the history, and the most that it has been.
    history_o: Option<(Strength, Strength)>,
    /// Its readings are of a kind that no unit can be told from.
    unfit: bool,
}

impl Stream {
    pub(super) fn new(outcome: Outcome, both: bool) -> Self {
        Self {
            outcome,
            history: None,
            versus: both.then(Versus::default),
            pairs: Pairs::default(),
            open: Default::default(),
            observed: Histogram::default(),
            observing: Histogram::default(),
            stable: Tally::default(),
            stable_least: 0.0,
            canary: Tally::default(),
            surely: Tally::default(),
            r: Strength::NONE,
            highest: Strength::NONE,
            history_o: None,
            unfit: false,
        }
    }

    /// What the plan says that stable's share of bad units has been; the first rule that says it counts.
    pub(super) fn state_history(&mut self, history: Option<f64>) {
        self.history = self.history.or(history);
    }

    /// Forgets everything. R looks for a change once for about every unit of the canary.
    pub(super) fn begin(&mut self, weight: Option<Weight>) {
        let every = weight.and_then(|weight| {
            10_000u32
                .div_ceil(u32::from(weight.hundredths().max(1)))
                .try_into()
                .ok()
        });
        let known = match self.outcome {
            // What a quantile is a quantile of is known beforehand.
            Outcome::AboveStable(permille) => Some(1.0 - f64::from(permille) / 1000.0),
            Outcome::Counted | Outcome::NotCounted | Outcome::Above(_) | Outcome::Occurred | Outcome::Mean => {
                self.history
            }
        };
        let prior = known
            .and_then(|known| Prior::from_history(known).ok())
            .unwrap_or_default();
        let versus = self.versus.as_ref().map(|_| Versus::new(prior, Restart { every }));
        *self = Self {
            versus,
            history: self.history,
            ..Self::new(self.outcome, false)
        };
    }

    pub(super) fn observe(&mut self, sample: &Sample) {
        match (self.outcome, &sample.value) {
            (Outcome::AboveStable(_), Value::Distribution { buckets, .. }) => {
                if self.versus.is_some() && self.pairs.push(sample, Reading::Observed(buckets.clone())) {
                    self.join();
                }
            }
            (outcome, value) => match outcome.tally(value) {
                Some(tally) => self.count(sample, tally),
                None => self.unfit = true,
            },
        }
    }

    fn count(&mut self, sample: &Sample, tally: Tally) {
        let (reading, surely) = match (self.outcome, &sample.value) {
            (Outcome::Above(limit), Value::Distribution { buckets, .. }) => {
                let surely = Tally::surely_above(buckets, limit);
                (Reading::Observed(buckets.clone()), surely)
            }
            _ => (Reading::Told(tally), tally),
        };
        if !self.pairs.push(sample, reading) {
            return;
        }
        match sample.side {
            Side::Stable => {
                self.stable.add(tally);
                if tally.total > 0 {
                    self.stable_least = self.stable.bounds().0;
                }
            }
            Side::Canary => {
                self.canary.add(tally);
                self.surely.add(surely);
                self.hold_against_history();
            }
            Side::Whole => {}
        }
        if self.versus.is_some() {
            self.join();
        } else {
            // Nobody waits for the other arm.
            self.pairs.let_go();
        }
    }

    fn hold_against_history(&mut self) {
        let Some(over) = self.history.and_then(|history| over(history, self.canary)) else {
            return;
        };
        let highest = self.history_o.map_or(over, |(_, highest)| highest.max(over));
        self.history_o = Some((over, highest));
    }

    /// Takes every reading of the canary that stable has reached, with those of stable up to the first that is no older.
    /// Readings are pooled until both arms have a unit, since a block of one arm shows nothing. A block is known by times and
    /// arms alone, never by outcomes, so the order in which they came does not matter and nothing is chosen.
    fn join(&mut self) {
        let Some(mut versus) = self.versus.take() else { return };
        let before = versus.counts();
        while let Some(at) = self.pairs.next_moment() {
            let edge = self.held_to();
            if let Some(canary) = self.pairs.canary.take() {
                self.open.1.add(tally_of(&canary, Side::Canary, edge));
            }
            while let Some(more) = self.pairs.stable.next_past(at) {
                self.open.0.add(tally_of(&more, Side::Stable, edge));
                if let Reading::Observed(buckets) = &more {
                    self.observing.add(buckets);
                }
            }
            let (stable, canary) = self.open;
            if stable.total == 0 || canary.total == 0 {
                continue;
            }
            self.open = Default::default();
            let is_told = edge.is_some() || !matches!(self.outcome, Outcome::AboveStable(_));
            if is_told {
                versus.take_batch(&Batch {
                    weight: canary.total as f64 / stable.total.saturating_add(canary.total) as f64,
                    stable_bad: stable.bad,
                    stable_total: stable.total,
                    canary_bad: canary.bad,
                    canary_total: canary.total,
                });
            }
            self.observed.merge(std::mem::take(&mut self.observing));
        }
        let counts = versus.counts();
        if counts != before {
            self.r = versus.strength_r();
            self.highest = self.highest.max(self.r);
            if matches!(self.outcome, Outcome::AboveStable(_)) {
                self.stable = Tally::new(counts.stable_bad, counts.stable_total);
                self.canary = Tally::new(counts.canary_bad, counts.canary_total);
            }
        }
        self.versus = Some(versus);
    }

    /// Where stable's quantile was before the block in the making, at the end of a bucket; `None` before there is one.
    pub(super) fn edge(&self) -> Option<Quantity> {
        match self.outcome {
            Outcome::AboveStable(permille) => self.observed.edge(permille),
            Outcome::Counted | Outcome::NotCounted | Outcome::Above(_) | Outcome::Occurred | Outcome::Mean => None,
        }
    }

    /// What observations are bad above, where the arms are compared: of a limit the end of the bucket of stable's that it
    /// falls into, since that is what stable's are counted by.
    fn held_to(&self) -> Option<Quantity> {
        match self.outcome {
            Outcome::Above(limit) => Some(self.observed.end_below(limit).unwrap_or(limit)),
            Outcome::AboveStable(_) => self.edge(),
            Outcome::Counted | Outcome::NotCounted | Outcome::Occurred | Outcome::Mean => None,
        }
    }

    pub(super) fn is_unfit(&self) -> bool {
        self.unfit
    }

    pub(super) fn highest(&self) -> Strength {
        self.highest
    }

    pub(super) fn r(&self) -> Strength {
        self.r
    }

    /// O against the history, and the most that it has been.
    pub(super) fn history_o(&self) -> Option<(Strength, Strength)> {
        self.history_o
    }

    pub(super) fn both(&self) -> bool {
        self.versus.is_some()
    }

    pub(super) fn stable(&self) -> Tally {
        self.stable
    }

    pub(super) fn stable_least(&self) -> f64 {
        self.stable_least
    }

    pub(super) fn canary(&self) -> Tally {
        self.canary
    }

    /// The canary's, with no more bad ones than are so whatever their buckets hide.
    pub(super) fn surely(&self) -> Tally {
        self.surely
    }

    pub(super) fn history(&self) -> Option<f64> {
        self.history
    }
}

/// O of units at a share; `None` where no share lies measurably above it.
pub(super) fn over(share: f64, units: Tally) -> Option<Strength> {
    let mut over = Over::new(share).ok()?;
    over.take_batch(units.bad, units.total);
    Some(over.strength())
}

fn tally_of(reading: &Reading, side: Side, edge: Option<Quantity>) -> Tally {
    match (reading, edge) {
        (Reading::Told(tally), _) => *tally,
        (Reading::Observed(buckets), Some(edge)) => match side {
            Side::Canary => Tally::surely_above(buckets, edge),
            Side::Stable | Side::Whole => Tally::above(buckets, edge),
        },
        (Reading::Observed(buckets), None) => Tally::new(0, buckets.iter().map(|bucket| bucket.n).sum()),
    }
}

/// Observations by the ends of their buckets, whatever layouts they came in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Histogram {
    ends: BTreeMap<Quantity, u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, buckets: &[Bucket]) {
        for bucket in buckets {
            self.total = self.total.saturating_add(bucket.n);
            if let Some(le) = bucket.le {
                let known = self.ends.entry(le).or_default();
                *known = known.saturating_add(bucket.n);
            }
        }
    }

    fn merge(&mut self, more: Self) {
        self.total = self.total.saturating_add(more.total);
        for (end, n) in more.ends {
            let known = self.ends.entry(end).or_default();
            *known = known.saturating_add(n);
        }
    }

    /// The end of a bucket above which the share of the observations is nearest to that above the quantile; the lower of
    /// two. `None` before one observation is expected above it: it would be anywhere.
    fn edge(&self, permille: u16) -> Option<Quantity> {
        let above = 1.0 - f64::from(permille) / 1000.0;
        if self.total as f64 * above < 1.0 {
            return None;
        }
        let mut nearest: Option<(f64, Quantity)> = None;
        let mut within = 0u64;
        for (end, n) in &self.ends {
            within = within.saturating_add(*n);
            let off = ((self.total - within) as f64 / self.total as f64 - above).abs();
            if nearest.is_none_or(|(least, _)| off < least) {
                nearest = Some((off, *end));
            }
        }
        nearest.map(|(_, end)| end)
    }

    /// The last end of a bucket that is not beyond `limit`.
    fn end_below(&self, limit: Quantity) -> Option<Quantity> {
        self.ends.range(..=limit).next_back().map(|(end, _)| *end)
    }

    /// The ends of buckets with how many observations lie above each, ascending.
    pub(super) fn ends(&self) -> impl DoubleEndedIterator<Item = (Quantity, Tally)> {
        let mut within = 0u64;
        let ends: Vec<_> = self
            .ends
            .iter()
            .map(|(end, n)| {
                within = within.saturating_add(*n);
                (*end, Tally::new(self.total.saturating_sub(within), self.total))
            })
            .collect();
        ends.into_iter()
    }
}
