//! The console's parts that need no world: thinning out.

use std::collections::BTreeMap;

use proptest::prelude::*;
use timonel_wire::Point;

use super::chart::thin_out;

fn column(at: i64, width: u32, from: i64, to: i64) -> i64 {
    ((at - from) * i64::from(width) / (to - from).max(1)).min(i64::from(width) - 1)
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    least: Option<f64>,
    most: Option<f64>,
    values: usize,
    gaps: usize,
}

fn by_column(points: &[Point], width: u32, from: i64, to: i64) -> BTreeMap<i64, Seen> {
    let mut seen: BTreeMap<i64, Seen> = BTreeMap::new();
    for Point(at, value) in points.iter().filter(|p| (from..=to).contains(&p.0)) {
        let here = seen.entry(column(*at, width, from, to)).or_default();
        match value {
            None => here.gaps += 1,
            Some(value) => {
                here.values += 1;
                here.least = Some(here.least.map_or(*value, |least| least.min(*value)));
                here.most = Some(here.most.map_or(*value, |most| most.max(*value)));
            }
        }
    }
    seen
}

proptest! {
    #[test]
    fn thinned_out_a_chart_looks_the_same(
        values in prop::collection::vec((1i64..500, prop::option::weighted(0.8, -1000i32..1000)), 0..400),
        width in 1u32..80,
        from in 0i64..5_000,
        span in 1i64..60_000,
    ) {
        let mut at = 0;
        let points: Vec<Point> = values
            .into_iter()
            .map(|(step, value)| {
                at += step;
                Point(at, value.map(f64::from))
            })
            .collect();
        let to = from + span;
        let thin = thin_out(&points, width, from, to);
        let (all, kept) = (by_column(&points, width, from, to), by_column(&thin, width, from, to));
        prop_assert_eq!(all.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
        for (column, seen) in &kept {
            prop_assert!(seen.values <= 2 && seen.gaps <= 1, "{column}: {seen:?}");
            prop_assert_eq!(seen.least, all[column].least);
            prop_assert_eq!(seen.most, all[column].most);
            prop_assert_eq!(seen.gaps > 0, all[column].gaps > 0);
        }
        prop_assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0), "in the order of time");
        prop_assert!(thin.iter().all(|point| points.contains(point)), "nothing is made up");
    }
}
