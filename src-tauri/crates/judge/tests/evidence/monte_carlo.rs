//! False alarms and delays with fixed seeds: a short version of `cargo xtask bench judge-odds`.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use timonel_judge::odds::{Look, World, delays};

const ALPHA: f64 = 0.01;

/// α and three standard errors of a share that is seen in `runs` runs.
fn at_most(runs: u64) -> f64 {
    ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / runs as f64).sqrt()
}

#[test]
fn a_healthy_canary_alarms_no_more_often_than_alpha() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let runs = 300;
    for base in [0.002, 0.01, 0.02, 0.05, 0.10] {
        for weight in [0.01, 0.05, 0.10, 0.25, 0.50] {
            for (drift, outage) in [(4.0, None), (1.0, Some(0.9))] {
                let world = World {
                    drift,
                    outage,
                    ..World::healthy(weight, base, 1_000)
                };
                for look in [Look::FromTheStart, Look::FromSomeMoment] {
                    let alarms = delays(&world, look, ALPHA, runs, &mut rng).share();
                    assert!(alarms <= at_most(runs), "{alarms} {look:?} {world:?}");
                }
            }
        }
    }
}

#[test]
fn swapped_arms_never_alarm() {
    // A canary that is better than stable, whatever the odds.
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for (base, canary) in [(0.30, 0.02), (1.0, 0.0), (0.10, 0.05)] {
        for look in [Look::FromTheStart, Look::FromSomeMoment] {
            let world = World::failing(0.05, base, canary, 2_000);
            assert_eq!(
                delays(&world, look, ALPHA, 300, &mut rng).share(),
                0.0,
                "{look:?} {world:?}"
            );
        }
    }
}

#[test]
fn a_bad_canary_is_found_as_soon_as_the_table_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    // Error rate, good canary calls before, and the medians of T and R (JUDGE.md, reference points).
    let table = [
        (1.0, 0, 2, 3),
        (0.5, 0, 5, 5),
        (0.3, 0, 11, 11),
        (0.2, 0, 20, 20),
        (0.1, 0, 65, 65),
        (0.3, 100, 27, 21),
        (1.0, 100, 8, 5),
    ];
    for (rate, good_before, t, r) in table {
        let world = World {
            good_before,
            ..World::failing(0.05, 0.02, rate, 4_200)
        };
        for (look, expected) in [(Look::FromTheStart, t), (Look::FromSomeMoment, r)] {
            let found = delays(&world, look, ALPHA, 1_000, &mut rng);
            let median = found.median().expect("most runs find it");
            // Within 15 %, and a whole call where that is less than one.
            let off = median.abs_diff(expected) as f64;
            assert!(
                off <= (0.15 * expected as f64).max(1.0),
                "{median}, not {expected}: {look:?} {world:?}"
            );
            assert!(rate < 0.2 || found.share() > 0.99, "{look:?} {world:?}");
        }
    }
}
