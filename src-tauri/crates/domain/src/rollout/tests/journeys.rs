//! Journeys told event by event.

use super::*;
use crate::plan::Severity;

fn press() -> Event {
    Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(person("luz")),
        confirmed: false,
    }
}

#[test]
fn followers_open_before_the_splitter_moves_and_each_is_verified_first() {
    let mut desk = Desk::armed();
    desk.happens(Event::Start { by: person("ana") });
    assert_eq!(desk.moves(), ["raise seguidor 100 %"]);
    let op = desk.op(&follower()).id;
    desk.report(follower(), Report::accepted(op));
    assert!(desk.moves().is_empty(), "accepted is not read back");
    desk.report(follower(), Report::read(Some(op), Weight::FULL));
    assert_eq!(desk.moves(), ["raise istio 10 %"]);
    desk.obey();
    assert_eq!(desk.state.stage, Stage::Baking { phase: 0 });
    assert_eq!(desk.notices(), [&Notice::PhaseEntered { phase: 0 }]);
}

#[test]
fn a_phase_is_left_when_time_gates_and_people_say_so() {
    let mut desk = Desk::baking();
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
    desk.after(599);
    assert_eq!(desk.state.stage, Stage::Baking { phase: 0 });
    desk.after(1);
    assert_eq!(
        desk.state.stage,
        Stage::Deciding { phase: 0 },
        "15 minutes without a critical error are not over"
    );
    desk.after(300);
    assert_eq!(desk.moves(), ["raise istio 100 %"], "the follower is open already");
    desk.obey();
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 1)));
    desk.after(900);
    assert_eq!(desk.state.stage, Stage::AwaitingApproval { phase: 1 });
    desk.happens(Event::Approve { by: person("jefa") });
    assert!(matches!(desk.state.stage, Stage::Completed { .. }));
}

#[test]
fn a_press_lowers_every_target_in_the_same_step() {
    let mut desk = Desk::baking();
    desk.happens(press());
    assert_eq!(desk.moves(), ["lower istio 0 %", "lower seguidor 0 %"]);
    assert!(desk.state.latch.is_some());
    desk.obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
    assert_eq!(desk.state.verification(&desk.plan, &follower()), Verification::Verified);
    assert_eq!(
        desk.state.verification(&desk.plan, &splitter()),
        Verification::ReadBack,
        "traffic has not shown it yet"
    );
}

#[test]
fn traffic_verifies_and_one_contrary_unit_calls_a_person() {
    let mut desk = Desk::baking();
    desk.happens(press()).obey();
    let accepted = desk.now;
    desk.after(20);
    desk.happens(Event::Assigned {
        since: accepted - Duration::from_secs(1),
        stable: 500,
        canary: 3,
    });
    assert_eq!(
        desk.state.verification(&desk.plan, &splitter()),
        Verification::ReadBack,
        "began before the acceptance"
    );
    desk.happens(Event::Assigned {
        since: accepted,
        stable: 43,
        canary: 0,
    });
    assert_eq!(
        desk.state.verification(&desk.plan, &splitter()),
        Verification::ReadBack,
        "0.9^43 is above 1 %"
    );
    desk.happens(Event::Assigned {
        since: accepted,
        stable: 1,
        canary: 0,
    });
    assert_eq!(desk.state.verification(&desk.plan, &splitter()), Verification::Verified);
    assert_eq!(desk.notices(), [&Notice::RollbackVerified]);
    desk.happens(Event::Assigned {
        since: accepted,
        stable: 40,
        canary: 1,
    });
    assert_eq!(
        desk.state.verification(&desk.plan, &splitter()),
        Verification::Contradicted
    );
    assert_eq!(
        desk.notices(),
        [&Notice::ContraryTraffic {
            target: splitter(),
            units: 1
        }]
    );
    assert!(desk.effects.contains(&Effect::ShowManual {
        target: splitter(),
        to: Weight::ZERO
    }));
}

#[test]
fn ten_seconds_without_a_read_back_call_a_person_once() {
    let mut desk = Desk::baking();
    desk.happens(press());
    desk.after(9);
    assert!(desk.effects.is_empty());
    desk.after(1);
    assert_eq!(desk.notices().len(), 2, "{:?}", desk.effects);
    assert!(desk.state.rollback.as_ref().is_some_and(|r| r.escalated));
    desk.after(60);
    assert!(desk.effects.is_empty());
}

#[test]
fn a_firing_rollback_rule_acts_and_says_when_the_breach_began() {
    let mut desk = Desk::baking();
    let assessment = firing(&desk.plan, 0, desk.now);
    desk.happens(Event::Assessed(assessment));
    assert_eq!(desk.moves(), ["lower istio 0 %", "lower seguidor 0 %"]);
    let rollback = desk.state.rollback.clone().expect("a rollback");
    assert_eq!(rollback.breach_at, Some(desk.now - Duration::from_secs(300)));
    assert_eq!(rollback.from, Weight::percent(10));
}

#[test]
fn without_its_evidence_a_gated_rule_freezes_and_offers() {
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let mut assessment = firing(&desk.plan, 0, desk.now);
    for firing in assessment.firing.values_mut() {
        firing.evidence = Some(Strength::from_millilog10(1698));
    }
    desk.happens(Event::Assessed(assessment.clone()));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Alert));
    assert_eq!(desk.notices()[0].severity(), crate::plan::Severity::Critical);
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let mut with = assessment;
    for firing in with.firing.values_mut() {
        firing.evidence = Some(Strength::from_millilog10(1699));
    }
    desk.happens(Event::Assessed(with));
    assert_eq!(desk.moves().len(), 2);
    // Nothing can be proved about a level, so its rule does as it says.
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let assessment = firing(&desk.plan, 0, desk.now);
    desk.happens(Event::Assessed(assessment));
    assert_eq!(desk.moves().len(), 2);
}

#[test]
fn evidence_that_comes_after_the_rule_has_fired_puts_back() {
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let mut assessment = firing(&desk.plan, 0, desk.now);
    for firing in assessment.firing.values_mut() {
        firing.evidence = Some(Strength::NONE);
    }
    desk.happens(Event::Assessed(assessment.clone()));
    assert!(desk.moves().is_empty());
    for firing in assessment.firing.values_mut() {
        firing.evidence = Some(Strength::from_millilog10(1699));
    }
    desk.happens(Event::Assessed(assessment));
    assert_eq!(desk.moves().len(), 2);
    let rollback = desk.state.rollback.clone().expect("a rollback");
    assert_eq!(rollback.cause, Cause::Rule(desk.plan.rules[0].id.clone()));
}

fn worse(desk: &Desk, worse: Worse) -> Assessment {
    Assessment {
        worse: [(crate::fixture::errors(), worse)].into(),
        ..well(&desk.plan, 0)
    }
}

#[test]
fn a_canary_that_is_worse_than_stable_freezes_and_then_goes_back_whatever_the_limit_says() {
    let mut desk = Desk::baking();
    let assessment = worse(&desk, Worse::Alert);
    desk.happens(Event::Assessed(assessment));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Alert));
    assert_eq!(desk.notices()[0].severity(), crate::plan::Severity::High);
    let assessment = worse(&desk, Worse::Rollback);
    desk.happens(Event::Assessed(assessment.clone()));
    assert_eq!(desk.moves().len(), 2);
    let rollback = desk.state.rollback.clone().expect("a rollback");
    assert_eq!(rollback.cause, Cause::Evidence(crate::fixture::errors()));

    let mut desk = Desk::baking();
    desk.plan.automatic = false;
    desk.happens(Event::Assessed(assessment));
    assert!(desk.moves().is_empty(), "nothing acts by itself in this plan");
    assert!(desk.state.holds.contains(&Hold::Alert));
    assert_eq!(desk.notices()[0].severity(), crate::plan::Severity::Critical);
}

#[test]
fn what_stable_suffers_too_freezes_and_calls_a_person_and_puts_nothing_back() {
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let rule = desk.plan.rules[0].id.clone();
    let assessment = Assessment {
        common: [rule.clone()].into(),
        ..firing(&desk.plan, 0, desk.now)
    };
    desk.happens(Event::Assessed(assessment));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Alert));
    assert_eq!(desk.notices()[0], &Notice::Common { rule });
    assert_eq!(desk.notices()[0].severity(), crate::plan::Severity::Critical);
    // A person may all the same.
    desk.happens(press());
    assert_eq!(desk.moves().len(), 2);
}

#[test]
fn what_was_common_and_then_is_the_canarys_alone_puts_back() {
    let mut desk = Desk::baking();
    desk.plan.rules[0].evidence = EvidenceMode::Gated;
    let rule = desk.plan.rules[0].id.clone();
    let mut assessment = firing(&desk.plan, 0, desk.now);
    for firing in assessment.firing.values_mut() {
        firing.evidence = Some(Strength::from_millilog10(3000));
    }
    let shared = Assessment {
        common: [rule].into(),
        ..assessment.clone()
    };
    desk.happens(Event::Assessed(shared));
    assert!(desk.moves().is_empty());
    desk.happens(Event::Assessed(assessment));
    assert_eq!(desk.moves().len(), 2);
}

#[test]
fn a_literal_rule_asks_nobody_what_stable_does() {
    let mut desk = Desk::baking();
    let rule = desk.plan.rules[0].id.clone();
    let assessment = Assessment {
        common: [rule].into(),
        ..firing(&desk.plan, 0, desk.now)
    };
    desk.happens(Event::Assessed(assessment));
    assert_eq!(desk.moves().len(), 2);
}

#[test]
fn after_a_reduction_the_least_time_is_served_and_the_rollout_goes_on() {
    let mut desk = Desk::baking();
    desk.happens(Event::RollBack {
        level: Level::Reduce(Weight::percent(4)),
        cause: Cause::Person(person("ana")),
        confirmed: false,
    });
    desk.obey();
    assert_eq!(desk.state.epoch.map(|epoch| epoch.weight), Some(Weight::percent(4)));
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Operator,
        reason: "ya está".to_owned(),
    });
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
    desk.after(10_000);
    desk.obey();
    assert_eq!(desk.state.stage, Stage::Baking { phase: 0 }, "{:?}", desk.state.holds);
}

#[test]
fn evidence_is_of_one_phase_and_ends_with_a_reset() {
    let mut desk = Desk::baking();
    let first = desk.state.epoch.expect("the phase has begun");
    assert_eq!((first.since, first.weight), (desk.now, Weight::percent(10)));
    desk.happens(press());
    desk.obey();
    assert_eq!(desk.state.epoch, Some(first), "what led here can still be read");
    desk.happens(Event::Reset {
        by: person("ana"),
        reason: "corregido".to_owned(),
    });
    assert_eq!(desk.state.epoch, None);
}

#[test]
fn an_alert_rule_freezes_until_a_person_says_why_it_may_go_on() {
    let mut desk = Desk::baking();
    let assessment = firing(&desk.plan, 1, desk.now);
    desk.happens(Event::Assessed(assessment));
    assert!(desk.state.is_frozen());
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
    desk.after(9000);
    assert_eq!(
        desk.state.stage,
        Stage::Baking { phase: 0 },
        "frozen time does not count"
    );
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Alert,
        reason: " ".to_owned(),
    });
    assert_eq!(desk.rejected(), Some(&Rejection::NoReason));
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Alert,
        reason: "era el proveedor".to_owned(),
    });
    assert!(!desk.state.is_frozen());
}

#[test]
fn missing_data_freeze_and_never_roll_back() {
    let mut desk = Desk::baking();
    desk.happens(Event::Assessed(lost()));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::NoEvidence));
    desk.after(100_000);
    assert!(desk.state.is_frozen());
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
    desk.after(59);
    assert!(desk.state.is_frozen(), "not steady for long enough");
    desk.after(1);
    assert!(!desk.state.is_frozen());
}

#[test]
fn a_failed_raise_puts_back_what_was_moved() {
    let mut desk = Desk::armed();
    desk.happens(Event::Start { by: person("ana") });
    let op = desk.op(&follower()).id;
    desk.report(follower(), Report::accepted(op));
    desk.report(follower(), Report::read(Some(op), Weight::FULL));
    let op = desk.op(&splitter()).id;
    let failure = Failure {
        code: "target.deadline".to_owned(),
        text: "no answer".to_owned(),
    };
    desk.report(splitter(), Report::Failed { op, failure });
    assert_eq!(
        desk.moves(),
        ["lower istio 0 %", "lower seguidor 0 %"],
        "its result is unknown: lowered as well"
    );
    desk.obey();
    assert!(desk.state.holds.contains(&Hold::Shift(splitter())));
    assert!(desk.state.latch.is_none());
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Shift(splitter()),
        reason: "repuesto".to_owned(),
    });
    assert_eq!(desk.moves(), ["raise seguidor 100 %"]);
}

#[test]
fn somebody_elses_lowering_is_respected() {
    let mut desk = Desk::baking();
    desk.report(
        splitter(),
        Report::Read {
            op: None,
            weight: Weight::ZERO,
            apart: Apart::NONE,
            by: Some("kubectl".to_owned()),
        },
    );
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Drift(splitter())));
    desk.after(100_000);
    assert!(desk.moves().is_empty());
    let before = desk.state.clone();
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Drift(splitter()),
        reason: "era yo".to_owned(),
    });
    assert!(
        desk.state.generation > before.generation,
        "later than a mark that was left by hand"
    );
    assert_eq!(desk.moves(), ["raise istio 10 %"]);
    desk.state = before;
    desk.happens(press());
    assert_eq!(
        desk.moves().len(),
        2,
        "the other targets can be put back in one press, and this one is made sure of"
    );
}

#[test]
fn somebody_elses_raise_is_brought_down_and_a_person_called_when_it_persists() {
    let mut desk = Desk::baking();
    for round in 1..=4 {
        desk.report(
            splitter(),
            Report::Read {
                op: None,
                weight: Weight::percent(40),
                apart: Apart::NONE,
                by: Some("flux".to_owned()),
            },
        );
        assert_eq!(desk.moves(), ["lower istio 10 %"], "round {round}");
        assert_eq!(
            desk.notices().contains(&&Notice::DriftPersists { target: splitter() }),
            round == 4
        );
        desk.obey();
        assert_eq!(desk.state.targets[&splitter()].drift, None);
        desk.after(30);
    }
}

#[test]
fn only_the_holder_of_the_helm_corrects() {
    let mut desk = Desk::baking();
    desk.happens(Event::Helm(None));
    desk.report(splitter(), Report::read(None, Weight::percent(40)));
    assert!(desk.moves().is_empty());
    assert_eq!(desk.notices().len(), 1);
}

/// Found by the model check: an engine that is cut off from the helm's keeper rolls back, and the next holder, which cannot know
/// of it yet, raises.
#[test]
fn whoever_rolled_back_brings_down_what_is_raised_over_it_with_or_without_the_helm() {
    let mut desk = Desk::baking();
    desk.happens(Event::Helm(None));
    desk.happens(Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(person("ana")),
        confirmed: false,
    });
    desk.obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
    desk.report(splitter(), Report::read(None, Weight::percent(10)));
    assert_eq!(desk.moves(), [format!("lower {} {}", splitter(), Weight::ZERO)]);
    // A reset says that what comes after it is meant.
    desk.obey();
    let reason = "visto".to_owned();
    desk.happens(Event::Reset {
        by: person("ana"),
        reason,
    });
    desk.report(splitter(), Report::read(None, Weight::percent(10)));
    assert!(desk.moves().is_empty());
}

#[test]
fn a_gap_in_watching_does_not_count() {
    let mut desk = Desk::baking();
    desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
    desk.after(500);
    let from = desk.now;
    desk.now = desk.now + Duration::from_secs(3600);
    desk.happens(Event::Gap { from });
    assert_eq!(desk.state.bake.elapsed(desk.now), Duration::from_secs(500));
    assert!(desk.state.holds.contains(&Hold::Gap));
}

#[test]
fn a_critical_error_rolls_back_and_restarts_its_clock() {
    let mut desk = Desk::baking();
    desk.after(100);
    desk.happens(Event::Incident {
        kind: crate::plan::Incident::CriticalError,
        count: 1,
    });
    assert_eq!(desk.moves().len(), 2);
    let mut desk = Desk::baking();
    desk.plan.automatic = false;
    desk.after(100);
    desk.happens(Event::Incident {
        kind: crate::plan::Incident::CriticalError,
        count: 1,
    });
    assert!(desk.moves().is_empty());
    assert!(desk.state.is_frozen());
    assert_eq!(
        desk.state.without[&crate::plan::Incident::CriticalError].elapsed(desk.now),
        Duration::ZERO
    );
}

#[test]
fn the_latch_holds_until_a_reset_and_then_a_new_generation_starts_from_the_beginning() {
    let mut desk = Desk::baking();
    desk.happens(press()).obey();
    desk.happens(Event::Start { by: person("ana") });
    assert_eq!(desk.rejected(), Some(&Rejection::Stage));
    let mark = desk.state.latch.clone().expect("latched").generation;
    desk.happens(Event::Reset {
        by: person("ana"),
        reason: "corregido".to_owned(),
    });
    assert_eq!(desk.state.stage, Stage::Draft);
    assert!(
        desk.state.generation > mark,
        "what is raised from here on is later than the mark on the targets"
    );
}

#[test]
fn a_reduction_lowers_the_splitter_alone_and_freezes() {
    let mut desk = Desk::baking();
    let reduce = |to| Event::RollBack {
        level: Level::Reduce(to),
        cause: Cause::Person(person("luz")),
        confirmed: false,
    };
    desk.happens(reduce(Weight::percent(10)));
    assert_eq!(desk.rejected(), Some(&Rejection::NotLower));
    desk.happens(reduce(Weight::percent(4)));
    assert_eq!(desk.moves(), ["lower istio 4 %"]);
    desk.obey();
    assert!(desk.state.is_frozen());
    assert!(desk.state.latch.is_none());
    assert_eq!(desk.state.settled, Weight::percent(4));
}

#[test]
fn after_completion_a_rollback_is_possible_while_stable_is_kept_and_then_asks_again() {
    let mut desk = Desk::baking();
    desk.state.stage = Stage::Completed { since: desk.now };
    let before = desk.state.clone();
    desk.happens(press());
    assert_eq!(desk.moves().len(), 2);
    desk.state = before;
    desk.after(8 * 86_400);
    desk.happens(press());
    assert!(matches!(desk.rejected(), Some(Rejection::StableGone { .. })));
    desk.happens(Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(person("luz")),
        confirmed: true,
    });
    assert_eq!(desk.moves().len(), 2);
}

#[test]
fn after_everything_was_put_back_nobody_is_called_because_no_unit_comes() {
    let unrouted = |desk: &Desk| Assessment {
        unrouted: true,
        ..well(&desk.plan, 0)
    };
    let mut desk = Desk::baking();
    let assessment = unrouted(&desk);
    desk.happens(Event::Assessed(assessment));
    assert!(desk.notices().contains(&&Notice::Unrouted));
    let mut desk = Desk::baking();
    desk.happens(press());
    let assessment = unrouted(&desk);
    desk.happens(Event::Assessed(assessment));
    assert!(!desk.notices().contains(&&Notice::Unrouted), "{:?}", desk.effects);
}

#[test]
fn what_can_still_be_put_back_is_not_closed() {
    let close = || Event::Close { by: person("ana") };
    let mut desk = Desk::baking();
    desk.state.stage = Stage::Completed { since: desk.now };
    desk.happens(close());
    assert!(matches!(desk.rejected(), Some(Rejection::StableKept { .. })));
    desk.happens(press());
    assert_eq!(desk.moves().len(), 2);
    desk.state.stage = Stage::RolledBack;
    desk.happens(close());
    assert_eq!(
        desk.rejected(),
        Some(&Rejection::Stage),
        "its lowerings are still under way"
    );
    let mut desk = Desk::baking();
    desk.state.stage = Stage::Completed { since: desk.now };
    desk.after(8 * 86_400);
    desk.happens(close());
    assert_eq!(desk.state.stage, Stage::Closed);
}

#[test]
fn gates_are_passed_against_their_verdict_by_two_people_with_a_reason() {
    let mut desk = Desk::baking();
    let wish = |name: &str| Event::Override {
        by: person(name),
        reason: "domingo sin llamadas".to_owned(),
    };
    desk.happens(wish("ana"));
    desk.happens(wish("ana"));
    assert_eq!(desk.rejected(), Some(&Rejection::SamePerson));
    assert!(desk.moves().is_empty());
    desk.happens(wish("luz"));
    assert_eq!(desk.moves(), ["raise istio 100 %"]);
}

#[test]
fn arming_wants_live_weights_at_the_start_of_the_plan() {
    let mut desk = Desk::draft();
    let live = vec![(splitter(), Weight::percent(5)), (follower(), Weight::ZERO)];
    desk.happens(Event::Arm {
        by: person("ana"),
        live,
        failed: vec!["signal.stale errores".to_owned()],
    });
    let Some(Rejection::Checks(failed)) = desk.rejected() else {
        panic!("{:?}", desk.effects)
    };
    assert_eq!(failed, &["signal.stale errores", "target.start-weight istio 5 %"]);
}

#[test]
fn how_many_units_make_a_rollback_believable() {
    for (percent, units) in [(5, 90), (10, 44), (25, 17), (50, 7), (100, 1)] {
        assert_eq!(units_to_believe(Weight::percent(percent)), units, "{percent} %");
    }
}

#[test]
fn a_put_back_that_finds_less_than_it_was_going_to_is_somebody_elses_rollback() {
    let mut desk = Desk::baking();
    desk.report(splitter(), Report::read(None, Weight::percent(40)));
    let op = desk.op(&splitter()).id;
    desk.report(splitter(), Report::read(Some(op), Weight::ZERO));
    assert!(desk.moves().is_empty());
    assert!(desk.state.holds.contains(&Hold::Drift(splitter())));
}

#[test]
fn a_target_without_its_key_calls_a_person_at_once() {
    let mut desk = Desk::baking();
    let failure = Failure {
        code: "target.no-key".to_owned(),
        text: "no key".to_owned(),
    };
    desk.report(follower(), Report::Silent { failure });
    let [told @ Notice::TargetSilent { .. }] = desk.notices()[..] else {
        panic!("{:?}", desk.notices());
    };
    assert_eq!(told.severity(), Severity::Critical);
    assert!(blockers(&desk.plan, &desk.state, desk.now).contains(&Blocker::Silent(follower())));
    desk.report(follower(), Report::read(None, Weight::FULL));
    assert_eq!(desk.notices(), [&Notice::TargetAnswers { target: follower() }]);
}

#[test]
fn a_target_that_stays_silent_is_told_of_before_anybody_needs_it_and_nothing_is_raised_meanwhile() {
    let mut desk = Desk::baking();
    let silent = || Report::Silent {
        failure: Failure {
            code: "target.deadline".to_owned(),
            text: "no answer".to_owned(),
        },
    };
    desk.report(follower(), silent());
    assert!(desk.notices().is_empty(), "one lost answer is not worth it");
    desk.after(15).report(follower(), silent());
    assert!(matches!(desk.notices()[..], [Notice::TargetSilent { .. }]));
    assert_eq!(
        blockers(&desk.plan, &desk.state, desk.now)
            .iter()
            .filter(|b| **b == Blocker::Silent(follower()))
            .count(),
        1
    );
    desk.after(10).report(follower(), silent());
    assert!(desk.notices().is_empty(), "said once");
    assert!(desk.state.holds.is_empty() && desk.state.latch.is_none());
    let weight = Weight::FULL;
    desk.report(follower(), Report::read(None, weight));
    assert_eq!(desk.notices(), [&Notice::TargetAnswers { target: follower() }]);
    assert_eq!(desk.state.targets[&follower()].silent, None);
}

/// The entries that said that it was armed and went on may be those that were lost.
#[test]
fn a_draft_that_was_mended_can_be_put_back_and_raises_nothing() {
    let mut desk = Desk::draft();
    desk.happens(Event::Helm(Some(7)));
    desk.happens(Event::Sign {
        by: person("ana"),
        checklist: crate::value::ChecklistId::new("antes").expect("a good id"),
    });
    desk.happens(Event::Mended { entries: 0, missing: 9 });
    let told = Notice::Mended {
        entries: 0,
        missing: 9,
        armed: true,
    };
    assert_eq!(desk.notices(), [&told]);
    assert_eq!(desk.state.holds, [Hold::Alert].into());
    desk.happens(Event::Release {
        by: person("ana"),
        hold: Hold::Alert,
        reason: "mirado".to_owned(),
    });
    desk.happens(Event::Start { by: person("ana") });
    assert!(
        matches!(desk.rejected(), Some(Rejection::Checks(_))),
        "{:?}",
        desk.effects
    );
    desk.happens(press());
    assert_eq!(desk.rejected(), None);
    assert_eq!(desk.moves().len(), desk.plan.targets.len(), "{:?}", desk.moves());
    desk.obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
}

/// What was done after the rollback may be what was lost: it is asked of the targets again.
#[test]
fn a_rollback_after_a_mending_believes_no_reading_of_before() {
    let mut desk = Desk::baking();
    desk.happens(press()).obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
    desk.happens(Event::Mended {
        entries: 40,
        missing: 0,
    });
    assert!(desk.state.latch.is_some());
    desk.happens(press());
    assert_eq!(desk.moves().len(), desk.plan.targets.len(), "{:?}", desk.moves());
    desk.obey();
    assert_eq!(desk.state.stage, Stage::RolledBack);
}
