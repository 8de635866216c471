//! Gates by what a value may be, and by what it may be beside stable.

use super::world::*;
use super::*;
use crate::board::{Board, Outlook, Verdict};
use crate::plan::{Gate, Question};

/// A plan whose first phase asks one thing of the response: a mean below 1 s, or no worse than stable by 0.5 s.
pub(super) fn one_gate(statistic: Statistic, relative: bool) -> Plan {
    let question = Question {
        signal: latency(),
        statistic,
        least_units: 1,
        ..fixture::question()
    };
    let kind = match relative {
        true => GateKind::Relative {
            question,
            comparison: Comparison::Above,
            margin: seconds(0.5),
            evidence: EvidenceMode::Gated,
        },
        false => GateKind::Limit {
            question,
            comparison: Comparison::Above,
            go: seconds(1.0),
            no_go: seconds(2.0),
            evidence: EvidenceMode::Gated,
        },
    };
    with_gate(kind)
}

fn with_gate(kind: GateKind) -> Plan {
    let mut plan = plan();
    plan.phases[0].gates = vec![Gate {
        id: GateId::new("una").expect("a good id"),
        kind,
    }];
    plan
}

fn share_gate(margin: f64) -> Plan {
    with_gate(GateKind::Relative {
        question: Question {
            least_units: 1,
            ..fixture::question()
        },
        comparison: Comparison::Above,
        margin: seconds(margin),
        evidence: EvidenceMode::Gated,
    })
}

/// What the one gate says after these samples, which lie 15 s apart.
fn verdict(plan: &Plan, samples: &[Sample]) -> (Verdict, Option<Kept>) {
    let mut board = Board::new(plan);
    let now = samples.iter().map(|sample| sample.as_of).max().expect("samples");
    board.restore(epoch(0), &[]);
    samples.iter().for_each(|sample| board.observe(sample.clone()));
    let outlook = Outlook {
        phase: Some(0),
        canary_since: Some(at(0)),
        watching_since: at(0),
        epoch: epoch(0),
    };
    let gate = &plan.phases[0].gates[0].id;
    (board.assess(outlook, now).gates[gate], board.evidence().keeps(gate))
}

#[test]
fn a_mean_gate_opens_by_its_bound_and_says_how_many_units_are_missing() {
    let plan = one_gate(Statistic::Mean, false);
    let reading = |n: i64| distribution(Side::Canary, n * 15, 3, 0);
    let few: Vec<_> = (1..=5).map(reading).collect();
    let (said, kept) = verdict(&plan, &few);
    let missing = kept
        .and_then(|kept| kept.clean_units)
        .expect("half a second is below one");
    assert_eq!(said, Verdict::Hold);
    assert_eq!(missing % 3, 0, "readings of three: {missing}");
    let readings = 5 + missing as i64 / 3;
    let short: Vec<_> = (1..readings).map(reading).collect();
    assert_eq!(verdict(&plan, &short).0, Verdict::Hold);
    let enough: Vec<_> = (1..=readings).map(reading).collect();
    assert_eq!(verdict(&plan, &enough).0, Verdict::Go);
}

#[test]
fn a_level_has_no_bound_and_its_gate_goes_by_the_value() {
    let plan = one_gate(Statistic::Mean, false);
    let level = |n: i64| Sample {
        value: Value::Level(seconds(0.5)),
        ..distribution(Side::Canary, n * 15, 1, 0)
    };
    assert_eq!(verdict(&plan, &[level(1), level(2)]), (Verdict::Go, None));
}

#[test]
fn a_mean_beside_a_stable_of_which_nothing_is_known_in_the_phase_waits() {
    let plan = one_gate(Statistic::Mean, true);
    // Of stable there is only a reading that began before the phase: a value, but no bound.
    let mut samples = vec![distribution(Side::Stable, 10, 20, 0)];
    samples.extend((1..=2).map(|n| distribution(Side::Canary, n * 15, 20, 0)));
    assert_eq!(verdict(&plan, &samples), (Verdict::Hold, Some(Kept::UNKNOWN)));
}

#[test]
fn no_worse_than_stable_is_proved_missing_or_disproved() {
    let plan = share_gate(0.1);
    let both = |readings: i64, canary_bad: u64| -> Vec<_> {
        let of = |n: i64| {
            [
                ratio(Side::Stable, n * 15, 1, 20),
                ratio(Side::Canary, n * 15, canary_bad, 20),
            ]
        };
        (1..=readings).flat_map(of).collect()
    };
    let (said, kept) = verdict(&plan, &both(2, 1));
    let missing = kept.and_then(|kept| kept.clean_units).expect("there is room");
    assert_eq!(said, Verdict::Hold, "the value itself is no worse");
    assert!(missing > 0);
    assert_eq!(verdict(&plan, &both(60, 1)).0, Verdict::Go);
    // Half an hour of the same is broken, though the window of the last minutes looks well again.
    let mut mended = both(120, 12);
    for n in 121..=160 {
        mended.push(ratio(Side::Stable, n * 15, 1, 20));
        mended.push(ratio(Side::Canary, n * 15, 1, 20));
    }
    let (said, kept) = verdict(&plan, &mended);
    assert_eq!((said, kept.map(|kept| kept.broken)), (Verdict::NoGo, Some(true)));
}

#[test]
fn a_relative_gate_of_a_literal_plan_goes_by_the_values() {
    let mut plan = share_gate(0.1);
    if let GateKind::Relative { evidence, .. } = &mut plan.phases[0].gates[0].kind {
        *evidence = EvidenceMode::Literal;
    }
    let samples = [ratio(Side::Stable, 15, 1, 20), ratio(Side::Canary, 15, 1, 20)];
    assert_eq!(verdict(&plan, &samples), (Verdict::Go, None));
}

#[test]
fn a_quantile_is_known_by_the_ends_of_buckets_only() {
    let plan = one_gate(Statistic::P95, true);
    let both = |slow: u64| -> Vec<_> {
        let of = |n: i64| {
            [
                distribution(Side::Stable, n * 15, 17, 3),
                distribution(Side::Canary, n * 15, 20 - slow, slow),
            ]
        };
        (1..=120).flat_map(of).collect()
    };
    // Stable's p95 lies between 2 and 4 s: 2.5 s are proved of nobody whose p95 is there too.
    let (said, kept) = verdict(&plan, &both(3));
    assert_eq!(
        (said, kept.and_then(|kept| kept.clean_units).is_some()),
        (Verdict::Hold, true)
    );
    // All within a second is.
    assert_eq!(verdict(&plan, &both(0)).0, Verdict::Go);
}
