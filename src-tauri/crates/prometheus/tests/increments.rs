//! Increments against programs that count, restart, come and go, and are read at any time: what is reported never
//! exceeds what happened, and where nothing was hidden it is exactly what happened.

use std::time::Duration;

use proptest::prelude::*;
use timonel_domain::time::Timestamp;
use timonel_prometheus::{Advance, Counters, Increment, Labels, Point, merge};

/// What happens to one program's counter between two readings.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Grow(u32),
    /// Grows, restarts at zero, grows again.
    Restart(u32, u32),
    /// Grows, but this reading does not see it.
    Unseen(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => (0..50_u32).prop_map(Happening::Grow),
        1 => (0..50_u32, 0..50_u32).prop_map(|(a, b)| Happening::Restart(a, b)),
        1 => (0..50_u32).prop_map(Happening::Unseen),
    ]
}

fn labels(pod: usize) -> Labels {
    Labels::new([("pod".to_owned(), pod.to_string())])
}

proptest! {
    #[test]
    fn never_more_than_happened(
        pods in prop::collection::vec((0..1000_u32, prop::collection::vec(happening(), 30)), 1..4),
        waits in prop::collection::vec(0..40_u64, 30),
    ) {
        let mut counters = Counters::new(Duration::from_secs(60));
        let mut values: Vec<u32> = pods.iter().map(|(start, _)| *start).collect();
        let mut at = Timestamp::from_secs(1_000_000);
        let point = |pod: usize, value: u32, at| Point { labels: labels(pod), value: f64::from(value), at, born: None };
        let first: Vec<_> = values.iter().enumerate().map(|(pod, value)| point(pod, *value, at)).collect();
        prop_assert_eq!(counters.advance(at, &first), Advance::First);

        let (mut truth, mut reported, mut hidden) = (0_u64, 0.0, false);
        for (round, wait) in waits.into_iter().enumerate() {
            at = at + Duration::from_secs(wait);
            let mut seen = Vec::new();
            for (pod, (_, happenings)) in pods.iter().enumerate() {
                let (grown, after) = match happenings[round] {
                    Happening::Grow(by) | Happening::Unseen(by) => (by, values[pod] + by),
                    Happening::Restart(before, after) => {
                        hidden = true;
                        (before + after, after)
                    }
                };
                truth += u64::from(grown);
                values[pod] = after;
                match happenings[round] {
                    Happening::Unseen(_) => hidden = true,
                    Happening::Grow(_) | Happening::Restart(..) => seen.push(point(pod, after, at)),
                }
            }
            match counters.advance(at, &seen) {
                Advance::Increments { each, .. } => {
                    prop_assert!(each.iter().all(|one| one.by >= 0.0 && one.by.is_finite()));
                    reported += each.iter().map(|one| one.by).sum::<f64>();
                }
                Advance::Gap { .. } => hidden = true,
                // Read at the same moment: what grew is seen with the next reading, if there is one.
                Advance::Old => hidden = true,
                Advance::First => prop_assert!(false, "only once"),
            }
        }
        prop_assert!(reported <= truth as f64, "{reported} of {truth}");
        prop_assert!(hidden || reported == truth as f64, "{reported} of {truth}");
    }

    #[test]
    fn merged_buckets_are_whole_and_as_many_as_the_highest_count(
        growth in prop::collection::vec((0..3_usize, prop::sample::select(vec!["0.1", "1", "2.5", "1e400", "+Inf", "NaN", "x", ""]), prop_oneof![0.0..1e6_f64, Just(f64::NAN), Just(f64::INFINITY)]), 0..30),
    ) {
        let growth: Vec<_> = growth
            .into_iter()
            .map(|(pod, le, by)| {
                let pairs = [("pod".to_owned(), pod.to_string()), ("le".to_owned(), le.to_owned())];
                Increment { labels: Labels::new(pairs), by }
            })
            .collect();
        if let Some(merged) = merge(&growth) {
            let bounds: Vec<_> = merged.buckets.iter().map(|b| b.le.map_or(i64::MAX, |le| le.micros())).collect();
            prop_assert!(bounds.is_sorted_by(|a, b| a < b), "{:?}", bounds);
            prop_assert_eq!(merged.buckets.last().map(|b| b.le), Some(None));
        }
    }
}
