//! What the board says of samples: too few, too old, lost, and what fires.

mod plain;
mod properties;

use std::collections::BTreeMap;

use super::*;
use crate::fixture;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn outlook() -> Outlook {
    Outlook {
        phase: Some(0),
        canary_since: Some(at(0)),
        watching_since: at(0),
        epoch: None,
    }
}

fn ratio(secs: i64, side: Side, bad: u64, total: u64) -> Sample {
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

#[test]
fn few_units_and_old_data_are_no_evidence() {
    let plan = fixture::plan();
    let mut board = Board::new(&plan);
    board.observe(ratio(15, Side::Canary, 19, 19));
    let gate = plan.phases[0].gates[0].id.clone();
    assert_eq!(
        board.assess(outlook(), at(15)).gates[&gate],
        Verdict::NoEvidence,
        "19 of 20 units"
    );
    board.observe(ratio(30, Side::Canary, 0, 1));
    assert_eq!(board.assess(outlook(), at(30)).gates[&gate], Verdict::NoGo);
    assert_eq!(
        board.assess(outlook(), at(61)).gates[&gate],
        Verdict::NoEvidence,
        "late"
    );
}

#[test]
fn a_lost_signal_is_named_and_a_canary_without_units_owes_nothing() {
    let plan = fixture::plan();
    let mut board = Board::new(&plan);
    let lost = board.assess(outlook(), at(61)).lost.clone();
    assert_eq!(lost.len(), 2, "{lost:?}");
    let before = Outlook {
        canary_since: None,
        ..outlook()
    };
    let lost = board.assess(before, at(61)).lost.clone();
    assert_eq!(
        lost.into_iter().map(|(_, side)| side).collect::<Vec<_>>(),
        [Side::Stable]
    );
}

#[test]
fn a_rule_fires_from_samples() {
    let plan = fixture::plan();
    let mut board = Board::new(&plan);
    let mut fired = None;
    for secs in (15..=600).step_by(15) {
        board.observe(ratio(secs, Side::Canary, 3, 10));
        let assessment = board.assess(outlook(), at(secs));
        if fired.is_none() && !assessment.firing.is_empty() {
            fired = Some(secs);
        }
    }
    // 20 units after 30 s, and 5 minutes of breach from there.
    assert_eq!(fired, Some(330));
}

#[test]
fn a_sample_that_is_not_newer_is_ignored() {
    let mut board = Board::new(&fixture::plan());
    board.observe(ratio(30, Side::Canary, 0, 40));
    board.observe(ratio(30, Side::Canary, 40, 40));
    board.observe(ratio(15, Side::Canary, 40, 40));
    assert_eq!(
        board.assess(outlook(), at(30)).gates.values().next(),
        Some(&Verdict::Go)
    );
}

#[test]
fn what_is_shown_is_what_is_decided_by() {
    let plan = fixture::plan();
    let mut board = Board::new(&plan);
    for secs in (15..=330).step_by(15) {
        board.observe(ratio(secs, Side::Canary, 3, 10));
        board.observe(ratio(secs, Side::Stable, 0, 90));
        let assessment = board.assess(outlook(), at(secs)).clone();
        let gates: BTreeMap<_, _> = board
            .gates_seen(0, at(secs))
            .into_iter()
            .map(|seen| (seen.gate, seen.verdict))
            .collect();
        assert_eq!(gates, assessment.gates);
        let firing: Vec<_> = board
            .rules_seen(at(secs))
            .into_iter()
            .filter(|seen| seen.state.is_firing())
            .map(|seen| seen.rule)
            .collect();
        assert_eq!(firing, assessment.firing.into_keys().collect::<Vec<_>>());
    }
    let seen = &board.rules_seen(at(330))[0];
    assert!(seen.state.is_firing(), "{seen:?}");
    assert_eq!(
        seen.sides[&Side::Canary].answer.value.map(Quantity::as_f64),
        Some(0.3),
        "{seen:?}"
    );
    assert_eq!(seen.sides[&Side::Stable].answer.value, Some(Quantity::default()));
    assert_eq!(board.gates_seen(99, at(330)), []);
}

#[test]
fn what_is_proved_fires_by_time_alone_and_again_after_it_has_ended() {
    let mut plan = fixture::plan();
    plan.signals[0].interval = Duration::from_secs(120);
    plan.rules.truncate(1);
    plan.rules[0] = Rule {
        question: Question {
            window: Duration::from_secs(60),
            least_units: 100,
            ..fixture::question()
        },
        limit: Quantity::from_micros(500_000),
        clear_limit: Quantity::from_micros(500_000),
        evidence: EvidenceMode::Gated,
        ..fixture::rule()
    };
    let (mut board, mut plain) = (Board::new(&plan), plain::Plain::new(&plan));
    let outlook = Outlook {
        epoch: Some(Epoch::new(at(0), crate::value::Weight::percent(10))),
        ..outlook()
    };
    // Stable is well and the canary's last units are all bad: R is sure. The 400 before hide them until they have left the
    // window of a single unit; the rule's own window keeps them, since 40 units are too few for it.
    for sample in [
        ratio(15, Side::Stable, 0, 4000),
        ratio(15, Side::Canary, 0, 400),
        ratio(30, Side::Stable, 0, 400),
        ratio(30, Side::Canary, 40, 40),
    ] {
        board.observe(sample.clone());
        plain.observe(sample);
    }
    let mut fired = Vec::new();
    for secs in 30..220 {
        let said = board.assess(outlook, at(secs));
        assert_eq!(*said, plain.assess(outlook, at(secs)), "{secs}");
        let since = said.firing.values().map(|firing| firing.since);
        fired.extend(since.filter(|since| *since == at(secs)));
    }
    assert_eq!(fired, [at(75), at(137), at(199)]);
}

#[test]
fn a_rule_in_the_making_says_when_it_will_have_lasted() {
    let plan = fixture::plan();
    let mut board = Board::new(&plan);
    assert_eq!(board.next_due(), None);
    board.observe(ratio(15, Side::Canary, 20, 20));
    board.assess(outlook(), at(15));
    let due = at(15) + plan.rules[0].lasting;
    assert_eq!(board.next_due(), Some(due));
    let mut secs = 15;
    while at(secs + 15) < due {
        secs += 15;
        board.observe(ratio(secs, Side::Canary, 20, 20));
        assert!(board.assess(outlook(), at(secs)).firing.is_empty());
        assert_eq!(board.next_due(), Some(due), "the time runs from the first breach");
    }
    let firing = board.assess(outlook(), due).firing.len();
    assert_eq!(firing, plan.rules.len(), "the alert's time is as long");
    assert_eq!(board.next_due(), None, "it fires");
}

/// Readings every 15 s of both arms, `calls` of the canary in each, and how many are kept in the end.
fn kept_after(hours: i64, calls: u64) -> usize {
    let mut board = Board::new(&fixture::plan());
    for secs in (15..=hours * 3600).step_by(15) {
        board.observe(ratio(secs, Side::Stable, 1, 90));
        board.observe(ratio(secs, Side::Canary, 0, calls));
        board.assess(outlook(), at(secs));
    }
    board.feeds.all().count()
}

#[test]
fn what_no_window_can_ask_for_again_is_not_kept() {
    let plan = fixture::plan();
    let widest = plan.rules.iter().map(|rule| rule.question.window).max().unwrap();
    let of_one_side = (widest + feed::BACK).as_secs() / 15;
    let most = 2 * usize::try_from(of_one_side).unwrap() + 2;
    for calls in [3, 0] {
        let (early, late) = (kept_after(2, calls), kept_after(30, calls));
        assert_eq!(early, late, "{calls} calls in each reading");
        assert!((most - 4..=most).contains(&late), "{late} of {most}");
    }
}

#[test]
fn too_few_units_are_looked_for_as_far_back_as_they_are_kept() {
    let plan = fixture::plan();
    let (mut board, mut plain) = (Board::new(&plan), plain::Plain::new(&plan));
    // One call in half an hour: the least units of the rules are ten hours of them.
    for secs in (15..=30 * 3600).step_by(15) {
        let sample = ratio(
            secs,
            Side::Canary,
            u64::from(secs % 3600 == 0),
            u64::from(secs % 1800 == 0),
        );
        board.observe(sample.clone());
        plain.observe(sample);
        if secs % 600 == 0 {
            assert_eq!(
                *board.assess(outlook(), at(secs)),
                plain.assess(outlook(), at(secs)),
                "{secs}"
            );
        }
    }
    let question = &plan.rules[0].question;
    let seen = board.answer(question, at(30 * 3600));
    assert_eq!((seen.units, seen.value), (20, Some(Quantity::from_micros(500_000))));
    // The empty readings between are gone.
    let recent = (question.window + feed::BACK).as_secs() / 15;
    assert!(board.feeds.all().count() as u64 <= recent + 20);
}
