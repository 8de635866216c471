//! What evidence must never do, whatever it is given.

use proptest::prelude::*;
use timonel_judge::{Arm, Batch, ClippedMean, Over, Prior, Quantile, Restart, Split, Tally, Unit, Versus};

fn unit() -> impl Strategy<Value = Unit> {
    let weight = prop_oneof![
        4 => Just(0.05),
        2 => 0.0f64..=1.0,
        1 => Just(0.0),
        1 => Just(1.0),
        1 => Just(f64::MIN_POSITIVE),
        1 => Just(1.0 - f64::EPSILON),
        1 => any::<f64>(),
    ];
    (any::<bool>(), any::<bool>(), weight).prop_map(|(canary, bad, weight)| Unit {
        arm: if canary { Arm::Canary } else { Arm::Stable },
        bad,
        weight,
    })
}

fn prior() -> impl Strategy<Value = Prior> {
    let histories = prop_oneof![Just(0.0), Just(1.0), 0.0f64..=1.0];
    prop_oneof![
        Just(Prior::default()),
        histories.prop_map(|h| Prior::from_history(h).unwrap()),
        Just(Prior::new(1e-12, 0.0).unwrap()),
        Just(Prior::new(0.0, 1e12).unwrap()),
    ]
}

fn restart() -> impl Strategy<Value = Restart> {
    prop_oneof![
        Just(Restart::default()),
        (1u32..50).prop_map(|every| Restart::every(every).unwrap()),
        Just(Restart::every(u32::MAX).unwrap()),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let count = prop_oneof![4 => 0u64..40, 1 => any::<u64>(), 1 => Just(10_000_000u64)];
    (0.0f64..=1.0, count.clone(), count.clone(), count.clone(), count).prop_map(
        |(weight, stable_bad, stable_total, canary_bad, canary_total)| Batch {
            weight,
            stable_bad,
            stable_total,
            canary_bad,
            canary_total,
        },
    )
}

fn is_number(versus: &Versus) -> bool {
    versus.ln_t().is_finite() && versus.ln_r().is_finite()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_a_nan_never_infinite(units in proptest::collection::vec(unit(), 0..300), prior in prior(), restart in restart()) {
        let mut versus = Versus::new(prior, restart);
        prop_assert!(is_number(&versus));
        for unit in &units {
            versus.take(unit);
            prop_assert!(is_number(&versus), "{versus:?}");
        }
    }

    #[test]
    fn nor_after_batches_of_any_size(batches in proptest::collection::vec(batch(), 0..30), prior in prior(), restart in restart()) {
        let (mut versus, mut over) = (Versus::new(prior, restart), Over::new(0.05).unwrap());
        for batch in &batches {
            versus.take_batch(batch);
            over.take_batch(batch.canary_bad, batch.canary_total);
            prop_assert!(is_number(&versus) && over.ln_o().is_finite(), "{versus:?} {over:?}");
        }
    }

    #[test]
    fn a_snapshot_at_any_unit_goes_on_bit_by_bit(
        units in proptest::collection::vec(unit(), 1..200),
        at in any::<prop::sample::Index>(),
        prior in prior(),
        restart in restart(),
    ) {
        let at = at.index(units.len());
        let (mut whole, mut first) = (Versus::new(prior, restart), Versus::new(prior, restart));
        let (mut over, mut over_first) = (Over::new(0.013).unwrap(), Over::new(0.013).unwrap());
        units.iter().for_each(|unit| whole.take(unit));
        units.iter().for_each(|unit| over.take(unit.bad));
        units[..at].iter().for_each(|unit| first.take(unit));
        units[..at].iter().for_each(|unit| over_first.take(unit.bad));
        let kept = serde_json::to_string(&(&first, &over_first)).unwrap();
        let (mut restored, mut over_restored): (Versus, Over) = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(&restored, &first);
        units[at..].iter().for_each(|unit| restored.take(unit));
        units[at..].iter().for_each(|unit| over_restored.take(unit.bad));
        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(restored.ln_t().to_bits(), whole.ln_t().to_bits());
        prop_assert_eq!(restored.ln_r().to_bits(), whole.ln_r().to_bits());
        prop_assert_eq!(over_restored.ln_o().to_bits(), over.ln_o().to_bits());
    }

    #[test]
    fn a_batch_of_one_is_that_unit(units in proptest::collection::vec(unit(), 1..100), restart in restart()) {
        let (mut by_unit, mut by_batch) = (Versus::new(Prior::default(), restart), Versus::new(Prior::default(), restart));
        for unit in &units {
            by_unit.take(unit);
            let (canary, bad) = (u64::from(unit.arm == Arm::Canary), u64::from(unit.bad));
            by_batch.take_batch(&Batch {
                weight: unit.weight,
                stable_bad: bad * (1 - canary),
                stable_total: 1 - canary,
                canary_bad: bad * canary,
                canary_total: canary,
            });
        }
        prop_assert_eq!(by_unit, by_batch);
    }

    #[test]
    fn o_is_a_number_at_every_limit(p0 in prop_oneof![0.0f64..1.0, Just(f64::MIN_POSITIVE), any::<f64>()], bad in any::<u64>(), total in any::<u64>()) {
        if let Ok(mut over) = Over::new(p0) {
            over.take_batch(bad, total);
            prop_assert!(over.ln_o().is_finite(), "{over:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_other_states_too(
        values in proptest::collection::vec((any::<bool>(), prop_oneof![4 => 0.0f64..10.0, 1 => any::<f64>()], 0.0f64..=1.0, 0u64..1000), 1..200),
        at in any::<prop::sample::Index>(),
    ) {
        type States = (Quantile, Split, Tally, ClippedMean);
        let take = |states: &mut States, part: &[(bool, f64, f64, u64)]| {
            for (canary, value, weight, n) in part {
                let arm = if *canary { Arm::Canary } else { Arm::Stable };
                states.0.take(*value);
                states.1.take(arm, *weight);
                states.1.take_batch(*weight, *n, n / 7);
                states.2.take(arm, *weight);
                states.3.take(*value);
            }
        };
        let before: States = (Quantile::new(0.95).unwrap(), Split::new(), Tally::new(), ClippedMean::new(5.0, 0.05).unwrap());
        let at = at.index(values.len());
        let (mut whole, mut first) = (before.clone(), before);
        take(&mut whole, &values);
        take(&mut first, &values[..at]);
        let mut restored: States = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        take(&mut restored, &values[at..]);
        prop_assert_eq!(&restored, &whole);
        let (quantile, split, tally, mean) = whole;
        prop_assert!(quantile.value().is_none_or(f64::is_finite));
        prop_assert!(split.ln().is_finite() && tally.ln().is_finite());
        prop_assert!((0.0..=5.0).contains(&mean.upper()), "{mean:?}");
    }
}

#[test]
fn ten_million_units_are_only_numbers() {
    // Under the null the boldest alternatives fall by thousands of decades; then a canary that fails every unit.
    let mut versus = Versus::default();
    let mut over = Over::new(0.05).unwrap();
    let mut last = 0u32;
    for n in 0..10_000_000u32 {
        last = last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let arm = if (last >> 24) < 13 { Arm::Canary } else { Arm::Stable };
        let turned = n > 9_900_000 && arm == Arm::Canary;
        let bad = turned || ((last >> 16) & 0xff) < 5;
        versus.take(&Unit {
            arm,
            bad,
            weight: 13.0 / 256.0,
        });
        if arm == Arm::Canary {
            over.take(bad);
        }
        if n % 1_000 == 0 {
            assert!(is_number(&versus) && over.ln_o().is_finite(), "after {n}: {versus:?}");
        }
    }
    assert!(is_number(&versus) && versus.ln_r() > 1_000.0, "{versus:?}");
}

#[test]
fn a_weight_of_one_hundred_percent_says_nothing() {
    let mut versus = Versus::default();
    for n in 0..10_000 {
        let arm = if n % 10 == 0 { Arm::Stable } else { Arm::Canary };
        versus.take(&Unit {
            arm,
            bad: n % 3 == 0,
            weight: 1.0,
        });
    }
    assert!(versus.ln_t().abs() < 1e-12 && versus.ln_r().abs() < 1e-9, "{versus:?}");
}
