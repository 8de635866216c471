//! The sums behind every statistic of a window. All are whole numbers, wide enough never to overflow, so that what was added
//! can be taken away again and leaves no trace.

use super::Answer;
use crate::metric::Statistic;
use crate::sample::{Bucket, Value};
use crate::value::Quantity;

#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    taken: u64,
    units: u128,
    bad: u128,
    /// How many of the readings are levels, and their sum.
    levels: u64,
    level: i128,
    sum: i128,
    /// How many of the readings are distributions with buckets, all of one layout, and the units in each bucket.
    shaped: u64,
    buckets: Vec<Sum>,
}

/// A bucket's upper bound and its units.
type Sum = (Option<Quantity>, u128);

/// The level that a reading is, where it is one.
pub(super) fn level(value: &Value) -> Option<Quantity> {
    match value {
        Value::Level(level) => Some(*level),
        Value::Ratio { .. } | Value::Distribution { .. } | Value::Count { .. } => None,
    }
}

impl Sums {
    /// Whether there are readings, and so many units in them.
    pub(super) fn are_enough(&self, least: u64) -> bool {
        self.taken > 0 && self.units >= u128::from(least)
    }

    /// Whether there would still be after this reading has gone.
    pub(super) fn are_enough_without(&self, value: &Value, least: u64) -> bool {
        self.taken > 1 && self.units - units(value) >= u128::from(least)
    }

    /// Whether a reading before those taken has their buckets, where both have some.
    pub(super) fn fits(&self, value: &Value) -> bool {
        match value {
            Value::Distribution { buckets, .. } => self.shaped == 0 || self.has_layout(buckets),
            Value::Ratio { .. } | Value::Count { .. } | Value::Level(_) => true,
        }
    }

    fn has_layout(&self, buckets: &[Bucket]) -> bool {
        self.buckets.len() == buckets.len() && self.buckets.iter().zip(buckets).all(|(mine, it)| mine.0 == it.le)
    }

    /// Adds a reading that fits.
    pub(super) fn add(&mut self, value: &Value) {
        self.taken += 1;
        self.units += units(value);
        match value {
            Value::Ratio { bad, .. } => self.bad += u128::from(*bad),
            Value::Count { .. } => {}
            Value::Level(level) => {
                self.levels += 1;
                self.level += i128::from(level.micros());
            }
            Value::Distribution { buckets, sum, .. } => {
                self.sum += i128::from(sum.micros());
                if buckets.is_empty() {
                    return;
                }
                if self.shaped == 0 {
                    self.buckets = buckets.iter().map(|bucket| (bucket.le, 0)).collect();
                }
                self.shaped += 1;
                for (mine, more) in self.buckets.iter_mut().zip(buckets) {
                    mine.1 += u128::from(more.n);
                }
            }
        }
    }

    /// Takes a reading away that was added.
    pub(super) fn remove(&mut self, value: &Value) {
        self.taken -= 1;
        self.units -= units(value);
        match value {
            Value::Ratio { bad, .. } => self.bad -= u128::from(*bad),
            Value::Count { .. } => {}
            Value::Level(level) => {
                self.levels -= 1;
                self.level -= i128::from(level.micros());
            }
            Value::Distribution { buckets, sum, .. } => {
                self.sum -= i128::from(sum.micros());
                if buckets.is_empty() {
                    return;
                }
                self.shaped -= 1;
                for (mine, less) in self.buckets.iter_mut().zip(buckets) {
                    mine.1 -= u128::from(less.n);
                }
            }
        }
    }

    /// What they say. The newest level is asked for only where there is one.
    pub(super) fn answer(
        &self,
        statistic: Statistic,
        least: u64,
        newest_level: impl FnOnce() -> Option<Quantity>,
    ) -> Answer {
        let units = saturated(self.units);
        let value = || match statistic {
            Statistic::Share => Quantity::ratio(saturated(self.bad), units),
            Statistic::Total => Quantity::from_f64(units as f64),
            Statistic::Latest if self.levels > 0 => newest_level(),
            Statistic::Latest => None,
            Statistic::Mean if self.levels > 0 => mean(self.level, self.levels),
            Statistic::Mean => mean(self.sum, units),
            Statistic::P50 | Statistic::P95 | Statistic::P99 if self.shaped == 0 => None,
            Statistic::P50 | Statistic::P95 | Statistic::P99 => quantile(&self.buckets, statistic.permille()?),
        };
        Answer {
            value: self.are_enough(least).then(value).flatten(),
            units,
        }
    }
}

/// The units of a reading, as windows count them.
pub(crate) fn units(value: &Value) -> u128 {
    match value {
        Value::Ratio { total, .. } => u128::from(*total),
        Value::Count { n, .. } => u128::from(*n),
        Value::Level(_) => 1,
        Value::Distribution { buckets, .. } => buckets.iter().map(|bucket| u128::from(bucket.n)).sum(),
    }
}

/// Whether a reading adds nothing to any sum.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Ratio { bad, total, .. } => (*bad, *total) == (0, 0),
        Value::Count { n, .. } => *n == 0,
        Value::Distribution { sum, .. } => units(value) == 0 && *sum == Quantity::default(),
        Value::Level(_) => false,
    }
}

/// Whether two readings are of one kind, and where they have buckets of one layout.
pub(crate) fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Distribution { buckets: one, .. }, Value::Distribution { buckets: other, .. }) => one
            .iter()
            .map(|bucket| bucket.le)
            .eq(other.iter().map(|bucket| bucket.le)),
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

fn saturated(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn mean(sum: i128, n: u64) -> Option<Quantity> {
    (n > 0).then(|| Quantity::from_micros(i64::try_from(sum / i128::from(n)).unwrap_or(i64::MAX)))
}

/// The quantile as Prometheus's `histogram_quantile` gives it: linear within a bucket, the last finite bound where
/// it falls into the infinite one, zero as the lower end of a positive first bucket.
fn quantile(buckets: &[Sum], permille: u16) -> Option<Quantity> {
    let total: u128 = buckets.iter().map(|(_, n)| n).sum();
    if total == 0 {
        return None;
    }
    let rank = f64::from(permille) / 1000.0 * total as f64;
    let (mut below, mut lower) = (0u128, None::<Quantity>);
    for (le, n) in buckets {
        let Some(upper) = *le else { return lower };
        if (below + n) as f64 >= rank && *n > 0 {
            let start = match lower {
                Some(lower) => lower.as_f64(),
                None if upper.micros() <= 0 => return Some(upper),
                None => 0.0,
            };
            let within = (rank - below as f64) / *n as f64;
            return Quantity::from_f64(start + (upper.as_f64() - start) * within);
        }
        below += n;
        lower = Some(upper);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(list: &[(f64, u64)], inf: u64) -> Vec<Sum> {
        let finite = list.iter().map(|(le, n)| (Quantity::from_f64(*le), u128::from(*n)));
        finite.chain([(None, u128::from(inf))]).collect()
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
