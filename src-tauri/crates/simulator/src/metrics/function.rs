//! `rate`, `increase` and `histogram_quantile` as Prometheus 2.42 computes them, operation by operation, so that results are
//! equal to the last bit (`promql/functions.go`, `promql/quantile.go`).

use super::samples::Point;

/// `extrapolatedRate` of a counter: the increase over the range up to `end`, or that by the second. Times in milliseconds;
/// `points` lie in the range and are no markers. `None` with fewer than two points.
pub(super) fn extrapolated(points: &[(i64, f64)], end: i64, range: i64, per_second: bool) -> Option<f64> {
    let (&(first_at, first), &(last_at, last)) = (points.first()?, points.last()?);
    if points.len() < 2 {
        return None;
    }
    let mut result = last - first;
    let mut previous = first;
    for (_, value) in &points[1..] {
        // The counter began again.
        if *value < previous {
            result += previous;
        }
        previous = *value;
    }
    let mut to_start = (first_at - (end - range)) as f64 / 1000.0;
    let to_end = (end - last_at) as f64 / 1000.0;
    let sampled = (last_at - first_at) as f64 / 1000.0;
    let between = sampled / (points.len() - 1) as f64;
    if result > 0.0 && first >= 0.0 {
        // A counter was never below zero: no further back than where it would have been.
        let to_zero = sampled * (first / result);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let threshold = between * 1.1;
    let mut covered = sampled;
    covered += if to_start < threshold { to_start } else { between / 2.0 };
    covered += if to_end < threshold { to_end } else { between / 2.0 };
    let mut factor = covered / sampled;
    if per_second {
        factor /= range as f64 / 1000.0;
    }
    Some(result * factor)
}

/// The values of a series' points that are no markers.
pub(super) fn values(points: &[Point]) -> Vec<(i64, f64)> {
    points
        .iter()
        .filter_map(|point| Some((point.at, point.value?)))
        .collect()
}

/// `bucketQuantile`: `buckets` are cumulative, by upper bound, in any order.
pub(super) fn quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return f64::NAN;
    }
    // Bounds written in two ways are one bucket.
    buckets.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    // Rates of buckets that were scraped around a change may step down a little.
    let mut most = buckets[0].1;
    for (_, count) in &mut buckets[1..] {
        if *count > most {
            most = *count;
        } else if *count < most {
            *count = most;
        }
    }
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if last < 1 || observations == 0.0 {
        return f64::NAN;
    }
    let rank = q * observations;
    // The first bucket that reaches the rank, the last one left out; a NaN reaches none.
    let at = buckets[..last].partition_point(|(_, count)| !reaches(*count, rank));
    if at == last {
        return buckets[last - 1].0;
    }
    if at == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (end, count) = buckets[at];
    let (start, below) = if at > 0 { buckets[at - 1] } else { (0.0, 0.0) };
    start + (end - start) * ((rank - below) / (count - below))
}

fn reaches(count: f64, rank: f64) -> bool {
    count >= rank
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_range_that_is_covered_is_extrapolated_to_its_ends() {
        // 5, 20, 35, 50 s: 3 a second... the slope is 1/s over 45 s, 5 s missing at the start and 10 s at the end.
        let points = [(5_000, 100.0), (20_000, 115.0), (35_000, 130.0), (50_000, 145.0)];
        assert_eq!(extrapolated(&points, MINUTE, MINUTE, false), Some(45.0 * (60.0 / 45.0)));
        assert_eq!(
            extrapolated(&points, MINUTE, MINUTE, true),
            Some(45.0 * (60.0 / 45.0 / 60.0))
        );
    }

    #[test]
    fn a_range_that_is_half_empty_is_extrapolated_by_half_an_interval() {
        // 15 s apart; 20 s missing at the end is more than 16.5 s, so 7.5 s are added; 10 s missing at the start are.
        let points = [(10_000, 1000.0), (25_000, 1003.0), (40_000, 1006.0)];
        assert_eq!(
            extrapolated(&points, MINUTE, MINUTE, false),
            Some(6.0 * ((30.0 + 10.0 + 7.5) / 30.0))
        );
    }

    #[test]
    fn a_counter_is_not_extrapolated_below_zero() {
        // 2 a second from 1 on at 10 s: it was 0 half a second before, not 10 s before.
        let points = [
            (10_000, 1.0),
            (20_000, 21.0),
            (30_000, 41.0),
            (40_000, 61.0),
            (50_000, 81.0),
            (60_000, 101.0),
        ];
        assert_eq!(
            extrapolated(&points, MINUTE, MINUTE, false),
            Some(100.0 * ((50.0 + 0.5) / 50.0))
        );
    }

    #[test]
    fn a_counter_that_begins_again_goes_on() {
        // 10 → 20, restart, 5 → 15: 10 + 5 + 10 in 45 s, none missing at the ends.
        let points = [(0, 10.0), (15_000, 20.0), (30_000, 5.0), (45_000, 15.0)];
        assert_eq!(extrapolated(&points, 45_000, 45_000, false), Some(25.0));
    }

    #[test]
    fn one_point_has_no_slope() {
        assert_eq!(extrapolated(&[(0, 1.0)], MINUTE, MINUTE, true), None);
        assert_eq!(extrapolated(&[], MINUTE, MINUTE, true), None);
        // Nor is there one where nothing happened, but that is zero.
        assert_eq!(
            extrapolated(&[(0, 0.0), (15_000, 0.0)], MINUTE, MINUTE, true),
            Some(0.0)
        );
    }

    #[test]
    fn quantiles() {
        let inf = f64::INFINITY;
        let check = |q: f64, buckets: &[(f64, f64)], expect: f64| {
            let got = quantile(q, buckets.to_vec());
            assert!(
                got == expect || (got.is_nan() && expect.is_nan()),
                "{q} of {buckets:?}: {got}, not {expect}"
            );
        };
        let usual = [(0.1, 10.0), (0.5, 30.0), (1.0, 38.0), (inf, 40.0)];
        // Rank 20 is the tenth of twenty between 0.1 and 0.5.
        check(0.5, &usual, 0.1 + 0.4 * 0.5);
        // Rank 5 is the fifth of ten between 0 and 0.1.
        check(0.125, &usual, 0.1 * 0.5);
        check(0.95, &usual, 1.0);
        check(0.99, &usual, 1.0); // in +Inf: the highest bound there is
        check(0.0, &usual, 0.0);
        check(-0.1, &usual, f64::NEG_INFINITY);
        check(1.1, &usual, inf);
        check(f64::NAN, &usual, f64::NAN);
        check(0.5, &[], f64::NAN);
        check(0.5, &[(inf, 5.0)], f64::NAN);
        check(0.5, &[(0.1, 5.0), (0.5, 6.0)], f64::NAN);
        check(0.5, &[(0.1, 0.0), (inf, 0.0)], f64::NAN);
        check(0.5, &[(-1.0, 8.0), (0.0, 8.0), (inf, 8.0)], -1.0);
        // Out of order, and stepping down: as if the second had 10 as well.
        check(0.5, &[(inf, 12.0), (1.0, 9.0), (0.5, 10.0)], 0.5 * 0.6);
        check(0.5, &[(1.0, 2.0), (1.0, 2.0), (inf, 4.0)], 0.5);
    }
}
