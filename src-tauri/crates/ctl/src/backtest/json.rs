//! A backtest as one JSON object. Its form is documented in docs/backtest.md and only grows.

use serde_json::{Value, json};
use timonel_bridge::backtest::{Feed, Missing, Outcomes, Tried};
use timonel_domain::backtest::{Consequence, GateTally, Moment, Report, RuleReport, RuleTally};
use timonel_domain::board::{Assessment, Verdict};
use timonel_domain::evidence::Worse;
use timonel_domain::plan::{Action, EvidenceMode, Incident, Plan};
use timonel_domain::rollout::{Cause, Notice};
use timonel_domain::value::Side;
use timonel_journal::record::AssessmentRecord;

use super::Sums;

pub(super) fn of(plan: &Plan, tried: &Tried, calls: Option<&Outcomes>) -> Value {
    let report = &tried.report;
    let unread = tried.unread();
    let standings = tried.standings.iter().map(|(since, standing)| {
        let phase = standing.phase.and_then(|phase| plan.phases.get(phase));
        json!({ "since": since, "weight": standing.weight, "phase": phase.map(|phase| &phase.id) })
    });
    let rules = report.rules.iter().filter_map(|rule| {
        let known = plan.rule(&rule.rule)?;
        let read = !unread.contains(&known.question.signal);
        Some(of_rule(rule, known.action, known.evidence, read))
    });
    let alone = report
        .alone
        .iter()
        .map(|alone| json!({ "signal": alone.signal, "alert": alone.alert, "rollback": alone.rollback }));
    let gates = report.gates.iter().map(|(gate, tally)| of_gate(gate.as_str(), tally));
    let incidents = report
        .incidents
        .iter()
        .map(|(kind, n)| json!({ "kind": incident(*kind), "count": n }));
    let sums = Sums::of(tried);
    json!({
        "kind": "backtest",
        "plan": plan.id,
        "from": report.from,
        "to": report.to,
        "source": if calls.is_some() { "outcomes" } else { "prometheus" },
        "standings": standings.collect::<Vec<_>>(),
        "calls": calls.map(|calls| json!({
            "stable": { "total": calls.stable.total, "failed": calls.stable.failed },
            "canary": { "total": calls.canary.total, "failed": calls.canary.failed },
            "repeated": calls.again,
        })),
        "signals": tried.feeds.iter().map(of_feed).collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "alone": alone.collect::<Vec<_>>(),
        "gates": gates.collect::<Vec<_>>(),
        "incidents": incidents.collect::<Vec<_>>(),
        "unrouted_seconds": report.unrouted.as_secs_f64(),
        "proofs": proofs(report),
        "moments": report.moments.iter().map(of_moment).collect::<Vec<_>>(),
        "moments_left_out": report.left_out,
        "summary": {
            "rollbacks": sums.rollbacks, "freezes": sums.freezes, "waits": sums.waits, "rules_fired": sums.fired,
        },
    })
}

/// In the journal's own form.
fn proofs(report: &Report) -> Value {
    let assessment = Assessment {
        proofs: report.proofs.clone(),
        ..Assessment::default()
    };
    json!(AssessmentRecord::from(assessment).proofs)
}

fn of_feed(feed: &Feed) -> Value {
    let missing = feed.missing.as_ref().map(|missing| match missing {
        Missing::NotOfCalls => json!({ "why": "not-of-calls" }),
        Missing::NoField(field) => json!({ "why": "no-field", "field": field }),
        Missing::Elsewhere => json!({ "why": "elsewhere" }),
        Missing::Spans { spans, of, why } => json!({ "why": "spans", "spans": spans, "of": of, "said": why }),
    });
    json!({
        "signal": feed.signal, "side": feed.side, "readings": feed.readings, "units": feed.units, "missing": missing,
    })
}

fn of_rule(rule: &RuleReport, action: Action, evidence: EvidenceMode, read: bool) -> Value {
    let tally = |tally: &RuleTally| {
        json!({
            "fired": tally.fired,
            "first": tally.first,
            "firing_seconds": tally.lasted.as_secs_f64(),
            "open": tally.open,
            "rolled_back": tally.rolled_back,
            "first_rollback": tally.first_rollback,
        })
    };
    json!({
        "rule": rule.rule,
        "action": match action {
            Action::Notify => "notify",
            Action::Alert => "alert",
            Action::Rollback => "rollback",
        },
        "evidence": match evidence {
            EvidenceMode::Literal => "literal",
            EvidenceMode::Gated => "gated",
            EvidenceMode::Fast => "fast",
        },
        "read": read,
        "written": tally(&rule.written),
        "literal": tally(&rule.literal),
        "proven": tally(&rule.proven),
    })
}

fn of_gate(gate: &str, tally: &GateTally) -> Value {
    json!({
        "gate": gate,
        "go_seconds": tally.go.as_secs_f64(),
        "hold_seconds": tally.hold.as_secs_f64(),
        "no_go_seconds": tally.no_go.as_secs_f64(),
        "no_evidence_seconds": tally.no_evidence.as_secs_f64(),
        "first_go": tally.first_go,
        "last": tally.last.map(|verdict| match verdict {
            Verdict::Go => "go",
            Verdict::NoGo => "no-go",
            Verdict::Hold => "hold",
            Verdict::NoEvidence => "no-evidence",
        }),
        "clean_units_missing": tally.kept.filter(|kept| !kept.kept).and_then(|kept| kept.clean_units),
    })
}

fn of_moment(moment: &Moment) -> Value {
    let numbers = moment.numbers.iter().map(|number| {
        json!({
            "rule": number.finding.of,
            "breach": number.firing.breach,
            "value": number.finding.value,
            "limit": number.finding.limit,
            "units": number.finding.units,
            "blind": number.firing.blind,
            "log10_evidence": number.firing.evidence.map(|evidence| f64::from(evidence.millilog10()) / 1000.0),
        })
    });
    json!({
        "at": moment.at,
        "consequence": match moment.consequence {
            Consequence::Nothing => "nothing",
            Consequence::Wait => "wait",
            Consequence::Freeze => "freeze",
            Consequence::Rollback => "rollback",
        },
        "events": moment.notices.iter().filter_map(event).collect::<Vec<_>>(),
        "numbers": numbers.collect::<Vec<_>>(),
    })
}

/// `None` for what only happens where something is moved.
fn event(notice: &Notice) -> Option<Value> {
    Some(match notice {
        Notice::RuleFiring {
            rule, wants_rollback, ..
        } => json!({ "event": "rule-firing", "rule": rule, "lacks_evidence": wants_rollback }),
        Notice::RuleResolved { rule } => json!({ "event": "rule-resolved", "rule": rule }),
        Notice::Worse { signal, worse, .. } => {
            let worse = match worse {
                Worse::Alert => "alert",
                Worse::Rollback => "rollback",
            };
            json!({ "event": "worse", "signal": signal, "beyond": worse })
        }
        Notice::Common { rule } => json!({ "event": "common-incident", "rule": rule }),
        Notice::Unrouted => json!({ "event": "unrouted" }),
        Notice::SignalsLost { lost } => {
            let side = |(signal, side): &(_, Side)| json!({ "signal": signal, "side": side });
            json!({ "event": "signals-lost", "signals": lost.iter().map(side).collect::<Vec<_>>() })
        }
        Notice::SignalsBack => json!({ "event": "signals-back" }),
        Notice::Incident { kind } => json!({ "event": "incident", "kind": incident(*kind) }),
        Notice::RollbackStarted { cause, .. } => match cause {
            Cause::Rule(rule) => json!({ "event": "rollback", "rule": rule }),
            Cause::Evidence(signal) => json!({ "event": "rollback", "signal": signal }),
            Cause::Incident(kind) => json!({ "event": "rollback", "incident": incident(*kind) }),
            Cause::Person(_) | Cause::Resumed | Cause::Drill(_) => return None,
        },
        _ => return None,
    })
}

fn incident(kind: Incident) -> &'static str {
    match kind {
        Incident::CriticalError => "critical-error",
        Incident::Security => "security",
    }
}
