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
    /// Observations above this, in the metric's unit. Where the buckets do not end there, those above the next end that is
    /// known: of both arms alike.
    Above(Quantity),
}

impl Outcome {
    /// The bad ones of a reading; `None` where the reading is of another kind.
    pub(super) fn tally(self, value: &Value) -> Option<Tally> {
        match (self, value) {
            (Outcome::Counted, Value::Ratio { bad, total, .. }) => Some(Tally::new(*bad, *total)),
            (Outcome::NotCounted, Value::Ratio { bad, total, .. }) => {
                Some(Tally::new(total.saturating_sub(*bad), *total))
            }
            (Outcome::Above(limit), Value::Distribution { buckets, .. }) => {
                let (mut above, mut total, mut from) = (0u64, 0u64, None::<Quantity>);
                for bucket in buckets {
                    if from.is_some_and(|from| from >= limit) {
                        above = above.saturating_add(bucket.n);
                    }
                    total = total.saturating_add(bucket.n);
                    from = bucket.le.or(from);
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
    newest_stable: Option<Timestamp>,
    newest_canary: Option<Timestamp>,
    stable: Tally,
    /// The least that stable's share of bad units may be.
    stable_least: f64,
    canary: Tally,
    r: Strength,
}

impl Stream {
    pub(super) fn new(both: bool) -> Self {
        Self {
            versus: both.then(Versus::default),
            waiting: VecDeque::new(),
            ahead: VecDeque::new(),
            newest_stable: None,
            newest_canary: None,
            stable: Tally::default(),
            stable_least: 0.0,
            canary: Tally::default(),
            r: Strength::NONE,
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

    /// Takes every reading of the canary that stable has reached, with those of stable up to it. A pair is known by the
    /// times alone, so the order in which they came does not matter.
    fn join(&mut self) {
        let Some(versus) = &mut self.versus else { return };
        let before = versus.counts();
        while let Some((at, canary)) = self.ahead.front().copied()
            && self.newest_stable.is_some_and(|newest| newest >= at)
        {
            self.ahead.pop_front();
            let mut stable = Tally::default();
            while let Some((_, more)) = self.waiting.pop_front_if(|(as_of, _)| *as_of <= at) {
                stable.add(more);
            }
            let total = stable.total.saturating_add(canary.total);
            versus.take_batch(&Batch {
                weight: if total == 0 {
                    0.0
                } else {
                    canary.total as f64 / total as f64
                },
                stable_bad: stable.bad,
                stable_total: stable.total,
                canary_bad: canary.bad,
                canary_total: canary.total,
            });
        }
        if versus.counts() != before {
            self.r = versus.strength_r();
        }
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
