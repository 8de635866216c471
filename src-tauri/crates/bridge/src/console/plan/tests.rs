//! The planner at work: what is asked anew ends what was asked before, and nothing is computed twice.

use std::collections::BTreeMap;

use timonel_ports::clock::SystemClock;
use timonel_wire::{Power, PowerAsk};

use super::planner::Planner;
use super::*;

const PLAN: &str = include_str!("../../../../../../plans/conecta360-canary.toml");

fn planner() -> Planner {
    let plan = timonel_plan::check(PLAN).value.unwrap().plan;
    Planner::new(Arc::new(plan), SystemClock::shared())
}

fn ask(units_per_day: f64, have: u32) -> PowerAsk {
    PowerAsk {
        units_per_day,
        base: 0.02,
        shares: BTreeMap::new(),
        have,
    }
}

/// Asks as a page does, until all is there.
async fn all(planner: &Planner, units_per_day: f64) -> Power {
    let mut power = planner.answer(ask(units_per_day, 0)).await.unwrap();
    while power.computing {
        let have = u32::try_from(power.phases.len()).unwrap();
        power = planner.answer(ask(units_per_day, have)).await.unwrap();
        assert!(power.phases.len() >= have as usize);
    }
    power
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phase_is_answered_with_figures_of_the_judge() {
    let planner = planner();
    let power = all(&planner, 100.0).await;
    assert!(power.ended.is_none() && power.phases.len() == power.of as usize && power.of > 1);
    let plan = timonel_plan::check(PLAN).value.unwrap().plan;
    let today = crate::power::Today {
        units_per_day: 100.0,
        base: 0.02,
        shares: BTreeMap::new(),
    };
    let questions = crate::power::Questions::of(&plan, today);
    for (place, phase) in power.phases.iter().enumerate() {
        let report = questions.simulate(0, place, crate::power::SEED).unwrap();
        let (odds, share) = (&report.phases[0], &phase.shares[0]);
        assert_eq!((odds.smallest, odds.canary_units), (share.smallest, phase.canary_units));
        let seen: Vec<_> = odds.sights.iter().map(|sight| (sight.rate, sight.median)).collect();
        assert_eq!(seen, share.sights.iter().map(|s| (s.rate, s.units)).collect::<Vec<_>>());
        assert_eq!(share.warnings.len(), report.warnings.len());
    }
    // Asked again, it is there at once and the same.
    assert_eq!(planner.answer(ask(100.0, 0)).await.unwrap(), power);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_traffic_ends_what_is_being_computed() {
    let planner = planner();
    // So much of it takes a while.
    let first = planner.answer(ask(20_000.0, 1_000));
    let second = async {
        let begun = planner.answer(ask(100.0, 0)).await.unwrap();
        assert!(!begun.phases.is_empty() || begun.computing);
    };
    let (first, ()) = tokio::join!(first, second);
    let first = first.unwrap();
    assert!(!first.computing && first.ended.is_none(), "it is told that it was left");
    assert!(
        first.phases.len() < first.of as usize,
        "{} of {}",
        first.phases.len(),
        first.of
    );
}

#[tokio::test]
async fn numbers_that_no_day_has_are_refused() {
    let planner = planner();
    for (units, base) in [
        (0.0, 0.02),
        (f64::NAN, 0.02),
        (1e12, 0.02),
        (100.0, 1.0),
        (100.0, -0.1),
        (100.0, f64::NAN),
    ] {
        let asked = PowerAsk { base, ..ask(units, 0) };
        let refused = planner.answer(asked).await.unwrap_err();
        assert!(refused.0.code.starts_with("error-power-"), "{units} {base}: {refused}");
    }
    let asked = PowerAsk {
        shares: BTreeMap::from([("abandonment".to_owned(), 1.5)]),
        ..ask(100.0, 0)
    };
    assert_eq!(planner.answer(asked).await.unwrap_err().0.code, "error-power-share");
}

#[test]
fn a_rehearsal_shows_the_plan_as_it_is_written() {
    let runs = timonel_plan::edit::with_bake_at_most(PLAN, Duration::from_secs(60)).unwrap();
    let runs = timonel_plan::check(&runs).value.unwrap();
    let written = Written::new(&runs, PLAN, None);
    assert!(written.shortened);
    assert!(
        written
            .plan
            .phases
            .iter()
            .any(|phase| phase.bake > Duration::from_secs(60))
    );
    let same = timonel_plan::check(PLAN).value.unwrap();
    assert!(!Written::new(&same, PLAN, Some(1)).shortened);
}

#[test]
fn a_day_is_told_by_enough_of_one() {
    let measured = |secs: u64, units: u64, counted: u64, of: u64| Measured {
        over: Duration::from_secs(secs),
        units,
        counted,
        of,
    };
    assert_eq!(measured(3600, 50, 3, 200).per_day(), Some(1200.0));
    assert_eq!(measured(3600, 51, 3, 200).per_day(), Some(1200.0), "two digits");
    assert_eq!(measured(86_400, 7, 0, 0).per_day(), Some(7.0));
    assert_eq!(measured(3600, 50, 3, 200).share(), Some(0.015));
    assert_eq!(measured(300, 50, 3, 99).per_day(), None, "five minutes are no day");
    assert_eq!(measured(3600, 0, 0, 99).share(), None, "99 units say little");
    assert_eq!(measured(3600, 0, 0, 0).per_day(), None);
}
