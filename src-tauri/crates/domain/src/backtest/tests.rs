//! A day of readings, tried: what is told, in which reading of the plan, and how often.

use super::*;
use crate::board::{Assessment, Board, Outlook};
use crate::evidence::Epoch;
use crate::fixture;
use crate::plan::{Action, Rule};
use crate::sample::Value;
use crate::value::{RuleId, Side};

const EVERY: i64 = 15;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn ratio(side: Side, until: i64, bad: u64, total: u64) -> Sample {
    Sample {
        signal: fixture::errors(),
        side,
        as_of: at(until),
        value: Value::Ratio {
            since: at(until - EVERY),
            bad,
            total,
        },
    }
}

fn gated() -> Plan {
    let mut plan = fixture::plan();
    for rule in &mut plan.rules {
        rule.evidence = EvidenceMode::Gated;
    }
    plan
}

fn fed(plan: &Plan) -> BTreeSet<SignalId> {
    plan.signals.iter().map(|signal| signal.id.clone()).collect()
}

/// Readings every 15 s: 20 units of stable and 2 of the canary, whose bad ones are told by the second.
fn readings(until: i64, bad: impl Fn(i64) -> (u64, u64)) -> Vec<(Timestamp, [Sample; 2])> {
    let each = (1..=until / EVERY).map(|n| n * EVERY);
    each.map(|end| {
        let (stable, canary) = bad(end);
        (
            at(end),
            [
                ratio(Side::Stable, end, stable, 20),
                ratio(Side::Canary, end, canary, 2),
            ],
        )
    })
    .collect()
}

fn tried(plan: &Plan, readings: &[(Timestamp, [Sample; 2])]) -> Report {
    let standing = Standing::in_phase(plan, 0).unwrap();
    let mut backtest = Backtest::new(plan, &fed(plan), standing, at(0));
    for (when, samples) in readings {
        backtest.hears(*when, samples);
    }
    backtest.ends(readings.last().unwrap().0)
}

fn rollback_rule(report: &Report) -> &RuleReport {
    let rule = RuleId::new("errores-altos").unwrap();
    report.rules.iter().find(|one| one.rule == rule).unwrap()
}

#[test]
fn a_canary_that_fails_is_put_back_once_its_time_has_run_and_sooner_with_proof() {
    let report = tried(&gated(), &readings(3600, |end| (0, if end > 1800 { 2 } else { 0 })));
    let rule = rollback_rule(&report);
    assert_eq!((rule.literal.fired, rule.literal.rolled_back), (1, 1));
    assert_eq!((rule.proven.fired, rule.proven.rolled_back), (1, 1));
    assert_eq!(rule.written, rule.proven, "as it is written it waits for proof");
    let (literal, proven) = (
        rule.literal.first_rollback.unwrap(),
        rule.proven.first_rollback.unwrap(),
    );
    // The first bad reading is of 1815 s; five windows of the mean until it is above 10 %, then five minutes.
    assert!(literal >= at(1815 + 300) && literal < at(1815 + 360), "{literal}");
    assert!(proven > at(1800) && proven < at(1815 + 120), "{proven}");
    assert!(rule.literal.open && rule.literal.lasted == at(3600).since(literal));
    let first = report
        .moments
        .iter()
        .find(|moment| moment.consequence == Consequence::Rollback);
    assert_eq!(first.map(|moment| moment.at).unwrap().min(proven), first.unwrap().at);
}

/// The board that runs in a rollout, looked at as often, fires at the same moments.
#[test]
fn it_is_the_board_of_a_rollout() {
    let plan = gated();
    let readings = readings(7200, |end| {
        (u64::from(end % 300 == 0), u64::from((1500..2700).contains(&end)))
    });
    let report = tried(&plan, &readings);
    let mut board = Board::new(&plan);
    let outlook = Outlook {
        phase: Some(0),
        canary_since: Some(at(0)),
        watching_since: at(0),
        epoch: Some(Epoch::new(at(0), plan.phases[0].weight)),
    };
    let (mut last, mut began) = (Assessment::default(), Vec::new());
    let mut coming = readings.iter().peekable();
    for now in (0..=7200).map(at) {
        let before: Vec<_> = last.firing.keys().cloned().collect();
        while let Some((_, samples)) = coming.next_if(|(when, _)| *when <= now) {
            samples.iter().for_each(|sample| board.observe(sample.clone()));
        }
        last = board.assess(outlook, now).clone();
        began.extend(
            last.firing
                .keys()
                .filter(|rule| !before.contains(rule))
                .map(|rule| (now, rule.clone())),
        );
    }
    let told: Vec<_> = report
        .moments
        .iter()
        .flat_map(|moment| moment.notices.iter().map(move |notice| (moment.at, notice)))
        .filter_map(|(when, notice)| match notice {
            Notice::RuleFiring { rule, .. } => Some((when, rule.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(told, began);
    assert!(!began.is_empty());
}

#[test]
fn what_would_have_been_put_back_goes_on_and_is_told_again() {
    let fails = |end: i64| (1000..2200).contains(&end) || (6000..7200).contains(&end);
    let report = tried(
        &fixture::plan(),
        &readings(9000, |end| (0, if fails(end) { 2 } else { 0 })),
    );
    let rule = rollback_rule(&report);
    assert_eq!((rule.literal.rolled_back, rule.written), (2, rule.literal));
    assert!(!rule.literal.open);
}

#[test]
fn what_befalls_both_freezes_and_is_put_back_only_by_the_letter() {
    let both = |end: i64| if end > 1800 { (12, 1) } else { (0, 0) };
    let report = tried(&gated(), &readings(7200, both));
    let rule = rollback_rule(&report);
    assert_eq!((rule.literal.rolled_back, rule.written.rolled_back), (1, 0));
    let common = report.moments.iter().find(|moment| {
        let is_common = |notice: &Notice| matches!(notice, Notice::Common { .. });
        moment.notices.iter().any(is_common)
    });
    assert_eq!(common.map(|moment| moment.consequence), Some(Consequence::Freeze));
    assert!(
        report
            .moments
            .iter()
            .all(|moment| moment.consequence < Consequence::Rollback)
    );
}

#[test]
fn a_healthy_day_tells_nothing_and_serves_its_gate() {
    let report = tried(&gated(), &readings(7200, |_| (0, 0)));
    assert_eq!(report.moments, Vec::new());
    assert!(report.rules.iter().all(|rule| rule.literal == RuleTally::default()));
    let gate = &report.gates[&GateId::new("piloto-errores").unwrap()];
    assert_eq!(gate.last, Some(Verdict::Go));
}

#[test]
fn a_signal_that_nobody_feeds_is_held_against_nobody() {
    let mut plan = fixture::plan();
    let unfed = SignalId::new("otra").unwrap();
    let mut signal = plan.signals[0].clone();
    signal.id = unfed.clone();
    signal.required = true;
    plan.signals.push(signal);
    let mut rule = Rule {
        id: RuleId::new("otra-ciega").unwrap(),
        on_no_data: OnNoData::Rollback,
        action: Action::Rollback,
        ..fixture::rule()
    };
    rule.question.signal = unfed.clone();
    plan.rules.push(rule);
    let only = BTreeSet::from([fixture::errors()]);
    let readings = readings(7200, |_| (0, 0));
    let run = |fed: &BTreeSet<SignalId>| {
        let mut backtest = Backtest::new(&plan, fed, Standing::in_phase(&plan, 0).unwrap(), at(0));
        readings
            .iter()
            .for_each(|(when, samples)| backtest.hears(*when, samples));
        backtest.ends(at(7200))
    };
    assert_eq!(run(&only).moments, Vec::new());
    let all = run(&fed(&plan));
    assert!(
        all.moments
            .iter()
            .any(|moment| moment.consequence == Consequence::Rollback),
        "it is blind"
    );
    assert!(
        all.moments.iter().any(|moment| moment.consequence == Consequence::Wait),
        "it is lost"
    );
}

#[test]
fn another_weight_begins_its_evidence_anew() {
    let plan = gated();
    let readings = readings(3600, |end| (0, u64::from(end < 600)));
    let mut backtest = Backtest::new(&plan, &fed(&plan), Standing::in_phase(&plan, 0).unwrap(), at(0));
    for (when, samples) in &readings {
        if *when == at(1815) {
            backtest.moves(at(1800), Standing::at_weight(&plan, Weight::percent(50)));
        }
        backtest.hears(*when, samples);
    }
    let report = backtest.ends(at(3600));
    assert_eq!((report.proofs[0].canary.bad, report.proofs[0].canary.total), (0, 240));
}
