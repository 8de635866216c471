//! From what counters stand at to what happened between two readings.
//!
//! A counter that fell has started again, so its new value counts whole. A series that appears while its source is being
//! watched counts from zero, because programs create series with their first event. What happened in a gap is not
//! counted: nobody can say when in it.
//!
//! Deliberately not here: extrapolation to the edges of a window, as PromQL's `increase` does. Counts stay whole numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::time::Timestamp;

use crate::labels::Labels;

/// What one series stands at.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Which series.
    pub labels: Labels,
    /// What it stands at; NaN, infinite and negative values are passed over.
    pub value: f64,
    /// When.
    pub at: Timestamp,
    /// Since when it counts, where the source says so.
    pub born: Option<Timestamp>,
}

/// By how much one series grew.
#[derive(Debug, Clone, PartialEq)]
pub struct Increment {
    /// Which series.
    pub labels: Labels,
    /// By how much; at least zero, finite.
    pub by: f64,
}

/// What a reading brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// Nothing to compare with yet.
    First,
    /// Too long after the reading before: counting starts anew.
    Gap {
        /// The reading before.
        since: Timestamp,
    },
    /// Not newer than the reading before; nothing has changed.
    Old,
    /// What happened since the reading before.
    Increments {
        /// The reading before.
        since: Timestamp,
        /// Every series that was read, several times where it was read at several moments.
        each: Vec<Increment>,
    },
}

/// The counters of one selector.
#[derive(Debug, Clone)]
pub struct Counters {
    gap: Duration,
    as_of: Option<Timestamp>,
    /// Never forgotten: a series that comes back after hours must not count its whole life as new.
    last: BTreeMap<Labels, Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    value: f64,
    at: Timestamp,
}

impl Counters {
    /// Nothing read yet; two readings further apart than `gap` are not compared.
    pub fn new(gap: Duration) -> Self {
        Self {
            gap,
            as_of: None,
            last: BTreeMap::new(),
        }
    }

    /// The moment of the last reading.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Takes the reading of `as_of`; `points` of one series in the order of their times. An empty reading counts as one:
    /// it says that there was no such series.
    pub fn advance(&mut self, as_of: Timestamp, points: &[Point]) -> Advance {
        let usable = points
            .iter()
            .filter(|point| point.value.is_finite() && point.value >= 0.0);
        let since = match self.as_of {
            Some(since) if as_of <= since => return Advance::Old,
            Some(since) if as_of.since(since) <= self.gap => since,
            before => {
                self.as_of = Some(as_of);
                for point in usable {
                    self.keep(point);
                }
                return before.map_or(Advance::First, |since| Advance::Gap { since });
            }
        };
        self.as_of = Some(as_of);
        let each = usable
            .filter_map(|point| {
                let by = self.growth(point, since)?;
                self.keep(point);
                Some(Increment {
                    labels: point.labels.clone(),
                    by,
                })
            })
            .collect();
        Advance::Increments { since, each }
    }

    /// `None` where the point is not newer than what is known of its series.
    fn growth(&self, point: &Point, since: Timestamp) -> Option<f64> {
        let Some(last) = self.last.get(&point.labels) else {
            // Born before we looked the last time, yet not seen then: how much of it is new cannot be known.
            let old = point.born.is_some_and(|born| born <= since);
            return Some(if old { 0.0 } else { point.value });
        };
        if point.at <= last.at {
            return None;
        }
        let reborn = point.born.is_some_and(|born| born > last.at);
        Some(if point.at.since(last.at) > self.gap {
            0.0
        } else if reborn || point.value < last.value {
            point.value
        } else {
            point.value - last.value
        })
    }

    fn keep(&mut self, point: &Point) {
        let new = Last {
            value: point.value,
            at: point.at,
        };
        let last = self.last.entry(point.labels.clone()).or_insert(new);
        if point.at > last.at {
            *last = new;
        }
    }
}

/// Turns growth that may have fractions into whole units without losing any over time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whole {
    rest: f64,
}

impl Whole {
    pub(crate) fn take(&mut self, by: f64) -> u64 {
        let all = self.rest + by;
        // Sums of fractions come out a hair below the whole number that they are.
        let whole = (all + 1e-6).floor().max(0.0);
        self.rest = all - whole;
        whole as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pod: &str) -> Labels {
        Labels::new([("pod".to_owned(), pod.to_owned())])
    }

    fn point(pod: &str, secs: i64, value: f64) -> Point {
        Point {
            labels: labels(pod),
            value,
            at: Timestamp::from_secs(secs),
            born: None,
        }
    }

    fn total(advance: Advance) -> f64 {
        match advance {
            Advance::Increments { each, .. } => each.iter().map(|one| one.by).sum(),
            other => panic!("{other:?}"),
        }
    }

    struct Run(Counters);

    impl Run {
        fn new() -> Self {
            Self(Counters::new(Duration::from_secs(60)))
        }
        fn at(&mut self, secs: i64, points: &[(&str, f64)]) -> Advance {
            let points: Vec<_> = points.iter().map(|(pod, value)| point(pod, secs, *value)).collect();
            self.0.advance(Timestamp::from_secs(secs), &points)
        }
    }

    #[test]
    fn growth_over_all_series_with_its_times() {
        let mut run = Run::new();
        assert_eq!(run.at(10, &[("a", 100.0), ("b", 7.0)]), Advance::First);
        let advance = run.at(20, &[("a", 103.0), ("b", 8.0)]);
        assert!(matches!(advance, Advance::Increments { since, .. } if since == Timestamp::from_secs(10)));
        assert_eq!(total(advance), 4.0);
        assert_eq!(run.0.as_of(), Some(Timestamp::from_secs(20)));
    }

    #[test]
    fn a_counter_that_fell_counts_whole() {
        let mut run = Run::new();
        run.at(10, &[("a", 100.0)]);
        assert_eq!(total(run.at(20, &[("a", 3.0)])), 3.0);
        assert_eq!(total(run.at(30, &[("a", 0.0)])), 0.0);
        assert_eq!(total(run.at(40, &[("a", 2.0)])), 2.0);
    }

    #[test]
    fn a_counter_born_again_counts_whole_even_where_it_is_higher() {
        let mut run = Run::new();
        run.at(10, &[("a", 5.0)]);
        let born = Some(Timestamp::from_secs(15));
        let reborn = Point {
            born,
            ..point("a", 20, 9.0)
        };
        assert_eq!(total(run.0.advance(Timestamp::from_secs(20), &[reborn])), 9.0);
        let grown = Point {
            born,
            ..point("a", 30, 10.0)
        };
        assert_eq!(total(run.0.advance(Timestamp::from_secs(30), &[grown])), 1.0);
    }

    #[test]
    fn a_series_that_appears_counts_from_zero_unless_it_is_known_to_be_old() {
        let mut run = Run::new();
        assert_eq!(run.at(10, &[]), Advance::First);
        assert_eq!(total(run.at(20, &[("a", 4.0)])), 4.0);
        let old = Point {
            born: Some(Timestamp::from_secs(5)),
            ..point("b", 30, 1000.0)
        };
        assert_eq!(
            total(run.0.advance(Timestamp::from_secs(30), &[point("a", 30, 4.0), old])),
            0.0
        );
        let new = Point {
            born: Some(Timestamp::from_secs(35)),
            ..point("c", 40, 2.0)
        };
        assert_eq!(total(run.0.advance(Timestamp::from_secs(40), &[new])), 2.0);
    }

    #[test]
    fn a_series_that_was_away_counts_the_difference_for_a_while_and_nothing_after_long() {
        let mut run = Run::new();
        run.at(0, &[("a", 10.0), ("b", 1.0)]);
        run.at(30, &[("b", 1.0)]);
        assert_eq!(total(run.at(50, &[("a", 12.0), ("b", 1.0)])), 2.0);
        for secs in [80, 110, 140] {
            run.at(secs, &[("b", 1.0)]);
        }
        assert_eq!(total(run.at(150, &[("a", 900.0)])), 0.0);
        assert_eq!(total(run.at(160, &[("a", 901.0)])), 1.0);
    }

    #[test]
    fn old_and_repeated_readings_change_nothing() {
        let mut run = Run::new();
        run.at(10, &[("a", 10.0)]);
        assert_eq!(run.at(10, &[("a", 50.0)]), Advance::Old);
        assert_eq!(run.at(5, &[("a", 1.0)]), Advance::Old);
        // A program that repeats an old value with its old time.
        assert_eq!(
            total(run.0.advance(Timestamp::from_secs(20), &[point("a", 10, 10.0)])),
            0.0
        );
        assert_eq!(total(run.at(30, &[("a", 11.0)])), 1.0);
    }

    #[test]
    fn after_a_gap_counting_starts_anew() {
        let mut run = Run::new();
        run.at(0, &[("a", 1.0)]);
        assert_eq!(
            run.at(61, &[("a", 500.0)]),
            Advance::Gap {
                since: Timestamp::from_secs(0)
            }
        );
        assert_eq!(total(run.at(70, &[("a", 501.0)])), 1.0);
    }

    #[test]
    fn what_is_no_count_is_passed_over() {
        let mut run = Run::new();
        run.at(0, &[("a", 1.0), ("b", f64::NAN)]);
        assert_eq!(total(run.at(10, &[("a", f64::NAN), ("b", f64::INFINITY)])), 0.0);
        assert_eq!(total(run.at(20, &[("a", 3.0), ("b", -4.0)])), 2.0);
    }

    #[test]
    fn fractions_are_not_lost() {
        let mut whole = Whole::default();
        let taken: u64 = (0..1000).map(|_| whole.take(0.1)).sum();
        assert_eq!(taken, 100);
    }
}
