//! Reference values that stand beside the checkout (`../shared/data/judge`); where they are absent these are skipped.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use timonel_judge::{Arm, Bounds, Over, Unit, Versus};

fn reference<T: DeserializeOwned>(name: &str) -> Option<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/judge");
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("reference values as this test knows them")),
        Err(error) => {
            println!("skipped: {} cannot be read ({error})", path.display());
            None
        }
    }
}

#[derive(Deserialize)]
struct Paths {
    tolerance: f64,
    cases: Vec<PathCase>,
}

#[derive(Deserialize)]
struct PathCase {
    name: String,
    calls_arm_y_w: Vec<(u8, u8, f64)>,
    #[serde(rename = "two_sample_log10E")]
    two: Vec<f64>,
    #[serde(rename = "restart_log10E")]
    restart: Vec<f64>,
    #[serde(rename = "one_sample_p0_0.05_log10E_per_canary_call")]
    one_sample: Vec<f64>,
    #[serde(rename = "first_call_index_E>=100")]
    first: First,
}

#[derive(Deserialize)]
struct First {
    two: Option<usize>,
    restart: Option<usize>,
    #[serde(rename = "one(canary-call index)")]
    one: Option<usize>,
}

#[test]
fn every_golden_path_to_its_tolerance() {
    let Some(paths) = reference::<Paths>("eprocess_golden.json") else {
        return;
    };
    assert!(!paths.cases.is_empty());
    for case in paths.cases {
        let (mut versus, mut over) = (Versus::default(), Over::new(0.05).unwrap());
        let (mut t, mut r, mut o) = (Vec::new(), Vec::new(), Vec::new());
        for (arm, bad, weight) in case.calls_arm_y_w {
            let (arm, bad) = (if arm == 1 { Arm::Canary } else { Arm::Stable }, bad == 1);
            versus.take(&Unit { arm, bad, weight });
            t.push(versus.ln_t() / std::f64::consts::LN_10);
            r.push(versus.ln_r() / std::f64::consts::LN_10);
            if arm == Arm::Canary {
                over.take(bad);
                o.push(over.ln_o() / std::f64::consts::LN_10);
            }
        }
        let paths_of_case = [
            ("T", t, case.two, case.first.two),
            ("R", r, case.restart, case.first.restart),
            ("O", o, case.one_sample, case.first.one),
        ];
        for (which, ours, theirs, first) in paths_of_case {
            assert_eq!(ours.len(), theirs.len(), "{}, {which}", case.name);
            for (n, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert!(
                    (ours - theirs).abs() <= paths.tolerance,
                    "{}, {which} after call {n}: {ours}, not {theirs}",
                    case.name
                );
            }
            assert_eq!(ours.iter().position(|e| *e >= 2.0), first, "{}, {which}", case.name);
        }
    }
}

#[derive(Deserialize)]
struct Boundaries {
    cases: Vec<Boundary>,
}

#[derive(Deserialize)]
struct Boundary {
    #[serde(rename = "fn")]
    function: String,
    args: serde_json::Value,
    expect: serde_json::Value,
}

#[test]
fn confidence_sequences_as_confseq_gives_them() {
    let Some(boundaries) = reference::<Boundaries>("confseq/uniform_boundaries.json") else {
        return;
    };
    let mut compared = 0;
    for case in boundaries.cases {
        if case.function != "bernoulli_confidence_interval" {
            continue;
        }
        let number = |name: &str| case.args[name].as_f64().unwrap();
        let count = |name: &str| case.args[name].as_u64().unwrap();
        let (lower, upper) = Bounds::tuned(number("alpha"), number("t_opt"))
            .unwrap()
            .around(count("successes"), count("trials"));
        for (ours, theirs) in [(lower, &case.expect[0]), (upper, &case.expect[1])] {
            let theirs = theirs.as_f64().unwrap();
            assert!((ours - theirs).abs() <= 1e-5, "{}: {ours}, not {theirs}", case.args);
        }
        compared += 1;
    }
    assert!(compared >= 8, "only {compared} cases of this function");
}
