//! What is proved about the new system, for the screen.

use timonel_domain::evidence::{EvidenceSight, Outcome, Proof, Strength, Tally};
use timonel_domain::plan::Plan;
use timonel_domain::value::Quantity;
use timonel_wire as wire;

/// One line for each metric; the one that is nearest to having consequences first.
pub(super) fn rows(seen: &[EvidenceSight], plan: &Plan) -> Vec<wire::EvidenceRow> {
    let mut seen: Vec<_> = seen.iter().collect();
    let strongest = |proof: &Proof| proof.against_stable.max(proof.against_history);
    seen.sort_by_key(|sight| (std::cmp::Reverse(strongest(&sight.proof)), sight.rollback.is_none()));
    seen.into_iter().filter_map(|sight| row(sight, plan)).collect()
}

fn row(sight: &EvidenceSight, plan: &Plan) -> Option<wire::EvidenceRow> {
    let proof = &sight.proof;
    let metric = &plan.signal(&proof.signal)?.metric;
    Some(wire::EvidenceRow {
        metric: metric.name().to_owned(),
        signal: proof.signal.to_string(),
        kind: match proof.outcome {
            Outcome::Counted | Outcome::NotCounted => wire::EvidenceKind::Share,
            Outcome::Above(_) => wire::EvidenceKind::Above,
            Outcome::AboveStable(_) => wire::EvidenceKind::AboveStable,
            Outcome::Occurred => wire::EvidenceKind::Occurrences,
            Outcome::Mean => wire::EvidenceKind::Mean,
        },
        above: match proof.outcome {
            Outcome::Counted | Outcome::NotCounted | Outcome::Occurred | Outcome::Mean => None,
            Outcome::Above(limit) => Some(limit.as_f64()),
            Outcome::AboveStable(_) => proof.edge.map(Quantity::as_f64),
        },
        unit: metric.unit().into(),
        canary: tally(proof.canary),
        stable: tally(proof.stable),
        log10_r: proof.against_stable.map(log10),
        log10_history: proof.against_history.map(log10),
        share: proof.share.map(Quantity::as_f64),
        mean: proof.means.map(|means| wire::MeanRow {
            seen: means.canary.seen.as_f64(),
            upper: means.canary.upper.as_f64(),
        }),
        alert_at: log10(sight.alert),
        rollback_at: sight.rollback.map(log10),
        observational: proof.observational,
        goal: sight.goal.map(|goal| wire::Goal {
            limit: goal.limit,
            is_share: goal.is_share,
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
