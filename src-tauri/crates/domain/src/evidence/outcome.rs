//! What of a reading counts, and the numbers that are kept for the record.

use serde::{Deserialize, Serialize};
use timonel_judge::{Bounds, Strength};

use super::ALPHA_BOUND;
use crate::sample::{Bucket, Value};
use crate::value::{Quantity, SignalId};

/// Bounds are tightest around this many units: a canary of some calls a day has so many within a phase.
pub(super) const TIGHTEST: f64 = 50.0;

/// What of a reading is a bad unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Those that the signal counts: errors, abandoned calls.
    Counted,
    /// Those that it does not count: turns that were not recognised.
    NotCounted,
    /// Observations above this, in the metric's unit. Where no bucket ends there, all of the bucket that it falls into: a
    /// bound says no less then than it should. Where arms are compared, see `stream`.
    Above(Quantity),
    /// Observations above the quantile, in thousandths, that stable has had so far: at the end of a bucket, since nothing
    /// nearer can be told. Which one it is is decided before the units that are held against it.
    AboveStable(u16),
    /// Occurrences without a denominator: breaker opens, exceptions. Held against the arms' shares of the units.
    Occurred,
    /// The mean of the observations itself, not a share of them.
    Mean,
}

impl Outcome {
    /// The first in their order.
    pub(super) const FIRST: Self = Outcome::Counted;

    /// The bad ones of a reading; `None` where the reading is of another kind, or the outcome no fixed one.
    pub(super) fn tally(self, value: &Value) -> Option<Tally> {
        match (self, value) {
            (Outcome::Counted, Value::Ratio { bad, total, .. }) => Some(Tally::new(*bad, *total)),
            (Outcome::NotCounted, Value::Ratio { bad, total, .. }) => {
                Some(Tally::new(total.saturating_sub(*bad), *total))
            }
            (Outcome::Above(limit), Value::Distribution { buckets, .. }) => Some(Tally::above(buckets, limit)),
            (
                Outcome::Counted | Outcome::NotCounted,
                Value::Distribution { .. } | Value::Count { .. } | Value::Level(_),
            )
            | (Outcome::Above(_), Value::Ratio { .. } | Value::Count { .. } | Value::Level(_))
            | (
                Outcome::AboveStable(_) | Outcome::Occurred | Outcome::Mean,
                Value::Ratio { .. } | Value::Distribution { .. } | Value::Count { .. } | Value::Level(_),
            ) => None,
        }
    }
}

/// Units, and how many of them were bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Bad ones; never more than all, but for occurrences, of which one unit can have several.
    pub bad: u64,
    /// All.
    pub total: u64,
}

impl Tally {
    pub(super) fn new(bad: u64, total: u64) -> Self {
        Self {
            bad: bad.min(total),
            total,
        }
    }

    /// Observations above `limit`, those of the bucket that it falls into included.
    pub(super) fn above(buckets: &[Bucket], limit: Quantity) -> Self {
        let mut tally = Self::default();
        for bucket in buckets {
            let bad = if bucket.le.is_none_or(|le| le > limit) {
                bucket.n
            } else {
                0
            };
            tally.add(Self::new(bad, bucket.n));
        }
        tally
    }

    /// Observations that lie above `edge` whatever their bucket hides; buckets ascend.
    pub(super) fn surely_above(buckets: &[Bucket], edge: Quantity) -> Self {
        let mut tally = Self::default();
        let mut beyond = None;
        for bucket in buckets {
            let bad = if beyond.is_some_and(|lower| lower >= edge) {
                bucket.n
            } else {
                0
            };
            tally.add(Self::new(bad, bucket.n));
            beyond = bucket.le;
        }
        tally
    }

    pub(super) fn add(&mut self, more: Self) {
        self.bad = self.bad.saturating_add(more.bad);
        self.total = self.total.saturating_add(more.total);
    }

    /// A confidence sequence of the share of bad units: wrong at any time of the phase with probability
    /// [`ALPHA_BOUND`] at most.
    pub fn bounds(self) -> (f64, f64) {
        self.bounds_at(ALPHA_BOUND)
    }

    /// The same, wrong with another probability.
    pub(super) fn bounds_at(self, alpha: f64) -> (f64, f64) {
        Bounds::tuned(alpha, TIGHTEST).map_or((0.0, 1.0), |bounds| bounds.around(self.bad, self.total))
    }
}

/// The numbers behind the evidence of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proof {
    /// The metric's signal.
    pub signal: SignalId,
    /// What counts as bad.
    pub outcome: Outcome,
    /// Stable's units since the phase began.
    pub stable: Tally,
    /// The canary's.
    pub canary: Tally,
    /// R, weakened where arms are not random; of occurrences the test against the share of the units. `None` where the
    /// signal does not deliver both arms.
    pub against_stable: Option<Strength>,
    /// Whether the arms follow the number, the caller or the tenant rather than chance.
    pub observational: bool,
    /// O against what the plan says that stable used to have; only at 100 %, where there is no stable to compare with.
    pub against_history: Option<Strength>,
    /// What is above stable's quantile is above this now; of [`Outcome::AboveStable`] only.
    pub edge: Option<Quantity>,
    /// The most that the canary's share of the units can be, between 0 and 1; of [`Outcome::Occurred`] only.
    pub share: Option<Quantity>,
    /// Of [`Outcome::Mean`] only, once both bounds could be begun.
    pub means: Option<Means>,
}

/// What a mean can be, by arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Means {
    /// The canary's.
    pub canary: MeanBounds,
    /// Stable's.
    pub stable: MeanBounds,
}

/// What a mean of clipped values can be, in the metric's unit; wrong at any time of the phase with [`ALPHA_BOUND`] at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct MeanBounds {
    /// The least.
    pub lower: Quantity,
    /// The mean of the readings so far.
    pub seen: Quantity,
    /// The most.
    pub upper: Quantity,
    /// Beyond this a reading counts as this.
    pub cap: Quantity,
}
