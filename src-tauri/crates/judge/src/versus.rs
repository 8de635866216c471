//! T and R: is the canary worse than stable? (JUDGE.md, layer 3.)
//!
//! T is a mean, over seven odds ratios, of likelihood ratios "worse by that ratio" against "the same on both arms" of each
//! unit's arm given its outcome. What stable does is learned from earlier stable units only. Given the outcome, the
//! null says that the arm was drawn with the weight, so T is a martingale whatever the error rate does, as long as
//! it does it to both arms. R lets such a test begin anew every few units, as a mixture over starts with
//! masses 1/(k(k+1)), and so finds a canary that turns bad late (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric
//! framework for sequential change detection", arXiv 2203.03532).
//!
//! No `exp` in a unit: with f and g the failures and successes of stable (prior included), N = f + g, e an odds ratio
//! and D = g + f·e, the two error rates are f/N and f·e/D, and each factor is one quotient of sums and products.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::products::{PADDED, Products, ln, reaches};
use crate::{Arm, Batch, Counts, JudgeError, Prior, Restart, Strength, Unit};

/// The odds ratios that T is a mean over, exp of 0.7, 1.1, 1.6, 2.3, 3, 4 and 6, and 1 in the lane that does not count.
const ODDS: [f64; PADDED] = [
    2.0137527074704766,
    3.0041660239464334,
    4.953032424395115,
    9.974182454814718,
    20.085536923187668,
    54.598150033144236,
    403.4287934927351,
    1.0,
];
const ONES: [f64; PADDED] = [1.0; PADDED];

/// T and R of one metric.
///
/// ```text
/// factor of a unit   bad              good
/// canary             e·N / (w·e·N + (1−w)·D)   N / (w·N + (1−w)·D)
/// stable             D / (w·e·N + (1−w)·D)     D / (w·N + (1−w)·D)
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Image", try_from = "Image")]
pub struct Versus {
    prior: Prior,
    every: Option<NonZeroU32>,
    /// Units until a start is due; 0 is due before the next. Without meaning while `every` is unknown.
    until_start: u32,
    /// Tests that R has let begin; what they have not taken is the mass 1/(starts + 1).
    starts: u64,
    counts: Counts,
    ordered: bool,
    t: Products,
    r: Products,
    /// Stable's failures and successes, prior included.
    failures: f64,
    successes: f64,
    /// 1/(starts + 1).
    not_started: f64,
}

impl Versus {
    /// Before the first unit: T = R = 1.
    pub fn new(prior: Prior, restart: Restart) -> Self {
        Self {
            prior,
            every: restart.every,
            until_start: 0,
            starts: 0,
            counts: Counts::default(),
            ordered: true,
            t: Products::all(1.0),
            r: Products::all(0.0),
            failures: prior.a(),
            successes: prior.b(),
            not_started: 1.0,
        }
    }

    /// One finished unit. A weight that is no share between 0 and 1, and a unit whose arm its weight rules out (a pinned
    /// number, a repeat caller), say nothing about the arms: such a unit is counted, and learned from, with factor 1.
    #[inline]
    pub fn take(&mut self, unit: &Unit) {
        self.start_if_due(unit.weight);
        if is_split(unit.weight) {
            let factors = self.factors(unit.arm, unit.bad, unit.weight);
            self.t.multiply(&factors);
            self.r.multiply(&factors);
        }
        self.until_start = self.until_start.saturating_sub(1);
        self.counts.take(unit.arm, unit.bad);
        if unit.arm == Arm::Stable {
            self.learn();
        }
    }

    /// Counts whose order was not observed. "Earlier stable units" are then those before the batch, so every order of
    /// its units gives the same, and the null is kept exactly; starts that fall within it come after it.
    pub fn take_batch(&mut self, batch: &Batch) {
        let units = batch.units();
        if units == 0 {
            return;
        }
        self.start_if_due(batch.weight);
        if is_split(batch.weight) {
            let (stable_bad, canary_bad) = (
                batch.stable_bad.min(batch.stable_total),
                batch.canary_bad.min(batch.canary_total),
            );
            let classes = [
                (Arm::Stable, false, batch.stable_total - stable_bad),
                (Arm::Stable, true, stable_bad),
                (Arm::Canary, false, batch.canary_total - canary_bad),
                (Arm::Canary, true, canary_bad),
            ];
            for (arm, bad, n) in classes.into_iter().filter(|(_, _, n)| *n > 0) {
                let factors = self.factors(arm, bad, batch.weight);
                self.t.multiply_power(&factors, n);
                self.r.multiply_power(&factors, n);
            }
        }
        self.pass(units);
        self.counts.take_batch(batch);
        self.learn();
        self.ordered = self.ordered && units == 1;
    }

    /// ln T: evidence that the canary has been worse than stable all along.
    pub fn ln_t(&self) -> f64 {
        ln(self.t.mean_and(0.0))
    }

    /// ln R: evidence that the canary has been worse than stable from some moment on. The default trigger.
    pub fn ln_r(&self) -> f64 {
        ln(self.r.mean_and(self.not_started))
    }

    /// T for state and journal.
    pub fn strength_t(&self) -> Strength {
        Strength::from_ln(self.ln_t())
    }

    /// R for state and journal.
    pub fn strength_r(&self) -> Strength {
        Strength::from_ln(self.ln_r())
    }

    /// What has been taken so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the order of all units was observed; `false` once a batch of several has been taken.
    pub fn ordered(&self) -> bool {
        self.ordered
    }

    /// Whether T ≥ `e`, without a logarithm.
    pub(crate) fn t_reaches(&self, e: f64) -> bool {
        reaches(self.t.mean_and(0.0), e)
    }

    /// Whether R ≥ `e`, without a logarithm.
    pub(crate) fn r_reaches(&self, e: f64) -> bool {
        reaches(self.r.mean_and(self.not_started), e)
    }

    #[inline]
    fn factors(&self, arm: Arm, bad: bool, weight: f64) -> [f64; PADDED] {
        let (f, g, rest) = (self.failures, self.successes, 1.0 - weight);
        let n = f + g;
        let odds = if bad { &ODDS } else { &ONES };
        let mut factors = [1.0; PADDED];
        match arm {
            Arm::Canary => {
                for (factor, (e, own)) in factors.iter_mut().zip(ODDS.iter().zip(odds)) {
                    let (canary, stable) = (own * n, g + f * e);
                    *factor = canary / (weight * canary + rest * stable);
                }
            }
            Arm::Stable => {
                for (factor, (e, own)) in factors.iter_mut().zip(ODDS.iter().zip(odds)) {
                    let (canary, stable) = (own * n, g + f * e);
                    *factor = stable / (weight * canary + rest * stable);
                }
            }
        }
        factors
    }

    #[inline]
    fn start_if_due(&mut self, weight: f64) {
        let first = self.counts.units() == 0;
        let Some(every) = self.every else {
            // The first weight that says how often. Until then nothing has said anything about the arms, and the one
            // start before the first unit is all that matters.
            if first {
                self.start(1);
            }
            if weight > 0.0 && weight <= 1.0 {
                let every = libm::ceil(1.0 / weight) as u32;
                let every = NonZeroU32::new(every).unwrap_or(NonZeroU32::MIN);
                self.every = Some(every);
                let past = (self.counts.units() % u64::from(every.get())) as u32;
                self.until_start = if past == 0 { 0 } else { every.get() - past };
                if self.until_start == 0 {
                    if !first {
                        self.start(1);
                    }
                    self.until_start = every.get();
                }
            }
            return;
        };
        if self.until_start == 0 {
            self.start(1);
            self.until_start = every.get();
        }
    }

    /// Lets `n` tests begin.
    fn start(&mut self, n: u64) {
        let before = self.not_started;
        self.starts = self.starts.saturating_add(n);
        self.not_started = 1.0 / (self.starts as f64 + 1.0);
        // 1/(k(k+1)) of one start; of several, the difference of what has not started.
        let mass = if n == 1 {
            before * self.not_started
        } else {
            before - self.not_started
        };
        self.r.add(mass);
    }

    /// Lets `units` units of a batch pass, and the starts within it begin behind it.
    fn pass(&mut self, units: u64) {
        let Some(every) = self.every else { return };
        let (every, until, units) = (u128::from(every.get()), u128::from(self.until_start), u128::from(units));
        // One start at `until`, `until + every` … units from here; one exactly at the end is due before what comes next.
        let within = units.saturating_sub(until).div_ceil(every);
        if within > 0 {
            self.start(u64::try_from(within).unwrap_or(u64::MAX));
        }
        self.until_start = (within * every + until - units) as u32;
    }

    #[inline]
    fn learn(&mut self) {
        self.failures = self.prior.a() + self.counts.stable_bad as f64;
        self.successes = self.prior.b() + (self.counts.stable_total - self.counts.stable_bad) as f64;
    }
}

impl Default for Versus {
    fn default() -> Self {
        Self::new(Prior::default(), Restart::default())
    }
}

/// Whether a weight leaves the arm to chance.
#[inline]
fn is_split(weight: f64) -> bool {
    weight > 0.0 && weight < 1.0
}

/// How T and R stand in a snapshot.
#[derive(Serialize, Deserialize)]
struct Image {
    prior: Prior,
    every: Option<NonZeroU32>,
    until_start: u32,
    starts: u64,
    counts: Counts,
    ordered: bool,
    t: Products,
    r: Products,
}

impl From<Versus> for Image {
    fn from(versus: Versus) -> Self {
        Self {
            prior: versus.prior,
            every: versus.every,
            until_start: versus.until_start,
            starts: versus.starts,
            counts: versus.counts,
            ordered: versus.ordered,
            t: versus.t,
            r: versus.r,
        }
    }
}

impl TryFrom<Image> for Versus {
    type Error = JudgeError;

    fn try_from(image: Image) -> Result<Self, JudgeError> {
        let due = image.every.is_none_or(|every| image.until_start <= every.get());
        if !image.counts.possible() || !due || (image.starts == 0) != (image.counts.units() == 0) {
            return Err(JudgeError::Damaged);
        }
        let mut versus = Self::new(image.prior, Restart { every: image.every });
        versus.until_start = image.until_start;
        versus.starts = image.starts;
        versus.not_started = 1.0 / (image.starts as f64 + 1.0);
        versus.counts = image.counts;
        versus.ordered = image.ordered;
        (versus.t, versus.r) = (image.t, image.r);
        versus.learn();
        Ok(versus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odds_ratios_are_those_of_the_grid() {
        for (odds, delta) in ODDS.iter().zip([0.7, 1.1, 1.6, 2.3, 3.0, 4.0, 6.0]) {
            assert!((odds / libm::exp(delta) - 1.0).abs() < 4e-16, "{delta}: {odds}");
        }
    }
}
