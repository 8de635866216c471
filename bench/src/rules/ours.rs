//! Our side: a plan with a rule for each tenant and metric, and the product's board over it.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::board::{Board, Outlook};
use timonel_domain::evidence::Epoch;
use timonel_domain::metric::{KnownMetric, Metric, Statistic};
use timonel_domain::plan::{
    Action, Comparison, EvidenceMode, OnNoData, Phase, Plan, Question, Role, Rule, Severity, SignalPlan, TargetPlan,
    Traffic, Unit,
};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{BadId, PhaseId, PlanId, Quantity, RuleId, Side, SignalId, TargetId, Weight};

use super::traffic::{METRICS, TENANTS, tenant_name};
use super::{LIMIT, SCRAPE};

/// A signal and a rule for each metric of the tenants that are read every 15 s, and of `standing` more that are read once
/// an hour. "Bad share of the canary above 10 % for 5 minutes: put back, by the evidence", as plans have it by default.
pub(super) fn plan(window: Duration, standing: usize) -> Result<Plan, BadId> {
    let limit = Quantity::from_micros((LIMIT * 1e6) as i64);
    let (mut signals, mut rules) = (Vec::new(), Vec::new());
    for tenant in 0..TENANTS + standing {
        let interval = if tenant < TENANTS {
            SCRAPE
        } else {
            Duration::from_secs(3600)
        };
        for metric in 0..METRICS {
            let id = SignalId::new(&check_name(tenant, metric))?;
            signals.push(SignalPlan {
                id: id.clone(),
                metric: Metric::Known(KnownMetric::FailedCalls),
                sides: vec![Side::Canary],
                interval,
                lag: Duration::ZERO,
                required: true,
                incident: None,
            });
            rules.push(Rule {
                id: RuleId::new(id.as_str())?,
                question: Question {
                    signal: id,
                    side: Side::Canary,
                    statistic: Statistic::Share,
                    window,
                    least_units: 20,
                },
                comparison: Comparison::Above,
                limit,
                lasting: Duration::from_secs(300),
                clear_limit: limit,
                clear_lasting: Duration::from_secs(60),
                max_gap: Duration::from_secs(120),
                on_no_data: OnNoData::Hold,
                action: Action::Rollback,
                evidence: EvidenceMode::Gated,
                history: None,
                severity: Severity::High,
            });
        }
    }
    Ok(Plan {
        id: PlanId::new("reglas")?,
        revision: 1,
        name: "Reglas".to_owned(),
        environment: "bench".to_owned(),
        unit: Unit::Call,
        targets: vec![TargetPlan {
            id: TargetId::new("reparto")?,
            role: Role::Splitter,
            pins: false,
        }],
        tenants: Vec::new(),
        signals,
        rules,
        phases: vec![Phase {
            id: PhaseId::new("piloto")?,
            name: "Piloto".to_owned(),
            weight: Weight::percent(5),
            bake: Duration::from_secs(3600),
            gates: Vec::new(),
            approvals: 0,
            checklist: None,
            check_in: None,
            planned_start: None,
        }],
        checklists: Vec::new(),
        traffic: Traffic::default(),
        keep_stable: Duration::from_secs(86_400),
        automatic: true,
        freezes: Vec::new(),
    })
}

/// How a check is called on both sides.
pub(super) fn check_name(tenant: usize, metric: usize) -> String {
    format!("{}-m{metric}", tenant_name(tenant))
}

/// A board in the middle of a phase that began at `since`.
pub(super) struct Watch {
    board: Board,
    outlook: Outlook,
    signals: Vec<SignalId>,
}

impl Watch {
    pub(super) fn new(plan: &Plan, since: Timestamp) -> Self {
        Self {
            board: Board::new(plan),
            outlook: Outlook {
                phase: Some(0),
                canary_since: Some(since),
                watching_since: since,
                epoch: Some(Epoch::new(since, Weight::percent(5))),
            },
            signals: plan.signals.iter().map(|signal| signal.id.clone()).collect(),
        }
    }

    /// The calls of a check between two readings.
    pub(super) fn sample(&self, check: usize, since: Timestamp, as_of: Timestamp, bad: u64, total: u64) -> Sample {
        Sample {
            signal: self.signals[check].clone(),
            side: Side::Canary,
            as_of,
            value: Value::Ratio { since, bad, total },
        }
    }

    pub(super) fn observe(&mut self, samples: Vec<Sample>) {
        for sample in samples {
            self.board.observe(sample);
        }
    }

    /// Every rule at `now`.
    pub(super) fn assess(&mut self, now: Timestamp) {
        std::hint::black_box(self.board.assess(self.outlook, now));
    }

    /// The checks that breach now, and how many checks have a value to be held against their limit.
    pub(super) fn breaching(&self, now: Timestamp) -> (BTreeSet<String>, usize) {
        let (mut breaching, mut live) = (BTreeSet::new(), 0);
        for seen in self.board.rules_seen(now) {
            let value = seen.sides.get(&Side::Canary).and_then(|side| side.answer.value);
            live += usize::from(value.is_some());
            // Breaching or firing, by the state that the board itself keeps.
            if seen.state.breach().is_some() && value.is_some_and(|value| value.as_f64() > LIMIT) {
                breaching.insert(seen.rule.to_string());
            }
        }
        (breaching, live)
    }
}
