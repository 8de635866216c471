//! The picture of a rollout: what the engine shows now, with what its steps left behind. Pure: the same gives the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use timonel_domain::board::Freshness;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Stage, State, Verification, blockers};
use timonel_domain::value::{Side, SignalId, TargetId, Weight};
use timonel_engine::Snapshot;
use timonel_plan::Parsed;
use timonel_plan::model::SourceKind;
use timonel_plan::parsed::{SIMULATOR, Way};
use timonel_ports::target::Target as PortTarget;
use timonel_wire as wire;
use timonel_wire::{duration_millis, millis, told};

use super::orders;
use super::past::Past;

mod board;
mod evidence;
mod history;
mod target;

/// What a target is, as its adapter says.
#[derive(Debug, Clone)]
pub(super) struct Place {
    kind: &'static str,
}

#[cfg(test)]
impl Place {
    /// Where nobody asked an adapter.
    pub(super) fn unknown() -> Self {
        Self { kind: "unknown" }
    }
}

/// The kind of each target.
pub(super) fn places(targets: &[Arc<dyn PortTarget>]) -> BTreeMap<TargetId, Place> {
    let is = targets.iter().map(|target| target.describe());
    is.map(|is| (is.id, Place { kind: is.kind })).collect()
}

/// What does not change while a rollout runs, ready for every picture of it.
#[derive(Debug)]
pub(super) struct Easel {
    plan: Arc<Plan>,
    /// The kind of each target.
    places: BTreeMap<TargetId, Place>,
    /// How the plan reaches each target.
    ways: BTreeMap<TargetId, Way>,
    /// Each source with its signals.
    sources: Vec<(wire::Source, Vec<SignalId>)>,
    /// How many numbers each tenant has, in the plan's order.
    numbers: Vec<u32>,
    speed: Option<f64>,
    scenario: Option<String>,
}

impl Easel {
    pub(super) fn new(
        plan: &Parsed,
        places: BTreeMap<TargetId, Place>,
        speed: Option<f64>,
        scenario: Option<String>,
    ) -> Self {
        let sources = plan.sources.iter().map(|source| {
            let signals: Vec<_> = plan
                .signals
                .iter()
                .filter(|s| s.source == source.name)
                .map(|s| s.id.clone())
                .collect();
            let lag = signals
                .iter()
                .filter_map(|id| plan.plan.signal(id))
                .map(|s| s.lag)
                .max();
            let blank = wire::Source {
                name: source.name.clone(),
                kind: match source.kind {
                    SourceKind::Prometheus => "prometheus",
                    SourceKind::Scrape => "scrape",
                    SourceKind::Telnyx => "telnyx",
                }
                .to_owned(),
                interval_ms: duration_millis(source.interval),
                lag_ms: duration_millis(lag.unwrap_or_default()),
                newest_at: None,
                freshness: wire::Freshness::Lost,
                not_live: 0,
                all: 0,
            };
            (blank, signals)
        });
        Self {
            plan: Arc::new(plan.plan.clone()),
            places,
            ways: plan.targets.iter().map(|t| (t.id.clone(), t.way.clone())).collect(),
            sources: sources.collect(),
            numbers: plan
                .tenants
                .iter()
                .map(|t| u32::try_from(t.numbers.len()).unwrap_or(u32::MAX))
                .collect(),
            speed,
            scenario,
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The picture at the moment of `now`.
    pub(super) fn paint(&self, now: &Snapshot, past: &Past, revision: u64) -> wire::Picture {
        let (plan, state) = (&*self.plan, &*now.state);
        wire::Picture {
            revision,
            at: millis(now.at),
            environment: wire::EnvironmentBand {
                name: plan.environment.clone(),
                simulated: plan.environment == SIMULATOR,
                speed: self.speed,
                scenario: self.scenario.clone(),
                store_fault: now.store_fault.clone(),
                unwritten: now.unwritten,
                store: None,
                looking_on: now.looking_on.as_ref().map(|seen| wire::LookingOn {
                    read_at: millis(seen.read_at) / 1000 * 1000,
                    lost: seen.lost.is_some(),
                    unled: seen.unled,
                    from_kit: false,
                }),
            },
            rollout: head(plan, now, past),
            sources: self.sources.iter().map(|s| source(s, plan, now)).collect(),
            phases: phases(plan, state, past),
            board: now
                .rules
                .iter()
                .filter_map(|seen| board::row(seen, plan, past, now.at))
                .collect(),
            gates: board::gates(plan, now),
            evidence: evidence::rows(&now.evidence, plan),
            blockers: match state.stage.is_running() || state.stage == Stage::Armed {
                true => blockers(plan, state, now.at)
                    .iter()
                    .map(|b| told::blocker(b, plan))
                    .collect(),
                false => Vec::new(),
            },
            targets: plan
                .targets
                .iter()
                .filter_map(|t| target::target(self, &t.id, t.role, now, past))
                .collect(),
            units: wire::Units {
                stable: now.active.get(&Side::Stable).copied(),
                canary: now.active.get(&Side::Canary).copied(),
            },
            alerts: history::alerts(now, past),
            journal: history::journal(now, past),
            checklists: plan
                .checklists
                .iter()
                .map(|list| wire::Checklist {
                    id: list.id.to_string(),
                    items: list.items.clone(),
                    signed_by: state.signed.get(&list.id).map(ToString::to_string),
                })
                .collect(),
            tenants: plan
                .tenants
                .iter()
                .zip(&self.numbers)
                .map(|(tenant, numbers)| wire::Tenant {
                    id: tenant.id.to_string(),
                    name: tenant.name.clone(),
                    numbers: *numbers,
                    pinned: state.pins.contains(&tenant.id),
                })
                .collect(),
            emergency: emergency(plan, now, past),
            popups: wire::PopupsState::default(),
        }
    }
}

fn head(plan: &Plan, now: &Snapshot, past: &Past) -> wire::RolloutHead {
    let state = &*now.state;
    let phase = state.stage.phase().and_then(|i| plan.phases.get(i));
    wire::RolloutHead {
        id: now.rollout.to_string(),
        plan: plan.id.to_string(),
        name: plan.name.clone(),
        stage: state.stage.into(),
        phase: phase.map(|p| p.id.to_string()),
        frozen: state.is_frozen(),
        holds: state.holds.iter().map(wire::HoldName::from).collect(),
        since: millis(past.since),
        latched: state.latch.as_ref().map(|latch| millis(latch.since)),
        cause: state.rollback.as_ref().map(|r| told::cause(&r.cause, plan)),
        sentence: told::stage(state, plan),
        may: orders::possible(plan, state, now.at),
        approvals: state.approvals.iter().map(ToString::to_string).collect(),
        helm: now.helm.last.held.as_ref().map(|held| wire::HelmHolder {
            by: held.by.to_string(),
            since: millis(held.since),
            here: now.helm.ours.is_some(),
        }),
    }
}

/// A side of a signal owes data: the canary only since units go there.
fn owes(side: Side, state: &State) -> bool {
    match side {
        Side::Stable | Side::Whole => true,
        Side::Canary => state.canary_since.is_some(),
    }
}

fn source((blank, signals): &(wire::Source, Vec<SignalId>), plan: &Plan, now: &Snapshot) -> wire::Source {
    let signals = || signals.iter().filter_map(|id| plan.signal(id));
    let sides = || signals().flat_map(|s| s.sides.iter().map(move |side| (s, *side)));
    let owed = || sides().filter(|(_, side)| owes(*side, &now.state));
    let fresh = |id: &SignalId, side| {
        let known = now.freshness.get(&(id.clone(), side)).copied();
        wire::Freshness::from(known.unwrap_or(Freshness::Lost))
    };
    let required = owed()
        .filter(|(s, _)| s.required)
        .map(|(s, side)| fresh(&s.id, side))
        .max();
    let best = || owed().map(|(s, side)| fresh(&s.id, side)).min();
    let newest = sides()
        .filter_map(|(s, side)| now.newest.get(&(s.id.clone(), side)))
        .max();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    wire::Source {
        newest_at: newest.copied().map(millis),
        // Where nothing that it delivers is required, it is as fresh as anything it delivers.
        freshness: required.or_else(best).unwrap_or(wire::Freshness::Lost),
        not_live: count(
            owed()
                .filter(|(s, side)| fresh(&s.id, *side) != wire::Freshness::Live)
                .count(),
        ),
        all: count(owed().count()),
        ..blank.clone()
    }
}

fn phases(plan: &Plan, state: &State, past: &Past) -> Vec<wire::PhaseRow> {
    let present = state.stage.is_running().then(|| state.stage.phase()).flatten();
    let row = |(i, phase): (usize, &timonel_domain::plan::Phase)| {
        let went = past.phases.get(&i).cloned().unwrap_or_default();
        let later = past.phases.keys().any(|other| *other > i) || matches!(state.stage, Stage::Completed { .. });
        wire::PhaseRow {
            id: phase.id.to_string(),
            name: phase.name.clone(),
            weight: phase.weight.hundredths(),
            bake_ms: duration_millis(phase.bake),
            baked_ms: went.baked_ms,
            planned_start: phase.planned_start.map(millis),
            entered_at: went.entered.map(millis),
            left_at: went.left.map(millis),
            state: match (went.entered, present == Some(i), later) {
                (None, ..) => wire::PhaseState::Ahead,
                (Some(_), true, _) => wire::PhaseState::Present,
                (Some(_), false, true) => wire::PhaseState::Passed,
                (Some(_), false, false) => wire::PhaseState::RolledBack,
            },
            approvals: phase.approvals,
            checklist: phase.checklist.as_ref().map(ToString::to_string),
        }
    };
    plan.phases.iter().enumerate().map(row).collect()
}

fn emergency(plan: &Plan, now: &Snapshot, past: &Past) -> wire::Emergency {
    let state = &*now.state;
    let splitter = plan.splitter().and_then(|s| state.targets.get(&s.id));
    let confirm = orders::needs_confirmation(plan, state, now.at);
    let verified = |id: &TargetId| state.verification(plan, id) == Verification::Verified;
    wire::Emergency {
        rollout: now.rollout.to_string(),
        plan: plan.id.to_string(),
        possible: confirm
            || orders::possible(plan, state, now.at)
                .iter()
                .any(|name| name == "roll-back"),
        confirm,
        from: splitter
            .and_then(|t| t.accepted.or(t.read))
            .unwrap_or(Weight::ZERO)
            .hundredths(),
        to: Weight::ZERO.hundredths(),
        targets: plan.targets.iter().map(|t| t.id.to_string()).collect(),
        last_drill: past.last_drill,
        verified: state.rollback.as_ref().map(|_| {
            let done = plan.targets.iter().filter(|t| verified(&t.id)).count();
            u32::try_from(done).unwrap_or(u32::MAX)
        }),
    }
}
