//! The plan of what is open, as it is written: its phases, what is doubtful in it, and what has been measured of the traffic
//! that it is about. Deliberately not here: what it can show with that traffic (`planner`).

mod figures;
pub(super) mod planner;

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::plan::{Gate, GateKind, Incident, Phase, Plan};
use timonel_domain::sample::Value;
use timonel_domain::value::{Side, SignalId};
use timonel_plan::Parsed;
use timonel_plan::finding::Finding;
use timonel_ports::store::SampleStore;
use timonel_wire as wire;
use timonel_wire::{WireError, duration_millis, millis};

use super::Console;
use super::chart::unread;
use crate::berth::plan_finding;
use crate::power;

/// Traffic is measured over the last day, so that busy and quiet hours count as they are.
const MEASURED: Duration = Duration::from_secs(24 * 3600);
/// From less nobody can tell a day.
const LEAST: Duration = Duration::from_secs(10 * 60);
/// A share of fewer units says little.
const LEAST_UNITS: u64 = 100;

/// A plan as it is written, which what is open may run shortened.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) plan: Arc<Plan>,
    revision: Option<u32>,
    shortened: bool,
    findings: Vec<wire::PlanFinding>,
}

impl Written {
    /// Of the plan that runs and of the text that was written; `revision` where an installation keeps it.
    pub(super) fn new(runs: &Parsed, text: &str, revision: Option<u32>) -> Self {
        let checked = timonel_plan::check(text);
        let finding = |finding: &Finding| plan_finding(finding, text);
        let findings = checked.findings.iter().map(finding).collect();
        let plan = checked.value.map_or_else(|| runs.plan.clone(), |parsed| parsed.plan);
        let bakes = |plan: &Plan| plan.phases.iter().map(|phase| phase.bake).collect::<Vec<_>>();
        Self {
            shortened: bakes(&plan) != bakes(&runs.plan),
            plan: Arc::new(plan),
            revision,
            findings,
        }
    }
}

impl Console {
    /// The plan of what is open, as it is written, with what has been measured of the traffic of the last day.
    pub async fn plan_sheet(&self) -> Result<wire::PlanSheet, WireError> {
        let written = &self.0.written;
        let plan = &*written.plan;
        Ok(wire::PlanSheet {
            plan: plan.id.to_string(),
            name: plan.name.clone(),
            revision: written.revision,
            shortened: written.shortened,
            phases: plan.phases.iter().map(|phase| phase_row(phase, plan)).collect(),
            findings: written.findings.clone(),
            today: self.today(plan).await?,
        })
    }

    /// What the plan can show with so much traffic, as far as that is computed: it is asked again until it is done. Asking for
    /// other traffic ends what is being computed.
    pub async fn power(&self, today: wire::PowerAsk) -> Result<wire::Power, WireError> {
        self.0.planner.answer(today).await
    }

    async fn today(&self, plan: &Plan) -> Result<wire::MeasuredToday, WireError> {
        let failures = power::failures(plan).map(|signal| &signal.id);
        let base = match failures {
            Some(signal) => self.measured(signal).await?,
            None => Measured::default(),
        };
        // By the units that are assigned, where the plan counts them.
        let units = match &plan.traffic.assigned {
            Some(signal) => self.measured(signal).await?,
            None => base,
        };
        let mut shares = Vec::new();
        for signal in power::shares(plan) {
            shares.push(wire::MeasuredShare {
                metric: signal.metric.name().to_owned(),
                value: self.measured(&signal.id).await?.share(),
            });
        }
        Ok(wire::MeasuredToday {
            units_per_day: units.per_day(),
            over_ms: duration_millis(units.over),
            base: base.share(),
            shares,
        })
    }

    async fn measured(&self, signal: &SignalId) -> Result<Measured, WireError> {
        let now = self.0.clock.now();
        let during = now - MEASURED..now + Duration::from_micros(1);
        let samples = self.0.store.samples(&self.0.rollout, signal, during).await;
        let mut measured = Measured::default();
        let mut first = None;
        for sample in samples.map_err(unread)? {
            let since = sample.value.since().unwrap_or(sample.as_of);
            let first = *first.get_or_insert(since);
            measured.over = measured.over.max(sample.as_of.since(first));
            measured.units += sample.value.units().unwrap_or(0);
            match (&sample.value, sample.side) {
                (Value::Ratio { bad, total, .. }, Side::Stable | Side::Whole) => {
                    measured.counted += bad;
                    measured.of += total;
                }
                (Value::Ratio { .. }, Side::Canary)
                | (Value::Distribution { .. } | Value::Count { .. } | Value::Level(_), _) => {}
            }
        }
        Ok(measured)
    }
}

/// What the samples of a signal say about a day.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    over: Duration,
    /// Of both sides.
    units: u64,
    /// Of the old version: those that the signal counts, and all.
    counted: u64,
    of: u64,
}

impl Measured {
    fn per_day(self) -> Option<f64> {
        let per_day = self.units as f64 / (self.over.as_secs_f64() / 86_400.0);
        // Two digits are known at best, and a figure that moves with every call would be computed anew each time.
        let digit = 10f64.powf((per_day.log10() - 1.0).floor().max(0.0));
        (self.over >= LEAST && self.units > 0).then(|| ((per_day / digit).round() * digit).max(1.0))
    }

    fn share(self) -> Option<f64> {
        // More digits nobody has measured.
        let rounded = |share: f64| (share * 1000.0).round() / 1000.0;
        (self.of >= LEAST_UNITS).then(|| rounded(self.counted as f64 / self.of as f64))
    }
}

fn phase_row(phase: &Phase, plan: &Plan) -> wire::PlanPhase {
    wire::PlanPhase {
        id: phase.id.to_string(),
        name: phase.name.clone(),
        weight: phase.weight.hundredths(),
        bake_ms: duration_millis(phase.bake),
        planned_start: phase.planned_start.map(millis),
        approvals: phase.approvals,
        checklist: phase.checklist.as_ref().map(ToString::to_string),
        check_in_ms: phase.check_in.map(duration_millis),
        gates: phase.gates.iter().map(|gate| gate_row(gate, plan)).collect(),
    }
}

fn gate_row(gate: &Gate, plan: &Plan) -> wire::PlanGate {
    let blank = wire::PlanGate {
        id: gate.id.to_string(),
        code: "gate-limit".to_owned(),
        metric: None,
        unit: None,
        comparison: None,
        limit: None,
        lasting_ms: None,
    };
    match &gate.kind {
        GateKind::Limit {
            question,
            comparison,
            go: limit,
            ..
        }
        | GateKind::Relative {
            question,
            comparison,
            margin: limit,
            evidence: _,
        } => {
            let metric = plan.signal(&question.signal).map(|signal| &signal.metric);
            wire::PlanGate {
                code: match &gate.kind {
                    GateKind::Relative { .. } => "plan-gate-relative",
                    GateKind::Limit { .. } | GateKind::Without { .. } => "gate-limit",
                }
                .to_owned(),
                metric: metric.map(|metric| metric.name().to_owned()),
                unit: metric.map(|metric| metric.unit().into()),
                comparison: Some((*comparison).into()),
                limit: Some(limit.as_f64()),
                ..blank
            }
        }
        GateKind::Without { event, lasting } => wire::PlanGate {
            code: match event {
                Incident::CriticalError => "gate-without-critical-error",
                Incident::Security => "gate-without-security",
            }
            .to_owned(),
            lasting_ms: Some(duration_millis(*lasting)),
            ..blank
        },
    }
}

#[cfg(test)]
mod tests;
