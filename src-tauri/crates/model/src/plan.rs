//! The plan of the model: splitter and follower, 10 and 100 %, one approval between them, and one rule that puts back.

use std::time::Duration;

use timonel_domain::board::{Assessment, Firing};
use timonel_domain::metric::{KnownMetric, Metric, Statistic};
use timonel_domain::plan::{
    Action, Comparison, EvidenceMode, OnNoData, Phase, Plan, Question, Role, Rule, Severity, SignalPlan, TargetPlan,
    Traffic, Unit,
};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, PhaseId, PlanId, Quantity, RuleId, Side, SignalId, TargetId, Weight};

/// How many targets there are.
pub(crate) const TARGETS: usize = 2;
/// From tick to tick: longer than the bake time, and than the steady minute after which holds clear by themselves.
const TICK: Duration = Duration::from_secs(61);

/// The moment of a tick.
pub(crate) fn at(tick: u8) -> Timestamp {
    Timestamp::from_secs(1_800_000_000) + TICK * u32::from(tick)
}

pub(crate) fn person() -> Person {
    Person::new("ana").expect("a good id")
}

fn errors() -> SignalId {
    SignalId::new("errores").expect("a good id")
}

fn rule() -> RuleId {
    RuleId::new("errores-altos").expect("a good id")
}

/// A rule fires with the evidence that its mode asks for.
pub(crate) fn firing(now: Timestamp) -> Assessment {
    let firing = Firing {
        breach: now,
        since: now,
        blind: false,
        evidence: None,
    };
    Assessment {
        firing: [(rule(), firing)].into(),
        ..Assessment::default()
    }
}

/// A required signal is lost.
pub(crate) fn lost() -> Assessment {
    Assessment {
        lost: [(errors(), Side::Stable)].into(),
        ..Assessment::default()
    }
}

pub(crate) fn plan() -> Plan {
    let target = |id: &str, role| TargetPlan {
        id: TargetId::new(id).expect("a good id"),
        role,
        pins: false,
    };
    let phase = |id: &str, percent, approvals| Phase {
        id: PhaseId::new(id).expect("a good id"),
        name: String::new(),
        weight: Weight::percent(percent),
        bake: Duration::from_secs(30),
        gates: Vec::new(),
        approvals,
        checklist: None,
        check_in: None,
        planned_start: None,
    };
    let limit = Quantity::from_micros(100_000);
    Plan {
        id: PlanId::new("modelo").expect("a good id"),
        revision: 1,
        name: String::new(),
        environment: String::new(),
        unit: Unit::Call,
        targets: vec![
            target("a-repartidor", Role::Splitter),
            target("b-seguidor", Role::Follower),
        ],
        tenants: Vec::new(),
        signals: vec![SignalPlan {
            id: errors(),
            metric: Metric::Known(KnownMetric::ErrorRate),
            sides: vec![Side::Stable, Side::Canary],
            interval: Duration::from_secs(5),
            lag: Duration::ZERO,
            required: true,
            incident: None,
        }],
        rules: vec![Rule {
            id: rule(),
            question: Question {
                signal: errors(),
                side: Side::Canary,
                statistic: Statistic::Share,
                window: Duration::from_secs(60),
                least_units: 0,
            },
            comparison: Comparison::Above,
            limit,
            lasting: Duration::ZERO,
            clear_limit: limit,
            clear_lasting: Duration::ZERO,
            max_gap: Duration::ZERO,
            on_no_data: OnNoData::Hold,
            action: Action::Rollback,
            evidence: EvidenceMode::Gated,
            history: None,
            severity: Severity::Critical,
        }],
        phases: vec![phase("piloto", 10, 1), phase("completo", 100, 0)],
        checklists: Vec::new(),
        traffic: Traffic::default(),
        keep_stable: Duration::from_secs(86_400),
        automatic: true,
        freezes: Vec::new(),
    }
}
