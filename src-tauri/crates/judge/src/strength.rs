//! The form in which evidence travels through state and journal.

use serde::{Deserialize, Serialize};

/// Strength of evidence against the canary: an e-value as thousandths of its base-10 logarithm, so that it can
/// stand in state that is compared and hashed. Under the null P(ever ≥ 1/α) ≤ α (Ville 1939).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Strength(i32);

impl Strength {
    /// E = 1: the data speak neither for nor against.
    pub const NONE: Self = Self(0);

    /// From thousandths of log10 E.
    pub const fn from_millilog10(millilog10: i32) -> Self {
        Self(millilog10)
    }

    /// From the natural logarithm of E, rounded down: it never says more than the data did. Beyond what fits, and
    /// for what is no number, it says as little as it can.
    pub fn from_ln(ln: f64) -> Self {
        // `as` saturates and makes 0 of NaN.
        Self(libm::floor(ln / std::f64::consts::LN_10 * 1000.0) as i32)
    }

    /// What E must reach for an error probability of `alpha`: 1/α, rounded up. 0.01 is 2.000; 1/50 is 1.699.
    pub fn of_alpha(alpha: f64) -> Self {
        Self(libm::ceil(-libm::log10(alpha) * 1000.0) as i32)
    }

    /// Thousandths of log10 E.
    pub const fn millilog10(self) -> i32 {
        self.0
    }
}
