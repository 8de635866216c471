//! `judge`: T, R and O together, their values after every unit, beside the plainest loop for T alone.
//!
//! The baseline is written down as JUDGE.md's formulas stand there: a logarithm a factor, summed, and the mean of seven
//! exponentials after every unit, with the machine's own `ln` and `exp` (ours come from `libm`, for the same bits everywhere).
//! Both see the same ten million units, drawn beforehand: weight 5 %, both arms at 2 % errors. CPU time, one core.

use std::hint::black_box;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use timonel_judge::{Arm, Over, Unit, Versus};

use crate::{Found, median};

const UNITS: usize = 10_000_000;
const ROUNDS: usize = 5;
const WEIGHT: f64 = 0.05;
const BASE: f64 = 0.02;
const LIMIT: f64 = 0.05;
/// All three together do at least this share of the units that the baseline does in the same time.
const AIM: f64 = 0.8;

pub(crate) fn measure() -> Result<Found, String> {
    let units = draw();
    let (mut ours, mut plain, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = None;
    for round in 1..=ROUNDS {
        let (took, t) = timed(|| judge(&units))?;
        // The highest so far, before the baseline has run for the first time.
        memory = memory.or_else(peak_memory);
        let (baseline, plain_t) = timed(|| plain_t(&units))?;
        if (t - plain_t).abs() > 1e-6 {
            return Err(format!(
                "ln T is {t} here and {plain_t} in the baseline: they do not compute the same"
            ));
        }
        let per_s = |took: f64| UNITS as f64 / took / 1e6;
        println!(
            "round {round}: T, R and O {:.2} million units/s; T alone, plainly {:.2} million units/s",
            per_s(took),
            per_s(baseline)
        );
        ours.push(per_s(took));
        plain.push(per_s(baseline));
        ratios.push(baseline / took);
    }
    let ratio = median(ratios.clone());
    match memory {
        Some(mib) => println!("peak memory with {UNITS} units, which take 1 byte each: {mib:.1} MiB"),
        None => println!("peak memory: this system does not say"),
    }
    let figures = serde_json::json!({
        "units": UNITS, "rounds": ROUNDS, "weight": WEIGHT, "base": BASE,
        "judge_million_per_s": median(ours.clone()), "judge_all": ours,
        "plain_t_million_per_s": median(plain.clone()), "plain_t_all": plain,
        "ratios": ratios, "peak_memory_mib": memory, "state_bytes": size_of::<Versus>() + size_of::<Over>(),
    });
    Ok(Found {
        name: "judge",
        figures,
        ratio,
        aim: AIM,
    })
}

/// One byte a unit: 1 is a canary, 2 is bad.
fn draw() -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut below = |share: f64| u8::from((rng.next_u64() >> 11) as f64 / ((1u64 << 53) as f64) < share);
    (0..UNITS).map(|_| below(WEIGHT) | (below(BASE) << 1)).collect()
}

/// T, R and O, each with its value after every unit that it is about. Ends with ln T.
fn judge(units: &[u8]) -> Result<f64, String> {
    let mut versus = Versus::default();
    let mut over = Over::new(LIMIT).map_err(|e| e.to_string())?;
    for unit in units {
        let (arm, bad) = (if unit & 1 == 1 { Arm::Canary } else { Arm::Stable }, unit & 2 == 2);
        versus.take(&Unit {
            arm,
            bad,
            weight: WEIGHT,
        });
        black_box((versus.ln_t(), versus.ln_r()));
        if arm == Arm::Canary {
            over.take(bad);
            black_box(over.ln_o());
        }
    }
    Ok(versus.ln_t())
}

/// T as it is written, in log space. Ends with ln T.
fn plain_t(units: &[u8]) -> Result<f64, String> {
    let odds = [0.7f64, 1.1, 1.6, 2.3, 3.0, 4.0, 6.0].map(f64::exp);
    let mut logs = [0.0f64; 7];
    let (mut seen, mut failed, mut ln_t) = (0.0, 0.0, 0.0);
    for unit in units {
        let (canary, bad) = (unit & 1 == 1, unit & 2 == 2);
        let p_s: f64 = (failed + 1.0) / (seen + 50.0);
        let stable_odds = p_s / (1.0 - p_s);
        for (log, e) in logs.iter_mut().zip(&odds) {
            let canary_odds = stable_odds * e;
            let p_c = canary_odds / (1.0 + canary_odds);
            let p_0 = WEIGHT * p_c + (1.0 - WEIGHT) * p_s;
            let p_a = if canary { p_c } else { p_s };
            let factor = if bad { p_a / p_0 } else { (1.0 - p_a) / (1.0 - p_0) };
            *log += factor.ln();
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        ln_t = top + (logs.iter().map(|log| (log - top).exp()).sum::<f64>() / 7.0).ln();
        black_box(ln_t);
        if !canary {
            seen += 1.0;
            failed += f64::from(u8::from(bad));
        }
    }
    Ok(ln_t)
}

/// CPU seconds that `work` takes, and what it gives.
fn timed(work: impl FnOnce() -> Result<f64, String>) -> Result<(f64, f64), String> {
    let begun = cpu_seconds();
    let value = work()?;
    Ok((cpu_seconds() - begun, value))
}

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

/// Wall time, where the system is not asked for CPU time: keep it calm.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn cpu_seconds() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// The most memory that this process has had so far, in MiB, where the system says.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
