//! Every kind of evidence in whatever order its readings come, and after a restart, to the bit.

use super::world::*;
use super::*;

fn everything() -> Plan {
    let mut plan = plan();
    plan.phases[0].gates = [
        super::gates::one_gate(Statistic::Mean, true),
        super::gates::one_gate(Statistic::P95, true),
        super::gates::one_gate(Statistic::Mean, false),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, of)| crate::plan::Gate {
        id: GateId::new(&format!("puerta-{n}")).expect("a good id"),
        kind: of.phases[0].gates[0].kind.clone(),
    })
    .collect();
    plan.rules[0].history = Quantity::from_f64(0.03);
    plan
}

fn samples() -> Vec<Sample> {
    let truth = Truth {
        throws: (0.05, 0.3),
        slow: (0.1, 0.3),
        ..Truth::ALIKE
    };
    readings(truth, 9, 200, &mut Dice(11))
}

#[test]
fn the_order_of_arrival_changes_nothing_of_any_kind() {
    let plan = everything();
    let samples = samples();
    let in_order = seen(&plan, &samples);
    let said = |evidence: &Evidence| {
        let gates = &plan.phases[0].gates;
        let kept: Vec<_> = gates.iter().map(|gate| evidence.keeps(&gate.id)).collect();
        (evidence.proofs(), evidence.worse(&plan), evidence.skew(), kept)
    };
    assert!(
        in_order
            .proofs()
            .iter()
            .any(|proof| proof.against_stable > Some(Strength::from_millilog10(500)))
    );
    let mut canary_first = samples.clone();
    canary_first.sort_by_key(|sample| (std::cmp::Reverse(sample.side), sample.as_of));
    let mut by_signal = samples.clone();
    by_signal.sort_by_key(|sample| (std::cmp::Reverse(sample.signal.clone()), sample.side, sample.as_of));
    let mut doubled: Vec<_> = samples.iter().chain(&samples).cloned().collect();
    doubled.sort_by_key(|sample| sample.as_of);
    for order in [canary_first, by_signal, doubled] {
        assert_eq!(said(&seen(&plan, &order)), said(&in_order));
    }
}

#[test]
fn a_restart_gives_the_same_bits_of_every_kind() {
    let plan = everything();
    let outlook = crate::board::Outlook {
        phase: Some(0),
        canary_since: Some(at(0)),
        watching_since: at(0),
        epoch: epoch(0),
    };
    let mut samples = samples();
    samples.sort_by_key(|sample| sample.as_of);
    let mut live = crate::board::Board::new(&plan);
    for sample in &samples {
        live.observe(sample.clone());
        live.assess(outlook, sample.as_of);
    }
    for known in [1, 801, samples.len()] {
        let mut again = crate::board::Board::new(&plan);
        again.restore(epoch(0), &samples[..known]);
        for sample in &samples[known.saturating_sub(40)..] {
            again.observe(sample.clone());
        }
        again.assess(outlook, at(3004));
        assert_eq!(again.evidence(), live.evidence(), "{known}");
    }
}
