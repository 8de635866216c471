//! Every shipped scenario of the plan that moves numbers: Telnyx divides the calls, a cluster follows.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::rollout::{Effect, Event, Hold, Notice, OpKind, Report, Stage as At};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_journal::record::OPERATION;

use crate::played::{Played, Stage, entries, numbers_plan, numbers_scenarios, plan, runtime, scenario};

const ALL: [&str; 5] = [
    "calm",
    "canary-errors",
    "forward-partial",
    "job-late-overwrite",
    "telnyx-down-during-rollback",
];

fn telnyx() -> TargetId {
    TargetId::new("telnyx").unwrap()
}

fn cluster() -> TargetId {
    TargetId::new("consultas").unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// When a target first said so after `since`.
fn when(played: &Played, target: &TargetId, since: Timestamp, says: fn(&Report) -> bool) -> Timestamp {
    let of_target = |event: &Event| matches!(event, Event::Target { target: t, report } if t == target && says(report));
    let step = played
        .steps
        .iter()
        .find(|step| step.at >= since && of_target(&step.event));
    step.unwrap_or_else(|| panic!("{target} never said so")).at
}

fn notices(played: &Played) -> Vec<(Timestamp, Notice)> {
    let notice = |(at, effect): (Timestamp, &Effect)| match effect {
        Effect::Notify(notice) => Some((at, notice.clone())),
        Effect::Raise { .. } | Effect::Lower { .. } | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
    };
    played.effects().filter_map(notice).collect()
}

/// Nobody is left on the canary, not even behind the lever, and what was there before is there again.
fn everybody_is_back(played: &Played) {
    let world = &played.end.world;
    let account = world.telnyx().unwrap();
    assert!(account.on_canary().is_empty(), "{:?}", account.on_canary());
    assert!(account.jobs().iter().all(|job| job["status"] == "completed"));
    assert_eq!((world.splitter(), world.follower()), (Weight::ZERO, Weight::ZERO));
    let summary = &played.end.summary;
    for target in &summary.targets {
        assert_eq!(
            (target.requested, target.accepted),
            (Some(Weight::ZERO), Some(Weight::ZERO)),
            "{target:?}"
        );
        assert!(target.verified, "{target:?}");
    }
    assert_eq!(summary.targets[0].members.map(|m| m.canary), Some(0));
    assert!(played.nothing_is_under_way());
    assert!(played.raises().iter().all(|(at, ..)| *at < summary.decided_at.unwrap()));
}

#[test]
fn every_shipped_scenario_of_numbers_is_played_here() {
    let found: BTreeSet<_> = std::fs::read_dir(numbers_scenarios())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let played: BTreeSet<_> = ALL.iter().map(|name| format!("{name}.toml")).collect();
    assert_eq!(found, played);
    let (plan, _) = plan(&numbers_plan());
    for name in ALL {
        let scenario = scenario(&numbers_scenarios().join(name).with_extension("toml"), &plan);
        assert_eq!(scenario.id, name);
    }
}

#[test]
fn calm_moves_one_set_into_the_next_up_to_all_numbers() {
    let played = Stage::numbers("calm").play();
    let telnyx = telnyx();
    let asked: Vec<_> = played
        .raises()
        .into_iter()
        .filter(|(_, id, to)| **id == telnyx && *to > Weight::ZERO)
        .map(|(.., to)| to)
        .collect();
    assert_eq!(asked, [5, 10, 25, 50, 75, 100].map(Weight::percent));
    // The drill's, and none after it.
    let lowered: Vec<_> = played.lowerings().iter().map(|(at, ..)| *at).collect();
    let started = played
        .steps
        .iter()
        .find(|s| matches!(s.state.stage, At::Shifting { .. }))
        .unwrap()
        .at;
    assert!(lowered.iter().all(|at| *at < started), "{lowered:?}");

    // Never above what was asked for, and one more set each time.
    let mut sets = Vec::new();
    for step in &played.steps {
        if let Event::Target {
            target,
            report:
                Report::Accepted {
                    weight,
                    members: Some(members),
                    ..
                },
        } = &step.event
            && *target == telnyx
            && let Some(state) = step.state.targets.get(target)
            && state
                .op
                .is_some_and(|op| op.kind == OpKind::Raise && op.to > Weight::ZERO)
        {
            assert!(weight.unwrap_or(Weight::ZERO) <= state.asked.unwrap());
            sets.push(members.canary);
        }
    }
    assert_eq!(sets.len(), 6);
    assert!(sets.windows(2).all(|pair| pair[0] < pair[1]), "{sets:?}");
    let world = &played.end.world;
    assert_eq!((world.splitter(), world.follower()), (Weight::FULL, Weight::FULL));
    let summary = &played.end.summary.targets[0];
    let members = summary.members.unwrap();
    assert_eq!((summary.accepted, members.canary), (Some(Weight::FULL), members.all));
    let except = &plan_except();
    assert!(!except.is_empty());
    let on_canary = world.telnyx().unwrap().on_canary();
    assert!(
        except.iter().all(|line| !on_canary.contains(line)),
        "a test line was moved"
    );
}

/// The numbers that the plan says are never moved.
fn plan_except() -> Vec<String> {
    let (plan, _) = plan(&numbers_plan());
    let ways = plan.targets.iter().filter_map(|t| match &t.way {
        timonel_plan::parsed::Way::NumberShare(way) => Some(way.except.clone()),
        timonel_plan::parsed::Way::VirtualService(_) => None,
    });
    ways.flatten().collect()
}

#[test]
fn the_rollback_is_drilled_before_the_start_and_leaves_nothing_behind() {
    let played = Stage::numbers("canary-errors").play();
    let drilled = notices(&played);
    let at = drilled
        .iter()
        .position(|(_, n)| matches!(n, Notice::Drilled { .. }))
        .expect("a drill");
    assert!(
        matches!(drilled[at].1, Notice::Drilled { took } if took < secs(2)),
        "{:?}",
        drilled[at]
    );
    let first = played.raises();
    assert_eq!(
        (first[0].1, first[0].2),
        (&telnyx(), Weight::ZERO),
        "the lever is released before anything is raised"
    );
}

#[test]
fn numbers_whose_canary_fails_are_off_it_with_one_call_and_back_soon_after() {
    let played = Stage::numbers("canary-errors").play();
    let decided = played.end.summary.decided_at.unwrap();
    let accepted = when(&played, &telnyx(), decided, |r| matches!(r, Report::Accepted { .. }));
    assert!(
        accepted.since(decided) < Duration::from_millis(100),
        "{:?}",
        accepted.since(decided)
    );
    let levered = when(&played, &telnyx(), decided, |r| matches!(r, Report::Levered { .. }));
    assert!(
        levered.since(decided) < Duration::from_millis(300),
        "{:?}",
        levered.since(decided)
    );
    // The data plane takes two seconds to learn of it; after that no call reaches the canary.
    let world = &played.end.world;
    assert_eq!(world.assigned_since(Arm::Canary, levered + secs(2)), 0);
    assert!(world.assigned_since(Arm::Stable, levered + secs(2)) > 0);
    let clean = played
        .steps
        .iter()
        .find(|s| s.state.stage == At::RolledBack)
        .unwrap()
        .at;
    assert!(clean.since(decided) < secs(60), "{:?}", clean.since(decided));
    everybody_is_back(&played);
}

#[test]
fn a_job_is_in_the_journal_for_whoever_takes_it_up() {
    let played = Stage::numbers("canary-errors").play();
    let entries = runtime().block_on(entries(played.folder.path()));
    let operations = entries.iter().filter(|e| e.kind.as_str() == OPERATION).count();
    assert!(
        operations >= 2,
        "one for the first phase, one for the clean-up: {operations}"
    );
}

#[test]
fn a_provider_that_is_down_holds_up_no_cluster_and_is_finished_when_it_is_back() {
    let played = Stage::numbers("telnyx-down-during-rollback").play();
    let decided = played.end.summary.decided_at.unwrap();
    let is_zero = |r: &Report| {
        matches!(
            r,
            Report::Read {
                weight: Weight::ZERO,
                op: Some(_),
                ..
            }
        )
    };
    let other = when(&played, &cluster(), decided, is_zero);
    assert!(other.since(decided) <= secs(1), "{:?}", other.since(decided));

    let down = played
        .scenario
        .faults
        .iter()
        .find(|f| matches!(f.fault, timonel_plan::scenario::Fault::TargetDown { .. }))
        .unwrap();
    let back = played.scenario.start + down.at + down.lasting.unwrap();
    let levered = when(&played, &telnyx(), decided, |r| matches!(r, Report::Levered { .. }));
    assert!(
        back <= levered && levered.since(back) <= secs(15),
        "back {back}, levered {levered}"
    );

    let manual = played
        .steps
        .iter()
        .find(|s| !s.manual.is_empty())
        .expect("commands to paste");
    let called = manual.at.since(decided);
    assert!(secs(10) <= called && called <= secs(12), "{called:?}");
    assert_eq!(manual.manual[0].target, telnyx());
    let lines: Vec<_> = manual.manual[0].commands.iter().map(|c| c.line.as_str()).collect();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("$TELNYX_API_KEY") && line.contains("voice_url")),
        "{lines:?}"
    );
    assert!(played.end.summary.escalated);
    everybody_is_back(&played);
}

#[test]
fn a_job_of_somebody_else_that_comes_late_moves_nobody_for_good() {
    let played = Stage::numbers("job-late-overwrite").play();
    let decided = played.end.summary.decided_at.unwrap();
    let account = played.end.world.telnyx().unwrap();
    // It was carried out after our own clean-up, and what it moved was brought back by a later one.
    let jobs = account.jobs();
    let towards = |job: &serde_json::Value| job["successful_operations"].as_array().unwrap().len();
    assert!(jobs.len() >= 4 && jobs.iter().all(|job| towards(job) > 0), "{jobs:?}");
    let clean = played
        .steps
        .iter()
        .find(|s| s.at > decided && s.state.stage == At::RolledBack)
        .unwrap()
        .at;
    assert!(
        clean.since(decided) > secs(30),
        "not before the late job is over: {:?}",
        clean.since(decided)
    );
    let levered = when(&played, &telnyx(), decided, |r| matches!(r, Report::Levered { .. }));
    assert_eq!(
        played.end.world.assigned_since(Arm::Canary, levered + secs(2)),
        0,
        "the lever keeps the calls off whatever the job moves"
    );
    everybody_is_back(&played);
}

#[test]
fn numbers_that_fail_on_the_way_up_are_named_and_the_rest_is_put_back() {
    let played = Stage::numbers("forward-partial").play();
    let failed = notices(&played).into_iter().find_map(|(_, n)| match n {
        Notice::ShiftFailed { target, failure } if target == telnyx() => Some(failure),
        _ => None,
    });
    let failed = failed.expect("a shift that failed");
    assert_eq!(failed.code, "target.partly");
    assert!(failed.text.contains(" numbers failed: 10015"), "{}", failed.text);
    let last = &played.steps.last().unwrap().state;
    assert!(last.holds.contains(&Hold::Shift(telnyx())));
    let summary = &played.end.summary.targets[0];
    assert_eq!(summary.requested, Some(Weight::percent(5)));
    let members = summary.members.unwrap().canary as usize;
    assert_eq!(played.end.world.telnyx().unwrap().on_canary().len(), members);
}
