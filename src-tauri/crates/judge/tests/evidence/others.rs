//! Bounds, shares, counts, quantiles and means: that they hold what they say, and that they see what they should.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use timonel_judge::{Arm, Bounds, ClippedMean, Quantile, Split, Strength, Tally};

const RUNS: u64 = 400;

struct Drawn(ChaCha8Rng);

impl Drawn {
    fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number of [0, 1).
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn arm(&mut self, weight: f64) -> Arm {
        if self.share() < weight {
            Arm::Canary
        } else {
            Arm::Stable
        }
    }
}

/// In how many of the runs something happened, at most, where it may in `alpha` of them.
fn at_most(alpha: f64) -> u64 {
    let share = alpha + 3.0 * (alpha * (1.0 - alpha) / RUNS as f64).sqrt();
    (share * RUNS as f64) as u64
}

#[test]
fn bounds_hold_the_truth_at_every_look_together() {
    let mut drawn = Drawn::seeded(21);
    let bounds = Bounds::for_gates(0.05).unwrap();
    for rate in [0.02, 0.3] {
        let left = (0..RUNS).filter(|_| {
            let mut bad = 0;
            (1..=1_000).any(|n| {
                bad += u64::from(drawn.share() < rate);
                bounds.below(bad, n, rate) || bounds.above(bad, n, rate)
            })
        });
        let left = left.count() as u64;
        assert!(left <= at_most(0.05), "{left} of {RUNS} at {rate}");
    }
}

#[test]
fn bounds_questions_and_clean_units_agree() {
    for (bad, total) in [(0, 0), (0, 18), (2, 100), (40, 50), (50, 50), (3, 10_000_000)] {
        let (lower, upper) = Bounds::of(bad, total, 0.05);
        let bounds = Bounds::for_gates(0.05).unwrap();
        assert!(
            (0.0..=upper).contains(&lower) && upper <= 1.0,
            "{bad} of {total}: {lower} to {upper}"
        );
        for limit in [0.001, 0.01, 0.05, 0.15, 0.5, 0.9] {
            if (limit - upper).abs() > 1e-9 {
                assert_eq!(
                    bounds.below(bad, total, limit),
                    upper < limit,
                    "{bad} of {total} below {limit}: {upper}"
                );
            }
            if (limit - lower).abs() > 1e-9 {
                assert_eq!(
                    bounds.above(bad, total, limit),
                    lower > limit,
                    "{bad} of {total} above {limit}: {lower}"
                );
            }
            let clean = Bounds::clean_units_needed(bad, total, limit, 0.05).unwrap();
            assert!(
                bounds.below(bad, total + clean, limit),
                "{bad} of {total} and {clean} below {limit}"
            );
            assert!(
                clean == 0 || !bounds.below(bad, total + clean - 1, limit),
                "{bad} of {total}, {clean} for {limit}"
            );
        }
    }
    assert_eq!(Bounds::clean_units_needed(0, 18, 0.05, 0.05), Some(55));
    assert_eq!(Bounds::clean_units_needed(0, 18, 0.0, 0.05), None);
    assert_eq!(Bounds::of(3, 10, f64::NAN), (0.0, 1.0));
}

#[test]
fn a_share_as_asked_is_quiet_and_another_is_seen() {
    let mut drawn = Drawn::seeded(22);
    let mut alarms = |asked: f64, real: f64, units: u64| {
        let seen = (0..RUNS).filter(|_| {
            let mut split = Split::new();
            (0..units).any(|_| {
                split.take(drawn.arm(real), asked);
                split.strength() >= Strength::of_alpha(0.01)
            })
        });
        seen.count() as u64
    };
    assert!(alarms(0.05, 0.05, 2_000) <= at_most(0.01));
    assert!(alarms(0.5, 0.5, 2_000) <= at_most(0.01));
    assert!(alarms(0.05, 0.10, 2_000) > RUNS * 9 / 10);
    // Nothing arrives at the canary: some 120 units at 5 % say so.
    assert_eq!(alarms(0.05, 0.0, 150), RUNS);
    // What may not arrive there at all.
    assert_eq!(alarms(0.0, 1.0, 3), RUNS);
}

#[test]
fn occurrences_of_both_are_quiet_and_those_of_the_canary_are_seen() {
    let mut drawn = Drawn::seeded(23);
    let mut alarms = |odds: f64, occurrences: u64| {
        let seen = (0..RUNS).filter(|_| {
            let mut tally = Tally::new();
            (0..occurrences).any(|n| {
                // The weight rises on the way.
                let weight = if n < occurrences / 2 { 0.05 } else { 0.25 };
                tally.take(drawn.arm(weight * odds / (weight * odds + 1.0 - weight)), weight);
                tally.strength() >= Strength::of_alpha(0.01)
            })
        });
        seen.count() as u64
    };
    assert!(alarms(1.0, 500) <= at_most(0.01));
    assert_eq!(alarms(0.2, 500), 0);
    assert!(alarms(10.0, 40) > RUNS * 95 / 100);
    let mut nothing = Tally::new();
    nothing.take_batch(1.0, 0, 1_000);
    assert_eq!(nothing.strength(), Strength::NONE);
}

#[test]
fn a_running_quantile_is_near_the_real_one() {
    let mut drawn = Drawn::seeded(24);
    for share in [0.75, 0.95] {
        let mut quantile = Quantile::new(share).unwrap();
        assert_eq!(quantile.exceeded_by(1.0), None);
        // Latencies of an exponential law: the quantile is −ln(1 − share).
        let mut over = 0;
        for n in 0..20_000 {
            let value = -(1.0 - drawn.share()).ln();
            over += u64::from(n >= 1_000 && quantile.exceeded_by(value) == Some(true));
            quantile.take(value);
        }
        let (found, real) = (quantile.value().unwrap(), -(1.0f64 - share).ln());
        assert!((found - real).abs() < 0.05 * real, "p{share}: {found}, not {real}");
        let exceeded = over as f64 / 19_000.0;
        assert!(
            (exceeded - (1.0 - share)).abs() < 0.01,
            "p{share}: {exceeded} are above it"
        );
    }
    let mut same = Quantile::new(0.95).unwrap();
    (0..100).for_each(|_| same.take(2.0));
    assert_eq!((same.value(), same.exceeded_by(2.0)), (Some(2.0), Some(false)));
}

#[test]
fn the_bound_of_a_mean_holds_and_comes_near() {
    let mut drawn = Drawn::seeded(25);
    let cap = 10.0;
    // Seconds: mostly quick, some slow; now and then beyond the cap.
    let mut value = move || match drawn.share() {
        u if u < 0.90 => 0.5 + u,
        u if u < 0.99 => 3.0,
        _ => 40.0,
    };
    let mean = 0.90 * 0.95 + 0.09 * 3.0 + 0.01 * cap;
    let mut below = 0;
    let mut last = Vec::new();
    for _ in 0..RUNS {
        let mut bound = ClippedMean::new(cap, 0.05).unwrap();
        assert_eq!(bound.upper(), cap);
        let broken = (0..1_000).any(|_| {
            bound.take(value());
            bound.upper() < mean
        });
        below += u64::from(broken);
        last.push(bound.upper());
    }
    assert!(below <= at_most(0.05), "{below} of {RUNS}");
    last.sort_by(f64::total_cmp);
    assert!(
        last[last.len() / 2] < 1.25 * mean,
        "{} for {mean}",
        last[last.len() / 2]
    );
}

#[test]
fn strength_never_says_more_than_the_data() {
    assert_eq!(Strength::from_ln(0.0), Strength::NONE);
    assert_eq!(Strength::from_ln(49.9f64.ln()).millilog10(), 1698);
    assert!(Strength::from_ln(49.9f64.ln()) < Strength::of_alpha(1.0 / 50.0));
    assert!(Strength::from_ln(50.2f64.ln()) >= Strength::of_alpha(1.0 / 50.0));
    assert_eq!(Strength::of_alpha(0.01).millilog10(), 2000);
    assert_eq!(Strength::from_ln(-0.0001).millilog10(), -1);
    assert_eq!(Strength::from_ln(1e300).millilog10(), i32::MAX);
}

#[test]
fn so_many_more_values_as_were_said_bring_the_bound_of_a_mean_below_a_limit() {
    let mut bound = ClippedMean::new(10.0, 0.05).unwrap();
    assert_eq!(bound.more_for(2.0), None, "nothing is known");
    for _ in 0..20 {
        bound.take(1.0);
    }
    let more = bound.more_for(2.0).unwrap();
    assert!(more > 0);
    (1..more).for_each(|_| bound.take(1.0));
    assert!(bound.upper() > 2.0, "{more}");
    bound.take(1.0);
    assert!(bound.upper() <= 2.0, "{more}");
    assert_eq!(bound.more_for(2.0), Some(0));
    assert_eq!(bound.more_for(0.9), None, "the mean itself is above");
    assert_eq!(bound.more_for(10.0), None, "no limit beyond the cap is ever proved");
    assert_eq!(bound.more_for(11.0), None);
}
