//! The go/no-go board of a picture: every rule with what it saw, and the gates of the present phase.

use timonel_domain::board::{GateSight, RuleSight, Verdict};
use timonel_domain::plan::{Gate, GateKind, Incident, Plan, Rule};
use timonel_domain::rule::RuleState;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, Side, SignalId};
use timonel_engine::Snapshot;
use timonel_wire as wire;
use timonel_wire::duration_millis;

use crate::console::past::Past;

pub(super) fn row(seen: &RuleSight, plan: &Plan, past: &Past, at: Timestamp) -> Option<wire::BoardRow> {
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

pub(super) fn gates(plan: &Plan, now: &Snapshot) -> Vec<wire::GateRow> {
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
        clean_units: seen
            .and_then(|seen| seen.kept)
            .filter(|kept| !kept.kept)
            .and_then(|kept| kept.clean_units),
        lasting: None,
    };
    let of_metric = |signal: &SignalId| plan.signal(signal).map(|s| &s.metric);
    match &gate.kind {
        GateKind::Limit {
            question,
            comparison,
            go,
            no_go,
            evidence: _,
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
