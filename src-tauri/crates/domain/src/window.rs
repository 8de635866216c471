//! A statistic over a window of samples: the longer of the window and the time that it takes to collect enough units.

use std::collections::VecDeque;

use crate::metric::Statistic;
use crate::plan::{Comparison, Question};
use crate::sample::{Bucket, Sample, Value};
use crate::time::Timestamp;
use crate::value::Quantity;

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Answer {
    /// The statistic; `None` where there are too few units or no data.
    pub value: Option<Quantity>,
    /// Units behind it.
    pub units: u64,
}

/// Answers `question` from samples in the order of their times.
pub fn answer(samples: &VecDeque<Sample>, question: &Question, now: Timestamp) -> Answer {
    let from = now - question.window;
    // Occurrences are not stretched: "more than 2 in 5 minutes" means those 5 minutes.
    let least = if question.statistic == Statistic::Total {
        0
    } else {
        question.least_units
    };
    let mut sums = Sums::default();
    for sample in samples.iter().rev() {
        let enough = sums.units >= least && sums.taken > 0;
        if sample.as_of <= from && enough {
            break;
        }
        if !sums.take(&sample.value) {
            break;
        }
    }
    let value = (sums.units >= least && sums.taken > 0)
        .then(|| sums.statistic(question.statistic))
        .flatten();
    Answer {
        value,
        units: sums.units,
    }
}

/// The limit that a relative gate allows, given stable's value.
pub fn with_margin(stable: Quantity, margin: Quantity, comparison: Comparison) -> Quantity {
    let by = match comparison {
        Comparison::Above => margin.micros(),
        Comparison::Below => margin.micros().saturating_neg(),
    };
    Quantity::from_micros(stable.micros().saturating_add(by))
}

#[derive(Default)]
struct Sums {
    taken: u64,
    units: u64,
    bad: u64,
    level: i128,
    newest_level: Option<Quantity>,
    sum: i128,
    buckets: Vec<Bucket>,
}

impl Sums {
    /// Adds a reading; `false` where it does not fit those before it (buckets of another layout).
    fn take(&mut self, value: &Value) -> bool {
        match value {
            Value::Ratio { bad, total, .. } => {
                self.bad = self.bad.saturating_add(*bad);
                self.units = self.units.saturating_add(*total);
            }
            Value::Count { n, .. } => self.units = self.units.saturating_add(*n),
            Value::Level(level) => {
                self.level += i128::from(level.micros());
                self.newest_level.get_or_insert(*level);
                self.units += 1;
            }
            Value::Distribution { buckets, sum, .. } => {
                if self.buckets.is_empty() {
                    self.buckets = buckets.clone();
                } else if self.buckets.len() == buckets.len()
                    && self.buckets.iter().zip(buckets).all(|(a, b)| a.le == b.le)
                {
                    for (mine, more) in self.buckets.iter_mut().zip(buckets) {
                        mine.n = mine.n.saturating_add(more.n);
                    }
                } else {
                    return false;
                }
                self.sum += i128::from(sum.micros());
                self.units = self.units.saturating_add(buckets.iter().map(|b| b.n).sum());
            }
        }
        self.taken += 1;
        true
    }

    fn statistic(&self, statistic: Statistic) -> Option<Quantity> {
        match statistic {
            Statistic::Share => Quantity::ratio(self.bad, self.units),
            Statistic::Total => Quantity::from_f64(self.units as f64),
            Statistic::Latest => self.newest_level,
            Statistic::Mean if self.newest_level.is_some() => mean(self.level, self.taken),
            Statistic::Mean => mean(self.sum, self.units),
            Statistic::P50 | Statistic::P95 | Statistic::P99 => quantile(&self.buckets, statistic.permille()?),
        }
    }
}

fn mean(sum: i128, n: u64) -> Option<Quantity> {
    (n > 0).then(|| Quantity::from_micros(i64::try_from(sum / i128::from(n)).unwrap_or(i64::MAX)))
}

/// The quantile as Prometheus's `histogram_quantile` gives it: linear within a bucket, the last finite bound where
/// it falls into the infinite one, zero as the lower end of a positive first bucket.
fn quantile(buckets: &[Bucket], permille: u16) -> Option<Quantity> {
    let total: u64 = buckets.iter().map(|b| b.n).sum();
    if total == 0 {
        return None;
    }
    let rank = f64::from(permille) / 1000.0 * total as f64;
    let (mut below, mut lower) = (0u64, None::<Quantity>);
    for bucket in buckets {
        let Some(upper) = bucket.le else { return lower };
        if (below + bucket.n) as f64 >= rank && bucket.n > 0 {
            let start = match lower {
                Some(lower) => lower.as_f64(),
                None if upper.micros() <= 0 => return Some(upper),
                None => 0.0,
            };
            let within = (rank - below as f64) / bucket.n as f64;
            return Quantity::from_f64(start + (upper.as_f64() - start) * within);
        }
        below += bucket.n;
        lower = Some(upper);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(list: &[(f64, u64)], inf: u64) -> Vec<Bucket> {
        let finite = list.iter().map(|(le, n)| Bucket {
            le: Quantity::from_f64(*le),
            n: *n,
        });
        finite.chain([Bucket { le: None, n: inf }]).collect()
    }

    #[test]
    fn quantiles_as_prometheus_gives_them() {
        // histogram_quantile(0.95, …) over cumulative 0.5:90, 1:98, +Inf:100.
        let b = buckets(&[(0.5, 90), (1.0, 8)], 2);
        assert_eq!(quantile(&b, 950).unwrap().as_f64(), 0.8125);
        assert_eq!(
            quantile(&b, 990).unwrap().as_f64(),
            1.0,
            "in the infinite bucket: the last finite bound"
        );
        assert_eq!(quantile(&b, 500).unwrap().as_f64(), 0.277778);
        assert_eq!(quantile(&buckets(&[(0.5, 0)], 0), 950), None);
    }
}
