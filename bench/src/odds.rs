//! `judge-odds`: false alarms of a healthy canary, and how soon a bad one is found, with fixed seeds (JUDGE.md, "What proves
//! it"). The same figures on every machine.
//!
//! The ratio is the worst of both tables by what it may be: false alarms by α and three standard errors, medians by
//! their distance from the reference in parts of 15 % (or of one call, where that is more). Below 1 is good.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use timonel_judge::odds::{Look, World, delays};

use crate::Found;

const ALPHA: f64 = 0.01;
const UNITS: u64 = 4_200;
/// Runs of each cell.
const NULL_RUNS: u64 = 2_000;
const DELAY_RUNS: u64 = 5_000;
const LOOKS: [(Look, &str); 2] = [(Look::FromTheStart, "T"), (Look::FromSomeMoment, "R")];

/// The canary's error rate, its good calls before, and the medians of T and R of the reference.
const DELAYS: [(f64, u64, [u64; 2]); 7] = [
    (1.0, 0, [2, 3]),
    (0.5, 0, [5, 5]),
    (0.3, 0, [11, 11]),
    (0.2, 0, [20, 20]),
    (0.1, 0, [65, 65]),
    (0.3, 100, [27, 21]),
    (1.0, 100, [8, 5]),
];

pub(crate) fn measure() -> Result<Found, String> {
    let worst_null = null_grid();
    let (found, worst_delay) = delay_table();
    Ok(Found {
        name: "judge-odds",
        figures: json!({
            "alpha": ALPHA, "units": UNITS, "null_runs": NULL_RUNS, "delay_runs": DELAY_RUNS,
            "delays": found, "worst_null": worst_null, "worst_delay": worst_delay,
        }),
        ratio: worst_null.max(worst_delay),
        aim: 1.0,
    })
}

/// The most false alarms of any cell by what is allowed.
fn null_grid() -> f64 {
    let allowed = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / NULL_RUNS as f64).sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(2_026);
    let mut worst = 0.0f64;
    println!(
        "False alarms of a healthy canary in {UNITS} units, {NULL_RUNS} runs each; allowed {:.2} % (α {:.0} % + 3 standard errors)",
        allowed * 100.0,
        ALPHA * 100.0
    );
    println!("  errors  weight  drift ×4  outage    T        R");
    for base in [0.002, 0.01, 0.02, 0.05, 0.10] {
        for weight in [0.01, 0.05, 0.10, 0.25, 0.50] {
            for (drift, outage) in [(1.0, None), (4.0, None), (1.0, Some(0.9)), (4.0, Some(0.9))] {
                let world = World {
                    drift,
                    outage,
                    ..World::healthy(weight, base, UNITS)
                };
                let [t, r] = LOOKS.map(|(look, _)| delays(&world, look, ALPHA, NULL_RUNS, &mut rng).share());
                let mark = |there: bool| if there { "yes" } else { "–" };
                println!(
                    "  {:>5.1} %  {:>4.0} %  {:>8}  {:>6}  {:>5.2} %  {:>5.2} %",
                    base * 100.0,
                    weight * 100.0,
                    mark(drift > 1.0),
                    mark(outage.is_some()),
                    t * 100.0,
                    r * 100.0
                );
                worst = worst.max(t / allowed).max(r / allowed);
            }
        }
    }
    worst
}

fn delay_table() -> (Vec<Value>, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(2_027);
    let (mut rows, mut worst) = (Vec::new(), 0.0f64);
    println!("Canary calls until found, from 2 %, at 5 %, α 1 %: median (9 of 10), found; {DELAY_RUNS} runs each");
    for (rate, good_before, reference) in DELAYS {
        let world = World {
            good_before,
            ..World::failing(0.05, 0.02, rate, UNITS)
        };
        for ((look, name), reference) in LOOKS.into_iter().zip(reference) {
            let found = delays(&world, look, ALPHA, DELAY_RUNS, &mut rng);
            let said = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
            println!(
                "  {:>4.0} % after {good_before:>3} good ones, {name}: {} ({}), {:.1} %; reference {reference}",
                rate * 100.0,
                said(found.median()),
                said(found.by(0.9)),
                found.share() * 100.0
            );
            let off = found
                .median()
                .map_or(f64::INFINITY, |median| median.abs_diff(reference) as f64);
            worst = worst.max(off / (0.15 * reference as f64).max(1.0));
            rows.push(json!({
                "rate": rate, "good_before": good_before, "which": name, "median": found.median(),
                "p90": found.by(0.9), "found": found.share(), "reference": reference,
            }));
        }
    }
    (rows, worst)
}
