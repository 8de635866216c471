//! Whether a plan that reads well is wise: order of weights, one splitter, rules that can fire, gates that can open.
//! Deliberately no statistics: what a phase can show with its traffic is the planner's.

mod numbers;
mod rules;
mod targets;

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::plan::{Action, GateKind, Incident, Phase, Severity};
use timonel_domain::value::Weight;

use crate::convert::{Converted, parts};
use crate::finding::Findings;
use crate::model::{PlanFile, SourceKind};
use crate::parsed::{Environment, Parsed, Way};
use crate::place::Path;
use crate::text::spoken;

/// Finds what is unwise in a plan, in any order.
pub(crate) fn check(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    phases(file, converted, out);
    bakes(file, converted, out);
    events(file, converted, out);
    targets::check(file, converted, out);
    numbers::check(file, converted, out);
    rules::check(file, converted, out);
    automatic(file, converted, out);
    traffic(file, converted, out);
    notices(converted, out);
    checklists(file, converted, out);
    environments(converted, out);
    if converted.parsed.plan.keep_stable.is_zero() {
        out.warning(
            &Path::root().key("keep_stable"),
            "plan.keep-stable",
            "stable is not kept: after completion nothing can be put back",
            "Write how long it is kept, such as 1w",
        );
    }
}

/// What was written beside what became of it: both are in the order of the file, and what could not be converted is
/// passed over. Not by id alone, which two may share by mistake.
fn paired<'a, T, U>(
    written: impl Iterator<Item = (Path, &'a T)>,
    converted: &'a [U],
    same: impl Fn(&T, &U) -> bool,
) -> Vec<(Path, &'a T, &'a U)> {
    let mut rest = converted.iter().peekable();
    written
        .filter_map(|(path, one)| Some((path, one, rest.next_if(|other| same(one, other))?)))
        .collect()
}

/// The phases with their places.
fn placed<'a>(file: &'a PlanFile, converted: &'a Converted) -> Vec<(Path, &'a Phase)> {
    let pairs = paired(parts(&file.phases, "phases"), &converted.parsed.plan.phases, |a, b| {
        a.id == b.id.as_str()
    });
    pairs.into_iter().map(|(path, _, phase)| (path, phase)).collect()
}

fn phases(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    if file.phases.is_empty() {
        out.error(
            &Path::root().key("phases"),
            "phase.none",
            "the plan has no phases",
            "Add [[phases]], weights rising, the last with `weight = 100`",
        );
        return;
    }
    let phases = placed(file, converted);
    let mut before: Option<&Phase> = None;
    for (path, phase) in &phases {
        let path = path.key("weight");
        match before {
            None if phase.weight == Weight::ZERO => {
                out.error(
                    &path,
                    "phase.order",
                    "a phase at 0 % sends nothing to the canary",
                    "Write the first share, such as 5",
                );
            }
            Some(before) if phase.weight <= before.weight => {
                let message = format!("{} after {} does not rise", phase.weight, before.weight);
                out.error(
                    &path,
                    "phase.order",
                    message,
                    format!(
                        "Write more than {}, or put the phases in order of their weights",
                        before.weight.as_percent()
                    ),
                );
            }
            None | Some(_) => {}
        }
        before = Some(phase);
    }
    // Where phases could not be read, which one is the last is not known.
    if let (false, Some((path, last))) = (converted.partial.phases, phases.last())
        && last.weight != Weight::FULL
    {
        let message = format!("the last phase ends at {}, so the rollout never completes", last.weight);
        out.error(
            &path.key("weight"),
            "phase.last-weight",
            message,
            "Write `weight = 100` in the last phase, or add it",
        );
    }
}

fn bakes(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    let longest = converted
        .parsed
        .plan
        .rules
        .iter()
        .filter(|r| r.action != Action::Notify)
        .max_by_key(|r| r.question.window.max(r.lasting));
    for (path, phase) in placed(file, converted) {
        let gates = path.key("gates");
        let path = path.key("bake");
        if phase.bake.is_zero() {
            out.warning(
                &path,
                "phase.bake",
                "this phase goes on at once, whatever it does",
                "Write the least time at this weight, such as 30m",
            );
        } else if let Some(rule) = longest
            && rule.question.window.max(rule.lasting) > phase.bake
        {
            let needs = rule.question.window.max(rule.lasting);
            let message = format!(
                "the phase may be over after {}, before rule `{}` can see {} of it",
                spoken(phase.bake),
                rule.id,
                spoken(needs)
            );
            out.warning(
                &path,
                "phase.bake-below-rule",
                message,
                format!("Bake at least {}, or shorten the rule's window", spoken(needs)),
            );
        }
        for gate in &phase.gates {
            if let (GateKind::Relative { .. }, Weight::FULL) = (&gate.kind, phase.weight) {
                out.error(
                    &gates,
                    "gate.no-stable",
                    format!(
                        "gate `{}` compares with stable, which has no calls at 100 %: it never opens",
                        gate.id
                    ),
                    "Write a limit with `go`, or leave the gate out of this phase",
                );
            }
            if let GateKind::Limit { question, .. } | GateKind::Relative { question, .. } = &gate.kind {
                // What a signal shows when the bake is over may be older than the phase.
                let lag = converted
                    .parsed
                    .plan
                    .signal(&question.signal)
                    .map_or(Duration::ZERO, |signal| signal.lag);
                let back = question.window + lag;
                if back > phase.bake {
                    let message = format!(
                        "gate `{}` looks back {}, further than this phase bakes: it sees the phase before as well",
                        gate.id,
                        spoken(back)
                    );
                    out.warning(
                        &path,
                        "gate.window",
                        message,
                        format!("Bake at least {}, or shorten `over`", spoken(back)),
                    );
                }
            }
        }
    }
}

fn events(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    if converted.partial.signals {
        return;
    }
    let plan = &converted.parsed.plan;
    for (path, phase) in parts(&file.phases, "phases") {
        for (index, gate) in phase.gates.iter().enumerate() {
            let Some(event) = gate.get().and_then(|g| g.without) else {
                continue;
            };
            let (event, word) = match event {
                crate::model::IncidentWord::CriticalError => (Incident::CriticalError, "critical-error"),
                crate::model::IncidentWord::Security => (Incident::Security, "security"),
            };
            if !plan.signals.iter().any(|s| s.incident == Some(event)) {
                let path = path.key("gates").index(index).key("without");
                out.error(
                    &path,
                    "gate.event-unseen",
                    format!("no signal reports `{word}`, so this gate would hold without anybody looking"),
                    format!("Add a signal with `count = …` and `incident = \"{word}\"`"),
                );
            }
        }
    }
}

fn automatic(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    let path = Path::root().key("automatic");
    let rollback = converted.parsed.plan.rules.iter().any(|r| r.action == Action::Rollback);
    match (file.automatic, rollback) {
        (true, false) if !converted.partial.rules => {
            out.error(
                &path,
                "plan.automatic",
                "the plan rolls back by itself, and no rule says when",
                "Add a rule with `then = \"rollback\"`, or write `automatic = false`",
            );
        }
        (false, true) => {
            out.warning(
                &path,
                "plan.automatic",
                "rules say `rollback`, and the plan does not let them: they will alert and freeze",
                "Write `automatic = true`, or `then = \"alert\"` in the rules",
            );
        }
        (true, _) | (false, false) => {}
    }
}

fn traffic(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    let traffic = &converted.parsed.plan.traffic;
    let written = file.traffic.get();
    let path = Path::root().key("traffic");
    if traffic.assigned.is_none() && written.is_none_or(|t| t.assigned.is_none()) {
        out.warning(&path, "traffic.assigned", "no signal counts new units by arm: that a rollback is seen in traffic cannot be shown, nor can the calls be seen to drain", "Add `[traffic]` with `assigned`, a signal with `count` and `arms`");
    }
    if traffic.active.is_none() && written.is_none_or(|t| t.active.is_none()) {
        out.warning(&path, "traffic.active", "no signal shows the units in progress by arm: how many are still on the canary after a rollback is not known", "Add `active` to `[traffic]`, a signal with `level` and `arms`");
    }
}

fn notices(converted: &Converted, out: &mut Findings) {
    let plan = &converted.parsed.plan;
    let routed = |severity: Severity| converted.parsed.notices.iter().any(|n| n.severity == severity);
    let path = Path::root().key("notices");
    if !routed(Severity::Critical) {
        let message = "nobody is told of a critical alert";
        let advice = "Add `[notices.critical]` with `pagerduty = [\"…\"]` or another channel that wakes people";
        if plan.automatic || plan.rules.iter().any(|r| r.severity == Severity::Critical) {
            out.error(&path, "notice.critical", message, advice);
        } else {
            out.warning(&path, "notice.critical", message, advice);
        }
    }
    for (severity, word) in [
        (Severity::High, "high"),
        (Severity::Medium, "medium"),
        (Severity::Low, "low"),
    ] {
        if !routed(severity) && plan.rules.iter().any(|r| r.severity == severity) {
            out.warning(
                &path,
                "notice.route",
                format!("nobody is told of `{word}` alerts, and rules raise them"),
                format!("Add `[notices.{word}]` with a channel"),
            );
        }
    }
}

fn checklists(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    if converted.partial.phases {
        return;
    }
    for (path, list) in parts(&file.checklists, "checklists") {
        if !converted
            .parsed
            .plan
            .phases
            .iter()
            .any(|p| p.checklist.as_ref().is_some_and(|id| id.as_str() == list.id))
        {
            out.warning(
                &path.key("id"),
                "checklist.unused",
                format!("no phase asks for `{}`, so nobody signs it", list.id),
                format!(
                    "Write `checklist = \"{}\"` in the phase that must not begin without it",
                    list.id
                ),
            );
        }
    }
}

fn environments(converted: &Converted, out: &mut Findings) {
    let parsed = &converted.parsed;
    for (name, environment) in &parsed.environments {
        let Environment {
            clusters,
            accounts,
            sources,
            namespace: _,
        } = environment;
        let path = Path::root().key("environments").key(name);
        for cluster in clusters_of(parsed).filter(|cluster| !clusters.contains_key(*cluster)) {
            out.error(
                &path,
                "environment.cluster",
                format!("`{name}` does not say which cluster `{cluster}` is"),
                format!("Add `clusters = {{ {cluster} = {{ context = \"…\" }} }}` with the kubeconfig's context"),
            );
        }
        for account in accounts_of(parsed).filter(|account| !accounts.contains_key(*account)) {
            out.error(
                &path,
                "environment.account",
                format!("`{name}` does not say which credential opens account `{account}`"),
                format!("Add `accounts = {{ {account} = {{ credential = \"…\" }} }}` with its name in Conexiones"),
            );
        }
        let addressed = parsed.sources.iter().filter(|source| has_address(source.kind));
        for source in addressed.filter(|source| !sources.contains_key(&source.name)) {
            out.error(
                &path,
                "environment.source",
                format!("`{name}` does not say where source `{}` is", source.name),
                format!("Add `sources = {{ {} = {{ url = \"https://…\" }} }}`", source.name),
            );
        }
    }
}

/// Each connection to a cluster that a target names, once.
fn clusters_of(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let named = parsed.targets.iter().filter_map(|target| match &target.way {
        Way::VirtualService(way) => Some(way.cluster.as_str()),
        Way::NumberShare(_) => None,
    });
    named.collect::<BTreeSet<_>>().into_iter()
}

/// Each connection to an account that a target or a source names, once.
fn accounts_of(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let held = parsed.targets.iter().filter_map(|target| match &target.way {
        Way::VirtualService(_) => None,
        Way::NumberShare(way) => Some(way.account.as_str()),
    });
    let read = parsed.sources.iter().filter_map(|source| source.account.as_deref());
    held.chain(read).collect::<BTreeSet<_>>().into_iter()
}

fn has_address(kind: SourceKind) -> bool {
    match kind {
        SourceKind::Prometheus | SourceKind::Scrape => true,
        SourceKind::Telnyx => false,
    }
}

/// The longest window or duration of the rules that stop a rollout.
pub(crate) fn longest_rule(plan: &timonel_domain::plan::Plan) -> Duration {
    plan.rules
        .iter()
        .filter(|r| r.action != Action::Notify)
        .map(|r| r.question.window.max(r.lasting))
        .max()
        .unwrap_or_default()
}
