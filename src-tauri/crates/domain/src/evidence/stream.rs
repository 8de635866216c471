//! One metric's units of both arms since the phase began, as bad and not bad.

use std::collections::VecDeque;

use timonel_judge::{Batch, Bounds, Prior, Restart, Strength, Versus};

use super::ALPHA_BOUND;
use crate::sample::Value;
use crate::time::Timestamp;
use crate::value::{Quantity, Side, SignalId, Weight};

/// Bounds are tightest around this many units: a canary of some calls a day has so many within a phase.
pub(super) const TIGHTEST: f64 = 50.0;

/// What of a reading is a bad unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Those that the signal counts: errors, abandoned calls.
    Counted,
    /// Those that it does not count: turns that were not recognised.
    NotCounted,
    /// Observations above this, in the metric's unit. Where no bucket ends there, all of the bucket that it falls into, of
    /// both arms alike: a bound says no less then than it should.
    Above(Quantity),
}

impl Outcome {
    /// The first in their order.
    pub(super) const FIRST: Self = Outcome::Counted;

    /// The bad ones of a reading; `None` where the reading is of another kind.
    pub(super) fn tally(self, value: &Value) -> Option<Tally> {
        match (self, value) {
            (Outcome::Counted, Value::Ratio { bad, total, .. }) => Some(Tally::new(*bad, *total)),
            (Outcome::NotCounted, Value::Ratio { bad, total, .. }) => {
                Some(Tally::new(total.saturating_sub(*bad), *total))
            }
            (Outcome::Above(limit), Value::Distribution { buckets, .. }) => {
                let (mut above, mut total) = (0u64, 0u64);
                for bucket in buckets {
                    if bucket.le.is_none_or(|le| le > limit) {
                        above = above.saturating_add(bucket.n);
                    }
                    total = total.saturating_add(bucket.n);
                }
                Some(Tally::new(above, total))
            }
            (
                Outcome::Counted | Outcome::NotCounted,
                Value::Distribution { .. } | Value::Count { .. } | Value::Level(_),
            )
            | (Outcome::Above(_), Value::Ratio { .. } | Value::Count { .. } | Value::Level(_)) => None,
        }
    }
}

/// Units, and how many of them were bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tally {
    /// Bad ones; never more than all.
    pub bad: u64,
    /// All.
    pub total: u64,
}

impl Tally {
    fn new(bad: u64, total: u64) -> Self {
        Self {
            bad: bad.min(total),
            total,
        }
    }

    fn add(&mut self, more: Self) {
        self.bad = self.bad.saturating_add(more.bad);
        self.total = self.total.saturating_add(more.total);
    }

    /// A confidence sequence of the share of bad units: wrong at any time of the phase with probability
    /// [`ALPHA_BOUND`] at most.
    pub fn bounds(self) -> (f64, f64) {
        Bounds::tuned(ALPHA_BOUND, TIGHTEST).map_or((0.0, 1.0), |bounds| bounds.around(self.bad, self.total))
    }
}

/// The numbers behind the evidence of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proof {
    /// The metric's signal.
    pub signal: SignalId,
    /// What counts as bad.
    pub outcome: Outcome,
    /// Stable's units since the phase began.
    pub stable: Tally,
    /// The canary's.
    pub canary: Tally,
    /// R, weakened where arms are not random; `None` where the signal does not deliver both arms.
    pub against_stable: Option<Strength>,
    /// Whether the arms follow the number, the caller or the tenant rather than chance.
    pub observational: bool,
}

/// The units of one metric and what is known by them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stream {
    versus: Option<Versus>,
    /// Readings of stable that no reading of the canary has reached yet.
    waiting: VecDeque<(Timestamp, Tally)>,
    /// Readings of the canary that stable has not passed yet.
    ahead: VecDeque<(Timestamp, Tally)>,
    /// The last reading of stable that was taken.
    reached: Option<Timestamp>,
    /// Stable's and the canary's units of the block in the making.
    open: (Tally, Tally),
    newest_stable: Option<Timestamp>,
    newest_canary: Option<Timestamp>,
    stable: Tally,
    /// The least that stable's share of bad units may be.
    stable_least: f64,
    canary: Tally,
    r: Strength,
    /// The most that R has been: what it proves, it proves by having been there (Ville).
    highest: Strength,
    /// Its readings are of a kind that no unit can be told from.
    unfit: bool,
}

impl Stream {
    pub(super) fn new(both: bool) -> Self {
        Self {
            versus: both.then(Versus::default),
            waiting: VecDeque::new(),
            ahead: VecDeque::new(),
            reached: None,
            open: Default::default(),
            newest_stable: None,
            newest_canary: None,
            stable: Tally::default(),
            stable_least: 0.0,
            canary: Tally::default(),
            r: Strength::NONE,
            highest: Strength::NONE,
            unfit: false,
        }
    }

    /// Forgets everything. R looks for a change once for about every unit of the canary.
    pub(super) fn begin(&mut self, weight: Option<Weight>) {
        let every = weight.and_then(|weight| {
            10_000u32
                .div_ceil(u32::from(weight.hundredths().max(1)))
                .try_into()
                .ok()
        });
        let versus = self
            .versus
            .as_ref()
            .map(|_| Versus::new(Prior::default(), Restart { every }));
        *self = Self {
            versus,
            ..Self::new(false)
        };
    }

    pub(super) fn observe(&mut self, side: Side, as_of: Timestamp, tally: Tally) {
        let (newest, queue, sum) = match side {
            Side::Stable => (&mut self.newest_stable, &mut self.waiting, &mut self.stable),
            Side::Canary => (&mut self.newest_canary, &mut self.ahead, &mut self.canary),
            Side::Whole => return,
        };
        if newest.is_some_and(|newest| as_of <= newest) {
            return;
        }
        *newest = Some(as_of);
        sum.add(tally);
        if side == Side::Stable && tally.total > 0 {
            self.stable_least = self.stable.bounds().0;
        }
        if self.versus.is_some() {
            queue.push_back((as_of, tally));
            self.join();
        }
    }

    /// Takes every reading of the canary that stable has reached, with those of stable up to the first that is no older: the
    /// two are scraped at moments of their own, and a canary ahead of stable would be blamed for what befalls both. Readings
    /// are pooled until both arms have a unit, since a block of one arm shows nothing. A block is known by times and arms
    /// alone, never by outcomes, so the order in which they came does not matter and nothing is chosen.
    fn join(&mut self) {
        let Some(versus) = &mut self.versus else { return };
        let before = versus.counts();
        while let Some((at, canary)) = self.ahead.front().copied()
            && self.newest_stable.is_some_and(|newest| newest >= at)
        {
            self.ahead.pop_front();
            self.open.1.add(canary);
            while self.reached.is_none_or(|reached| reached < at)
                && let Some((as_of, more)) = self.waiting.pop_front()
            {
                self.open.0.add(more);
                self.reached = Some(as_of);
            }
            let (stable, canary) = self.open;
            if stable.total == 0 || canary.total == 0 {
                continue;
            }
            self.open = Default::default();
            versus.take_batch(&Batch {
                weight: canary.total as f64 / stable.total.saturating_add(canary.total) as f64,
                stable_bad: stable.bad,
                stable_total: stable.total,
                canary_bad: canary.bad,
                canary_total: canary.total,
            });
        }
        if versus.counts() != before {
            self.r = versus.strength_r();
            self.highest = self.highest.max(self.r);
        }
    }

    /// Its signal delivers readings without units: a level.
    pub(super) fn cannot_be_told(&mut self) {
        self.unfit = true;
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
}
