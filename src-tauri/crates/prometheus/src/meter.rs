//! The counter state of one signal, and the value that each new reading of its selectors makes.
//!
//! How the points are fetched, and at which moments, is [`crate::scrape`]'s and [`crate::server`]'s business.

use std::time::Duration;

use timonel_domain::sample::Value;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Quantity;
use timonel_ports::signal::SignalError;

use crate::counters::{Advance, Counters, Increment, Point, Whole};
use crate::error::Error;
use crate::histogram::merge;
use crate::selector::Selector;
use crate::signal::Measure;

/// How a measure is read.
#[derive(Debug)]
pub(crate) enum Measured {
    /// From counters.
    Counted(Meter),
    /// By this expression, as it stands.
    Level(String),
}

impl Measured {
    /// Nothing read yet. `NotBuckets` where a distribution names something else.
    pub(crate) fn new(measure: &Measure, gap: Duration) -> Result<Self, Error> {
        let counted = |kind, main: &Selector, other: Option<Selector>| {
            let other = other.map(|selector| (selector, Counters::new(gap)));
            Self::Counted(Meter {
                kind,
                main: (main.clone(), Counters::new(gap)),
                other,
            })
        };
        Ok(match measure {
            Measure::Ratio { bad, total } => {
                let kind = Kind::Ratio {
                    total: Whole::default(),
                    bad: Whole::default(),
                    ahead: 0,
                };
                counted(kind, total, Some(bad.clone()))
            }
            Measure::Distribution { buckets } => {
                let stem = buckets
                    .name()
                    .strip_suffix("_bucket")
                    .ok_or_else(|| Error::NotBuckets {
                        name: buckets.name().to_owned(),
                    })?;
                counted(
                    Kind::Distribution,
                    buckets,
                    Some(buckets.on(&format!("{stem}_sum"), "le")),
                )
            }
            Measure::Count { counter } => counted(
                Kind::Count {
                    whole: Whole::default(),
                },
                counter,
                None,
            ),
            Measure::Level { expr } => Self::Level(expr.clone()),
        })
    }
}

/// Counters of one signal.
#[derive(Debug)]
pub(crate) struct Meter {
    kind: Kind,
    /// The selector that says whether there is data at all, with its counters.
    main: (Selector, Counters),
    /// The bad units, or the sum of a histogram.
    other: Option<(Selector, Counters)>,
}

#[derive(Debug)]
enum Kind {
    Ratio { total: Whole, bad: Whole, ahead: u64 },
    Distribution,
    Count { whole: Whole },
}

/// What one reading of a signal made.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Not newer than the one before.
    Old,
    /// There is no such series.
    Absent,
    /// Nothing to compare with yet, or not any more.
    First,
    /// A value.
    Value(Value),
    /// The numbers do not fit together, and why.
    Garbled(String),
    /// A sum that is not a number.
    NotANumber,
}

impl Meter {
    /// The selector without which there is no data.
    pub(crate) fn main(&self) -> &Selector {
        &self.main.0
    }

    /// The second selector, where the measure has one.
    pub(crate) fn other(&self) -> Option<&Selector> {
        self.other.as_ref().map(|(selector, _)| selector)
    }

    /// The moment of the last reading.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        self.main.1.as_of()
    }

    /// Takes the points of `as_of` (and of the moments since the reading before) for both selectors.
    pub(crate) fn step(&mut self, as_of: Timestamp, main: &[Point], other: &[Point]) -> Step {
        let advance = self.main.1.advance(as_of, main);
        if advance == Advance::Old {
            return Step::Old;
        }
        let others = match self.other.as_mut().map(|(_, counters)| counters.advance(as_of, other)) {
            Some(Advance::Increments { each, .. }) => growth(&each),
            Some(Advance::First | Advance::Gap { .. } | Advance::Old) | None => 0.0,
        };
        let (since, each) = match advance {
            _ if main.is_empty() => return Step::Absent,
            Advance::Increments { since, each } => (since, each),
            Advance::First | Advance::Gap { .. } | Advance::Old => return Step::First,
        };
        match &mut self.kind {
            Kind::Count { whole } => Step::Value(Value::Count {
                since,
                n: whole.take(growth(&each)),
            }),
            Kind::Ratio { total, bad, ahead } => {
                let total = total.take(growth(&each));
                // A program may count the bad one before the whole: a reading between the two finds one too many, which
                // belongs to the next. Twice in a row, `bad` is no part of `total`.
                let owed = *ahead + bad.take(others);
                let was_ahead = *ahead > 0;
                let bad = owed.min(total);
                *ahead = owed - bad;
                if was_ahead && *ahead > 0 {
                    *ahead = 0;
                    let (total, bad) = (&self.main.0, self.other.as_ref().map(|(bad, _)| bad.to_string()));
                    let bad = bad.unwrap_or_default();
                    return Step::Garbled(format!(
                        "{bad} grows faster than {total}: it must count a part of the same units"
                    ));
                }
                Step::Value(Value::Ratio { since, bad, total })
            }
            Kind::Distribution => {
                if other.is_empty() {
                    let sum = self.other.as_ref().map(|(sum, _)| sum.to_string()).unwrap_or_default();
                    return Step::Garbled(format!("there are buckets but no {sum}"));
                }
                let Some(merged) = merge(&each) else {
                    return Step::Garbled(format!("{} has no +Inf bucket", self.main.0));
                };
                match Quantity::from_f64(others) {
                    Some(sum) => Step::Value(Value::Distribution {
                        since,
                        buckets: merged.buckets,
                        sum,
                    }),
                    None => Step::NotANumber,
                }
            }
        }
    }
}

impl Step {
    /// As the port tells it, for the source at `place`.
    pub(crate) fn outcome(self, place: &str) -> Result<Value, SignalError> {
        let place = place.to_owned();
        match self {
            Step::Value(value) => Ok(value),
            Step::Old | Step::Absent => Err(SignalError::NoData { place }),
            Step::First => Err(SignalError::First { place }),
            Step::Garbled(detail) => Err(SignalError::Garbled { place, detail }),
            Step::NotANumber => Err(SignalError::NotANumber { place }),
        }
    }
}

fn growth(each: &[Increment]) -> f64 {
    each.iter().map(|one| one.by).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    fn point(secs: i64, value: f64) -> Point {
        Point {
            labels: Labels::default(),
            value,
            at: Timestamp::from_secs(secs),
            born: None,
        }
    }

    fn ratio() -> Meter {
        counted(&Measure::Ratio {
            bad: "bad".parse().unwrap(),
            total: "total".parse().unwrap(),
        })
        .unwrap()
    }

    fn counted(measure: &Measure) -> Result<Meter, Error> {
        match Measured::new(measure, Duration::from_secs(60))? {
            Measured::Counted(meter) => Ok(meter),
            Measured::Level(expr) => panic!("{expr} is a level"),
        }
    }

    fn step(meter: &mut Meter, secs: i64, total: f64, bad: Option<f64>) -> Step {
        let bad: Vec<_> = bad.map(|value| point(secs, value)).into_iter().collect();
        meter.step(Timestamp::from_secs(secs), &[point(secs, total)], &bad)
    }

    fn value(secs: i64, bad: u64, total: u64) -> Step {
        Step::Value(Value::Ratio {
            since: Timestamp::from_secs(secs),
            bad,
            total,
        })
    }

    #[test]
    fn a_bad_series_that_does_not_exist_is_none_bad() {
        let mut meter = ratio();
        assert_eq!(step(&mut meter, 0, 100.0, None), Step::First);
        assert_eq!(step(&mut meter, 10, 110.0, None), value(0, 0, 10));
        assert_eq!(step(&mut meter, 20, 120.0, Some(3.0)), value(10, 3, 10));
    }

    #[test]
    fn a_total_that_does_not_exist_is_no_data_whatever_the_bad_say() {
        let mut meter = ratio();
        step(&mut meter, 0, 100.0, Some(1.0));
        assert_eq!(
            meter.step(Timestamp::from_secs(10), &[], &[point(10, 5.0)]),
            Step::Absent
        );
    }

    #[test]
    fn one_bad_too_many_is_counted_with_the_next_reading() {
        let mut meter = ratio();
        step(&mut meter, 0, 100.0, Some(0.0));
        assert_eq!(step(&mut meter, 10, 101.0, Some(2.0)), value(0, 1, 1));
        assert_eq!(step(&mut meter, 20, 105.0, Some(2.0)), value(10, 1, 4));
    }

    #[test]
    fn bad_that_is_no_part_of_total_is_told() {
        let mut meter = ratio();
        step(&mut meter, 0, 0.0, Some(0.0));
        step(&mut meter, 10, 1.0, Some(5.0));
        assert!(
            matches!(step(&mut meter, 20, 2.0, Some(10.0)), Step::Garbled(why) if why.contains("bad grows faster than total"))
        );
    }

    #[test]
    fn a_distribution_wants_its_sum_and_its_infinite_bucket() {
        let measure = |name: &str| Measure::Distribution {
            buckets: name.parse().unwrap(),
        };
        assert!(matches!(counted(&measure("latency")), Err(Error::NotBuckets { .. })));
        let mut meter = counted(&measure("l_bucket{a=\"b\",le!=\"7\"}")).unwrap();
        assert_eq!(meter.other().unwrap().to_string(), "l_sum{a=\"b\"}");
        let bucket = |secs, le: &str, value| Point {
            labels: Labels::new([("le".to_owned(), le.to_owned())]),
            ..point(secs, value)
        };
        let mut at = |secs, n: f64, sums: &[Point]| {
            meter.step(
                Timestamp::from_secs(secs),
                &[bucket(secs, "1", n), bucket(secs, "+Inf", 2.0 * n)],
                sums,
            )
        };
        assert_eq!(at(0, 1.0, &[point(0, 1.0)]), Step::First);
        assert!(matches!(at(10, 2.0, &[]), Step::Garbled(_)));
        let Step::Value(Value::Distribution { buckets, sum, .. }) = at(20, 4.0, &[point(20, 6.5)]) else {
            panic!()
        };
        assert_eq!(buckets.iter().map(|b| b.n).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(sum.as_f64(), 5.5);
    }
}
