//! Pure mathematics of decisions: evidence that stays valid at every look, confidence sequences, the planner.
//!
//! Nothing here does I/O, reads a clock or draws its own seed. `exp` and `ln` come from `libm`, everything else is `+ - * /`, so
//! a replay gives the same bits on every system. Deliberately not here: which metric has which evidence, what a
//! verdict is, and who may act on it; those are the rules', in `domain`.
//!
//! - [`Versus`]: T and R, the canary worse than stable, from units that a weight assigned at random.
//! - [`Over`]: O, a rate above an absolute limit.
//! - [`Bounds`]: what is shown to people, and what a gate needs: a confidence sequence of a rate.
//! - [`Split`], [`Tally`]: is the share as asked; do occurrences without a denominator come from the canary.
//! - [`odds`], [`power`]: what all this does in a world whose truth is known, and what a plan can show.
//! - [`Quantile`], [`ClippedMean`]: a running quantile of stable; an upper bound of a mean.
//!
//! All but `Bounds` (a pure function) are small states: constant memory, constant time a unit, serialisable, and restored bit
//! by bit. An e-process here starts at 1 and P(ever ≥ 1/α) ≤ α under its null, however often one looks (Ville 1939).

mod bits;
mod bounds;
mod clipped;
pub mod odds;
mod over;
pub mod power;
mod prior;
mod products;
mod quantile;
mod strength;
mod tilt;
mod unit;
mod versus;

pub use bounds::Bounds;
pub use clipped::ClippedMean;
pub use over::Over;
pub use prior::{Prior, Restart};
pub use quantile::Quantile;
pub use strength::Strength;
pub use tilt::{Split, Tally};
pub use unit::{Arm, Batch, Counts, Unit};
pub use versus::Versus;

/// Why evidence cannot be computed as asked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum JudgeError {
    /// A limit that no rate can exceed measurably.
    #[error("the limit {0} must lie above 0 and below 0.98: write it as a share, 5 % is 0.05")]
    Limit(f64),
    /// Not a share.
    #[error("{0} is no share: write one between 0 and 1")]
    Share(f64),
    /// A prior without any weight.
    #[error("the prior {a} to {b} says nothing: both counts must be numbers of at least 0, and one of them above 0")]
    Prior {
        /// Failures that it stands for.
        a: f64,
        /// Successes that it stands for.
        b: f64,
    },
    /// A restart that never comes round.
    #[error("restarts every 0 units: write at least 1")]
    Restart,
    /// A scale that nothing can be clipped to.
    #[error("the cap {0} must be a number above 0, in the unit of the values")]
    Cap(f64),
    /// No amount.
    #[error("{0} must be a number above 0")]
    Amount(f64),
    /// No probability of error.
    #[error("{0} is no error probability: write one above 0 and below 1, such as 0.05")]
    Alpha(f64),
    /// A stored state that no sequence of units leads to.
    #[error("the stored state is damaged: compute it anew from the stored outcomes")]
    Damaged,
}
