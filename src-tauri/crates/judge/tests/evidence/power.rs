//! The planner against JUDGE.md's own figures and against a simulation that shares nothing with it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use timonel_judge::power::{Asked, By, PhaseAsked, RATES, Report, RuleAsked, RuleOdds, Warning, report};

const FIVE_MINUTES: f64 = 5.0 / 60.0;

fn asked(units_per_day: f64, weight: f64, days: f64) -> Asked {
    Asked {
        units_per_day,
        base: 0.02,
        alpha: 0.01,
        alpha_go: 0.05,
        phases: vec![PhaseAsked {
            weight,
            hours: days * 24.0,
            go: Some(0.05),
        }],
        rules: vec![RuleAsked {
            limit: 0.10,
            window: FIVE_MINUTES,
            lasting: FIVE_MINUTES,
            least_units: 0,
            max_gap: 0.0,
            evidence: 50.0,
        }],
    }
}

fn planned(asked: &Asked, seed: u64) -> Report {
    report(asked, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

/// The rule at so many canary units an hour, for so many days.
fn rule(per_hour: f64, days: f64, least_units: usize) -> RuleOdds {
    let mut asked = asked(per_hour * 24.0 / 0.05, 0.05, days);
    asked.rules[0].least_units = least_units;
    planned(&asked, 5).phases[0].rules[0]
}

#[test]
fn the_rule_taken_literally_does_what_the_table_says() {
    // Canary calls an hour; a healthy canary rolled back within 14 days.
    for (per_hour, healthy) in [(0.6, 0.00), (6.0, 0.33), (12.0, 0.74)] {
        let odds = rule(per_hour, 14.0, 0).literal;
        assert!((odds.healthy - healthy).abs() <= 0.05, "{per_hour} an hour: {odds:?}");
    }
    // One that fails every call, rolled back within 24 h.
    for (per_hour, failing, hours) in [(0.6, 0.50, 10.0), (6.0, 1.00, 0.5)] {
        let odds = rule(per_hour, 1.0, 0).literal;
        assert!((odds.failing - failing).abs() <= 0.05, "{per_hour} an hour: {odds:?}");
        if failing > 0.9 {
            let found = odds.hours.unwrap();
            assert!((found - hours).abs() <= 0.25 * hours, "{per_hour} an hour: {odds:?}");
        }
    }
}

#[test]
fn evidence_keeps_the_rule_from_rolling_back_a_healthy_canary() {
    for per_hour in [6.0, 12.0] {
        let odds = rule(per_hour, 14.0, 0);
        assert!(odds.gated.healthy < 0.05 && odds.literal.healthy > 0.25, "{odds:?}");
        assert!(odds.gated.failing > 0.99, "{odds:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let asked = asked(300.0, 0.10, 7.0);
    assert_eq!(planned(&asked, 1), planned(&asked, 1));
    assert_ne!(planned(&asked, 1), planned(&asked, 2));
}

#[test]
fn what_a_phase_cannot_show_is_said() {
    // Three days of ten canary units each: a total failure is seen, a limit of 5 % is out of reach.
    let small = planned(&asked(200.0, 0.05, 3.0), 3);
    assert!(
        small.warnings.contains(&Warning::GoOutOfReach { phase: 0 }),
        "{:?}",
        small.warnings
    );
    assert!(
        small.warnings.contains(&Warning::BlindAtLimit { phase: 0, rule: 0 }),
        "{:?}",
        small.warnings
    );
    let blind = planned(&asked(20.0, 0.05, 1.0), 3);
    assert!(
        blind.warnings.contains(&Warning::Blind { phase: 0 }),
        "{:?}",
        blind.warnings
    );
    let large = planned(&asked(3_000.0, 0.25, 7.0), 3);
    assert!(large.phases[0].smallest.unwrap() < 0.05, "{:?}", large.phases[0]);
    assert!(
        !large.warnings.contains(&Warning::GoOutOfReach { phase: 0 }),
        "{:?}",
        large.warnings
    );
    let whole = planned(&asked(300.0, 1.0, 7.0), 3);
    assert_eq!(whole.phases[0].by, By::History);
    assert!(
        whole.warnings.contains(&Warning::NothingToCompare { phase: 0 }),
        "{:?}",
        whole.warnings
    );
    assert_eq!(whole.phases[0].sights[0].share, 1.0);
}

#[test]
fn numbers_that_no_plan_can_have_are_refused() {
    let spoiled: [fn(&mut Asked); 8] = [
        |asked| asked.units_per_day = 0.0,
        |asked| asked.base = 1.5,
        |asked| asked.alpha = 0.0,
        |asked| asked.alpha_go = f64::NAN,
        |asked| asked.phases[0].weight = 0.0,
        |asked| asked.phases[0].hours = f64::INFINITY,
        |asked| asked.rules[0].limit = -0.1,
        |asked| asked.rules[0].lasting = f64::NAN,
    ];
    for spoil in spoiled {
        let mut asked = asked(300.0, 0.05, 7.0);
        spoil(&mut asked);
        assert!(report(&asked, &mut ChaCha8Rng::seed_from_u64(1)).is_err(), "{asked:?}");
    }
}

/// Marsaglia's xorshift: another generator than the planner's.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Canary units until R ≥ 100, by JUDGE.md's formulas as they stand there and every start kept.
fn long_way(weight: f64, base: f64, rate: f64, units: u64, random: &mut Xorshift) -> Option<u64> {
    let odds = [0.7f64, 1.1, 1.6, 2.3, 3.0, 4.0, 6.0].map(f64::exp);
    let every = (1.0 / weight).ceil() as u64;
    let (mut failed, mut seen, mut canary) = (0.0, 0.0, 0);
    let mut starts: Vec<(f64, [f64; 7])> = Vec::new();
    for i in 0..units {
        if i % every == 0 {
            let k = starts.len() as f64 + 1.0;
            starts.push((1.0 / (k * (k + 1.0)), [1.0; 7]));
        }
        let is_canary = random.next() < weight;
        let bad = random.next() < if is_canary { rate } else { base };
        let p_s: f64 = (failed + 1.0) / (seen + 50.0);
        for (d, e) in odds.iter().enumerate() {
            let odds = p_s / (1.0 - p_s) * e;
            let p_c = odds / (1.0 + odds);
            let p_0 = weight * p_c + (1.0 - weight) * p_s;
            let p_a = if is_canary { p_c } else { p_s };
            let factor = if bad { p_a / p_0 } else { (1.0 - p_a) / (1.0 - p_0) };
            starts.iter_mut().for_each(|(_, products)| products[d] *= factor);
        }
        if is_canary {
            canary += 1;
        } else {
            seen += 1.0;
            failed += f64::from(u8::from(bad));
        }
        let begun: f64 = starts
            .iter()
            .map(|(g, products)| g * products.iter().sum::<f64>() / 7.0)
            .sum();
        if begun + 1.0 / (starts.len() as f64 + 1.0) >= 100.0 {
            return Some(canary);
        }
    }
    None
}

#[test]
fn medians_agree_with_an_independent_simulation() {
    let (weight, base, per_day, days) = (0.10, 0.03, 400.0, 14.0);
    let mut asked = asked(per_day, weight, days);
    asked.base = base;
    let sights = planned(&asked, 7).phases.remove(0).sights;
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    assert_eq!(sights.len(), RATES.len());
    for sight in sights {
        let units = (per_day * days) as u64;
        let mut reached: Vec<u64> = (0..2_000)
            .map(|_| long_way(weight, base, sight.rate, units, &mut random).unwrap_or(u64::MAX))
            .collect();
        reached.sort_unstable();
        let (ours, theirs) = (sight.median.unwrap(), reached[1_000]);
        let allowed = (0.1 * theirs as f64).max(1.0);
        assert!(ours.abs_diff(theirs) as f64 <= allowed, "{sight:?}, not {theirs}");
    }
}
