//! A small plan for the tests of this crate.

use std::time::Duration;

use crate::metric::{KnownMetric, Metric, Statistic};
use crate::plan::*;
use crate::value::*;

pub(crate) fn errors() -> SignalId {
    SignalId::new("errores").expect("a good id")
}

pub(crate) fn question() -> Question {
    Question {
        signal: errors(),
        side: Side::Canary,
        statistic: Statistic::Share,
        window: Duration::from_secs(300),
        least_units: 20,
    }
}

fn share(percent: i64) -> Quantity {
    Quantity::from_micros(percent * 10_000)
}

pub(crate) fn rule() -> Rule {
    Rule {
        id: RuleId::new("errores-altos").expect("a good id"),
        question: question(),
        comparison: Comparison::Above,
        limit: share(10),
        lasting: Duration::from_secs(300),
        clear_limit: share(8),
        clear_lasting: Duration::from_secs(60),
        max_gap: Duration::from_secs(120),
        on_no_data: OnNoData::Hold,
        action: Action::Rollback,
        evidence: EvidenceMode::Literal,
        history: None,
        severity: Severity::Critical,
    }
}

fn phase(id: &str, percent: u8, approvals: u8) -> Phase {
    let gate = |kind, name: &str| Gate {
        id: GateId::new(&format!("{id}-{name}")).expect("a good id"),
        kind,
    };
    Phase {
        id: PhaseId::new(id).expect("a good id"),
        name: id.to_owned(),
        weight: Weight::percent(percent),
        bake: Duration::from_secs(600),
        gates: vec![
            gate(
                GateKind::Limit {
                    question: question(),
                    comparison: Comparison::Above,
                    go: share(5),
                    no_go: share(10),
                    evidence: EvidenceMode::Literal,
                },
                "errores",
            ),
            gate(
                GateKind::Without {
                    event: Incident::CriticalError,
                    lasting: Duration::from_secs(900),
                },
                "criticos",
            ),
        ],
        approvals,
        checklist: (approvals > 0).then(|| ChecklistId::new("antes").expect("a good id")),
        check_in: None,
        planned_start: None,
    }
}

/// Splitter and follower, 10 and 100 %, one signal, one rollback rule and one alert rule.
pub(crate) fn plan() -> Plan {
    let alert = Rule {
        id: RuleId::new("errores-aviso").expect("a good id"),
        limit: share(6),
        clear_limit: share(6),
        action: Action::Alert,
        severity: Severity::High,
        ..rule()
    };
    let tenant = |id: &str, pinned| TenantPlan {
        id: TenantId::new(id).expect("a good id"),
        name: id.to_owned(),
        pinned,
    };
    let target = |id: &str, role| TargetPlan {
        id: TargetId::new(id).expect("a good id"),
        role,
        pins: role == Role::Splitter,
    };
    Plan {
        id: PlanId::new("prueba").expect("a good id"),
        revision: 1,
        name: "Prueba".to_owned(),
        environment: "simulador".to_owned(),
        unit: Unit::Call,
        targets: vec![target("istio", Role::Splitter), target("seguidor", Role::Follower)],
        tenants: vec![tenant("norte", false), tenant("sur", true)],
        signals: vec![SignalPlan {
            id: errors(),
            metric: Metric::Known(KnownMetric::ErrorRate),
            sides: vec![Side::Stable, Side::Canary],
            interval: Duration::from_secs(15),
            lag: Duration::ZERO,
            required: true,
            incident: None,
        }],
        rules: vec![rule(), alert],
        phases: vec![phase("piloto", 10, 0), phase("completo", 100, 1)],
        checklists: vec![Checklist {
            id: ChecklistId::new("antes").expect("a good id"),
            items: vec!["copia".to_owned()],
        }],
        traffic: Traffic {
            assigned: Some(SignalId::new("asignadas").expect("a good id")),
            active: None,
        },
        keep_stable: Duration::from_secs(7 * 86_400),
        automatic: true,
        freezes: Vec::new(),
    }
}
