//! What can be wrong in a scenario that reads well: faults after the end, names that the plan does not have, a limit
//! that its phases do not fit into.

use std::time::Duration;

use super::{Fault, Gone, Outcome, Scenario, WorldSource};
use crate::finding::{Finding, Findings};
use crate::model::SourceKind;
use crate::parsed::Parsed;
use crate::place::Path;
use crate::text::spoken;

/// What one scenario gets wrong by itself.
pub(super) fn check(scenario: &Scenario, out: &mut Findings) {
    let root = Path::root();
    if scenario.limit.is_zero() {
        out.error(
            &root.key("limit"),
            "scenario.limit",
            "the rehearsal ends before it starts",
            "Write how long it may last, such as 3h",
        );
    }
    if scenario.traffic.mean_call.is_zero() {
        out.error(
            &root.key("traffic").key("mean_call"),
            "scenario.mean-call",
            "calls of no length cannot be counted in progress",
            "Write the mean length of a call, such as 90s",
        );
    }
    if scenario.bake_at_most.is_some_and(|bake| bake.is_zero()) {
        out.error(
            &root.key("phases").key("bake_at_most"),
            "scenario.bake",
            "phases without bake time decide on nothing",
            "Write at least a few minutes, such as 10m",
        );
    }
    for (index, timed) in scenario.faults.iter().enumerate() {
        let path = root.key("fault").index(index);
        if timed.at >= scenario.limit {
            let advice = format!("Let it begin before {}, or raise `limit`", spoken(scenario.limit));
            out.error(
                &path.key("at"),
                "scenario.fault-after-end",
                "the rehearsal is over before this fault begins",
                advice,
            );
        }
        if timed.lasting.is_some_and(|lasting| lasting.is_zero()) {
            out.error(
                &path.key("for"),
                "scenario.fault-without-time",
                "a fault that lasts no time does nothing",
                "Write how long it lasts, or leave `for` out for the rest of the rehearsal",
            );
        }
        if let Fault::Drift { every: Some(every), .. } = &timed.fault
            && *every < Duration::from_secs(1)
        {
            out.error(
                &path.key("every"),
                "scenario.drift-pace",
                "another writer comes back at most once a second",
                "Write 1s or more",
            );
        }
        if let Fault::SourceGone {
            source: WorldSource::Metrics,
            how: Gone::Nan,
        } = &timed.fault
        {
            out.warning(
                &path.key("how"),
                "scenario.nan-counters",
                "counters that are NaN are rare outside rehearsals",
                "Use `down` for a system that does not answer",
            );
        }
    }
    if scenario.expect.outcome == Outcome::Completed && scenario.operator.is_none() {
        out.warning(
            &root.key("expect").key("outcome"),
            "scenario.nobody-approves",
            "without an operator nobody signs or approves, so a plan that asks for it never completes",
            "Add `[operator]` with `signs = true` and `approves_after = \"1m\"`",
        );
    }
}

/// What a scenario gets wrong together with the plan that it is played with. `text` is the scenario's file.
pub fn check_with_plan(scenario: &Scenario, text: &str, parsed: &Parsed) -> Vec<Finding> {
    let mut out = Findings::new(text);
    let root = Path::root();
    let targets: Vec<&str> = parsed.plan.targets.iter().map(|t| t.id.as_str()).collect();
    for (index, timed) in scenario.faults.iter().enumerate() {
        let path = root.key("fault").index(index);
        match &timed.fault {
            Fault::TargetDown { target, .. } | Fault::Drift { target, .. } | Fault::ReadbackLies { target } => {
                if parsed.plan.target(target).is_none() {
                    out.error(
                        &path.key("target"),
                        "reference.target",
                        format!("the plan has no target `{target}`"),
                        format!("Write one of: {}", targets.join(", ")),
                    );
                }
            }
            Fault::SourceGone { source, .. } => {
                let kind = match source {
                    WorldSource::Prometheus => SourceKind::Prometheus,
                    WorldSource::Metrics => SourceKind::Scrape,
                };
                if !parsed.sources.iter().any(|s| s.kind == kind) {
                    out.error(
                        &path.key("source"),
                        "reference.source",
                        format!("the plan reads nothing from a source of kind `{}`", kind.name()),
                        "Take the fault out, or name the other source",
                    );
                }
            }
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::OwnNetworkLost
            | Fault::CriticalError => {}
        }
    }
    if let Some(phase) = &scenario.expect.phase
        && !parsed.plan.phases.iter().any(|p| p.id == *phase)
    {
        let phases: Vec<&str> = parsed.plan.phases.iter().map(|p| p.id.as_str()).collect();
        out.error(
            &root.key("expect").key("phase"),
            "reference.phase",
            format!("the plan has no phase `{phase}`"),
            format!("Write one of: {}", phases.join(", ")),
        );
    }
    let longest = crate::lint::longest_rule(&parsed.plan);
    if let Some(bake) = scenario.bake_at_most
        && bake < longest
    {
        let path = root.key("phases").key("bake_at_most");
        out.warning(
            &path,
            "scenario.bake-below-rule",
            format!(
                "phases of {} end before the plan's slowest rule ({}) can fire",
                spoken(bake),
                spoken(longest)
            ),
            format!("Write {} or more", spoken(longest)),
        );
    }
    let bakes: Duration = parsed
        .plan
        .phases
        .iter()
        .map(|p| scenario.bake_at_most.map_or(p.bake, |most| p.bake.min(most)))
        .fold(Duration::ZERO, Duration::saturating_add);
    if scenario.limit < bakes {
        let message = format!(
            "the phases alone bake for {}, longer than the rehearsal of {}",
            spoken(bakes),
            spoken(scenario.limit)
        );
        match scenario.expect.outcome {
            Outcome::Completed => out.error(
                &root.key("limit"),
                "scenario.limit-below-phases",
                message,
                "Raise `limit`, or shorten the bakes with `[phases] bake_at_most`",
            ),
            Outcome::RolledBack | Outcome::Frozen => out.warning(
                &root.key("limit"),
                "scenario.limit-below-phases",
                message,
                "That is fine where the end comes earlier; otherwise raise `limit`",
            ),
        }
    }
    out.finish()
}
