//! The picture of a rollout: what the engine shows now, with what its steps left behind. Pure: the same gives the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use timonel_domain::board::{self, GateSight, RuleSight, Verdict};
use timonel_domain::plan::{Gate, GateKind, Incident, Plan, Role, Rule};
use timonel_domain::rollout::{OpKind, Stage, State, TargetState, Verification, blockers};
use timonel_domain::rule::RuleState;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, SignalId, TargetId, Weight};
use timonel_engine::Snapshot;
use timonel_plan::Parsed;
use timonel_plan::model::SourceKind;
use timonel_ports::target::Target as PortTarget;
use timonel_wire as wire;
use timonel_wire::{duration_millis, millis, told};

use super::orders;
use super::past::{Past, PastAlert};

/// Alerts that cross at once; those that still ask for somebody are never left out.
const ALERTS: usize = 100;
/// Lines of the journal that cross at once.
const LINES: usize = 50;

/// What a target is and where, as its adapter says.
#[derive(Debug, Clone)]
pub(super) struct Place {
    kind: &'static str,
    place: String,
}

#[cfg(test)]
impl Place {
    /// Where nobody asked an adapter.
    pub(super) fn unknown() -> Self {
        Self {
            kind: "unknown",
            place: String::new(),
        }
    }
}

/// Kind and place of each target.
pub(super) fn places(targets: &[Arc<dyn PortTarget>]) -> BTreeMap<TargetId, Place> {
    let is = targets.iter().map(|target| target.describe());
    is.map(|is| {
        let place = Place {
            kind: is.kind,
            place: is.place,
        };
        (is.id, place)
    })
    .collect()
}

/// What does not change while a rollout runs, ready for every picture of it.
#[derive(Debug)]
pub(super) struct Easel {
    plan: Arc<Plan>,
    /// Kind and place of each target.
    places: BTreeMap<TargetId, Place>,
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
                simulated: true,
                speed: self.speed,
                scenario: self.scenario.clone(),
                store_fault: now.store_fault.clone(),
                unwritten: now.unwritten,
            },
            rollout: head(plan, now, past),
            sources: self.sources.iter().map(|s| source(s, plan, now)).collect(),
            phases: phases(plan, state, past),
            board: now
                .rules
                .iter()
                .filter_map(|seen| row(seen, plan, past, now.at))
                .collect(),
            gates: gates(plan, now),
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
                .filter_map(|t| self.target(&t.id, t.role, now, past))
                .collect(),
            units: wire::Units {
                stable: now.active.get(&Side::Stable).copied(),
                canary: now.active.get(&Side::Canary).copied(),
            },
            alerts: alerts(now, past),
            journal: journal(now, past),
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
        }
    }

    fn target(&self, id: &TargetId, role: Role, now: &Snapshot, past: &Past) -> Option<wire::Target> {
        let state: &TargetState = now.state.targets.get(id)?;
        let Place { kind, place } = self.places.get(id)?;
        let splits = role == Role::Splitter;
        let marks = state.marks;
        Some(wire::Target {
            id: id.to_string(),
            kind: (*kind).to_owned(),
            place: place.clone(),
            role: match role {
                Role::Splitter => wire::RoleName::Splitter,
                Role::Follower => wire::RoleName::Follower,
            },
            requested: hundredths(state.op.map(|op| op.to).or(state.asked)),
            accepted: hundredths(state.accepted),
            read: hundredths(state.read),
            observed: hundredths(now.observed.filter(|_| splits)),
            members: state.members.map(|members| wire::Members {
                canary: members.canary,
                all: members.all,
            }),
            levered: state.levered.map(millis),
            op: state.op.map(|op| wire::Operation {
                kind: match op.kind {
                    OpKind::Raise => wire::Operating::Raise,
                    OpKind::Rollback => wire::Operating::Rollback,
                    OpKind::PutBack => wire::Operating::PutBack,
                    OpKind::Correction => wire::Operating::Correction,
                    OpKind::Pin => wire::Operating::Pin,
                },
                to: op.to.hundredths(),
                since: millis(op.since),
                failures: op.failures,
                escalated: op.escalated,
            }),
            silent: state.silent.filter(|s| s.told).map(|s| millis(s.since)),
            drift: hundredths(state.drift),
            marks: wire::Marks {
                decided: now.state.rollback.as_ref().map(|r| millis(r.decided_at)),
                accepted: marks.accepted.map(millis),
                read_back: marks.read_back.map(millis),
                seen: marks.seen.map(millis),
                drained: marks.drained.map(millis),
                contrary: marks.contrary,
                seeable: splits && self.plan.traffic.assigned.is_some(),
            },
            manual: past.manual.get(id).cloned().unwrap_or_default(),
        })
    }
}

fn hundredths(weight: Option<Weight>) -> Option<u16> {
    weight.map(Weight::hundredths)
}

fn head(plan: &Plan, now: &Snapshot, past: &Past) -> wire::RolloutHead {
    let state = &*now.state;
    let phase = state.stage.phase().and_then(|i| plan.phases.get(i));
    wire::RolloutHead {
        id: now.rollout.to_string(),
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
        wire::Freshness::from(known.unwrap_or(board::Freshness::Lost))
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

fn row(seen: &RuleSight, plan: &Plan, past: &Past, at: Timestamp) -> Option<wire::BoardRow> {
    let rule: &Rule = plan.rule(&seen.rule)?;
    let signal = plan.signal(&rule.question.signal)?;
    let reading = |side: Side| {
        seen.sides.get(&side).map(|sight| wire::Reading {
            value: sight.answer.value.map(Quantity::as_f64),
            units: sight.answer.units,
            freshness: sight.freshness.into(),
        })
    };
    let judged = reading(rule.question.side);
    let known = judged.is_some_and(|reading| reading.value.is_some());
    let state = match &seen.state {
        RuleState::Firing { .. } => wire::RuleStage::Firing,
        RuleState::Pending { .. } => wire::RuleStage::Pending,
        RuleState::Idle | RuleState::Blind { .. } if !known => wire::RuleStage::NoEvidence,
        RuleState::Idle | RuleState::Blind { .. } if past.resolved.contains(&rule.id) => wire::RuleStage::Resolved,
        RuleState::Idle | RuleState::Blind { .. } => wire::RuleStage::Idle,
    };
    Some(wire::BoardRow {
        rule: rule.id.to_string(),
        metric: signal.metric.name().to_owned(),
        signal: signal.id.to_string(),
        statistic: rule.question.statistic.to_string(),
        unit: signal.metric.unit().into(),
        better: signal.metric.direction().into(),
        side: rule.question.side.into(),
        canary: reading(Side::Canary),
        stable: reading(Side::Stable),
        whole: reading(Side::Whole),
        limit: rule.limit.as_f64(),
        comparison: rule.comparison.into(),
        window_ms: duration_millis(rule.question.window),
        least_units: rule.question.least_units,
        lasting: wire::Progress {
            elapsed_ms: duration_millis(seen.state.lasted(at)),
            of_ms: duration_millis(rule.lasting),
        },
        state,
        severity: rule.severity.into(),
        action: rule.action.into(),
        freshness: judged.map_or(wire::Freshness::Lost, |reading| reading.freshness),
    })
}

fn gates(plan: &Plan, now: &Snapshot) -> Vec<wire::GateRow> {
    let phase = now.state.gated_phase().and_then(|i| plan.phases.get(i));
    let gates = phase.map(|p| p.gates.as_slice()).unwrap_or_default();
    gates.iter().map(|gate| gate_row(gate, plan, now)).collect()
}

fn gate_row(gate: &Gate, plan: &Plan, now: &Snapshot) -> wire::GateRow {
    let seen: Option<&GateSight> = now.gates.iter().find(|seen| seen.gate == gate.id);
    let verdict = |verdict: Verdict| match verdict {
        Verdict::Go => wire::GateVerdict::Go,
        Verdict::NoGo => wire::GateVerdict::NoGo,
        Verdict::Hold => wire::GateVerdict::Hold,
        Verdict::NoEvidence => wire::GateVerdict::NoEvidence,
    };
    let blank = wire::GateRow {
        id: gate.id.to_string(),
        code: String::new(),
        verdict: seen.map_or(wire::GateVerdict::NoEvidence, |seen| verdict(seen.verdict)),
        metric: None,
        unit: None,
        comparison: None,
        value: seen.and_then(|seen| seen.answer.value).map(Quantity::as_f64),
        units: seen.map(|seen| seen.answer.units).unwrap_or_default(),
        limit: seen.and_then(|seen| seen.limit).map(Quantity::as_f64),
        no_go: None,
        lasting: None,
    };
    let of_metric = |signal: &SignalId| plan.signal(signal).map(|s| &s.metric);
    match &gate.kind {
        GateKind::Limit {
            question,
            comparison,
            go,
            no_go,
        } => wire::GateRow {
            code: "gate-limit".to_owned(),
            metric: of_metric(&question.signal).map(|m| m.name().to_owned()),
            unit: of_metric(&question.signal).map(|m| m.unit().into()),
            comparison: Some((*comparison).into()),
            no_go: (no_go != go).then(|| no_go.as_f64()),
            ..blank
        },
        GateKind::Relative {
            question, comparison, ..
        } => wire::GateRow {
            code: "gate-relative".to_owned(),
            metric: of_metric(&question.signal).map(|m| m.name().to_owned()),
            unit: of_metric(&question.signal).map(|m| m.unit().into()),
            comparison: Some((*comparison).into()),
            ..blank
        },
        GateKind::Without { event, lasting } => {
            let served = now
                .state
                .without
                .get(event)
                .map(|watch| watch.elapsed(now.at))
                .unwrap_or_default();
            wire::GateRow {
                code: match event {
                    Incident::CriticalError => "gate-without-critical-error",
                    Incident::Security => "gate-without-security",
                }
                .to_owned(),
                verdict: match served >= *lasting {
                    true => wire::GateVerdict::Go,
                    false => wire::GateVerdict::Hold,
                },
                lasting: Some(wire::Progress {
                    elapsed_ms: duration_millis(served),
                    of_ms: duration_millis(*lasting),
                }),
                ..blank
            }
        }
    }
}

fn alerts(now: &Snapshot, past: &Past) -> Vec<wire::Alert> {
    let shown = |alert: &PastAlert| wire::Alert {
        id: alert.id.clone(),
        severity: alert.severity.into(),
        sentence: alert.sentence.clone(),
        since: millis(alert.since),
        resolved_at: alert.resolved_at.map(millis),
        acknowledged: now.acknowledged.get(&alert.id).map(|seen| wire::Acknowledged {
            by: seen.by.to_string(),
            at: millis(seen.at),
            comment: seen.comment.clone(),
        }),
    };
    let mut room = ALERTS;
    let newest_first = past.alerts.iter().rev().map(shown);
    newest_first
        .filter(|alert| {
            let asks = alert.resolved_at.is_none() && alert.acknowledged.is_none();
            room = room.saturating_sub(1);
            asks || room > 0
        })
        .collect()
}

/// The lines of steps and of acknowledgements, newest first.
fn journal(now: &Snapshot, past: &Past) -> Vec<wire::JournalLine> {
    let seen = now.acknowledged.values().map(|seen| wire::JournalLine {
        seq: seen.seq,
        at: millis(seen.at),
        severity: wire::SeverityName::Low,
        sentence: wire::Sentence::new("acknowledged")
            .with("person", wire::Arg::text(&seen.by))
            .with("comment", wire::Arg::text(&seen.comment)),
    });
    let mut lines: Vec<_> = past.lines.iter().cloned().chain(seen).collect();
    // Stable: lines of one entry stay in their order before they are turned round.
    lines.sort_by_key(|line| line.seq);
    lines.reverse();
    lines.truncate(LINES);
    lines
}

fn emergency(plan: &Plan, now: &Snapshot, past: &Past) -> wire::Emergency {
    let state = &*now.state;
    let splitter = plan.splitter().and_then(|s| state.targets.get(&s.id));
    let confirm = orders::needs_confirmation(plan, state, now.at);
    let verified = |id: &TargetId| state.verification(plan, id) == Verification::Verified;
    wire::Emergency {
        rollout: now.rollout.to_string(),
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
