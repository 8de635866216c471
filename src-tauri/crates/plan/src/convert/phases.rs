//! Phases with their gates.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::metric::{Direction, MetricUnit};
use timonel_domain::plan::{Checklist, Comparison, Gate, GateKind, Incident, Phase, Question};
use timonel_domain::value::{ChecklistId, GateId, PhaseId, Weight};

use super::rules::mode;
use super::signals::Known;
use super::{DEFAULT_WINDOW, Signals, duration, id, limit, moment, once, parts, said, unknown};
use crate::finding::Findings;
use crate::model::{BetweenWord, GateFile, IncidentWord, PhaseFile, PlanFile};
use crate::place::Path;
use crate::text;
use crate::when::{bound, subject};

pub(super) fn phases(file: &PlanFile, signals: &Signals, checklists: &[Checklist], out: &mut Findings) -> Vec<Phase> {
    let (mut seen, mut gates_seen) = (BTreeSet::new(), BTreeSet::new());
    let mut phases = Vec::new();
    for (path, phase) in parts(&file.phases, "phases") {
        once(&phase.id, "phase", &path.key("id"), &mut seen, out);
        let phase_id = id(&phase.id, &path.key("id"), out, PhaseId::new);
        let weight = Weight::try_from(phase.weight)
            .map_err(|_| {
                let message = format!("{} is no weight", phase.weight);
                out.error(
                    &path.key("weight"),
                    "phase.weight",
                    message,
                    "Write a percentage from 0 to 100 with at most two decimals, such as 10",
                );
            })
            .ok();
        let bake = duration(&phase.bake, &path.key("bake"), out);
        let check_in = phase
            .check_in
            .as_ref()
            .and_then(|text| duration(text, &path.key("check_in"), out));
        let planned_start = phase
            .planned_start
            .as_ref()
            .and_then(|text| moment(text, &path.key("planned_start"), out));
        let checklist = checklist(phase, file.checklists.len(), checklists, &path, out);
        let mut gates = Vec::new();
        for (index, part) in phase.gates.iter().enumerate() {
            let path = path.key("gates").index(index);
            if let Some(file) = part.get() {
                gates.extend(gate(file, &phase.id, signals, &path, &mut gates_seen, out));
            }
        }
        if let (Some(id), Some(weight), Some(bake)) = (phase_id, weight, bake) {
            phases.push(Phase {
                id,
                name: phase.name.clone(),
                weight,
                bake,
                gates,
                approvals: phase.approvals,
                checklist,
                check_in,
                planned_start,
            });
        }
    }
    phases
}

fn checklist(
    phase: &PhaseFile,
    written: usize,
    lists: &[Checklist],
    path: &Path,
    out: &mut Findings,
) -> Option<ChecklistId> {
    let name = phase.checklist.as_deref()?;
    let found = lists
        .iter()
        .find(|list| list.id.as_str() == name)
        .map(|list| list.id.clone());
    if found.is_none() && lists.len() == written {
        unknown(
            "checklist",
            name,
            lists.iter().map(|l| l.id.as_str()),
            "reference.checklist",
            &path.key("checklist"),
            out,
        );
    }
    found
}

fn gate(
    file: &GateFile,
    phase: &str,
    signals: &Signals,
    path: &Path,
    seen: &mut BTreeSet<String>,
    out: &mut Findings,
) -> Option<Gate> {
    let name = match (&file.id, &file.of, file.without) {
        (Some(id), _, _) => id.clone(),
        (None, Some(of), _) => format!("{phase}.{}", of.split_whitespace().collect::<Vec<_>>().join(".")),
        (None, None, Some(IncidentWord::CriticalError)) => format!("{phase}.critical-error"),
        (None, None, Some(IncidentWord::Security)) => format!("{phase}.security"),
        (None, None, None) => format!("{phase}.gate"),
    };
    let at = if file.id.is_some() {
        path.key("id")
    } else {
        path.clone()
    };
    once(&name, "gate", &at, seen, out);
    let kind = match (&file.go, file.not_worse_than, file.without) {
        (Some(go), None, None) => limits(file, go, signals, path, out),
        (None, Some(_), None) => relative(file, signals, path, out),
        (None, None, Some(event)) => without(file, event, path, out),
        _ => {
            out.error(
                path,
                "gate.shape",
                "this gate does not say what must hold",
                "Write exactly one of `go = \"< 2%\"`, `not_worse_than = \"stable\"`, `without = \"critical-error\"`",
            );
            None
        }
    };
    Some(Gate {
        id: id(&name, &at, out, GateId::new)?,
        kind: kind?,
    })
}

/// Fields that mean nothing in this form are a mistake, not a detail: somebody believes that they do something.
fn only(file: &GateFile, allowed: &[&str], path: &Path, out: &mut Findings) {
    let given = [
        ("of", file.of.is_some()),
        ("no_go", file.no_go.is_some()),
        ("between", file.between.is_some()),
        ("margin", file.margin.is_some()),
        ("lasting", file.lasting.is_some()),
        ("over", file.over.is_some()),
        ("on", file.on.is_some()),
        ("least_units", file.least_units.is_some()),
        ("evidence", file.evidence.is_some()),
    ];
    for (key, _) in given.iter().filter(|(key, given)| *given && !allowed.contains(key)) {
        out.error(
            &path.key(key),
            "gate.shape",
            format!("`{key}` means nothing in a gate of this form"),
            format!("Take it out; this form knows {}", allowed.join(", ")),
        );
    }
}

/// The question, and the signal that answers it.
fn question<'a>(
    file: &GateFile,
    signals: &'a Signals,
    path: &Path,
    out: &mut Findings,
) -> Option<(Question, &'a Known)> {
    let Some(of) = &file.of else {
        out.error(
            path,
            "gate.shape",
            "this gate does not say what it looks at",
            "Add `of = \"error_rate\"` or another signal or metric",
        );
        return None;
    };
    let of_path = path.key("of");
    let window = match &file.over {
        Some(text) => duration(text, &path.key("over"), out),
        None => Some(DEFAULT_WINDOW),
    };
    let subject = said(subject(of), "gate.of", &of_path, out)?;
    let known = signals.of(&subject, &of_path, out)?;
    let statistic = said(known.statistic(subject.statistic), "gate.statistic", &of_path, out);
    let side = said(known.side(file.on), "gate.side", &path.key("on"), out);
    let (statistic, side) = (statistic?, side?);
    let least_units = match file.least_units {
        Some(least) => u64::from(least),
        None if known.is_level() => 0,
        None => statistic.least_units(&known.plan.metric),
    };
    Some((
        Question {
            signal: known.plan.id.clone(),
            side,
            statistic,
            window: window?,
            least_units,
        },
        known,
    ))
}

fn limits(file: &GateFile, go: &str, signals: &Signals, path: &Path, out: &mut Findings) -> Option<GateKind> {
    only(
        file,
        &["of", "no_go", "between", "over", "on", "least_units", "evidence"],
        path,
        out,
    );
    let question = question(file, signals, path, out);
    let go_path = path.key("go");
    let (towards, go_text) = said(bound(go), "gate.bound", &go_path, out)?;
    let no_go = match &file.no_go {
        Some(text) => Some(said(bound(text), "gate.bound", &path.key("no_go"), out)?),
        None => None,
    };
    let (question, known) = question?;
    let metric = &known.plan.metric;
    let go = said(text::limit(&go_text, metric.unit()), "file.limit", &go_path, out)?;
    let comparison = match towards {
        Comparison::Below => Comparison::Above,
        Comparison::Above => Comparison::Below,
    };
    let bad = match metric.direction() {
        Direction::LowerIsBetter => Comparison::Above,
        Direction::HigherIsBetter => Comparison::Below,
    };
    // Too few calls or too many can both be bad; shares and times have one bad direction.
    if comparison != bad && metric.unit() != MetricUnit::Count {
        out.warning(
            &go_path,
            "gate.direction",
            format!("this gate opens when `{}` is bad", metric.name()),
            "Turn `<` and `>` round if the opposite is meant",
        );
    }
    let evidence = mode(file.evidence);
    let Some((away, no_go_text)) = no_go else {
        if file.between.is_some() {
            out.error(
                &path.key("between"),
                "gate.shape",
                "there is nothing between a limit and itself",
                "Take `between` out, or add `no_go`",
            );
        }
        return Some(GateKind::Limit {
            question,
            comparison,
            go,
            no_go: go,
            evidence,
        });
    };
    let no_go_path = path.key("no_go");
    let no_go = said(text::limit(&no_go_text, metric.unit()), "file.limit", &no_go_path, out)?;
    if away != comparison || comparison.breaches(go, no_go) {
        out.error(
            &no_go_path,
            "gate.reversed",
            format!(
                "`go` is {} and `no_go` is {}: they overlap",
                file.go.as_deref().unwrap_or_default(),
                file.no_go.as_deref().unwrap_or_default()
            ),
            "Let `no_go` look the other way and lie beyond `go`, such as `go = \"< 2%\"`, `no_go = \"> 5%\"`",
        );
        return None;
    }
    match (go == no_go, file.between) {
        (false, None) => {
            let message = format!("between {go_text} and {no_go_text} this gate says neither go nor no-go");
            out.error(
                &no_go_path,
                "gate.gap",
                message,
                "Add `between = \"hold\"` (it waits and says so), or give both the same limit",
            );
            None
        }
        (true, _) | (false, Some(BetweenWord::Hold)) => Some(GateKind::Limit {
            question,
            comparison,
            go,
            no_go,
            evidence,
        }),
    }
}

fn relative(file: &GateFile, signals: &Signals, path: &Path, out: &mut Findings) -> Option<GateKind> {
    only(file, &["of", "margin", "over", "least_units", "evidence"], path, out);
    let question = question(file, signals, path, out);
    let Some(margin) = &file.margin else {
        out.error(
            path,
            "gate.margin",
            "\"not worse\" without a margin can never be shown, however many calls there are",
            "Add how much worse still counts as the same: `margin = \"1%\"`",
        );
        return None;
    };
    let (question, known) = question?;
    let metric = &known.plan.metric;
    if !known.has_both_arms() {
        out.error(
            &path.key("of"),
            "gate.sides",
            format!(
                "`{}` is not measured for each side, so there is nothing to compare",
                known.plan.id
            ),
            "Give the signal `arms`, or write a limit with `go`",
        );
        return None;
    }
    if matches!(metric.unit(), MetricUnit::Count) {
        out.error(
            &path.key("of"),
            "gate.counts",
            format!(
                "`{}` counts things, and the sides have different shares of the calls",
                metric.name()
            ),
            "Compare a share or a time, or write a limit with `go`",
        );
        return None;
    }
    let margin = limit(margin, metric.unit(), &path.key("margin"), out)?;
    if margin.micros() <= 0 {
        out.error(
            &path.key("margin"),
            "gate.margin",
            "\"not worse\" by nothing can never be shown, however many calls there are",
            "Write how much worse still counts as the same, such as 1%",
        );
        return None;
    }
    let comparison = match metric.direction() {
        Direction::LowerIsBetter => Comparison::Above,
        Direction::HigherIsBetter => Comparison::Below,
    };
    Some(GateKind::Relative {
        question,
        comparison,
        margin,
        evidence: mode(file.evidence),
    })
}

fn without(file: &GateFile, event: IncidentWord, path: &Path, out: &mut Findings) -> Option<GateKind> {
    only(file, &["lasting"], path, out);
    let event = match event {
        IncidentWord::CriticalError => Incident::CriticalError,
        IncidentWord::Security => Incident::Security,
    };
    let Some(lasting) = &file.lasting else {
        out.error(
            path,
            "gate.shape",
            "this gate does not say for how long",
            "Add `lasting = \"72h\"`",
        );
        return None;
    };
    let lasting = duration(lasting, &path.key("lasting"), out)?;
    if lasting == Duration::ZERO {
        out.error(
            &path.key("lasting"),
            "gate.shape",
            "no time at all without an event says nothing",
            "Write how long, such as 72h",
        );
    }
    Some(GateKind::Without { event, lasting })
}
