//! What a plan is asked, held against the plan and against `judge`.

use timonel_judge::Over;

use super::*;

const IVR: &str = include_str!("../../../../../plans/ivr-texml.toml");
const CONECTA: &str = include_str!("../../../../../plans/conecta360-canary.toml");

fn plan(text: &str) -> Plan {
    timonel_plan::check(text).value.unwrap().plan
}

fn today(units_per_day: f64, shares: &[(&str, f64)]) -> Today {
    Today {
        units_per_day,
        base: 0.02,
        shares: shares
            .iter()
            .map(|(name, share)| ((*name).to_owned(), *share))
            .collect(),
    }
}

fn unseen(questions: &Questions<'_>) -> Vec<(String, Unseen)> {
    questions
        .unseen
        .iter()
        .map(|(rule, why)| (rule.id.to_string(), *why))
        .collect()
}

#[test]
fn each_rollback_rule_is_simulated_or_says_why_not() {
    let plan = plan(IVR);
    let without = Questions::of(&plan, today(300.0, &[]));
    let expected = [("respuesta-5s", Unseen::Spread), ("abandono-25", Unseen::Today)];
    assert_eq!(unseen(&without), expected.map(|(rule, why)| (rule.to_owned(), why)));
    let with = Questions::of(
        &plan,
        today(300.0, &[("abandonment", 0.06), ("speech_recognition", 0.9)]),
    );
    assert_eq!(unseen(&with), [("respuesta-5s".to_owned(), Unseen::Spread)]);
    for questions in [&without, &with] {
        let rollbacks = plan.rules.iter().filter(|rule| rule.action == Action::Rollback).count();
        let simulated: usize = questions.subjects.iter().map(|subject| subject.rules.len()).sum();
        assert_eq!(
            simulated + questions.unseen.len(),
            rollbacks,
            "none is left out in silence"
        );
    }
}

#[test]
fn a_rule_is_asked_about_as_it_is_written() {
    let plan = plan(IVR);
    let questions = Questions::of(
        &plan,
        today(300.0, &[("abandonment", 0.06), ("speech_recognition", 0.9)]),
    );
    let [failures, abandonment, speech] = &questions.subjects[..] else {
        panic!("{:?}", questions.subjects)
    };
    assert!(
        failures.metric.is_none() && questions.observational,
        "numbers are no chance"
    );
    // Three metrics share the budget, and arms by number need ten times the evidence.
    let alpha = 0.01 / 3.0 / 10.0;
    for subject in &questions.subjects {
        assert!((subject.asked.alpha - alpha).abs() < 1e-12);
    }
    let rule = &failures.asked.rules[0];
    assert_eq!((rule.limit, rule.least_units, rule.evidence), (0.1, 20, 500.0));
    assert!((rule.window - 5.0 / 60.0).abs() < 1e-9 && (rule.lasting - 5.0 / 60.0).abs() < 1e-9);
    assert_eq!((abandonment.asked.base, abandonment.asked.rules[0].limit), (0.06, 0.25));
    // Recognised are the good ones: "more than 85 %" is "less than 15 % not recognised".
    assert!((speech.asked.base - 0.1).abs() < 1e-9 && (speech.said(0.1) - 0.9).abs() < 1e-9);
    assert!(speech.asked.rules.is_empty(), "the plan only tells of it");
    assert!((speech.asked.phases[0].go.unwrap() - 0.15).abs() < 1e-9);
    assert!(failures.asked.phases[0].go.is_none() && failures.asked.phases[2].go == Some(0.05));
}

#[test]
fn what_is_given_is_not_told_at_best_as_well() {
    let plan = plan(IVR);
    let best = |shares: &[(&str, f64)]| {
        let questions = Questions::of(&plan, today(300.0, shares));
        let pilot = questions.phases[0];
        let best = questions.at_best(pilot);
        best.iter()
            .map(|best| (best.metric.name().to_owned(), best.clean))
            .collect::<Vec<_>>()
    };
    let bounds = Bounds::for_gates(ALPHA_ALERT).unwrap();
    let clean = bounds.clean_units(0, 0, 1.0 - 0.85);
    assert!(clean.is_some_and(|clean| bounds.below(0, clean, 0.15) && !bounds.below(0, clean - 1, 0.15)));
    assert_eq!(best(&[]), [("speech_recognition".to_owned(), clean)]);
    assert!(best(&[("speech_recognition", 0.9)]).is_empty());
}

#[test]
fn the_answer_is_the_judges_whatever_was_asked_before() {
    let plan = plan(CONECTA);
    let questions = Questions::of(&plan, today(200.0, &[]));
    let second = questions.simulate(0, 1, 7).unwrap();
    let first = questions.simulate(0, 0, 7).unwrap();
    assert_eq!(questions.simulate(0, 1, 7).unwrap(), second);
    assert_ne!(
        questions.simulate(0, 1, 8).unwrap(),
        second,
        "the seed is what chance there is"
    );
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    rng.set_stream(0);
    let alone = Asked {
        phases: vec![questions.subjects[0].asked.phases[0]],
        ..questions.subjects[0].asked.clone()
    };
    assert_eq!(report(&alone, &mut rng).unwrap().phases, first.phases);
    assert!(second.warnings.iter().all(|warning| match warning {
        Warning::NothingToCompare { phase }
        | Warning::Blind { phase }
        | Warning::BlindAtLimit { phase, .. }
        | Warning::GoOutOfReach { phase }
        | Warning::FalseRollbacks { phase, .. } => *phase == 1,
    }));
}

/// The time until a rule acts with its evidence, against the calls that O alone takes by the crate's own arithmetic.
#[test]
fn a_canary_that_fails_always_is_seen_when_o_and_the_breach_say_so() {
    let plan = plan(IVR);
    let questions = Questions::of(&plan, today(300.0, &[("abandonment", 0.06)]));
    let report = questions.simulate(1, 1, SEED).unwrap();
    let gated = report.phases[0].rules[0].gated;
    // Half the limit of 25 %, ten times 50 to 1: so many abandoned calls in a row prove it by O alone.
    let mut over = Over::new(0.125).unwrap();
    let needed = (1..).find(|_| {
        over.take(true);
        over.ln_o() >= 500f64.ln()
    });
    let hours = f64::from(needed.unwrap()) / (300.0 * 0.1 / 24.0);
    let median = gated.hours.unwrap();
    // R may prove it a call earlier; the median of a few waits lies a little below their mean.
    assert!(median > 0.4 * hours && median < 1.15 * hours, "{median} of {hours}");
    assert_eq!((gated.failing, gated.healthy < 0.02), (1.0, true));
}

#[test]
fn what_can_be_given_is_what_is_looked_at() {
    let names = |text: &str| {
        let plan = plan(text);
        let shares = shares(&plan);
        shares
            .iter()
            .map(|signal| signal.metric.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(IVR), ["abandonment", "speech_recognition"]);
    assert_eq!(failures(&plan(IVR)).map(|signal| signal.id.as_str()), Some("errores"));
}
