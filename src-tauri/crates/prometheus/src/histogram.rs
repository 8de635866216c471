//! Growth of classic histogram buckets to observations per bucket, merged over series as PromQL's
//! `sum by (le)` and `histogram_quantile` do, so that a quantile shown here is the one on the users' own charts.
//!
//! Deliberately not here: quantiles (the judge's side), native histograms.

use timonel_domain::sample::Bucket;
use timonel_domain::value::Quantity;

use crate::counters::Increment;

/// Observations of one reading, by bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Ascending and not cumulative, the last one without a bound.
    pub buckets: Vec<Bucket>,
}

/// Merges the growth of `_bucket` series. `None` where they are no histogram: as PromQL demands, one bucket must be
/// `+Inf` and at least one other must exist.
///
/// Series without a readable `le` are passed over. Where bounds differ between series, each bound sums those that have
/// it. A sum that falls from one bound to the next, as different bounds or a torn scrape make it, is raised to the one
/// before. Bounds nearer to each other than a millionth of the unit become one.
pub fn merge(growth: &[Increment]) -> Option<Distribution> {
    let mut sums: Vec<(f64, f64)> = Vec::new();
    for one in growth {
        let Ok(bound) = one.labels.get("le").parse::<f64>() else {
            continue;
        };
        if bound.is_nan() || !one.by.is_finite() {
            continue;
        }
        match sums.iter_mut().find(|(other, _)| *other == bound) {
            Some((_, sum)) => *sum += one.by,
            None => sums.push((bound, one.by)),
        }
    }
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    if sums.len() < 2 || sums.last()?.0 != f64::INFINITY {
        return None;
    }

    let mut cumulative: Vec<(Option<Quantity>, u64)> = Vec::new();
    let mut highest = 0_u64;
    for (bound, sum) in sums {
        highest = highest.max(sum.round() as u64);
        let le = if bound == f64::INFINITY {
            None
        } else {
            // A bound that cannot be kept drops out: its observations are in the next one, counts being cumulative.
            let Some(le) = Quantity::from_f64(bound) else { continue };
            Some(le)
        };
        match cumulative.last_mut() {
            Some((last, n)) if *last == le => *n = highest,
            _ => cumulative.push((le, highest)),
        }
    }
    let mut below = 0;
    let buckets = cumulative
        .into_iter()
        .map(|(le, n)| {
            let bucket = Bucket { le, n: n - below };
            below = n;
            bucket
        })
        .collect();
    Some(Distribution { buckets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    fn grown(pod: &str, le: &str, by: f64) -> Increment {
        let labels = [("pod", pod), ("le", le)].map(|(n, v)| (n.to_owned(), v.to_owned()));
        Increment {
            labels: Labels::new(labels),
            by,
        }
    }

    fn check(growth: &[(&str, &str, f64)], expect: Option<&[(f64, u64)]>) {
        let growth: Vec<_> = growth.iter().map(|(pod, le, by)| grown(pod, le, *by)).collect();
        let got = merge(&growth).map(|d| {
            d.buckets
                .iter()
                .map(|b| (b.le.map_or(f64::INFINITY, Quantity::as_f64), b.n))
                .collect::<Vec<_>>()
        });
        assert_eq!(got.as_deref(), expect, "{growth:?}");
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn cumulative_becomes_single() {
        check(
            &[("a", "0.1", 2.0), ("a", "+Inf", 5.0), ("a", "0.5", 4.0)],
            Some(&[(0.1, 2), (0.5, 2), (INF, 1)]),
        );
    }

    #[test]
    fn series_are_summed_by_bound() {
        let growth = [
            ("a", "1", 2.0),
            ("a", "+Inf", 3.0),
            ("b", "1.0", 10.0),
            ("b", "+Inf", 20.0),
        ];
        check(&growth, Some(&[(1.0, 12), (INF, 11)]));
    }

    #[test]
    fn different_bounds_and_falling_counts_are_raised() {
        // By bound: 1 → 110, 2 → 20, +Inf → 140.
        let growth = [
            ("a", "1", 10.0),
            ("a", "2", 20.0),
            ("a", "+Inf", 30.0),
            ("b", "1", 100.0),
            ("b", "+Inf", 110.0),
        ];
        check(&growth, Some(&[(1.0, 110), (2.0, 0), (INF, 30)]));
        check(
            &[("a", "1", 5.0), ("a", "2", 4.0), ("a", "+Inf", 5.0)],
            Some(&[(1.0, 5), (2.0, 0), (INF, 0)]),
        );
    }

    #[test]
    fn what_is_no_histogram_gives_nothing() {
        check(&[], None);
        check(&[("a", "+Inf", 3.0)], None);
        check(&[("a", "1", 1.0), ("a", "2", 3.0)], None);
        check(&[("a", "", 1.0), ("a", "+Inf", 3.0)], None);
        check(&[("a", "NaN", 1.0), ("a", "+Inf", 3.0)], None);
    }

    #[test]
    fn bounds_that_cannot_be_kept_fall_to_the_next() {
        let growth = [("a", "1", 1.0), ("a", "1e300", 4.0), ("a", "+Inf", 6.0)];
        check(&growth, Some(&[(1.0, 1), (INF, 5)]));
        let growth = [("a", "0.0000001", 1.0), ("a", "0.0000002", 4.0), ("a", "+Inf", 6.0)];
        check(&growth, Some(&[(0.0, 4), (INF, 2)]));
        check(
            &[("a", "1", f64::NAN), ("a", "2", 1.0), ("a", "+Inf", 1.0)],
            Some(&[(2.0, 1), (INF, 0)]),
        );
    }
}
