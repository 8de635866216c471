//! How often each test errs, over seeded worlds in which the canary is as good as stable.

use super::world::*;
use super::*;

const RUNS: u64 = 200;

/// No more than α of them, and three standard errors.
fn at_most(alpha: f64) -> u64 {
    let runs = RUNS as f64;
    (alpha * runs + 3.0 * (alpha * (1.0 - alpha) * runs).sqrt()) as u64
}

fn alarms(plan: &Plan, truth: Truth, calls: u32) -> u64 {
    let weight = Weight::try_from(truth.weight * 100.0).expect("a weight");
    let false_alarm = |seed: u64| {
        let mut dice = Dice(seed);
        is_put_back(plan, weight, &readings(truth, calls, 240, &mut dice))
    };
    (0..RUNS).filter(|seed| false_alarm(*seed)).count() as u64
}

#[test]
fn exceptions_of_both_alike_put_nothing_back() {
    let plan = only(&exceptions());
    for (weight, calls) in [(0.1, 2), (0.5, 2), (0.1, 20)] {
        let truth = Truth {
            weight,
            throws: (0.3, 0.3),
            ..Truth::ALIKE
        };
        let alarms = alarms(&plan, truth, calls);
        assert!(
            alarms <= at_most(ALPHA_ROLLBACK),
            "{alarms} of {RUNS} at {weight} with {calls}"
        );
    }
    let failing = Truth {
        throws: (0.02, 0.5),
        ..Truth::ALIKE
    };
    assert!(self::alarms(&plan, failing, 4) > RUNS * 9 / 10);
}

#[test]
fn a_response_as_slow_as_stable_puts_nothing_back() {
    let plan = only(&latency());
    for (weight, calls) in [(0.1, 2), (0.5, 6)] {
        let truth = Truth { weight, ..Truth::ALIKE };
        let alarms = alarms(&plan, truth, calls);
        assert!(
            alarms <= at_most(ALPHA_ROLLBACK),
            "{alarms} of {RUNS} at {weight} with {calls}"
        );
    }
    let slower = Truth {
        slow: (0.04, 0.6),
        ..Truth::ALIKE
    };
    assert!(self::alarms(&plan, slower, 6) > RUNS * 9 / 10);
}

#[test]
fn calls_that_follow_the_weight_are_not_called_skewed() {
    let plan = plan();
    let skewed = |asked: u8, real: f64, calls: u32| {
        let seen = (0..RUNS).filter(|seed| {
            let truth = Truth {
                weight: real,
                ..Truth::ALIKE
            };
            let mut evidence = Evidence::new(&plan);
            evidence.begin(Some(Epoch::new(at(0), Weight::percent(asked))));
            let samples = readings(truth, calls, 240, &mut Dice(*seed));
            let counts = samples.iter().filter(|sample| sample.signal == assigned());
            counts.for_each(|sample| evidence.observe(sample));
            evidence.skew().is_some()
        });
        seen.count() as u64
    };
    assert!(skewed(10, 0.1, 4) <= at_most(ALPHA_SPLIT));
    assert!(skewed(50, 0.5, 20) <= at_most(ALPHA_SPLIT));
    assert!(skewed(10, 0.3, 8) > RUNS * 9 / 10);
    assert!(skewed(50, 0.2, 8) > RUNS * 9 / 10);
}

#[test]
fn a_canary_as_good_as_its_history_is_left_alone_at_100_percent() {
    let mut plan = only(&fixture::errors());
    plan.rules[0].history = Quantity::from_f64(0.05);
    let whole = |rate: f64| {
        let seen = (0..RUNS).filter(|seed| {
            let mut dice = Dice(*seed);
            let samples: Vec<_> = (1..=240)
                .map(|n| {
                    ratio(
                        Side::Canary,
                        n * 15,
                        (0..4).filter(|_| dice.chance(rate)).count() as u64,
                        4,
                    )
                })
                .collect();
            is_put_back(&plan, Weight::FULL, &samples)
        });
        seen.count() as u64
    };
    assert!(whole(0.05) <= at_most(ALPHA_ROLLBACK));
    assert!(whole(0.2) > RUNS * 9 / 10);
}

#[test]
fn a_gate_on_a_mean_or_against_stable_opens_wrongly_no_more_than_it_may() {
    let open = |slow: (f64, f64), relative: bool| {
        let mut plan = super::gates::one_gate(Statistic::Mean, relative);
        plan.rules.clear();
        let gate = plan.phases[0].gates[0].id.clone();
        let seen = (0..RUNS).filter(|seed| {
            let mut evidence = begun(&plan);
            let truth = Truth {
                weight: 0.5,
                slow,
                ..Truth::ALIKE
            };
            let samples = readings(truth, 12, 240, &mut Dice(*seed));
            samples.iter().for_each(|sample| evidence.observe(sample));
            // Bounds only close in, so what was ever kept is kept at the end.
            evidence.keeps(&gate).is_some_and(|kept| kept.kept)
        });
        seen.count() as u64
    };
    // Limit 1 s: a fifth of slow calls is a mean of exactly that.
    assert!(open((0.05, 0.2), false) <= at_most(ALPHA_BOUND));
    assert!(open((0.05, 0.05), false) > RUNS * 9 / 10);
    // Margin 0.5 s: a fifth more of slow calls is worse by exactly that.
    assert!(open((0.05, 0.25), true) <= at_most(ALPHA_BOUND));
    assert!(open((0.05, 0.05), true) > RUNS * 9 / 10);
}
