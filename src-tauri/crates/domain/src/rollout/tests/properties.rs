//! Properties over random events: what must hold whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;
use crate::plan::{Action, GateKind, Incident};

/// Anything that can happen, with operations that exist often enough to get anywhere.
#[derive(Debug, Clone)]
enum Happening {
    Plain(Event),
    Obeyed(usize),
    Refused(usize),
    Misread(usize, u8),
    /// Holds a percent less than it was asked for, where it is asked for more than one.
    HeldLess(usize),
    Levered(usize),
    /// Reads the weight with too many and too few members.
    Apart(usize, u32, u32),
    Later(u32),
}

fn happening() -> impl Strategy<Value = Happening> {
    let plan = fixture::plan();
    let weights = prop::sample::select(vec![
        Weight::ZERO,
        Weight::percent(4),
        Weight::percent(10),
        Weight::FULL,
    ]);
    let who = prop::sample::select(vec![person("ana"), person("luz")]);
    let targets = prop::sample::select(vec![splitter(), follower()]);
    let silent = targets.clone();
    let tenants = prop::sample::select(vec![
        TenantId::new("norte").expect("a good id"),
        TenantId::new("sur").expect("a good id"),
    ]);
    let assessments = prop::sample::select(vec![
        well(&plan, 0),
        well(&plan, 1),
        lost(),
        firing(&plan, 0, Timestamp::from_secs(1_000_000)),
        firing(&plan, 1, Timestamp::from_secs(1_000_000)),
        Assessment::default(),
        Assessment {
            worse: [(crate::fixture::errors(), Worse::Alert)].into(),
            ..well(&plan, 0)
        },
        Assessment {
            worse: [(crate::fixture::errors(), Worse::Rollback)].into(),
            unrouted: true,
            ..well(&plan, 0)
        },
        Assessment {
            common: plan.rules.iter().map(|rule| rule.id.clone()).collect(),
            ..firing(&plan, 0, Timestamp::from_secs(1_000_000))
        },
    ]);
    let live = (weights.clone(), weights.clone()).prop_map(|(a, b)| vec![(splitter(), a), (follower(), b)]);
    let zero = Just(vec![(splitter(), Weight::ZERO), (follower(), Weight::ZERO)]);
    let hold = prop::sample::select(vec![
        Hold::Operator,
        Hold::Alert,
        Hold::Drift(splitter()),
        Hold::Shift(splitter()),
        Hold::Shift(follower()),
    ]);
    let level = prop_oneof![3 => Just(Level::Total), 1 => weights.clone().prop_map(Level::Reduce)];
    let reason = || "porque".to_owned();
    prop_oneof![
        4 => (who.clone(), prop_oneof![3 => zero, 1 => live]).prop_map(|(by, live)| Happening::Plain(Event::Arm { by, live, failed: Vec::new() })),
        4 => who.clone().prop_map(|by| Happening::Plain(Event::Start { by })),
        4 => who.clone().prop_map(|by| Happening::Plain(Event::Sign { by, checklist: ChecklistId::new("antes").expect("a good id") })),
        2 => who.clone().prop_map(|by| Happening::Plain(Event::Approve { by })),
        1 => who.clone().prop_map(move |by| Happening::Plain(Event::Override { by, reason: reason() })),
        1 => who.clone().prop_map(move |by| Happening::Plain(Event::Freeze { by, reason: reason() })),
        2 => (who.clone(), hold).prop_map(move |(by, hold)| Happening::Plain(Event::Release { by, hold, reason: reason() })),
        1 => (who.clone(), level, any::<bool>()).prop_map(|(by, level, confirmed)| Happening::Plain(Event::RollBack { level, cause: Cause::Person(by), confirmed })),
        1 => who.clone().prop_map(move |by| Happening::Plain(Event::Reset { by, reason: reason() })),
        1 => (who.clone(), tenants.clone()).prop_map(move |(by, tenant)| Happening::Plain(Event::Pin { by, tenant, reason: reason() })),
        1 => (who.clone(), tenants).prop_map(move |(by, tenant)| Happening::Plain(Event::Unpin { by, tenant, reason: reason() })),
        2 => who.clone().prop_map(|by| Happening::Plain(Event::Drill { by })),
        1 => who.prop_map(|by| Happening::Plain(Event::Close { by })),
        8 => assessments.prop_map(|a| Happening::Plain(Event::Assessed(a))),
        1 => (0..2u64).prop_map(|count| Happening::Plain(Event::Incident { kind: Incident::CriticalError, count })),
        2 => (targets, weights).prop_map(|(target, weight)| Happening::Plain(Event::Target { target, report: Report::read(None, weight) })),
        1 => silent.prop_map(|target| Happening::Plain(Event::Target {
            target,
            report: Report::Silent { failure: Failure { code: "x".to_owned(), text: String::new() } },
        })),
        2 => (0..90u64, 0..2u64).prop_map(|(stable, canary)| Happening::Plain(Event::Assigned { since: Timestamp::from_secs(2_000_000), stable, canary })),
        6 => prop::option::weighted(0.9, 0..9u64).prop_map(|epoch| Happening::Plain(Event::Helm(epoch))),
        1 => Just(Happening::Plain(Event::Mended { entries: 40, missing: 2 })),
        1 => Just(Happening::Plain(Event::Gap { from: Timestamp::from_secs(1_000_000) })),
        12 => (0..2usize).prop_map(Happening::Obeyed),
        2 => (0..2usize).prop_map(Happening::Refused),
        1 => (0..2usize, 0..100u8).prop_map(|(i, w)| Happening::Misread(i, w)),
        2 => (0..2usize).prop_map(Happening::HeldLess),
        2 => (0..2usize).prop_map(Happening::Levered),
        1 => (0..2usize, 0..3u32, 0..3u32).prop_map(|(i, surplus, missing)| Happening::Apart(i, surplus, missing)),
        8 => (1..700u32).prop_map(Happening::Later),
    ]
}

impl Desk {
    fn random(&mut self, happening: &Happening) -> Event {
        let open = |desk: &Desk, i: usize| {
            let ops: Vec<_> = desk
                .state
                .targets
                .iter()
                .filter_map(|(id, t)| t.op.map(|op| (id.clone(), op)))
                .collect();
            ops.get(i % ops.len().max(1)).cloned()
        };
        let report = |target, report| Event::Target { target, report };
        match happening {
            Happening::Plain(event) => event.clone(),
            Happening::Obeyed(i) => match open(self, *i) {
                Some((id, op)) if op.accepted_at.is_none() => report(id, Report::accepted(op.id)),
                Some((id, op)) => {
                    let held = self.state.targets[&id].accepted.unwrap_or(op.to);
                    report(id, Report::read(Some(op.id), held))
                }
                None => Event::Tick,
            },
            Happening::HeldLess(i) => match open(self, *i) {
                Some((id, op)) => {
                    let weight = Weight::from_hundredths(op.to.hundredths().saturating_sub(100));
                    let members = Some(Members { canary: 1, all: 100 });
                    let op = op.id;
                    report(id, Report::Accepted { op, weight, members })
                }
                None => Event::Tick,
            },
            Happening::Levered(i) => match open(self, *i) {
                Some((id, op)) => report(id, Report::Levered { op: op.id }),
                None => Event::Tick,
            },
            Happening::Apart(i, surplus, missing) => match open(self, *i) {
                Some((id, open)) => {
                    let (surplus, missing) = (*surplus, *missing);
                    let (op, weight, apart) = (Some(open.id), open.to, Apart { surplus, missing });
                    let by = None;
                    report(id, Report::Read { op, weight, apart, by })
                }
                None => Event::Tick,
            },
            Happening::Refused(i) => match open(self, *i) {
                Some((id, op)) => report(
                    id,
                    Report::Failed {
                        op: op.id,
                        failure: Failure {
                            code: "x".to_owned(),
                            text: String::new(),
                        },
                    },
                ),
                None => Event::Tick,
            },
            Happening::Misread(i, weight) => match open(self, *i) {
                Some((id, op)) => report(id, Report::read(Some(op.id), Weight::percent(*weight))),
                None => Event::Tick,
            },
            Happening::Later(secs) => {
                self.now = self.now + Duration::from_secs(u64::from(*secs));
                Event::Tick
            }
        }
    }
}

/// Invariant 3, written a second time and otherwise than in `blockers`. `after` is the state in which the raise went out.
fn may_have_raised(plan: &Plan, after: &State, now: Timestamp, to: Weight) -> Result<(), String> {
    // The end of a drill: a lever is released, and nobody is put on the canary.
    if to == Weight::ZERO {
        let fits = after.stage == Stage::Armed && after.helm && after.latch.is_none();
        let empty = after.targets.values().all(|t| t.accepted == Some(Weight::ZERO));
        return if fits && empty {
            Ok(())
        } else {
            Err("released".to_owned())
        };
    }
    let Stage::Shifting { phase } = after.stage else {
        return Err(format!("raised in {:?}", after.stage));
    };
    let loud = after
        .assessment
        .firing
        .keys()
        .filter_map(|id| plan.rule(id))
        .any(|r| r.action != Action::Notify);
    let conditions = [
        (after.helm, "helm"),
        (after.latch.is_none(), "latch"),
        (after.holds.is_empty(), "holds"),
        (after.targets.values().all(|t| t.drift.is_none()), "drift"),
        (
            after.targets.values().all(|t| t.silent.is_none_or(|s| !s.told)),
            "answers",
        ),
        (after.assessed && after.assessment.lost.is_empty(), "fresh signals"),
        (!loud, "rules"),
        (
            after.targets.values().filter(|t| t.op.is_some()).count() == 1,
            "one thing at a time",
        ),
    ];
    if let Some((_, name)) = conditions.iter().find(|(holds, _)| !holds) {
        return Err((*name).to_owned());
    }
    if let Some(list) = &plan.phases[phase].checklist
        && !after.signed.contains_key(list)
    {
        return Err("checklist".to_owned());
    }
    let Some(left) = phase.checked_sub(1).map(|i| &plan.phases[i]) else {
        return Ok(());
    };
    if after.approvals.len() < usize::from(left.approvals) {
        return Err("approvals".to_owned());
    }
    if after
        .overriding
        .as_ref()
        .is_some_and(|o| o.second.as_ref().is_some_and(|s| *s != o.first))
    {
        return Ok(());
    }
    if after.bake.elapsed(now) < left.bake {
        return Err("bake".to_owned());
    }
    for gate in &left.gates {
        let go = match gate.kind {
            GateKind::Limit { .. } | GateKind::Relative { .. } => {
                after.assessment.gates.get(&gate.id) == Some(&Verdict::Go)
            }
            GateKind::Without { event, lasting } => after.without[&event].elapsed(now) >= lasting,
        };
        if !go {
            return Err(format!("gate {}", gate.id));
        }
    }
    Ok(())
}

fn is_safe(target: &TargetState) -> bool {
    target.op.is_none()
        && target.asked == Some(Weight::ZERO)
        && target.drift.is_none()
        && target.accepted == Some(Weight::ZERO)
        && target.read == Some(Weight::ZERO)
}

/// Invariant 2: a total rollback asked for now is accepted and leaves no target unattended.
fn check_rollback(desk: &Desk) -> Result<(), TestCaseError> {
    let expected = !matches!(desk.state.stage, Stage::Draft | Stage::Closed);
    let event = Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(person("luz")),
        confirmed: true,
    };
    let (after, effects) = step(&desk.plan, &desk.state, &event, desk.now);
    let rejected = effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
    prop_assert_eq!(rejected, !expected, "{:?}", desk.state.stage);
    if !expected {
        return Ok(());
    }
    prop_assert!(after.latch.is_some());
    for (id, target) in &desk.state.targets {
        let lowered = effects
            .iter()
            .any(|e| matches!(e, Effect::Lower { target, to: Weight::ZERO, .. } if target == id));
        prop_assert!(lowered || is_safe(target), "{} left alone: {:?}", id, target);
    }
    let raised = effects.iter().any(|e| matches!(e, Effect::Raise { .. }));
    prop_assert!(!raised);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(from_baking in any::<bool>(), happenings in prop::collection::vec(happening(), 1..80)) {
        let mut desk = if from_baking { Desk::baking() } else { Desk::draft() };
        let mut events = Vec::new();
        let start = (desk.state.clone(), desk.now);
        for happening in &happenings {
            let event = desk.random(happening);
            let latched = desk.state.latch.is_some();
            desk.happens(event.clone());
            events.push((event, desk.now));
            for effect in &desk.effects {
                if let Effect::Raise { to, .. } = effect {
                    prop_assert!(!latched || desk.state.latch.is_none());
                    let allowed = may_have_raised(&desk.plan, &desk.state, desk.now, *to);
                    prop_assert!(allowed.is_ok(), "raised without: {:?}", allowed);
                }
            }
            check_rollback(&desk)?;
        }
        let mut replayed = start.0;
        for (event, now) in &events {
            replayed = step(&desk.plan, &replayed, event, *now).0;
        }
        prop_assert_eq!(&replayed, &desk.state);
        // A checkpoint is a state that was put away.
        let kept = serde_json::to_vec(&desk.state).unwrap();
        prop_assert_eq!(serde_json::from_slice::<State>(&kept).unwrap(), desk.state);
    }

    /// An event that changes nothing and has no effect may be left out of the journal: replay without it is the same.
    #[test]
    fn events_without_consequence_can_be_left_out(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut desk = Desk::baking();
        let mut kept = desk.state.clone();
        for happening in &happenings {
            let event = desk.random(happening);
            let before = desk.state.clone();
            desk.happens(event.clone());
            if desk.state != before {
                kept = step(&desk.plan, &kept, &event, desk.now).0;
            }
        }
        prop_assert_eq!(kept, desk.state);
    }
}
