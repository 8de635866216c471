//! Pure mathematics of decisions: e-processes, confidence sequences, planner. No I/O, no clock.
//!
//! For now the seam only: the type in which evidence travels, so that rules, state and journal have its place.
//! What computes it follows JUDGE.md layer 3.

/// Strength of evidence against the canary: an e-value as thousandths of its base-10 logarithm, so that it can
/// stand in state that is compared and hashed. Under the null P(ever ≥ 1/α) ≤ α (Ville 1939).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strength(i32);

impl Strength {
    /// E = 1: the data speak neither for nor against.
    pub const NONE: Self = Self(0);

    /// From thousandths of log10 E.
    pub const fn from_millilog10(millilog10: i32) -> Self {
        Self(millilog10)
    }

    /// Thousandths of log10 E.
    pub const fn millilog10(self) -> i32 {
        self.0
    }
}
