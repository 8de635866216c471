//! What a signal delivers: readings of counters, distributions and levels, each with the time it is true for.
//!
//! A ratio is never delivered as a quotient: its two counts are, so that windows and evidence can be computed
//! from them (JUDGE.md, Data). How a reading is obtained is the adapter's business.

use crate::time::Timestamp;
use crate::value::{Quantity, Side, SignalId};

/// One reading of one signal for one side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sample {
    /// Which signal.
    pub signal: SignalId,
    /// Whose value.
    pub side: Side,
    /// The moment the reading is true for, by the source's clock.
    pub as_of: Timestamp,
    /// The reading.
    pub value: Value,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Units that ended since `since`: how many of them badly, and how many in all.
    Ratio {
        /// The previous reading's `as_of`; units counted here ended after it.
        since: Timestamp,
        /// Units with the bad (or looked-for) outcome.
        bad: u64,
        /// All units.
        total: u64,
    },
    /// Observations since `since`, by upper bound, in the metric's unit. Not cumulative: each observation is in one bucket.
    Distribution {
        /// The previous reading's `as_of`.
        since: Timestamp,
        /// Ascending upper bounds with the number of observations in each; the last bound is `None` (infinity).
        buckets: Vec<Bucket>,
        /// Sum of the observations, in the metric's unit.
        sum: Quantity,
    },
    /// How often something happened since `since`.
    Count {
        /// The previous reading's `as_of`.
        since: Timestamp,
        /// Occurrences.
        n: u64,
    },
    /// A level at `as_of`: CPU share, units in progress, queue length.
    Level(Quantity),
}

/// Observations up to one bound of a distribution and above the bound before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// Inclusive upper bound; `None` is infinity.
    pub le: Option<Quantity>,
    /// Observations in this bucket alone.
    pub n: u64,
}

impl Value {
    /// The end of the reading before, after which everything counted here ended; `None` for a level.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Value::Ratio { since, .. } | Value::Distribution { since, .. } | Value::Count { since, .. } => Some(*since),
            Value::Level(_) => None,
        }
    }

    /// The number of units or observations that the reading speaks about; `None` for a level.
    pub fn units(&self) -> Option<u64> {
        match self {
            Value::Ratio { total, .. } => Some(*total),
            Value::Distribution { buckets, .. } => Some(buckets.iter().map(|b| b.n).sum()),
            Value::Count { n, .. } => Some(*n),
            Value::Level(_) => None,
        }
    }
}
