//! What is proved about the new system, for the screen.

use timonel_domain::evidence::{EvidenceSight, Outcome, Strength, Tally};
use timonel_domain::plan::Plan;
use timonel_wire as wire;

/// One line for each metric; the one that is nearest to having consequences first.
pub(super) fn rows(seen: &[EvidenceSight], plan: &Plan) -> Vec<wire::EvidenceRow> {
    let mut seen: Vec<_> = seen.iter().collect();
    seen.sort_by_key(|sight| (std::cmp::Reverse(sight.proof.against_stable), sight.rollback.is_none()));
    seen.into_iter().filter_map(|sight| row(sight, plan)).collect()
}

fn row(sight: &EvidenceSight, plan: &Plan) -> Option<wire::EvidenceRow> {
    let proof = &sight.proof;
    let metric = &plan.signal(&proof.signal)?.metric;
    Some(wire::EvidenceRow {
        metric: metric.name().to_owned(),
        signal: proof.signal.to_string(),
        above: match proof.outcome {
            Outcome::Counted | Outcome::NotCounted => None,
            Outcome::Above(limit) => Some(limit.as_f64()),
        },
        unit: metric.unit().into(),
        canary: tally(proof.canary),
        stable: tally(proof.stable),
        log10_r: proof.against_stable.map(log10),
        alert_at: log10(sight.alert),
        rollback_at: sight.rollback.map(log10),
        observational: proof.observational,
        goal: sight.goal.map(|goal| wire::Goal {
            limit: goal.limit,
            kept: goal.kept.kept,
            clean_units: goal.kept.clean_units,
        }),
    })
}

fn tally(tally: Tally) -> wire::TallyRow {
    // More digits nobody reads, and every one that moves would be sent.
    let rounded = |share: f64| (share * 10_000.0).round() / 10_000.0;
    let (lower, upper) = tally.bounds();
    wire::TallyRow {
        bad: tally.bad,
        total: tally.total,
        lower: rounded(lower),
        upper: rounded(upper),
    }
}

fn log10(strength: Strength) -> f64 {
    f64::from(strength.millilog10()) / 1000.0
}
