//! What of finished calls a signal counts, and the readings that follow.

use timonel_domain::sample::{Bucket, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Quantity;

use crate::call::Call;

/// What of a call a signal counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counts {
    /// Those that failed, of all.
    Failed,
    /// Those that the caller left, of those of which that is told.
    Abandoned,
    /// Turns that were recognised, of all turns.
    Recognised,
    /// The time to an answer, by these bounds in seconds.
    Latency(Vec<Quantity>),
    /// The length, by these bounds in seconds.
    Length(Vec<Quantity>),
    /// How many there were.
    Calls,
}

/// The calls of one arm, summed up.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    total: u64,
    /// Those that the signal looks for.
    found: u64,
    /// By bound, infinity last; empty where nothing is spread.
    spread: Vec<u64>,
    /// In millionths of a second.
    sum: i64,
}

impl Cell {
    /// Nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Both together.
    pub fn with(mut self, more: &Self) -> Self {
        self.total += more.total;
        self.found += more.found;
        self.sum = self.sum.saturating_add(more.sum);
        self.spread.resize(self.spread.len().max(more.spread.len()), 0);
        for (mine, more) in self.spread.iter_mut().zip(&more.spread) {
            *mine += more;
        }
        self
    }
}

impl Counts {
    /// The field of a call without which it is not counted.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Counts::Failed | Counts::Calls => None,
            Counts::Abandoned => Some("abandoned"),
            Counts::Recognised => Some("recognised"),
            Counts::Latency(_) => Some("latency_ms"),
            Counts::Length(_) => Some("duration_ms"),
        }
    }

    /// Adds a call; whether it tells what is counted.
    pub fn add(&self, call: &Call, to: &mut Cell) -> bool {
        let (found, total, spread) = match self {
            Counts::Failed => (u64::from(call.failed), 1, None),
            Counts::Calls => (1, 1, None),
            Counts::Abandoned => match call.abandoned {
                Some(abandoned) => (u64::from(abandoned), 1, None),
                None => return false,
            },
            Counts::Recognised => match call.turns {
                Some((turns, recognised)) => (recognised.into(), turns.into(), None),
                None => return false,
            },
            Counts::Latency(bounds) => match placed(bounds, call.latency_ms) {
                Some(spread) => (0, 1, Some(spread)),
                None => return false,
            },
            Counts::Length(bounds) => match placed(bounds, call.duration_ms) {
                Some(spread) => (0, 1, Some(spread)),
                None => return false,
            },
        };
        to.found += found;
        to.total += total;
        if let Some((bucket, buckets, micros)) = spread {
            to.spread.resize(buckets, 0);
            to.spread[bucket] += 1;
            to.sum = to.sum.saturating_add(micros);
        }
        true
    }

    /// What a reading of a cell says, of what ended after `since`.
    pub fn value(&self, since: Timestamp, cell: &Cell) -> Value {
        match self {
            Counts::Failed | Counts::Abandoned | Counts::Recognised => Value::Ratio {
                since,
                bad: cell.found,
                total: cell.total,
            },
            Counts::Calls => Value::Count { since, n: cell.total },
            Counts::Latency(bounds) | Counts::Length(bounds) => {
                let bounds = bounds.iter().map(|bound| Some(*bound)).chain([None]);
                let n = |index: usize| cell.spread.get(index).copied().unwrap_or_default();
                Value::Distribution {
                    since,
                    buckets: bounds
                        .enumerate()
                        .map(|(index, le)| Bucket { le, n: n(index) })
                        .collect(),
                    sum: Quantity::from_micros(cell.sum),
                }
            }
        }
    }
}

/// In which bucket a time falls, of how many, and the time in millionths of a second.
fn placed(bounds: &[Quantity], millis: Option<f64>) -> Option<(usize, usize, i64)> {
    let value = Quantity::from_f64(millis? / 1000.0)?;
    let bucket = bounds.partition_point(|bound| *bound < value);
    Some((bucket, bounds.len() + 1, value.micros()))
}
