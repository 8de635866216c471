//! Evaluation of the templates over the samples, with Prometheus 2.42's rules about which samples count.
//!
//! An instant sees the newest sample of the last five minutes unless it is a staleness marker; a range is closed on both ends and
//! skips markers. Sums add series in the order of their labels, as a block on disk has them.

use std::collections::BTreeMap;

use super::function::{extrapolated, quantile, values};
use super::promql::{Aggregate, Query, Slope};
use super::samples::{Labels, Point, Samples, Series};
use super::selector::Selector;

/// How far back an instant looks, in milliseconds.
const LOOKBACK: i64 = 300_000;

/// Series with one value each.
pub(super) type Vector = Vec<(Labels, f64)>;
/// Series with values at times.
pub(super) type Matrix = Vec<(Labels, Vec<(i64, f64)>)>;

/// What a query at one instant gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Vector(Vector),
    Matrix(Matrix),
}

/// Evaluates at `at` milliseconds.
pub(super) fn instant(samples: &Samples, query: &Query, at: i64) -> Value {
    match query {
        Query::Range(selector, range) => {
            let series = select(samples, selector).map(|s| (s.labels.clone(), values(within(s, at - range, at))));
            Value::Matrix(series.filter(|(_, points)| !points.is_empty()).collect())
        }
        Query::Newest(_) | Query::Over(..) | Query::SumOf { .. } | Query::Quantile { .. } => {
            Value::Vector(vector(samples, query, at))
        }
    }
}

/// Evaluates at `start`, `start + step`, … up to `end`; `None` for a range, which has no value at an instant.
pub(super) fn range(samples: &Samples, query: &Query, start: i64, end: i64, step: i64) -> Option<Matrix> {
    if matches!(query, Query::Range(..)) {
        return None;
    }
    let mut all: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    let mut at = start;
    while at <= end {
        for (labels, value) in vector(samples, query, at) {
            all.entry(labels).or_default().push((at, value));
        }
        // A step past all time is one past the end.
        at = at.saturating_add(step);
    }
    Some(all.into_iter().collect())
}

fn vector(samples: &Samples, query: &Query, at: i64) -> Vector {
    match query {
        Query::Newest(selector) => newest(samples, selector, at)
            .map(|(s, value)| (s.labels.clone(), value))
            .collect(),
        Query::Over(aggregate, selector) => {
            one(over(*aggregate, newest(samples, selector, at).map(|(_, value)| value)))
        }
        Query::SumOf {
            function,
            selector,
            range,
        } => {
            let slopes = slopes(samples, selector, at, *range, *function).map(|(_, slope)| slope);
            one(over(Aggregate::Sum, slopes))
        }
        Query::Quantile { q, selector, range } => {
            // Sums by `le` as it is written, as the query says; a bound that is no number is skipped.
            let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
            for (series, slope) in slopes(samples, selector, at, *range, Slope::Rate) {
                *sums.entry(series.label("le")).or_default() += slope;
            }
            let bound = |le: &str| {
                if le == "+Inf" {
                    Some(f64::INFINITY)
                } else {
                    le.parse().ok()
                }
            };
            let buckets: Vec<_> = sums
                .into_iter()
                .filter_map(|(le, sum)| Some((bound(le)?, sum)))
                .collect();
            one((!buckets.is_empty()).then(|| quantile(*q, buckets)))
        }
        Query::Range(..) => Vec::new(),
    }
}

/// A value without labels.
fn one(value: Option<f64>) -> Vector {
    value.map(|value| (Labels::new(), value)).into_iter().collect()
}

fn select<'a>(samples: &'a Samples, selector: &'a Selector) -> impl Iterator<Item = &'a Series> {
    samples.series().iter().filter(|series| selector.matches(series))
}

/// The points of a range that is closed on both ends.
fn within(series: &Series, from: i64, to: i64) -> &[Point] {
    let points = &series.points;
    &points[points.partition_point(|p| p.at < from)..points.partition_point(|p| p.at <= to)]
}

fn newest<'a>(samples: &'a Samples, selector: &'a Selector, at: i64) -> impl Iterator<Item = (&'a Series, f64)> {
    select(samples, selector).filter_map(move |series| {
        let last = within(series, at - LOOKBACK, at).last()?;
        Some((series, last.value?))
    })
}

fn slopes<'a>(
    samples: &'a Samples,
    selector: &'a Selector,
    at: i64,
    range: i64,
    function: Slope,
) -> impl Iterator<Item = (&'a Series, f64)> {
    select(samples, selector).filter_map(move |series| {
        let points = values(within(series, at - range, at));
        Some((series, extrapolated(&points, at, range, function == Slope::Rate)?))
    })
}

/// `None` of nothing.
fn over(aggregate: Aggregate, values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut result = None;
    for (value, count) in values.zip(1_u32..) {
        result = Some(match (aggregate, result) {
            (_, None) => value,
            (Aggregate::Sum, Some(sum)) => sum + value,
            (Aggregate::Max, Some(max)) if max < value || f64::is_nan(max) => value,
            (Aggregate::Max, Some(max)) => max,
            // The mean as it runs, so that no sum overflows; the world has no infinities, whose case Prometheus treats apart.
            (Aggregate::Avg, Some(mean)) => mean + (value / f64::from(count) - mean / f64::from(count)),
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::promql::parse;

    fn series(name: &str, label: (&str, &str), points: &[(i64, Option<f64>)]) -> Series {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let points = points
            .iter()
            .map(|(secs, value)| Point {
                at: secs * 1000,
                value: *value,
            })
            .collect();
        Series {
            labels: vec![pair("__name__", name), pair(label.0, label.1)],
            points,
        }
    }

    fn samples() -> Samples {
        let every_15 = |slope: f64| -> Vec<(i64, Option<f64>)> {
            (0..=20)
                .map(|i| (i * 15, Some(100.0 + slope * (i * 15) as f64)))
                .collect()
        };
        let bucket = |le: &str, slope: f64| series("t_bucket", ("le", le), &every_15(slope));
        let mut all = vec![
            series(
                "up",
                ("job", "a"),
                &[(0, Some(1.0)), (15, Some(0.0)), (30, None), (45, Some(1.0))],
            ),
            series("up", ("job", "b"), &[(0, Some(1.0)), (15, Some(3.0))]),
            series("calls", ("v", "a"), &every_15(1.0)),
            series("calls", ("v", "b"), &every_15(0.5)),
            bucket("0.1", 1.0),
            bucket("0.5", 3.0),
            bucket("+Inf", 4.0),
        ];
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        Samples::of(all)
    }

    /// The values, series by series; times in seconds.
    fn check(query: &str, at: i64, expect: &[f64]) {
        let Value::Vector(vector) = instant(&samples(), &parse(query).unwrap(), at * 1000) else {
            panic!("{query} is a vector")
        };
        let got: Vec<f64> = vector.iter().map(|(_, value)| *value).collect();
        let near = got.len() == expect.len() && got.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near, "{query} at {at}: {got:?}, not {expect:?}");
    }

    #[test]
    fn an_instant_sees_five_minutes_back_and_no_further() {
        check("up", 15, &[0.0, 3.0]);
        check("up", 14, &[1.0, 1.0]);
        check("up", -1, &[]);
        check("up{job=\"b\"}", 315, &[3.0]);
        check("up{job=\"b\"}", 316, &[]);
    }

    #[test]
    fn a_marker_ends_a_series_at_once() {
        check("up", 30, &[3.0]);
        check("up", 44, &[3.0]);
        check("up", 45, &[1.0, 3.0]);
        check("sum(up)", 44, &[3.0]);
        check("sum(up{job=\"a\"})", 44, &[]);
    }

    #[test]
    fn aggregates() {
        check("sum(up)", 15, &[3.0]);
        check("max(up)", 15, &[3.0]);
        check("avg(up)", 15, &[1.5]);
        check("avg(absent)", 15, &[]);
    }

    #[test]
    fn a_range_is_closed_on_both_ends_and_skips_markers() {
        let ask = |query: &str, at: i64| instant(&samples(), &parse(query).unwrap(), at * 1000);
        let Value::Matrix(matrix) = ask("up{job=\"a\"}[30s]", 45) else {
            panic!("a range is a matrix")
        };
        assert_eq!(matrix[0].1, [(15_000, 0.0), (45_000, 1.0)]);
        assert_eq!(ask("up[10s]", 400), Value::Matrix(Vec::new()));
    }

    #[test]
    fn slopes_are_summed() {
        // Exact on the scrapes: both ends of the range have a sample.
        check("sum(rate(calls[1m]))", 120, &[1.5]);
        check("sum(increase(calls[1m]))", 120, &[90.0]);
        // At 127 the range has 75, 90, 105, 120: 45 s, 8 and 7 s missing: extrapolated to the whole minute.
        check("sum(increase(calls[1m]))", 127, &[90.0]);
        check("sum(rate(calls[10s]))", 120, &[]);
        // The marker between is skipped: 1, 0, 1 is a counter that began again and counted one.
        check("sum(increase(up{job=\"a\"}[45s]))", 45, &[1.0]);
    }

    #[test]
    fn quantiles_of_rates() {
        // 1, 3 and 4 a second: the median is rank 2, half way from 0.1 to 0.5.
        check("histogram_quantile(0.5, sum by (le) (rate(t_bucket[1m])))", 120, &[0.3]);
        check("histogram_quantile(0.9, sum by (le) (rate(t_bucket[1m])))", 120, &[0.5]);
        check(
            "histogram_quantile(0.5, sum by (le) (rate(absent_bucket[1m])))",
            120,
            &[],
        );
    }

    #[test]
    fn a_range_query_has_a_value_at_each_step() {
        let matrix = range(&samples(), &parse("up{job=\"a\"}").unwrap(), 0, 60_000, 15_000).unwrap();
        assert_eq!(matrix[0].1, [(0, 1.0), (15_000, 0.0), (45_000, 1.0), (60_000, 1.0)]);
        assert_eq!(range(&samples(), &parse("up[1m]").unwrap(), 0, 60_000, 15_000), None);
    }
}
