//! Journeys of a target that holds a set: what it can hold, who is in it, its instant lever, pins, and a drill.

use super::*;
use crate::plan::Severity;

const LITTLE: Members = Members { canary: 12, all: 340 };

fn hundredths(weight: u16) -> Weight {
    Weight::from_hundredths(weight).expect("a weight")
}

fn read(op: Option<OpId>, weight: Weight, surplus: u32, missing: u32) -> Report {
    let apart = Apart { surplus, missing };
    let by = None;
    Report::Read { op, weight, apart, by }
}

fn press() -> Event {
    Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(person("luz")),
        confirmed: false,
    }
}

fn pin(tenant: &str) -> Event {
    Event::Pin {
        by: person("luz"),
        tenant: TenantId::new(tenant).expect("a good id"),
        reason: "no oyen nada".to_owned(),
    }
}

/// The splitter was asked for 10 % and can hold 9.62 %.
fn baking_at_less() -> Desk {
    let mut desk = Desk::armed();
    desk.happens(Event::Start { by: person("ana") });
    let op = desk.op(&follower()).id;
    desk.report(follower(), Report::accepted(op));
    desk.report(follower(), Report::read(Some(op), Weight::FULL));
    let op = desk.op(&splitter()).id;
    let (weight, members) = (Some(hundredths(962)), Some(LITTLE));
    desk.report(splitter(), Report::Accepted { op, weight, members });
    let reaches = Notice::Reaches {
        target: splitter(),
        asked: Weight::percent(10),
        weight: hundredths(962),
        members,
    };
    assert_eq!(desk.notices(), [&reaches]);
    desk.report(splitter(), Report::read(Some(op), hundredths(962)));
    desk
}

#[test]
fn a_phase_is_entered_with_what_the_target_can_hold() {
    let mut desk = baking_at_less();
    assert_eq!(desk.state.stage, Stage::Baking { phase: 0 });
    assert_eq!(desk.state.targets[&splitter()].accepted, Some(hundredths(962)));
    assert_eq!(desk.state.targets[&splitter()].members, Some(LITTLE));
    // What it holds is neither drift nor a reason to ask again.
    desk.report(splitter(), Report::read(None, hundredths(962)));
    assert!(desk.effects.is_empty(), "{:?}", desk.effects);
    desk.report(splitter(), Report::read(None, Weight::percent(10)));
    assert_eq!(
        desk.moves(),
        ["lower istio 10 %"],
        "to what was asked for, which it rounds itself"
    );
    let op = desk.op(&splitter()).id;
    let (weight, members) = (Some(hundredths(962)), Some(LITTLE));
    desk.report(splitter(), Report::Accepted { op, weight, members });
    desk.report(splitter(), Report::read(Some(op), hundredths(962)));
    assert_eq!(desk.state.targets[&splitter()].drift, None);
    assert_eq!(desk.state.targets[&splitter()].op, None);
}

#[test]
fn a_set_of_the_same_weight_with_other_members_is_drift() {
    let mut desk = baking_at_less();
    desk.report(splitter(), read(None, hundredths(962), 1, 1));
    assert_eq!(desk.moves(), ["lower istio 10 %"]);
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), read(Some(op), hundredths(700), 1, 0));
    assert!(
        desk.state.targets[&splitter()].op.is_some(),
        "somebody is there who should not be"
    );

    let mut desk = baking_at_less();
    desk.report(splitter(), read(None, hundredths(962), 0, 1));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Drift(splitter())));
}

#[test]
fn a_raise_that_reached_only_some_members_is_put_back() {
    let mut desk = Desk::armed();
    desk.happens(Event::Start { by: person("ana") });
    let op = desk.op(&follower()).id;
    desk.report(follower(), Report::accepted(op));
    desk.report(follower(), Report::read(Some(op), Weight::FULL));
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), read(Some(op), Weight::percent(10), 0, 3));
    assert_eq!(desk.moves(), ["lower istio 0 %", "lower seguidor 0 %"]);
    assert!(desk.state.holds.contains(&Hold::Shift(splitter())));
}

#[test]
fn a_lever_puts_the_weight_in_force_to_zero_and_the_clean_up_ends_the_rollback() {
    let mut desk = baking_at_less();
    let pressed = desk.now;
    desk.happens(press());
    let (op, other) = (desk.op(&splitter()).id, desk.op(&follower()).id);
    desk.report(follower(), Report::accepted(other));
    desk.report(follower(), Report::read(Some(other), Weight::ZERO));
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), Report::Levered { op });
    assert_eq!(desk.notices(), [&Notice::Levered { target: splitter() }]);
    let marks = desk.state.targets[&splitter()].marks;
    assert_eq!((marks.accepted, marks.read_back), (Some(pressed), Some(pressed)));
    assert_eq!(desk.state.canary_since, None);
    // Ten seconds are for the calls, which are back; the clean-up may take its time.
    desk.after(600);
    assert!(desk.notices().is_empty(), "{:?}", desk.effects);
    desk.report(splitter(), read(Some(op), Weight::ZERO, 12, 0));
    assert!(
        matches!(desk.state.stage, Stage::RollingBack { .. }),
        "twelve numbers are left behind it"
    );
    desk.happens(Event::Assigned {
        since: pressed,
        stable: 99,
        canary: 0,
    });
    assert_eq!(desk.notices(), [&Notice::RollbackVerified], "the calls are back");
    desk.report(splitter(), Report::read(Some(op), Weight::ZERO));
    assert_eq!(desk.state.stage, Stage::RolledBack);
    assert_eq!(desk.state.targets[&splitter()].levered, Some(pressed));
    // A late job puts somebody back behind the lever: no call reaches the canary, and it is cleaned up again.
    desk.report(splitter(), read(None, Weight::ZERO, 3, 0));
    assert_eq!(desk.moves(), ["lower istio 0 %"]);
}

#[test]
fn a_clean_up_that_does_not_end_calls_a_person_once() {
    let mut desk = baking_at_less();
    desk.happens(press());
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::Levered { op });
    desk.after(1199);
    let late = Notice::NotCleanedUp { target: splitter() };
    assert!(!desk.notices().contains(&&late));
    desk.after(1);
    assert!(desk.notices().contains(&&late));
    assert_eq!(late.severity(), Severity::Critical);
    desk.after(9000);
    assert!(desk.notices().is_empty());
}

#[test]
fn who_says_that_it_takes_its_time_has_two_minutes() {
    let mut desk = baking_at_less();
    let level = Level::Reduce(Weight::percent(4));
    let (cause, confirmed) = (Cause::Person(person("luz")), false);
    desk.happens(Event::RollBack {
        level,
        cause,
        confirmed,
    });
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), Report::Working { op });
    desk.after(119);
    assert!(desk.notices().is_empty(), "{:?}", desk.effects);
    desk.after(1);
    assert_eq!(desk.notices(), [&Notice::NotReadBack { target: splitter() }]);
}

#[test]
fn a_pin_takes_a_tenant_off_and_the_rollout_goes_on() {
    let mut desk = baking_at_less();
    assert!(
        desk.state.pins.contains(&TenantId::new("sur").expect("a good id")),
        "by the plan"
    );
    desk.happens(pin("norte"));
    assert_eq!(desk.moves(), ["lower istio 10 %"], "the same weight with other members");
    let op = desk.op(&splitter()).id;
    let members = Some(Members { canary: 11, all: 340 });
    let weight = Some(hundredths(900));
    desk.report(splitter(), Report::Accepted { op, weight, members });
    desk.report(splitter(), Report::read(Some(op), hundredths(900)));
    assert_eq!(desk.state.stage, Stage::Baking { phase: 0 });
    assert!(!desk.state.is_frozen());
    desk.happens(pin("norte"));
    assert!(desk.effects.is_empty(), "it is pinned already: {:?}", desk.effects);

    let unpin = |reason: &str| Event::Unpin {
        by: person("ana"),
        tenant: TenantId::new("norte").expect("a good id"),
        reason: reason.to_owned(),
    };
    desk.happens(unpin(" "));
    assert_eq!(desk.rejected(), Some(&Rejection::NoReason));
    desk.happens(unpin("arreglado"));
    assert!(desk.moves().is_empty(), "from the next raise on");
    desk.happens(pin("oeste"));
    assert_eq!(desk.rejected(), Some(&Rejection::Unknown));
    desk.plan.targets[0].pins = false;
    desk.happens(pin("norte"));
    assert_eq!(desk.rejected(), Some(&Rejection::CannotPin));
}

#[test]
fn a_pin_in_the_middle_of_a_raise_puts_it_back_and_raises_again_without_the_tenant() {
    let mut desk = Desk::armed();
    desk.happens(Event::Start { by: person("ana") });
    let op = desk.op(&follower()).id;
    desk.report(follower(), Report::accepted(op));
    desk.report(follower(), Report::read(Some(op), Weight::FULL));
    assert_eq!(desk.moves(), ["raise istio 10 %"]);
    desk.happens(pin("norte"));
    assert_eq!(desk.moves(), ["lower istio 0 %"]);
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), Report::read(Some(op), Weight::ZERO));
    assert_eq!(desk.moves(), ["raise istio 10 %"]);
    assert!(desk.state.holds.is_empty());
}

#[test]
fn a_drill_is_a_rollback_that_is_released_again() {
    let mut desk = Desk::armed();
    desk.happens(Event::Drill { by: person("ana") });
    assert_eq!(
        desk.moves(),
        ["lower istio 0 %", "lower seguidor 0 %"],
        "also where nothing is to be done"
    );
    assert!(desk.state.latch.is_some());
    desk.after(2);
    let (op, other) = (desk.op(&splitter()).id, desk.op(&follower()).id);
    desk.report(follower(), Report::accepted(other));
    desk.report(follower(), Report::read(Some(other), Weight::ZERO));
    desk.report(splitter(), Report::Levered { op });
    desk.report(splitter(), Report::read(Some(op), Weight::ZERO));
    assert_eq!(desk.moves(), ["raise istio 0 %"], "the lever, and nothing else");
    let took = Duration::from_secs(2);
    assert!(desk.notices().contains(&&Notice::Drilled { took }));
    assert_eq!((desk.state.stage, &desk.state.latch), (Stage::Armed, &None));
    desk.happens(Event::Start { by: person("ana") });
    assert!(desk.moves().is_empty(), "one thing at a time");
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::accepted(op));
    desk.report(splitter(), Report::read(Some(op), Weight::ZERO));
    assert_eq!(desk.state.targets[&splitter()].levered, None);
    assert_eq!(desk.moves(), ["raise seguidor 100 %"]);

    let mut desk = Desk::baking();
    desk.happens(Event::Drill { by: person("ana") });
    assert_eq!(desk.rejected(), Some(&Rejection::Stage), "calls are on the canary");
}

#[test]
fn a_drill_that_gets_serious_stays_latched() {
    let mut desk = Desk::armed();
    desk.happens(Event::Drill { by: person("ana") });
    desk.after(1);
    desk.happens(press());
    assert_eq!(
        desk.state.rollback.as_ref().map(|r| &r.cause),
        Some(&Cause::Person(person("luz")))
    );
    desk.obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
    assert!(desk.state.latch.is_some());
}
