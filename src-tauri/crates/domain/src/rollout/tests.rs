//! Tests of the rollout: journeys told event by event, and properties over random events.

mod journeys;
mod properties;
mod sets;

use std::time::Duration;

use timonel_judge::Strength;

use super::*;
use crate::board::{Assessment, Firing, Verdict};
use crate::evidence::Worse;
use crate::fixture;
use crate::plan::{EvidenceMode, Plan};
use crate::time::Timestamp;
use crate::value::*;

/// A rollout that is fed by hand.
struct Desk {
    plan: Plan,
    state: State,
    now: Timestamp,
    /// Effects of the last event.
    effects: Vec<Effect>,
}

fn person(name: &str) -> Person {
    Person::new(name).expect("a good id")
}

fn target(name: &str) -> TargetId {
    TargetId::new(name).expect("a good id")
}

fn splitter() -> TargetId {
    target("istio")
}

fn follower() -> TargetId {
    target("seguidor")
}

/// Everything well: the gates of `phase` are `Go`.
fn well(plan: &Plan, phase: usize) -> Assessment {
    let gates = plan.phases[phase]
        .gates
        .iter()
        .filter(|g| g.id.as_str().ends_with("errores"));
    Assessment {
        gates: gates.map(|g| (g.id.clone(), Verdict::Go)).collect(),
        ..Assessment::default()
    }
}

fn firing(plan: &Plan, rule: usize, now: Timestamp) -> Assessment {
    let firing = Firing {
        breach: now - Duration::from_secs(300),
        since: now,
        blind: false,
        evidence: None,
    };
    Assessment {
        firing: [(plan.rules[rule].id.clone(), firing)].into(),
        ..Assessment::default()
    }
}

fn lost() -> Assessment {
    Assessment {
        lost: [(fixture::errors(), Side::Stable)].into(),
        ..Assessment::default()
    }
}

impl Desk {
    fn draft() -> Self {
        let plan = fixture::plan();
        Self {
            state: State::new(&plan),
            plan,
            now: Timestamp::from_secs(1_000_000),
            effects: Vec::new(),
        }
    }

    /// Armed, with the helm, everything signed and well.
    fn armed() -> Self {
        let mut desk = Self::draft();
        desk.happens(Event::Helm(Some(7)));
        desk.happens(Event::Sign {
            by: person("ana"),
            checklist: ChecklistId::new("antes").expect("a good id"),
        });
        let live = vec![(splitter(), Weight::ZERO), (follower(), Weight::ZERO)];
        desk.happens(Event::Arm {
            by: person("ana"),
            live,
            failed: Vec::new(),
        });
        desk.happens(Event::Assessed(well(&desk.plan.clone(), 0)));
        desk
    }

    /// Baking in the first phase.
    fn baking() -> Self {
        let mut desk = Self::armed();
        desk.happens(Event::Start { by: person("ana") });
        desk.obey();
        desk
    }

    fn happens(&mut self, event: Event) -> &mut Self {
        let (state, effects) = step(&self.plan, &self.state, &event, self.now);
        (self.state, self.effects) = (state, effects);
        self
    }

    fn after(&mut self, secs: u64) -> &mut Self {
        self.now = self.now + Duration::from_secs(secs);
        self.happens(Event::Tick)
    }

    fn report(&mut self, target: TargetId, report: Report) -> &mut Self {
        self.happens(Event::Target { target, report })
    }

    /// Every open operation is accepted and read back, until nothing more follows.
    fn obey(&mut self) -> &mut Self {
        let mut all = self.effects.clone();
        while let Some((id, op)) = self
            .state
            .targets
            .iter()
            .find_map(|(id, t)| t.op.map(|op| (id.clone(), op)))
        {
            self.report(id.clone(), Report::accepted(op.id));
            all.append(&mut self.effects.clone());
            self.report(id, Report::read(Some(op.id), op.to));
            all.append(&mut self.effects.clone());
        }
        self.effects = all;
        self
    }

    fn op(&self, id: &TargetId) -> Op {
        self.state.targets[id].op.expect("an operation under way")
    }

    /// Raises and lowerings among the last effects, as text.
    fn moves(&self) -> Vec<String> {
        self.effects
            .iter()
            .filter_map(|e| match e {
                Effect::Raise { target, to, .. } => Some(format!("raise {target} {to}")),
                Effect::Lower { target, to, .. } => Some(format!("lower {target} {to}")),
                Effect::Notify(_) | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
            })
            .collect()
    }

    fn notices(&self) -> Vec<&Notice> {
        let mut out = Vec::new();
        for effect in &self.effects {
            if let Effect::Notify(notice) = effect {
                out.push(notice);
            }
        }
        out
    }

    fn rejected(&self) -> Option<&Rejection> {
        self.effects
            .iter()
            .find_map(|e| if let Effect::Rejected(r) = e { Some(r) } else { None })
    }
}
