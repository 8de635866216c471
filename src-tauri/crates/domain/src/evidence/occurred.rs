//! Occurrences without a denominator: does the canary have more of them than its share of the units explains?
//!
//! Given that something occurred, it is the canary's with the probability with which a unit is (the Poisson test with known
//! exposure of `judge::Tally`). The units are those of `traffic.assigned`, as in `routing`: the one signal that counts every
//! unit once, when its arm is drawn, whether or not anything ever becomes of it. What occurs comes some time after its unit
//! was assigned, so the share of a single block of units would be that of other units, and too small as often as too large, which
//! does not cancel out. The share of the whole phase is taken instead, and of it the most that it can be, never less than
//! the weight: an upper bound that errs in favour of the canary, whoever is read first. What occurs at the beginning of a phase
//! may be of calls that an earlier weight gave to the canary, and is left out.
//!
//! One unit can bring any number of occurrences. Of the canary one at most is counted of a reading, and all of stable's: then
//! no burst, however long, is more than one unit's, and dropping some of the canary's only weakens the evidence.
//!
//! A counter is often not there before it has counted something. Where stable's has never been read, it is 0 as far as stable's
//! units are known; as soon as it is read, all is counted anew with it, so that what is said depends on the readings
//! alone and not on their order.

use std::time::Duration;

use timonel_judge::{Bounds, Strength, Tally as Test};

use super::outcome::{TIGHTEST, Tally};
use super::pairs::{Lane, Pairs};
use super::{ALPHA_ROLLBACK, Epoch};
use crate::sample::{Sample, Value};
use crate::value::{Quantity, Side, SignalId};

/// The probability that the share is ever more than it is said to be at most: a tenth of what a rollback may err.
const ALPHA_SHARE: f64 = ALPHA_ROLLBACK / 10.0;
/// Calls of an earlier weight are taken to have ended after this; nothing says how long the longest is.
pub(super) const UNDER_WAY: Duration = Duration::from_secs(10 * 60);

/// The occurrences of one signal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Occurred {
    /// Counts the units by arm.
    exposure: SignalId,
    /// Where the canary's occurrences wait longer than this for the rest, nothing more will be proved.
    patience: Duration,
    /// With what stable's counter says.
    told: Joined,
    /// With nothing of stable's, until its counter has been read.
    silent: Option<Joined>,
}

/// Occurrences and units, in step.
#[derive(Debug, Clone, PartialEq)]
struct Joined {
    pairs: Pairs<u64>,
    units: Pairs<u64>,
    /// Units so far, as far as they have been held against anything.
    stable_units: u64,
    canary_units: u64,
    /// Occurrences so far.
    stable: u64,
    canary: u64,
    /// The most that the canary's share of the units can be.
    share: f64,
    test: Test,
    highest: Strength,
}

impl Joined {
    fn new() -> Self {
        Self {
            pairs: Pairs::default(),
            units: Pairs::default(),
            stable_units: 0,
            canary_units: 0,
            stable: 0,
            canary: 0,
            share: 1.0,
            test: Test::new(),
            highest: Strength::NONE,
        }
    }

    fn join(&mut self, weight: f64) {
        let sum = |lane: &mut dyn FnMut() -> Option<u64>| std::iter::from_fn(lane).fold(0u64, u64::saturating_add);
        let units_are_known = |units: &Pairs<u64>, at| {
            let Pairs { stable, canary } = units;
            stable.has_come_to(at) && canary.has_come_to(at)
        };
        while let Some(at) = self.pairs.next_moment()
            && units_are_known(&self.units, at)
        {
            let past = |lane: &mut Lane<u64>| sum(&mut || lane.next_past(at));
            // Of the units the canary's are read further: its share is never made smaller by who was read first.
            let came = past(&mut self.units.canary);
            let more = sum(&mut || self.units.stable.next_until(at));
            self.canary_units = self.canary_units.saturating_add(came);
            self.stable_units = self.stable_units.saturating_add(more);
            let units = self.canary_units.saturating_add(self.stable_units);
            let most =
                Bounds::tuned(ALPHA_SHARE, TIGHTEST).map_or(1.0, |bounds| bounds.around(self.canary_units, units).1);
            self.share = most.max(weight);
            let canary = self.pairs.canary.take().unwrap_or_default();
            let stable = past(&mut self.pairs.stable);
            self.canary = self.canary.saturating_add(canary);
            self.stable = self.stable.saturating_add(stable);
            self.test.take_batch(self.share, stable, canary.min(1));
            self.highest = self.highest.max(self.test.strength());
        }
    }
}

impl Occurred {
    pub(super) fn new(exposure: SignalId, patience: Duration) -> Self {
        Self {
            exposure,
            patience,
            told: Joined::new(),
            silent: Some(Joined::new()),
        }
    }

    /// Forgets everything.
    pub(super) fn begin(&mut self) {
        *self = Self::new(self.exposure.clone(), self.patience);
    }

    /// A reading of the occurrences, where `signal` counts them, or of the units.
    pub(super) fn observe(&mut self, signal: &SignalId, sample: &Sample, epoch: Epoch) {
        let Value::Count { since, n } = sample.value else {
            return;
        };
        if since < epoch.since {
            return;
        }
        let occurred = sample.signal == *signal;
        if occurred && sample.side == Side::Stable {
            self.silent = None;
        }
        if occurred && since < epoch.since + UNDER_WAY {
            return;
        }
        let weight = f64::from(epoch.weight.hundredths()) / 10_000.0;
        for joined in self.silent.iter_mut().chain([&mut self.told]) {
            let taken = if occurred {
                joined.pairs.push(sample, n)
            } else if sample.signal == self.exposure {
                joined.units.push(sample, n)
            } else {
                false
            };
            if taken {
                joined.join(weight);
            }
        }
        if let Some(silent) = self
            .silent
            .as_mut()
            .filter(|_| !occurred && sample.side == Side::Stable)
        {
            silent.pairs.push(sample, 0);
            silent.join(weight);
        }
    }

    fn known(&self) -> &Joined {
        self.silent.as_ref().unwrap_or(&self.told)
    }

    /// What the canary's occurrences are to be held against does not come any more.
    pub(super) fn is_blind(&self) -> bool {
        self.known().pairs.canary.waits() > self.patience
    }

    /// What belongs to occurrences of both arms only.
    pub(super) fn strength(&self) -> Strength {
        self.known().test.strength()
    }

    pub(super) fn highest(&self) -> Strength {
        self.known().highest
    }

    pub(super) fn tally(&self, side: Side) -> Tally {
        let known = self.known();
        let (bad, total) = match side {
            Side::Stable => (known.stable, known.stable_units),
            Side::Canary | Side::Whole => (known.canary, known.canary_units),
        };
        Tally { bad, total }
    }

    pub(super) fn share(&self) -> Option<Quantity> {
        Quantity::from_f64(self.known().share)
    }
}
