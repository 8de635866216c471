//! Every shipped scenario against the shipped plan: it ends as it says, and on the way nothing happens that must not.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::rollout::{Effect, Event, Hold, Notice, Report};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};

use crate::played::{Played, Stage, read, scenarios};

const ALL: [&str; 10] = [
    "calm",
    "canary-errors",
    "critical-error",
    "drift-down",
    "drift-up",
    "no-data",
    "own-network-lost",
    "readback-lies",
    "slow-canary",
    "target-down",
];

fn casos() -> TargetId {
    TargetId::new("casos").unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What it says of the splitter's way up.
fn weights_of_the_splitter(played: &Played) -> Vec<Weight> {
    let casos = casos();
    let raises = played.raises();
    raises
        .iter()
        .filter(|(_, id, _)| **id == casos)
        .map(|(.., to)| *to)
        .collect()
}

fn percents(weights: impl IntoIterator<Item = u8>) -> Vec<Weight> {
    weights.into_iter().map(Weight::percent).collect()
}

fn is_held(played: &Played, hold: &Hold) -> bool {
    played.steps.last().unwrap().state.holds.contains(hold)
}

/// A scenario that nobody plays here would prove nothing.
#[test]
fn every_shipped_scenario_is_played_here() {
    let found: BTreeSet<_> = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let played: BTreeSet<_> = ALL.iter().map(|name| format!("{name}.toml")).collect();
    assert_eq!(found, played);
}

#[test]
fn a_scenario_that_expects_nothing_cannot_be_used() {
    for name in ALL {
        let text = read(&scenarios().join(name).with_extension("toml"));
        let (before, rest) = text.split_once("[expect]\n").unwrap();
        let (_, after) = rest.split_once("\n[").unwrap();
        let checked = timonel_plan::scenario::check(&format!("{before}[{after}"));
        assert!(checked.value.is_none(), "{name}");
        let said = format!("{:?}", checked.findings);
        assert!(said.contains("expect"), "{name}: {said}");
    }
}

#[test]
fn calm_goes_all_the_way_up() {
    let played = Stage::shipped("calm").play();
    let summary = &played.end.summary;
    assert_eq!(weights_of_the_splitter(&played), percents([10, 25, 50, 100]));
    assert!(played.lowerings().is_empty());
    for target in &summary.targets {
        assert_eq!(
            (target.requested, target.accepted),
            (Some(Weight::FULL), Some(Weight::FULL))
        );
    }
    assert_eq!(summary.targets[0].observed, Some(Weight::FULL));
    assert_eq!(
        (summary.breach_at, summary.decided_at, summary.verified_at),
        (None, None, None)
    );
    assert_eq!(played.end.world.splitter(), Weight::FULL);
    assert_eq!(played.end.world.follower(), Weight::FULL);
}

#[test]
fn a_canary_that_fails_is_rolled_back_as_soon_as_that_is_proved_and_verified() {
    let played = Stage::shipped("canary-errors").play();
    // The rule's own five minutes begin when its window is over the limit, which takes a while by itself.
    let took = played.end.summary.decided_at.unwrap().since(played.fault_at());
    assert!(took < secs(120), "{took:?}");
    is_put_back(&played);
}

#[test]
fn a_rule_taken_literally_waits_its_time() {
    let played = Stage::shipped("canary-errors").literally().play();
    let (breach, decided) = (
        played.end.summary.breach_at.unwrap(),
        played.end.summary.decided_at.unwrap(),
    );
    assert!(played.fault_at() < breach && breach < decided);
    // The rule's five minutes, and at most one reading of the source and one tick more.
    let took = decided.since(breach);
    assert!(secs(300) <= took && took <= secs(316), "{took:?}");
    is_put_back(&played);
}

fn is_put_back(played: &Played) {
    let summary = &played.end.summary;
    let decided = summary.decided_at.unwrap();
    let (accepted, verified) = (summary.accepted_at.unwrap(), summary.verified_at.unwrap());
    assert!(played.fault_at() < decided && decided <= accepted && accepted <= verified);
    assert!(accepted.since(decided) < secs(1), "{:?}", accepted.since(decided));
    for target in &summary.targets {
        assert_eq!(
            (target.requested, target.accepted),
            (Some(Weight::ZERO), Some(Weight::ZERO)),
            "{target:?}"
        );
        assert!(target.verified, "{target:?}");
    }
    assert_eq!(summary.targets[0].observed, Some(Weight::ZERO));
    assert!(played.raises().iter().all(|(at, ..)| *at < decided));
    assert!(played.nothing_is_under_way());

    let world = &played.end.world;
    assert_eq!((world.splitter(), world.follower()), (Weight::ZERO, Weight::ZERO));
    // The data plane takes a moment to learn of a weight; after `verified` nobody may still be sent there.
    assert_eq!(world.assigned_since(Arm::Canary, verified), 0);
    assert!(world.assigned_since(Arm::Stable, verified) > 0);
    assert_eq!(world.in_progress(Arm::Canary), 0, "it ends when the canary has drained");
}

#[test]
fn a_critical_error_is_rolled_back_as_soon_as_it_is_read() {
    let played = Stage::shipped("critical-error").play();
    let decided = played.after_fault(played.end.summary.decided_at.unwrap());
    // A scrape and a reading, each every 15 s.
    assert!(decided <= secs(31), "{decided:?}");
    assert!(played.raises().iter().all(|(at, ..)| *at < played.fault_at()));
    assert_eq!(
        (played.end.world.splitter(), played.end.world.follower()),
        (Weight::ZERO, Weight::ZERO)
    );
    assert!(played.nothing_is_under_way());
}

#[test]
fn a_target_that_hangs_holds_up_no_other_and_is_finished_when_it_is_back() {
    let played = Stage::shipped("target-down").play();
    let (casos, decided) = (casos(), played.end.summary.decided_at.unwrap());
    let down = &played.scenario.faults[1];
    let back = played.scenario.start + down.at + down.lasting.unwrap();
    let read_zero = |id: &TargetId| {
        let of_target = |event: &Event| matches!(event, Event::Target { target, report: Report::Read { weight: Weight::ZERO, op: Some(_), .. } } if target == id);
        played
            .steps
            .iter()
            .find(|step| step.at > decided && of_target(&step.event))
            .unwrap()
            .at
    };
    let other = read_zero(&TargetId::new("derivacion").unwrap());
    assert!(other.since(decided) <= secs(1), "{:?}", other.since(decided));
    let late = read_zero(&casos);
    assert!(back <= late && late.since(back) <= secs(15), "back {back}, read {late}");
    let shown = shown(&played);
    assert!(shown.iter().all(|(_, target, _)| **target == casos), "{shown:?}");
    let first = shown[0].0.since(decided);
    assert!(secs(10) <= first && first <= secs(12), "{first:?}");
    assert!(played.nothing_is_under_way());
}

/// Every time that manual commands were shown: when, of which target, to what.
fn shown(played: &Played) -> Vec<(Timestamp, &TargetId, Weight)> {
    let shown = |(at, effect)| match effect {
        &Effect::ShowManual { ref target, to } => Some((at, target, to)),
        Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::Rejected(_) => None,
    };
    played.effects().filter_map(shown).collect()
}

#[test]
fn a_slow_canary_holds_and_waits_for_a_person() {
    let played = Stage::shipped("slow-canary").play();
    assert!(is_held(&played, &Hold::Alert));
    assert!(played.lowerings().is_empty());
    assert_eq!(weights_of_the_splitter(&played), percents([10, 25]));
    assert_eq!(played.end.world.splitter(), Weight::percent(25));
}

#[test]
fn without_data_nothing_advances_and_nothing_is_rolled_back() {
    blind(&Stage::shipped("no-data").play());
}

#[test]
fn without_our_own_network_nothing_advances_and_nothing_is_rolled_back() {
    blind(&Stage::shipped("own-network-lost").play());
}

fn blind(played: &Played) {
    let raises = played.raises();
    assert!(!raises.is_empty());
    assert!(raises.iter().all(|(at, ..)| *at < played.fault_at()), "{raises:?}");
    assert!(played.lowerings().is_empty());
    assert!(is_held(played, &Hold::NoEvidence));
    assert_eq!(played.end.summary.decided_at, None);
    assert_eq!(played.end.world.splitter(), Weight::percent(10));
    // A minute without a reading is lost; people hear of it once, not with each signal.
    let lost: Vec<_> = played
        .effects()
        .filter(|(_, effect)| matches!(effect, Effect::Notify(Notice::SignalsLost { .. })))
        .map(|(at, _)| played.after_fault(at))
        .collect();
    assert!(!lost.is_empty() && lost[0] <= secs(120), "{lost:?}");
}

#[test]
fn a_read_back_that_lies_is_not_believed_and_people_are_called() {
    let played = Stage::shipped("readback-lies").play();
    let summary = &played.end.summary;
    let decided = summary.decided_at.unwrap();
    for target in &summary.targets {
        assert_eq!(target.verified, target.id != casos(), "{target:?}");
        assert_eq!(target.accepted, Some(Weight::ZERO), "it says that it is done");
    }
    assert_eq!(summary.verified_at, None);
    assert!(summary.targets[0].observed.is_some_and(|seen| seen > Weight::ZERO));
    assert!(
        played.end.world.splitter() > Weight::ZERO,
        "traffic goes on to the canary"
    );
    assert!(!played.nothing_is_under_way(), "the next start is to try it again");

    let casos = casos();
    let shown = shown(&played);
    let (first, target, to) = shown[0];
    assert_eq!((target, to), (&casos, Weight::ZERO));
    assert!(
        first.since(decided) <= secs(60),
        "people wait for what to type: {:?}",
        first.since(decided)
    );
}

#[test]
fn a_weight_that_somebody_raised_is_brought_down_within_seconds() {
    let played = Stage::shipped("drift-up").play();
    let casos = casos();
    let lowerings = played.lowerings();
    let (at, target, to) = lowerings[0];
    assert_eq!((lowerings.len(), target, to), (1, &casos, Weight::percent(10)));
    assert!(played.after_fault(at) <= secs(2), "{:?}", played.after_fault(at));
    let back = played.steps.iter().find(|step| {
        step.at > at
            && matches!(&step.event, Event::Target { target, report: Report::Read { op: Some(_), weight, .. } }
                if *target == casos && *weight == Weight::percent(10))
    });
    let back = played.after_fault(back.unwrap().at);
    assert!(back <= secs(3), "{back:?}");
    assert_eq!(weights_of_the_splitter(&played), percents([10, 25, 50, 100]));
}

#[test]
fn a_weight_that_somebody_lowered_is_never_written_again() {
    let played = Stage::shipped("drift-down").play();
    let casos = casos();
    let raises = played.raises();
    assert!(raises.iter().all(|(at, ..)| *at < played.fault_at()), "{raises:?}");
    assert!(played.lowerings().is_empty());
    assert!(is_held(&played, &Hold::Drift(casos.clone())));
    assert_eq!(played.end.world.splitter(), Weight::ZERO);
    let seen = played
        .steps
        .iter()
        .find(|step| step.state.holds.contains(&Hold::Drift(casos.clone())));
    assert!(played.after_fault(seen.unwrap().at) <= secs(2));
}
