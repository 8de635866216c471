//! R's recursion against what it stands for: every start kept as a test of its own.

use proptest::prelude::*;
use timonel_judge::{Arm, Prior, Restart, Unit, Versus};

/// T of one start: each factor as JUDGE.md writes it, with `exp` and `ln`, summed in logarithms.
struct Kept {
    logs: [f64; 7],
    g: f64,
}

const DELTAS: [f64; 7] = [0.7, 1.1, 1.6, 2.3, 3.0, 4.0, 6.0];

/// (ln T, ln R) after each unit, the long way.
fn the_long_way(units: &[Unit], prior: Prior, every: u64) -> Vec<(f64, f64)> {
    let (mut failed, mut seen) = (0.0, 0.0);
    let mut starts: Vec<Kept> = Vec::new();
    let mut all = [0.0f64; 7];
    let mut path = Vec::new();
    for (i, unit) in units.iter().enumerate() {
        if (i as u64).is_multiple_of(every) {
            let k = starts.len() as f64 + 1.0;
            let g = 1.0 / (k * (k + 1.0));
            starts.push(Kept { logs: [0.0; 7], g });
        }
        let p_s = (failed + prior.a()) / (seen + prior.a() + prior.b());
        for (d, delta) in DELTAS.iter().enumerate() {
            let logit = (p_s / (1.0 - p_s)).ln() + delta;
            let p_c = 1.0 / (1.0 + (-logit).exp());
            let p_0 = unit.weight * p_c + (1.0 - unit.weight) * p_s;
            let p_a = if unit.arm == Arm::Canary { p_c } else { p_s };
            let log = if unit.bad {
                (p_a / p_0).ln()
            } else {
                ((1.0 - p_a) / (1.0 - p_0)).ln()
            };
            all[d] += log;
            starts.iter_mut().for_each(|start| start.logs[d] += log);
        }
        if unit.arm == Arm::Stable {
            seen += 1.0;
            failed += f64::from(u8::from(unit.bad));
        }
        let mean = |logs: &[f64; 7]| logs.iter().map(|log| log.exp()).sum::<f64>() / 7.0;
        let r = starts.iter().map(|start| start.g * mean(&start.logs)).sum::<f64>() + 1.0 / (starts.len() as f64 + 1.0);
        path.push((mean(&all).ln(), r.ln()));
    }
    path
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_recursion_is_the_sum_over_all_starts(
        raw in proptest::collection::vec((any::<bool>(), 0.0f64..1.0, 0usize..4), 1..400),
        rate in 0.0f64..0.6,
        history in 0.001f64..0.9,
        every in 1u32..60,
    ) {
        let weights = [0.01, 0.05, 0.25, 0.9];
        let units: Vec<Unit> = raw
            .iter()
            .map(|(canary, drawn, weight)| Unit {
                arm: if *canary { Arm::Canary } else { Arm::Stable },
                bad: *drawn < rate,
                weight: weights[*weight],
            })
            .collect();
        let prior = Prior::from_history(history).unwrap();
        let mut versus = Versus::new(prior, Restart::every(every).unwrap());
        for (unit, (t, r)) in units.iter().zip(the_long_way(&units, prior, u64::from(every))) {
            versus.take(unit);
            prop_assert!((versus.ln_t() - t).abs() < 1e-9, "T {} {t}", versus.ln_t());
            prop_assert!((versus.ln_r() - r).abs() < 1e-9, "R {} {r}", versus.ln_r());
        }
    }
}
