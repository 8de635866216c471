//! The confidence sequence that is shown to people and that a gate needs: valid at every look together.
//!
//! The two-sided beta-binomial mixture of Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic
//! confidence sequences" (2021, arXiv 1810.08240): a rate p is left out once the mean likelihood of the rates around
//! it, Beta(κp, κ(1−p)), is 1/α times its own. κ says for how many units it is tightest. Reference values: confseq.

use crate::JudgeError;

/// For how many units [`Bounds::of`] is tightest: those that a phase of a few hundred calls a day gives the canary within
/// its first days. Fixed, since a choice that looks at the data would not be valid.
const TIGHTEST: f64 = 50.0;
/// Halvings of an interval: below the last bit that matters to anybody.
const HALVINGS: u32 = 60;

/// A confidence sequence of a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    alpha: f64,
    /// The weight of the prior around each rate, in units.
    kappa: f64,
    /// ln 1/α.
    threshold: f64,
}

impl Bounds {
    /// With the error probability `alpha` over all looks together, tightest at `units` units.
    ///
    /// # Errors
    /// [`JudgeError::Alpha`] where `alpha` lies not within (0, 1); [`JudgeError::Amount`] where `units` is not above 0.
    pub fn tuned(alpha: f64, units: f64) -> Result<Self, JudgeError> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(JudgeError::Alpha(alpha));
        }
        if !(units > 0.0 && units.is_finite()) {
            return Err(JudgeError::Amount(units));
        }
        let threshold = -libm::log(alpha);
        // Their ρ for a variance v is v / (2 ln 1/α + ln(1 + 2 ln 1/α)), and r = ρ − gh, never below a thousandth of gh;
        // both are proportional to p(1 − p) here, which leaves κ.
        let kappa = units / (2.0 * threshold + libm::log1p(2.0 * threshold)) - 1.0;
        Ok(Self {
            alpha,
            kappa: kappa.max(1e-3),
            threshold,
        })
    }

    /// The bounds of [`Bounds::of`], for many questions.
    ///
    /// # Errors
    /// [`JudgeError::Alpha`] where `alpha` lies not within (0, 1).
    pub fn for_gates(alpha: f64) -> Result<Self, JudgeError> {
        Self::tuned(alpha, TIGHTEST)
    }

    /// Lower and upper bound of the rate behind `bad` of `total` units with the error probability `alpha`, from 0 to 1;
    /// (0, 1) without units, and for an `alpha` that is none.
    pub fn of(bad: u64, total: u64, alpha: f64) -> (f64, f64) {
        Self::for_gates(alpha).map_or((0.0, 1.0), |bounds| bounds.around(bad, total))
    }

    /// Lower and upper bound of the rate behind `bad` of `total` units; more bad ones than units are taken as all.
    pub fn around(&self, bad: u64, total: u64) -> (f64, f64) {
        let bad = bad.min(total);
        if total == 0 {
            return (0.0, 1.0);
        }
        let seen = bad as f64 / total as f64;
        let lower = if bad == 0 {
            0.0
        } else {
            self.edge(bad, total, 0.0, seen)
        };
        let upper = if bad == total {
            1.0
        } else {
            self.edge(bad, total, 1.0, seen)
        };
        (lower, upper)
    }

    /// Whether the upper bound lies below `limit`.
    pub fn below(&self, bad: u64, total: u64, limit: f64) -> bool {
        limit >= 1.0 || (limit * total as f64 > bad as f64 && self.leaves_out(limit, bad.min(total), total))
    }

    /// Whether the lower bound lies above `limit`.
    pub fn above(&self, bad: u64, total: u64, limit: f64) -> bool {
        self.below(total.saturating_sub(bad), total, 1.0 - limit)
    }

    /// How many more units without a bad one bring the upper bound below `limit`: "n more clean calls to say < x %".
    /// `None` where no number does (a limit of 0), 0 where it is below already.
    pub fn clean_units_needed(bad: u64, total: u64, limit: f64, alpha: f64) -> Option<u64> {
        let bounds = Self::for_gates(alpha).ok()?;
        bounds.clean_units(bad.min(total), total, limit)
    }

    /// [`Bounds::clean_units_needed`] of these bounds.
    pub fn clean_units(&self, bad: u64, total: u64, limit: f64) -> Option<u64> {
        if limit.is_nan() || limit <= 0.0 {
            return None;
        }
        let below = |more: u64| self.below(bad, total.saturating_add(more), limit);
        if below(0) {
            return Some(0);
        }
        // Doubling, then halving: each clean unit raises the evidence against the limit, so there is one first time.
        let (mut short, mut enough) = (0u64, 1u64);
        while !below(enough) {
            short = enough;
            enough = enough.checked_mul(2).filter(|n| *n < 1 << 50)?;
        }
        while enough - short > 1 {
            let middle = short + (enough - short) / 2;
            if below(middle) {
                enough = middle;
            } else {
                short = middle;
            }
        }
        Some(enough)
    }

    /// The error probability over all looks together.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// ln of the mean likelihood of the rates around `p` by that of `p`, after `bad` of `total` units; `p` within (0, 1).
    pub(crate) fn ln_mixture(&self, p: f64, bad: u64, total: u64) -> f64 {
        let (bad, good) = (bad as f64, (total - bad) as f64);
        let (a, b) = (self.kappa * p, self.kappa * (1.0 - p));
        ln_beta(a + bad, b + good) - ln_beta(a, b) - bad * libm::log(p) - good * libm::log1p(-p)
    }

    fn leaves_out(&self, p: f64, bad: u64, total: u64) -> bool {
        p <= 0.0 || p >= 1.0 || self.ln_mixture(p, bad, total) >= self.threshold
    }

    /// Where between `end` (left out) and the rate that was seen (never left out) the bound is; on the side of `end`, so
    /// that rounding never says more than the data did.
    fn edge(&self, bad: u64, total: u64, end: f64, seen: f64) -> f64 {
        let (mut out, mut within) = (end, seen);
        for _ in 0..HALVINGS {
            let middle = out + (within - out) / 2.0;
            if self.leaves_out(middle, bad, total) {
                out = middle;
            } else {
                within = middle;
            }
        }
        out
    }
}

fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}
