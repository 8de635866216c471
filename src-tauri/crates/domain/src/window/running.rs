//! A window over a series whose sums are kept: a reading is added once when it comes and taken away once when it has left.
//!
//! The readings of a window are always the newest of their series. Which is the oldest of them only ever moves forward while
//! time does: a later moment, or one more reading, lets readings go and brings none back. Where time was set back, the
//! window is read off the series again. Deliberately not here: the series, which its owner keeps for all its windows.

use std::collections::VecDeque;
use std::time::Duration;

use super::sums::{self, Sums};
use super::{Answer, least_units};
use crate::metric::Statistic;
use crate::plan::Question;
use crate::sample::{Bucket, Sample, Value};
use crate::time::Timestamp;

/// The newest readings of a series that one question looks at, with their sums.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    window: Duration,
    least: u64,
    /// How many readings it holds.
    held: usize,
    sums: Sums,
}

impl Running {
    /// Before the first reading.
    pub(crate) fn new(question: &Question) -> Self {
        Self {
            window: question.window,
            least: least_units(question),
            held: 0,
            sums: Sums::default(),
        }
    }

    /// Whether it is the window of another question too: all statistics share the sums.
    pub(crate) fn is_of(&self, question: &Question) -> bool {
        self.window == question.window && self.least == least_units(question)
    }

    /// Takes in the newest reading of `series`, which is there already.
    pub(crate) fn push(&mut self, series: &VecDeque<Sample>) {
        let Some(newest) = series.back() else { return };
        if let Value::Distribution { buckets, .. } = &newest.value
            && !buckets.is_empty()
        {
            // Nothing before buckets of another layout can be added up with these.
            let other = self.readings(series).rposition(|value| is_other_layout(value, buckets));
            if let Some(other) = other {
                let after = self.held - other - 1;
                self.held = 0;
                self.sums = Sums::default();
                for sample in series.range(series.len() - 1 - after..series.len() - 1) {
                    self.take(&sample.value);
                }
            }
        }
        self.take(&newest.value);
    }

    /// The values that it holds, while the newest of `series` is not yet among them.
    fn readings<'a>(
        &self,
        series: &'a VecDeque<Sample>,
    ) -> impl DoubleEndedIterator<Item = &'a Value> + ExactSizeIterator {
        let end = series.len() - 1;
        series.range(end - self.held..end).map(|sample| &sample.value)
    }

    fn take(&mut self, value: &Value) {
        self.held += 1;
        self.sums.add(value);
    }

    /// The reading of `series` at this place is about to be forgotten.
    pub(crate) fn forget(&mut self, series: &VecDeque<Sample>, at: usize) {
        if let Some(gone) = series.get(at)
            && at + self.held >= series.len()
        {
            self.held -= 1;
            self.sums.remove(&gone.value);
        }
    }

    /// Reads everything off `series` again: what has left may be within the window once more.
    pub(crate) fn rewind(&mut self, series: &VecDeque<Sample>) {
        self.held = 0;
        self.sums = Sums::default();
        for sample in series.iter().rev() {
            if !self.sums.fits(&sample.value) {
                break;
            }
            self.take(&sample.value);
        }
    }

    /// Lets go what has left the window at `now`.
    pub(crate) fn advance(&mut self, series: &VecDeque<Sample>, now: Timestamp) {
        let from = now - self.window;
        while let Some(oldest) = self.replaceable(series)
            && oldest.as_of <= from
        {
            self.held -= 1;
            self.sums.remove(&oldest.value);
        }
    }

    /// The oldest reading, where there are enough without it.
    fn replaceable<'a>(&self, series: &'a VecDeque<Sample>) -> Option<&'a Sample> {
        let oldest = series.get(series.len().checked_sub(self.held)?)?;
        self.sums
            .are_enough_without(&oldest.value, self.least)
            .then_some(oldest)
    }

    /// When time alone lets the oldest reading go, if nothing else comes.
    pub(crate) fn leaves_at(&self, series: &VecDeque<Sample>) -> Option<Timestamp> {
        self.replaceable(series).map(|oldest| oldest.as_of + self.window)
    }

    /// What it says.
    pub(crate) fn answer(&self, series: &VecDeque<Sample>, statistic: Statistic) -> Answer {
        let newest_level = || series.iter().rev().find_map(|sample| sums::level(&sample.value));
        self.sums.answer(statistic, self.least, newest_level)
    }
}

fn is_other_layout(value: &Value, buckets: &[Bucket]) -> bool {
    match value {
        Value::Distribution { buckets: other, .. } => {
            other.len() != buckets.len() || other.iter().zip(buckets).any(|(a, b)| a.le != b.le)
        }
        Value::Ratio { .. } | Value::Count { .. } | Value::Level(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;
    use crate::value::{Quantity, Side};
    use crate::window;

    /// A reading of any kind, with few enough layouts of buckets that some meet again, and one without any.
    fn value() -> impl Strategy<Value = Value> {
        let since = Timestamp::default();
        let bounds = |n: i64| (1..=n).map(|le| Some(Quantity::from_micros(le * 500_000)));
        let buckets = (0..3i64, 0..9u64).prop_map(move |(layout, n)| {
            let les: Vec<_> = match layout {
                0 => Vec::new(),
                layout => bounds(layout).chain([None]).collect(),
            };
            les.into_iter().map(|le| Bucket { le, n }).collect()
        });
        let quantity = || (-9i64..9).prop_map(|n| Quantity::from_micros(n * 250_000));
        prop_oneof![
            4 => (0..5u64, 5..30u64).prop_map(move |(bad, total)| Value::Ratio { since, bad, total }),
            1 => Just(Value::Ratio { since, bad: u64::MAX, total: u64::MAX }),
            4 => (buckets, quantity()).prop_map(move |(buckets, sum)| Value::Distribution { since, buckets, sum }),
            2 => (0..4u64).prop_map(move |n| Value::Count { since, n }),
            2 => quantity().prop_map(Value::Level),
        ]
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_is_read_off(
            readings in prop::collection::vec((1..40i64, value(), 0..60i64, prop::bool::weighted(0.1)), 1..60),
            window in 1..200u64,
            least in 0..60u64,
        ) {
            use crate::metric::Statistic::*;
            let question = |statistic| crate::plan::Question {
                statistic,
                window: Duration::from_secs(window),
                least_units: least,
                ..fixture::question()
            };
            let asked = [Share, Mean, P50, P95, P99, Latest].map(question);
            let mut running = Running::new(&asked[0]);
            let mut series = VecDeque::new();
            let (mut as_of, mut now) = (Timestamp::default(), Timestamp::default());
            for (after, value, later, back) in readings {
                as_of = as_of + Duration::from_secs(after as u64);
                let (signal, side) = (fixture::errors(), Side::Canary);
                series.push_back(Sample { signal, side, as_of, value });
                running.push(&series);
                if series.len() > 20 {
                    running.forget(&series, 0);
                    series.pop_front();
                }
                if back {
                    now = Timestamp::from_secs(later);
                    running.rewind(&series);
                } else {
                    now = now.max(as_of - Duration::from_secs(20)) + Duration::from_secs(later as u64);
                }
                running.advance(&series, now);
                for question in &asked {
                    let kept = running.answer(&series, question.statistic);
                    prop_assert_eq!(kept, window::answer(&series, question, now), "{:?}", question.statistic);
                }
                // Until then nothing leaves.
                let before = running.leaves_at(&series).map(|at| at - Duration::from_micros(1));
                let before = before.unwrap_or(now + Duration::from_secs(86_400));
                prop_assert!(before >= now);
                prop_assert_eq!(window::answer(&series, &asked[0], before), running.answer(&series, Share));
            }
        }
    }
}
