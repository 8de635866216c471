//! The mean of a metric's observations, bounded, and what its distribution can be: what gates on means and quantiles need.
//!
//! A reading tells the sum of its observations and not each of them, so one reading is one value of the betting sequence
//! (`judge::ClippedMean`): the mean of the reading, clipped. Clipping the mean of several never makes it less than the mean of
//! the clipped ones, so the upper bound errs on the safe side. What is bounded is therefore the mean of readings: one of three
//! calls counts as much as one of thirty, and where slow hours are busy ones that is less than the mean of calls.

use timonel_judge::{Bounds, ClippedMean};

use super::outcome::{MeanBounds, Means, TIGHTEST, Tally};
use super::stream::Histogram;
use super::{ALPHA_BOUND, Kept};
use crate::sample::{Bucket, Sample, Value};
use crate::time::Timestamp;
use crate::value::{Quantity, Side};

/// Values are clipped at so many times the highest limit that a gate asks for, or the end of the last bucket if that is more.
const CLIPPED: f64 = 4.0;

/// The observations of one signal by arm.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Observations {
    /// The highest limit of a mean that a gate asks for.
    limit: f64,
    stable: Arm,
    canary: Arm,
    /// Its readings are no distributions.
    unfit: bool,
}

/// One arm's.
#[derive(Debug, Clone, PartialEq, Default)]
struct Arm {
    newest: Option<Timestamp>,
    units: u64,
    readings: u64,
    seen: Histogram,
    mean: Option<Bounded>,
}

/// A mean from both sides.
#[derive(Debug, Clone, PartialEq)]
struct Bounded {
    cap: f64,
    upper: ClippedMean,
    /// Of what is missing to the cap.
    lower: ClippedMean,
}

impl Bounded {
    fn new(cap: f64) -> Option<Self> {
        let one = || ClippedMean::new(cap, ALPHA_BOUND / 2.0).ok();
        Some(Self {
            cap,
            upper: one()?,
            lower: one()?,
        })
    }

    fn take(&mut self, mean: f64) {
        self.upper.take(mean);
        self.lower.take(self.cap - mean);
    }

    fn least(&self) -> f64 {
        self.cap - self.lower.upper()
    }

    fn bounds(&self) -> Option<MeanBounds> {
        Some(MeanBounds {
            lower: Quantity::from_f64(self.least())?,
            seen: Quantity::from_f64(self.upper.mean()?)?,
            upper: Quantity::from_f64(self.upper.upper())?,
            cap: Quantity::from_f64(self.cap)?,
        })
    }
}

impl Observations {
    /// A gate asks for this limit of the mean.
    pub(super) fn ask(&mut self, limit: Quantity) {
        self.limit = self.limit.max(limit.as_f64());
    }

    /// Forgets everything.
    pub(super) fn begin(&mut self) {
        *self = Self {
            limit: self.limit,
            ..Self::default()
        };
    }

    pub(super) fn observe(&mut self, sample: &Sample) {
        let Value::Distribution { buckets, sum, .. } = &sample.value else {
            self.unfit = true;
            return;
        };
        let arm = match sample.side {
            Side::Stable => &mut self.stable,
            Side::Canary => &mut self.canary,
            Side::Whole => return,
        };
        if arm.newest.is_some_and(|newest| sample.as_of <= newest) {
            return;
        }
        arm.newest = Some(sample.as_of);
        let units: u64 = buckets.iter().map(|bucket| bucket.n).sum();
        if units == 0 {
            return;
        }
        arm.units = arm.units.saturating_add(units);
        arm.readings = arm.readings.saturating_add(1);
        arm.seen.add(buckets);
        if arm.mean.is_none() {
            arm.mean = Bounded::new(last_end(buckets).max(self.limit * CLIPPED));
        }
        if let Some(mean) = &mut arm.mean {
            mean.take(sum.as_f64() / units as f64);
        }
    }

    pub(super) fn is_unfit(&self) -> bool {
        self.unfit
    }

    pub(super) fn units(&self) -> (Tally, Tally) {
        (Tally::new(0, self.stable.units), Tally::new(0, self.canary.units))
    }

    pub(super) fn means(&self) -> Option<Means> {
        let bounds = |arm: &Arm| arm.mean.as_ref().and_then(Bounded::bounds);
        let (stable, canary) = (bounds(&self.stable), bounds(&self.canary));
        (stable.is_some() || canary.is_some()).then(|| Means {
            canary: canary.unwrap_or_default(),
            stable: stable.unwrap_or_default(),
        })
    }

    /// Whether the canary's mean keeps `limit`.
    pub(super) fn keeps(&self, limit: f64) -> Kept {
        let Some(mean) = &self.canary.mean else {
            return Kept::UNKNOWN;
        };
        let readings = mean.upper.more_for(limit);
        // Readings of as many units as those so far.
        let units = |readings: u64| {
            readings
                .saturating_mul(self.canary.units)
                .div_ceil(self.canary.readings.max(1))
        };
        Kept {
            kept: readings == Some(0),
            broken: mean.least() > limit,
            clean_units: readings.map(units),
        }
    }

    /// The most that the canary's mean may be to be no worse than stable by more than `margin`, and whether it is.
    pub(super) fn mean_not_worse(&self, margin: f64) -> Option<(f64, Kept)> {
        let Some(stable) = &self.stable.mean else {
            return Some((margin, Kept::UNKNOWN));
        };
        let most = stable.least() + margin;
        let broken = self
            .canary
            .mean
            .as_ref()
            .is_some_and(|canary| canary.least() > stable.upper.upper() + margin);
        Some((
            most,
            Kept {
                broken,
                ..self.keeps(most)
            },
        ))
    }

    /// The same of a quantile, in thousandths. Nothing is known of it but the ends of buckets.
    pub(super) fn quantile_not_worse(&self, permille: u16, margin: f64) -> Option<(f64, Kept)> {
        let bounds = Bounds::tuned(ALPHA_BOUND / 2.0, TIGHTEST).ok()?;
        let beyond = 1.0 - f64::from(permille) / 1000.0;
        let stable: Vec<_> = self.stable.seen.ends().collect();
        let lowest = stable
            .iter()
            .rfind(|(_, above)| bounds.above(above.bad, above.total, beyond));
        let highest = stable
            .iter()
            .find(|(_, above)| bounds.below(above.bad, above.total, beyond));
        let most = lowest.map_or(0.0, |(end, _)| end.as_f64()) + margin;
        let canary: Vec<_> = self.canary.seen.ends().collect();
        let reach = canary.iter().rfind(|(end, _)| end.as_f64() <= most);
        let past = highest.and_then(|(end, _)| {
            let too_much = end.as_f64() + margin;
            canary.iter().find(|(end, _)| end.as_f64() >= too_much)
        });
        let kept = Kept {
            kept: reach.is_some_and(|(_, above)| bounds.below(above.bad, above.total, beyond)),
            broken: past.is_some_and(|(_, above)| bounds.above(above.bad, above.total, beyond)),
            clean_units: reach.and_then(|(_, above)| bounds.clean_units(above.bad, above.total, beyond)),
        };
        Some((most, kept))
    }
}

/// The end of the last bucket that has one, in the metric's unit.
fn last_end(buckets: &[Bucket]) -> f64 {
    let ends = buckets.iter().filter_map(|bucket| bucket.le);
    ends.max().map_or(0.0, Quantity::as_f64)
}
