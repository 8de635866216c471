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

/// One call in ten brings one to eight of them, of either arm, and every reading has 5 to 20 calls.
fn bursts(weight: f64, dice: &mut Dice) -> Vec<Sample> {
    let mut out = Vec::new();
    for n in 1..=240 {
        let (mut came, mut threw) = ([0u64; 2], [0u64; 2]);
        for _ in 0..5 + (dice.share() * 16.0) as u64 {
            let arm = usize::from(dice.chance(weight));
            came[arm] += 1;
            if dice.chance(0.1) {
                threw[arm] += 1 + (dice.share() * 8.0) as u64;
            }
        }
        for (arm, side) in [Side::Stable, Side::Canary].into_iter().enumerate() {
            out.push(count_of(assigned(), side, n * 15, came[arm]));
            out.push(count_of(exceptions(), side, n * 15, threw[arm]));
        }
    }
    out
}

#[test]
fn calls_of_both_that_throw_in_bursts_put_nothing_back() {
    let plan = only(&exceptions());
    for weight in [10, 50] {
        let alarms = (0..RUNS).filter(|seed| {
            let samples = bursts(f64::from(weight) / 100.0, &mut Dice(*seed));
            is_put_back(&plan, Weight::percent(weight), &samples)
        });
        let alarms = alarms.count() as u64;
        assert!(alarms <= at_most(ALPHA_ROLLBACK), "{alarms} of {RUNS} at {weight} %");
    }
}

/// Stable's buckets end at 1, 2.5 and 5 s, the canary's at 1 and 5 s; the times themselves are drawn alike.
fn layouts(dice: &mut Dice) -> Vec<Sample> {
    let reading = |side, n: i64, ends: &[f64], dice: &mut Dice| {
        let times: Vec<_> = (0..6)
            .map(|_| {
                if dice.chance(0.4) {
                    1.0 + dice.share() * 1.6
                } else {
                    0.5
                }
            })
            .collect();
        let mut beyond = 0.0;
        let buckets = ends.iter().map(|end| {
            let within = times.iter().filter(|time| (beyond..*end).contains(*time)).count();
            beyond = *end;
            Bucket {
                le: end.is_finite().then(|| seconds(*end)),
                n: within as u64,
            }
        });
        let buckets = buckets.collect();
        let sum = seconds(times.iter().sum());
        let since = at(n * 15 - 15);
        Sample {
            value: Value::Distribution { since, buckets, sum },
            ..distribution(side, n * 15, 0, 0)
        }
    };
    let both = |n| {
        let stable = reading(Side::Stable, n, &[1.0, 2.5, 5.0, f64::INFINITY], dice);
        [stable, reading(Side::Canary, n, &[1.0, 5.0, f64::INFINITY], dice)]
    };
    (1..=240).flat_map(both).collect()
}

#[test]
fn buckets_that_end_elsewhere_put_nothing_back() {
    for limit in [2.0, 2.5, 3.0] {
        let mut plan = only(&latency());
        plan.rules.iter_mut().for_each(|rule| rule.limit = seconds(limit));
        let mean = plan
            .rules
            .iter()
            .find(|rule| rule.question.statistic == Statistic::Mean);
        let mean = mean.expect("a rule on the mean").id.clone();
        let alarms = (0..RUNS / 4).filter(|seed| {
            let samples = layouts(&mut Dice(*seed));
            let evidence = evidence_at(Weight::percent(50), &plan, &samples);
            let acts = |of: RuleEvidence| EvidenceMode::Gated.is_enough(of.at_once);
            put_back(&evidence, &plan) || evidence.of_rule(&mean).is_some_and(acts)
        });
        let alarms = alarms.count() as u64;
        assert!(alarms <= at_most(ALPHA_ROLLBACK) / 4, "{alarms} above {limit} s");
    }
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
