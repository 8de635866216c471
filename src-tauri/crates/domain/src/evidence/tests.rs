//! Evidence from samples: what order they come in, what counts, and when it speaks.

use std::time::Duration;

mod alarms;
mod gates;
mod kinds;
mod restart;
mod world;

use super::*;
use crate::fixture;
use crate::metric::Statistic;
use crate::plan::{Comparison, GateKind};
use crate::sample::{Bucket, Value};
use crate::value::{Quantity, Side};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn epoch(secs: i64) -> Option<Epoch> {
    Some(Epoch::new(at(secs), Weight::percent(10)))
}

fn ratio(side: Side, secs: i64, bad: u64, total: u64) -> Sample {
    Sample {
        signal: fixture::errors(),
        side,
        as_of: at(secs),
        value: Value::Ratio {
            since: at(secs - 15),
            bad,
            total,
        },
    }
}

fn gated() -> Plan {
    let mut plan = fixture::plan();
    plan.rules[0].evidence = EvidenceMode::Gated;
    plan
}

fn begun(plan: &Plan) -> Evidence {
    let mut evidence = Evidence::new(plan);
    assert!(evidence.begin(epoch(0)));
    evidence
}

/// Half an hour at a tenth of the calls, of which so many of the canary's fail in each reading.
fn half_an_hour(canary_bad: u64, stable_bad: u64) -> Vec<Sample> {
    (1..=120)
        .flat_map(|n| {
            [
                ratio(Side::Stable, n * 15, stable_bad, 18),
                ratio(Side::Canary, n * 15, canary_bad.min(2), 2),
            ]
        })
        .collect()
}

fn seen(plan: &Plan, samples: &[Sample]) -> Evidence {
    let mut evidence = begun(plan);
    samples.iter().for_each(|sample| evidence.observe(sample));
    evidence
}

#[test]
fn a_canary_that_fails_is_proved_and_a_healthy_one_is_not() {
    let plan = gated();
    let rule = &plan.rules[0].id;
    let bad = seen(&plan, &half_an_hour(1, 0)[..40]);
    assert!(
        bad.of_rule(rule)
            .is_some_and(|e| EvidenceMode::Gated.is_enough(e.strength))
    );
    assert_eq!(bad.worse(&plan).values().collect::<Vec<_>>(), [&Worse::Rollback]);
    let well = seen(&plan, &half_an_hour(0, 0));
    assert!(
        well.of_rule(rule)
            .is_some_and(|e| e.strength < Strength::from_millilog10(500))
    );
    assert!(well.worse(&plan).is_empty());
}

#[test]
fn what_both_sides_suffer_is_common_and_no_evidence_against_the_canary() {
    let plan = gated();
    let evidence = seen(&plan, &half_an_hour(1, 9));
    let of = evidence.of_rule(&plan.rules[0].id).expect("a rate has evidence");
    assert!(of.common, "{of:?}");
    assert!(!EvidenceMode::Fast.is_enough(of.strength), "{of:?}");
    assert!(evidence.worse(&plan).is_empty());
}

/// JUDGE.md's reference: a canary that fails every call is seen after three of them, however far apart they come.
#[test]
fn single_calls_far_apart_are_held_against_the_calls_between_them() {
    let plan = gated();
    let mut evidence = begun(&plan);
    let mut failed = 0;
    for n in 1..=2000 {
        // A call of stable every minute, one of the canary every twenty, never in the same reading; one in fifty fails.
        evidence.observe(&ratio(
            Side::Stable,
            n * 15,
            u64::from(n % 200 == 0),
            u64::from(n % 4 == 0),
        ));
        let calls = u64::from(n % 80 == 1);
        evidence.observe(&ratio(Side::Canary, n * 15, calls, calls));
        failed += calls;
        let proved = evidence.of_rule(&plan.rules[0].id).expect("a rate has evidence");
        if EvidenceMode::Gated.is_enough(proved.at_once) {
            break;
        }
    }
    assert!((2..=4).contains(&failed), "{failed}");
}

#[test]
fn an_outage_of_both_sides_is_no_evidence_where_stable_is_read_a_moment_later() {
    let plan = gated();
    let mut evidence = begun(&plan);
    let mut worst = Strength::NONE;
    for n in 1..=80 {
        // The database that both use dies at reading 40. Stable is scraped seven seconds after the canary.
        let dead = n >= 40;
        evidence.observe(&ratio(Side::Canary, n * 15, if dead { 26 } else { 0 }, 30));
        evidence.observe(&ratio(Side::Stable, n * 15 + 7, if dead { 234 } else { 5 }, 270));
        let of = evidence.of_rule(&plan.rules[0].id).expect("a rate has evidence");
        worst = worst.max(of.at_once);
    }
    assert!(worst < Strength::from_millilog10(1302), "{worst:?}");
    assert!(evidence.worse(&plan).is_empty());
}

#[test]
fn both_arms_near_the_limit_are_no_evidence_by_half_of_it() {
    let plan = gated();
    // 8 % on both sides, with a limit of 10 %.
    let samples: Vec<_> = (1..=1200)
        .flat_map(|n| {
            let bad = |every: i64| u64::from(n % every == 0);
            [
                ratio(Side::Stable, n * 15, bad(5) * 8, 20),
                ratio(Side::Canary, n * 15, bad(6), 2),
            ]
        })
        .collect();
    let of = seen(&plan, &samples)
        .of_rule(&plan.rules[0].id)
        .expect("a rate has evidence");
    assert!(!EvidenceMode::Fast.is_enough(of.strength), "{of:?}");
}

#[test]
fn a_level_has_no_evidence_and_its_rule_is_literal() {
    let mut plan = gated();
    plan.rules[0].question.statistic = Statistic::Mean;
    let mut evidence = begun(&plan);
    let level = Sample {
        value: Value::Level(Quantity::from_micros(900_000)),
        ..ratio(Side::Canary, 15, 0, 0)
    };
    evidence.observe(&level);
    assert_eq!(evidence.of_rule(&plan.rules[0].id), None);
}

#[test]
fn what_was_proved_stays_told() {
    let plan = gated();
    let mut samples = half_an_hour(1, 0)[..20].to_vec();
    let before = seen(&plan, &samples);
    let told = before.worse(&plan);
    assert!(!told.is_empty());
    // Hours of good calls afterwards speak for the canary, and nobody is told the same again.
    samples.extend((200..=1400).flat_map(|n| [ratio(Side::Stable, n * 15, 0, 18), ratio(Side::Canary, n * 15, 0, 2)]));
    let evidence = seen(&plan, &samples);
    assert!(evidence.proofs()[0].against_stable < before.proofs()[0].against_stable);
    assert_eq!(evidence.worse(&plan), told);
}

#[test]
fn a_weight_that_traffic_does_not_follow_is_no_evidence() {
    let plan = gated();
    // Asked for 10 %, seen 1 %: had the share asked for been believed, stable alone would have convicted the canary.
    let mut samples = Vec::new();
    for n in 1..=400 {
        samples.push(ratio(Side::Stable, n * 15, u64::from(n % 3 == 0), 20));
        samples.push(ratio(Side::Canary, n * 15, 0, u64::from(n % 5 == 0)));
    }
    let evidence = seen(&plan, &samples);
    let of = evidence.of_rule(&plan.rules[0].id).expect("a rate has evidence");
    assert!(of.strength < Strength::from_millilog10(1000), "{of:?}");
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    let plan = gated();
    let samples = half_an_hour(1, 1);
    let in_order = seen(&plan, &samples);
    let mut apart = samples.clone();
    apart.sort_by_key(|sample| (sample.side, sample.as_of));
    let mut canary_first = samples.clone();
    canary_first.sort_by_key(|sample| (std::cmp::Reverse(sample.side), sample.as_of));
    let mut doubled: Vec<_> = samples.iter().chain(&samples).cloned().collect();
    doubled.sort_by_key(|sample| sample.as_of);
    for order in [apart, canary_first, doubled] {
        assert_eq!(seen(&plan, &order).proofs(), in_order.proofs());
    }
}

#[test]
fn a_restart_gives_the_same_bits_however_much_was_already_known() {
    let plan = gated();
    let outlook = crate::board::Outlook {
        phase: Some(0),
        canary_since: Some(at(0)),
        watching_since: at(0),
        epoch: epoch(0),
    };
    let samples = half_an_hour(1, 1);
    let mut live = crate::board::Board::new(&plan);
    for sample in &samples {
        live.observe(sample.clone());
        live.assess(outlook, sample.as_of);
    }
    for known in [0, 1, 97, samples.len()] {
        let mut again = crate::board::Board::new(&plan);
        again.restore(epoch(0), &samples[..known]);
        // What windows are filled with again, and what comes after: some of it is known.
        for sample in &samples[known.saturating_sub(20)..] {
            again.observe(sample.clone());
            again.assess(outlook, sample.as_of);
        }
        assert_eq!(again.evidence(), live.evidence(), "{known}");
    }
}

#[test]
fn a_new_phase_begins_anew_and_a_reading_across_it_is_left_out() {
    let plan = gated();
    let mut evidence = seen(&plan, &half_an_hour(1, 0));
    assert!(!evidence.begin(epoch(0)), "the same one");
    assert!(evidence.begin(epoch(1790)));
    evidence.observe(&ratio(Side::Canary, 1800, 2, 2));
    assert_eq!(evidence.proofs()[0].canary, Tally::default());
    evidence.observe(&ratio(Side::Canary, 1815, 1, 2));
    assert_eq!(evidence.proofs()[0].canary, Tally { bad: 1, total: 2 });
    assert!(!evidence.begin(None), "nothing to look at");
    evidence.observe(&ratio(Side::Canary, 1830, 1, 2));
    assert_eq!(evidence.proofs()[0].canary, Tally::default());
}

#[test]
fn arms_that_follow_the_number_need_ten_times_the_evidence() {
    let plan = gated();
    let mut by_number = gated();
    by_number.unit = Unit::Number;
    let samples = half_an_hour(1, 0);
    let r = |plan: &Plan| {
        seen(plan, &samples[..20]).proofs()[0]
            .against_stable
            .expect("both arms")
    };
    assert_eq!(r(&plan).millilog10() - r(&by_number).millilog10(), 1000);
}

#[test]
fn a_quantile_counts_what_is_beyond_its_limit_of_both_arms_alike() {
    let seconds = |secs: f64| Quantity::from_f64(secs).expect("a good value");
    let bucket = |le: Option<f64>, n| Bucket {
        le: le.and_then(Quantity::from_f64),
        n,
    };
    let value = Value::Distribution {
        since: at(0),
        buckets: vec![
            bucket(Some(1.0), 5),
            bucket(Some(4.0), 3),
            bucket(Some(8.0), 2),
            bucket(None, 1),
        ],
        sum: seconds(20.0),
    };
    let beyond = |limit: f64| Outcome::Above(seconds(limit)).tally(&value);
    assert_eq!(beyond(1.0), Some(Tally { bad: 6, total: 11 }));
    assert_eq!(beyond(3.0), Some(Tally { bad: 6, total: 11 }), "somewhere above 1 s");
    assert_eq!(beyond(9.0), Some(Tally { bad: 1, total: 11 }));
    assert_eq!(Outcome::Counted.tally(&value), None);
}

#[test]
fn a_gate_asks_for_its_bound_and_says_how_many_units_are_missing() {
    let mut plan = gated();
    for phase in &mut plan.phases {
        for gate in &mut phase.gates {
            if let GateKind::Limit { evidence, .. } = &mut gate.kind {
                *evidence = EvidenceMode::Gated;
            }
        }
    }
    let gate = plan.phases[0].gates[0].id.clone();
    let mut evidence = seen(&plan, &half_an_hour(0, 0)[..20]);
    let kept = evidence.keeps(&gate).expect("a bound");
    assert!(!kept.kept);
    let missing = kept.clean_units.expect("some number is enough");
    evidence.observe(&ratio(Side::Canary, 10_000, 0, missing - 1));
    assert!(!evidence.keeps(&gate).expect("a bound").kept);
    evidence.observe(&ratio(Side::Canary, 10_015, 0, 1));
    assert_eq!(
        evidence.keeps(&gate),
        Some(Kept {
            kept: true,
            broken: false,
            clean_units: Some(0)
        })
    );
}

#[test]
fn a_canary_without_units_is_a_fault_of_routing_after_a_while() {
    let plan = fixture::plan();
    let mut evidence = begun(&plan);
    let assigned = |side, secs: i64, n| Sample {
        signal: plan.traffic.assigned.clone().expect("the fixture has one"),
        side,
        as_of: at(secs),
        value: Value::Count {
            since: at(secs - 15),
            n,
        },
    };
    let mut told = None;
    for n in 1..=120 {
        evidence.observe(&assigned(Side::Stable, n * 15, 1));
        evidence.observe(&assigned(Side::Canary, n * 15, 0));
        if evidence.is_unrouted(at(n * 15)) {
            told.get_or_insert(n * 15);
        }
    }
    // 15 minutes have passed; with one call in 15 s, five of a tenth should have come within 46 readings.
    assert_eq!(told, Some(915));
    evidence.observe(&assigned(Side::Canary, 1815, 1));
    assert!(!evidence.is_unrouted(at(1815) + Duration::from_secs(600)));
}
